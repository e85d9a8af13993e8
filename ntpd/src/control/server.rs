//! The daemon's end of the control socket.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::connections::{Connections, Place};
use super::{MAX_QUESTION, Request, Response};
use crate::sys::unix_socket::is_listened_at;

/// Owner and group may ask and command; nobody else.
const MODE: u32 = 0o660;
/// Who says nothing for so long is hung up on.
const PATIENCE: Duration = Duration::from_secs(30);

/// A question and where its answer goes.
#[derive(Debug)]
pub struct Question {
    /// What is asked.
    pub request: Request,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Response>,
}

/// The open socket; removed when dropped.
#[derive(Debug)]
pub struct ControlServer {
    path: PathBuf,
    /// What the file system calls it: another may be put in its place.
    identity: (u64, u64),
    task: JoinHandle<()>,
}

impl ControlServer {
    /// Opens the socket at `path`, whose directory is made if it is missing, and hands every question to
    /// `ask`. Has to be called on a local task set.
    ///
    /// # Errors
    /// When the place cannot be had: another daemon answers there, or we may not.
    pub fn open(path: &Path, ask: impl Fn(Question) + 'static) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        remove_stale(path)?;
        let listener = bind(path)?;
        let identity = identity(path)?;
        let task = spawn_local(accept(listener, Rc::new(ask)));
        Ok(Self { path: path.to_owned(), identity, task })
    }

    /// Whether it can still be found at its path.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        identity(&self.path).is_ok_and(|found| found == self.identity)
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.task.abort();
        // What somebody else put there is theirs, and if it is gone already, so much the better.
        if self.is_in_place() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The socket appears in its place only when it is finished: it listens and keeps strangers out from the first
/// moment at which anybody can see it.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&unfinished)?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(MODE))?;
    fs::rename(&unfinished, path)?;
    Ok(listener)
}

/// A socket that nobody answers at is left over from a daemon that was killed.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    if is_listened_at(path).unwrap_or(false) {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon answers there"));
    }
    fs::remove_file(path)
}

async fn accept(listener: UnixListener, ask: Rc<impl Fn(Question) + 'static>) {
    let connections = Connections::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let ask = Rc::clone(&ask);
                let place = connections.open();
                let id = place.id();
                let task = spawn_local(async move {
                    if let Err(error) = converse(stream, &place, &*ask).await {
                        tracing::debug!(event = "control_connection_error", %error, "control connection ended");
                    }
                });
                connections.is_held_by(id, task.abort_handle());
            }
            Err(error) => {
                tracing::debug!(event = "control_accept_error", %error, "control connection not accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, place: &Place, ask: &impl Fn(Question)) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut read).take(MAX_QUESTION as u64);
        timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await??;
        if line.is_empty() {
            return Ok(());
        }
        place.is_active();
        let response = respond(&line, ask).await;
        let mut answer = serde_json::to_vec(&response)?;
        answer.push(b'\n');
        timeout(PATIENCE, write.write_all(&answer)).await??;
        place.is_active();
    }
}

async fn respond(line: &[u8], ask: &impl Fn(Question)) -> Response {
    let request = match serde_json::from_slice(line) {
        Ok(request) => request,
        Err(error) => return Response::Error(format!("not understood: {error}")),
    };
    let (answer, answered) = oneshot::channel();
    ask(Question { request, answer });
    answered.await.unwrap_or_else(|_| Response::Error("the daemon is ending".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener as Other;

    use tokio::task::LocalSet;

    use super::*;

    fn run(test: impl AsyncFnOnce(&Path)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("socket");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, test(&path));
    }

    fn open(path: &Path) -> io::Result<ControlServer> {
        ControlServer::open(path, |_| {})
    }

    #[test]
    fn it_knows_whether_it_is_in_its_place() {
        run(async |path| {
            let server = open(path).unwrap();
            assert!(server.is_in_place());
            fs::remove_file(path).unwrap();
            assert!(!server.is_in_place());
            let again = open(path).unwrap();
            assert!(again.is_in_place() && !server.is_in_place());
            drop(server);
            assert!(again.is_in_place(), "what is not ours any more is left alone");
            drop(again);
            assert!(!path.exists());
        });
    }

    #[test]
    fn a_place_is_taken_over_from_the_dead_only() {
        run(async |path| {
            let _first = open(path).unwrap();
            assert_eq!(open(path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        });
        run(async |path| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            drop(Other::bind(path).unwrap());
            assert!(open(path).unwrap().is_in_place());
        });
    }
}
