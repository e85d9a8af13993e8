//! The history file: what the sources have taught, for the next run on the same clock.

use std::fs;
use std::io;
use std::path::Path;

use ntp_engine::History;

use super::state;

/// Some kilobytes for each source, and thousands of them.
const MAX_LENGTH: u64 = 64 << 20;

/// Reads what the last run left, and removes it: it is of no use a second time. `None` if there is none.
///
/// # Errors
/// When the file cannot be read or makes no sense.
pub(super) fn take(path: &Path) -> io::Result<Option<History>> {
    let Some(text) = state::read(path, MAX_LENGTH)? else { return Ok(None) };
    fs::remove_file(path)?;
    serde_json::from_str(&text).map(Some).map_err(io::Error::from)
}

/// Replaces the file.
///
/// # Errors
/// As [`state::replace`].
pub(super) fn write(path: &Path, history: &History) -> io::Result<()> {
    state::replace(path, &serde_json::to_vec(history)?)
}
