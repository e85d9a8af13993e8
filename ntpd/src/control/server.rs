//! The daemon's end of the control socket.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::{MAX_QUESTION, Request, Response};

/// Owner and group may ask and command; nobody else.
const MODE: u32 = 0o660;
/// So many may ask at once; others wait.
const MAX_CONNECTIONS: usize = 32;
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
        let task = spawn_local(accept(listener, Rc::new(ask)));
        Ok(Self { path: path.to_owned(), task })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.task.abort();
        // If it is gone already, so much the better.
        let _ = fs::remove_file(&self.path);
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
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon answers there")),
        Err(_) => fs::remove_file(path),
    }
}

async fn accept(listener: UnixListener, ask: Rc<impl Fn(Question) + 'static>) {
    let slots = std::sync::Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(slot) = std::sync::Arc::clone(&slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let ask = Rc::clone(&ask);
                spawn_local(async move {
                    let _slot = slot;
                    if let Err(error) = converse(stream, &*ask).await {
                        tracing::debug!(event = "control_connection_error", %error, "control connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::debug!(event = "control_accept_error", %error, "control connection not accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, ask: &impl Fn(Question)) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut read).take(MAX_QUESTION as u64);
        timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await??;
        if line.is_empty() {
            return Ok(());
        }
        let response = respond(&line, ask).await;
        let mut answer = serde_json::to_vec(&response)?;
        answer.push(b'\n');
        timeout(PATIENCE, write.write_all(&answer)).await??;
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
