//! The files of a recording: the current segment, and the one before it under the same name with `.1`.
//!
//! Each begins with an engine, so each can be replayed alone. Together they never exceed a limit.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ntp_engine::record::Line;

/// Nonces, addresses and the seed of the random numbers are nobody else's business.
const MODE: u32 = 0o600;

#[derive(Debug)]
pub(super) struct Segments {
    path: PathBuf,
    /// Of each of the two files, in bytes.
    limit: u64,
    file: Option<BufWriter<File>>,
    written: u64,
    /// Whether what is at `path` begins with an engine. What an earlier run left there is taken to.
    is_worth_keeping: bool,
}

impl Segments {
    /// At `path`; both files together may take `limit` bytes.
    pub(super) fn new(path: PathBuf, limit: u64) -> Self {
        Self { path, limit: limit / 2, file: None, written: 0, is_worth_keeping: true }
    }

    /// Begins a segment with a line that brings an engine. The segment before it is kept, the one before that
    /// is not.
    ///
    /// # Errors
    /// When the file cannot be made or written, or something else than a file is in its place.
    pub(super) fn begin(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.file = None;
        let previous = previous(&self.path);
        let is_there = is_file(&self.path)?;
        is_file(&previous)?;
        if is_there && self.is_worth_keeping {
            fs::rename(&self.path, &previous)?;
        } else if is_there {
            fs::remove_file(&self.path)?;
        }
        self.is_worth_keeping = false;
        // What is new follows no link.
        let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&self.path)?;
        (self.file, self.written) = (Some(BufWriter::new(file)), 0);
        self.write(line)?;
        self.flush()?;
        self.is_worth_keeping = true;
        Ok(())
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it cannot be written or would exceed the limit; the segment is closed then.
    pub(super) fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        let result = self.try_write(line);
        if result.is_err() {
            self.file = None;
        }
        result
    }

    /// What was written is with the kernel from now on.
    ///
    /// # Errors
    /// When it cannot be written; the segment is closed then.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let result = self.file.as_mut().map_or(Ok(()), Write::flush);
        if result.is_err() {
            self.file = None;
        }
        result
    }

    /// Whether it is time to begin another segment.
    pub(super) fn is_nearly_full(&self) -> bool {
        self.written > self.limit - self.limit / 8
    }

    fn try_write(&mut self, line: &Line<'_>) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.written += text.len() as u64;
        if self.written > self.limit {
            return Err(io::Error::other("it would exceed the limit of its size (--record-limit)"));
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(&text))
    }
}

/// Where the segment before the current one is.
fn previous(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".1");
    name.into()
}

/// Whether there is a file.
///
/// # Errors
/// When something else is there, as a link or a device.
fn is_file(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(io::Error::other(format!("{} is there and no file", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use ntp_engine::record::start;
    use ntp_engine::{Input, Now, Options};
    use ntp_proto::time::{Monotonic, RawTime};

    use super::*;

    fn now() -> Now {
        Now { monotonic: Monotonic::default(), raw: RawTime::from_unix(1_800_000_000, 0) }
    }

    /// The first line of a segment.
    pub(in super::super) fn state() -> Line<'static> {
        Line::State { now: now(), engine: Box::new(start(Options::default(), [1; 32], now())) }
    }

    /// One that may follow.
    pub(in super::super) fn tick() -> Line<'static> {
        Line::Input { now: now(), input: Input::Tick }
    }

    /// How many lines a file has.
    pub(in super::super) fn lines(path: &Path) -> usize {
        fs::read_to_string(path).unwrap().lines().count()
    }

    #[test]
    fn segments_rotate_and_stay_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut segments = Segments::new(path.clone(), 20_000);
        for _ in 0..5 {
            segments.begin(&state()).unwrap();
            while !segments.is_nearly_full() {
                segments.write(&tick()).unwrap();
            }
            segments.flush().unwrap();
        }
        let sizes = [&path, &previous(&path)].map(|path| fs::metadata(path).unwrap().len());
        assert!(sizes.iter().all(|size| (8_750..=10_000).contains(size)), "{sizes:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_closes_the_segment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut segments = Segments::new(path.clone(), 20_000);
        segments.begin(&state()).unwrap();
        let error = (0..1_000).find_map(|_| segments.write(&tick()).err()).unwrap();
        assert!(error.to_string().contains("--record-limit"), "{error}");
        assert!(fs::metadata(&path).unwrap().len() <= 10_000);
    }

    #[test]
    fn a_segment_that_could_not_begin_takes_nobodys_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let mut segments = Segments::new(path.clone(), 20_000);
        segments.begin(&state()).unwrap();
        segments.write(&tick()).unwrap();
        // From here on not even the beginning of a segment fits.
        segments.limit = 10;
        for _ in 0..3 {
            assert!(segments.begin(&state()).is_err());
        }
        assert_eq!(lines(&previous(&path)), 2, "the good one is kept");
    }

    #[test]
    fn links_and_folders_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (target, path) = (folder.path().join("target"), folder.path().join("recording"));
        fs::write(&target, "precious").unwrap();
        for link in [path.clone(), previous(&path)] {
            symlink(&target, &link).unwrap();
            let error = Segments::new(path.clone(), 20_000).begin(&state()).unwrap_err();
            assert!(error.to_string().contains("no file"), "{error}");
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            fs::remove_file(&link).unwrap();
        }
        fs::create_dir(&path).unwrap();
        assert!(Segments::new(path, 20_000).begin(&state()).is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    }
}
