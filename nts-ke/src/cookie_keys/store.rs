//! Files of keys.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::{Fleet, FleetError, FormatError, Slots, read, read_chrony, write};
use crate::pem::{FileError, read_file};

/// Why there are no keys from a file.
#[derive(Debug)]
pub enum StoreError {
    /// The file cannot be read.
    File(FileError),
    /// It holds something else.
    Format(FormatError),
    /// It holds no secrets.
    Fleet(FleetError),
}

impl StoreError {
    /// Whether there is no file yet, which is no fault.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::File(FileError::Io(error)) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Format(error) => error.fmt(f),
            Self::Fleet(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {}

/// Keys from our own file or from chrony's, whichever it is.
///
/// # Errors
/// [`StoreError`]. New keys may be made then; clients get new cookies at the cost of a key exchange each.
pub fn load(path: &Path) -> Result<Slots, StoreError> {
    let bytes = read_file(path).map_err(StoreError::File)?;
    let slots = if bytes.starts_with(b"NKS") { read_chrony(&bytes) } else { read(&bytes) };
    slots.map_err(StoreError::Format)
}

/// The secrets of a fleet, whose keys change every `interval_s`.
///
/// # Errors
/// [`StoreError`].
pub fn load_fleet(path: &Path, interval_s: NonZeroU32) -> Result<Fleet, StoreError> {
    let bytes = read_file(path).map_err(StoreError::File)?;
    Fleet::read(&bytes, interval_s).map_err(StoreError::Fleet)
}

/// Writes our own file, for its owner only, as a whole or not at all. Waits for the disk.
///
/// # Errors
/// The system's.
pub fn save(path: &Path, slots: &Slots) -> io::Result<()> {
    let (Some(name), Some(folder)) = (path.file_name(), path.parent()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut draft = name.to_owned();
    draft.push(".new");
    let draft = path.with_file_name(draft);
    // Left over from a run that was cut short; it may not be ours alone.
    if let Err(error) = fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let written = write_draft(&draft, write(slots).as_bytes()).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // It holds secrets, and nobody will come for it.
        let _ = fs::remove_file(&draft);
    }
    written?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

fn write_draft(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use ntp_proto::time::{Monotonic, NtpDuration};
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::cookie_keys::Rotation;

    fn slots(seed: u64) -> Slots {
        let (start, mut rng) = (Monotonic::default(), ChaCha8Rng::seed_from_u64(seed));
        Rotation::new(NtpDuration::from_secs(3_600), start, &mut rng).slots(start)
    }

    #[test]
    fn keys_come_back_from_a_file_that_is_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        assert!(load(&path).unwrap_err().is_not_found());
        // A draft that a run left behind, and open to all at that.
        fs::write(folder.path().join("keys.new"), "half").unwrap();
        for seed in 0..2 {
            save(&path, &slots(seed)).unwrap();
            assert_eq!(load(&path).unwrap(), slots(seed));
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        save(&path, &slots(1)).unwrap();
        // A folder in the place of the draft cannot be removed as a file.
        fs::create_dir(folder.path().join("keys.new")).unwrap();
        assert!(save(&path, &slots(2)).is_err());
        assert_eq!(load(&path).unwrap(), slots(1));
        fs::write(&path, "NKS1\nbroken").unwrap();
        assert!(matches!(load(&path), Err(StoreError::Format(FormatError::Line(2)))));
        assert!(matches!(load_fleet(&path, NonZeroU32::MIN), Err(StoreError::Fleet(FleetError::Length(1)))));
    }
}
