//! Files that survive the daemon: whole or not there, whatever happens while they are written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Held while a file is replaced.
static WRITING: Mutex<()> = Mutex::new(());

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
    replace_with_mode(path, content, 0o666)
}

/// The same, for the owner's eyes only.
///
/// # Errors
/// As [`replace`].
pub(super) fn replace_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with_mode(path, content, 0o600)
}

fn replace_with_mode(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    // Two threads may want the same file, and what they write first has one name. A panic leaves nothing behind
    // that the next one does not write anew.
    let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    // One that was left over may have another mode.
    if let Err(error) = fs::remove_file(&temporary)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn writers_at_the_same_time_leave_one_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        // A name that ends like a temporary one is no exception.
        let path = folder.path().join("drift.tmp");
        let texts: Vec<String> = (0..8).map(|n| n.to_string().repeat(10_000)).collect();
        thread::scope(|scope| {
            for text in &texts {
                scope.spawn(|| (0..8).for_each(|_| replace(&path, text.as_bytes()).unwrap()));
            }
        });
        let found = read(&path, 1 << 20).unwrap().unwrap();
        assert!(texts.contains(&found), "{} bytes", found.len());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }
}
