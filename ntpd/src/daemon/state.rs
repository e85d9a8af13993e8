//! Files that survive the daemon: whole or not there, whatever happens while they are written.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// The text of the file, of which no more than `max` bytes are read; `None` if there is no file.
///
/// # Errors
/// When the file is there but cannot be read.
pub(super) fn read(path: &Path, max: u64) -> io::Result<Option<String>> {
    match File::open(path) {
        Ok(file) => io::read_to_string(file.take(max)).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces the file, whose directory is made if it is missing. Whoever reads it finds the old or the new
/// content, even after a loss of power.
///
/// # Errors
/// When the directory or the file cannot be written.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(directory)?.sync_all()
}
