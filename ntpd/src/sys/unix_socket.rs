//! Whether somebody listens at a unix socket, without waiting for anybody.

use std::io;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::plain::zeroed;
use super::{check, socket};

/// Whether a process listens at the stream socket `path`; one whose queue is full does.
///
/// Fails as `connect` does otherwise, and if `path` is longer than an address can be.
pub fn is_listened_at(path: &Path) -> io::Result<bool> {
    let name = path.as_os_str().as_bytes();
    let mut address = zeroed::<libc::sockaddr_un>();
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    // One byte stays for the zero at the end.
    if name.len() >= address.sun_path.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (room, byte) in address.sun_path.iter_mut().zip(name) {
        *room = *byte as libc::c_char;
    }
    let length = offset_of!(libc::sockaddr_un, sun_path) + name.len() + 1;
    // SAFETY: takes numbers and returns a descriptor.
    let fd = check(unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0) })?;
    // SAFETY: the descriptor is new, and nobody else has it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    socket::set_close_on_exec(fd.as_fd())?;
    socket::set_nonblocking(fd.as_fd())?;
    let (address, length) = ((&raw const address).cast(), length as libc::socklen_t);
    // SAFETY: the pointer is to an address of ours that outlives the call, and the length is within it.
    match check(unsafe { libc::connect(fd.as_raw_fd(), address, length) }) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_listener_is_noticed_even_if_it_accepts_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        assert_eq!(is_listened_at(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        let listener = UnixListener::bind(&path).unwrap();
        assert!(is_listened_at(&path).unwrap());
        // SAFETY: takes numbers.
        check(unsafe { libc::listen(listener.as_raw_fd(), 0) }).unwrap();
        // With a queue for nobody, the connection from above has filled it and the next would wait.
        assert!(is_listened_at(&path).unwrap() && is_listened_at(&path).unwrap());
        drop(listener);
        assert!(!is_listened_at(&path).unwrap());
    }

    #[test]
    fn a_path_that_is_too_long_is_an_error() {
        let long = "x".repeat(200);
        assert_eq!(is_listened_at(Path::new(&long)).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
