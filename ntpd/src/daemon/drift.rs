//! The drift file: one line, the clock's frequency error in ppm and its uncertainty.
//!
//! The format is chrony's, so a file that chronyd left can be taken over and the other way round. There a
//! positive frequency means that the clock gains; a [`Drift`] says by how much it has to be sped up.

use std::io;
use std::path::Path;

use ntp_engine::Drift;
use ntp_proto::time::Frequency;

use super::state;

/// A file that says more than this was not written by anybody who knows clocks.
const MAX_PPM: f64 = 100_000.0;
/// More than anybody writes into it.
const MAX_LENGTH: u64 = 256;

/// Reads what an earlier run found out; `None` if there was none.
///
/// # Errors
/// When the file cannot be read or does not make sense.
pub(super) fn read(path: &Path) -> io::Result<Option<Drift>> {
    let Some(text) = state::read(path, MAX_LENGTH)? else { return Ok(None) };
    parse(&text)
        .map(Some)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "does not hold two figures"))
}

/// When the file was written, in Unix seconds; `None` if there is none. It is later than that, unless somebody set
/// the clock back.
pub(super) fn written(path: &Path) -> Option<i64> {
    let since = std::fs::metadata(path).ok()?.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    since.as_secs().try_into().ok()
}

/// Replaces the file.
///
/// # Errors
/// As [`state::replace`].
pub(super) fn write(path: &Path, drift: Drift) -> io::Result<()> {
    state::replace(path, line(drift).as_bytes())
}

fn line(drift: Drift) -> String {
    format!("{:20.6} {:20.6}\n", -drift.frequency.to_ppm(), drift.skew.to_ppm())
}

fn parse(text: &str) -> Option<Drift> {
    let mut figures = text.split_whitespace().map(str::parse::<f64>);
    let gains = figures.next()?.ok().filter(|ppm| ppm.abs() <= MAX_PPM)?;
    let skew = figures.next()?.ok().filter(|ppm| (0.0..=MAX_PPM).contains(ppm))?;
    Some(Drift { frequency: Frequency::from_ppm(-gains), skew: Frequency::from_ppm(skew) })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new").join("drift");
        assert!(read(&path).unwrap().is_none());
        let drift = Drift { frequency: Frequency::from_ppm(-12.25), skew: Frequency::from_ppm(0.125) };
        write(&path, drift).unwrap();
        let back = read(&path).unwrap().unwrap();
        assert!((back.frequency.to_ppm() + 12.25).abs() < 1e-6 && (back.skew.to_ppm() - 0.125).abs() < 1e-6);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_file_of_chronyd_is_understood() {
        let drift = parse("            23.500000             0.034000\n").unwrap();
        assert!((drift.frequency.to_ppm() + 23.5).abs() < 1e-9);
    }

    #[test]
    fn damaged_files_are_errors() {
        for text in ["", "1", "a b", "nan 1", "1 inf", "1e9 1", "1 -1"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
