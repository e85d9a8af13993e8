//! The asking end of the control socket. Blocking: whoever asks has nothing else to do.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{MAX_ANSWER, Request, Response};

/// A daemon answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the daemon behind `socket`.
///
/// # Errors
/// When there is no daemon, it does not answer in time, or what it answers is not understood.
pub fn ask(socket: &Path, request: &Request) -> io::Result<Response> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_ANSWER as u64)).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}
