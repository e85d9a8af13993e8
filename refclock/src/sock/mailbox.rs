//! The socket at a path: how it comes to be there, and how it goes.

use std::fs::{Metadata, Permissions, remove_file, set_permissions, symlink_metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket};
use nix::sys::stat::{Mode, fchmod};

use crate::context::explained;

/// A socket that others send to, removed when dropped.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) socket: UnixDatagram,
    path: PathBuf,
    file: (u64, u64),
}

impl Mailbox {
    /// Makes it, in place of one that nobody receives from any more. No other file is replaced.
    pub(super) fn open(path: &Path, permissions: u32) -> io::Result<Self> {
        make_room(path)?;
        let socket =
            bound(path, permissions).map_err(|error| explained(&error, path.display(), advice(&error)))?;
        let file =
            symlink_metadata(path).map_err(|error| explained(&error, path.display(), "who removed it?"))?;
        Ok(Self { socket, path: path.to_owned(), file: identity(&file) })
    }

    /// Whether the path still leads to us; senders that come now reach us only then.
    pub(super) fn is_reachable(&self) -> bool {
        symlink_metadata(&self.path).is_ok_and(|file| identity(&file) == self.file)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        // What another put in its place stays. If it cannot be removed, the next one of us replaces it.
        if self.is_reachable() {
            let _ = remove_file(&self.path);
        }
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn make_room(path: &Path) -> io::Result<()> {
    let Ok(file) = symlink_metadata(path) else { return Ok(()) };
    let refuse =
        |why: &str| Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{}: {why}", path.display())));
    if !file.file_type().is_socket() {
        return refuse("there is a file that is no socket; remove it or choose another path");
    }
    match UnixDatagram::unbound()?.connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => remove_file(path)
            .map_err(|error| explained(&error, path.display(), "a socket that nobody uses is in the way")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(explained(&error, path.display(), "the socket of another user is in the way; remove it"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => refuse("another program receives there (chronyd?); stop it or choose another path"),
    }
}

fn bound(path: &Path, permissions: u32) -> io::Result<UnixDatagram> {
    let address = UnixAddr::new(path)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Datagram, flags, None)?;
    // The file begins with the permissions of the socket, so that nobody gets in before they are set.
    fchmod(&socket, Mode::from_bits_truncate(permissions & 0o777))?;
    bind(socket.as_raw_fd(), &address)?;
    // The umask took some of them away.
    set_permissions(path, Permissions::from_mode(permissions & 0o777))?;
    Ok(socket.into())
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "the directory must be there; make it, or have systemd do so (RuntimeDirectory=)"
        }
        io::ErrorKind::PermissionDenied => "the user of the daemon must be allowed to write to the directory",
        io::ErrorKind::ReadOnlyFilesystem => "choose a path that can be written to, such as one in /run",
        _ => "the path of a socket has at most 107 bytes",
    }
}
