//! A receiver at the end of a serial line: a burst of NMEA 0183 sentences after each true second, as slowly as 9600
//! baud would bring it. The line is a pty under a name of one's choice; when this program ends, it is unplugged.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::ttyname;

use super::chance::Chance;
use super::sentences::{Kind, sentence};
use super::sys::run_first;
use super::truth::{SECOND, Truth};

/// How long a byte takes at 9600 baud with a start and a stop bit, ns.
const BYTE: i64 = 10 * SECOND / 9_600;

/// A serial port hands on so many bytes at once.
const CHUNK: usize = 14;

/// Below the pulses, above all else: receivers do not wait for our processes.
const PRIORITY: i32 = 40;

/// What the receiver says, and when.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// How long it speaks, s.
    pub seconds: u32,
    /// The sentences of a burst, in order.
    pub kinds: Vec<Kind>,
    /// When the burst begins after the second, ms.
    pub delay_ms: f64,
    /// By how much later it may begin, ms; each time by another part of that.
    pub jitter_ms: f64,
    /// Whether it says that it has no fix.
    pub void: bool,
    /// How many weeks ago its dates are.
    pub weeks_back: i64,
    /// What jitter comes from.
    pub seed: u64,
}

/// Speaks on a new line under the name `link`.
///
/// # Errors
/// When there are no ptys, `link` is somebody's file, or a clock cannot be read.
pub fn nmea(truth: Truth, link: &Path, receiver: &Receiver) -> Result<()> {
    run_first(PRIORITY).context("come first")?;
    let line = Line::open(link)?;
    let mut chance = Chance::new(receiver.seed);
    let mut second = truth.steady_now()?.div_euclid(SECOND) * SECOND;
    for _ in 0..receiver.seconds {
        second += SECOND;
        let utc = truth.utc(second).div_euclid(SECOND);
        let say = |&kind: &Kind| {
            sentence(
                kind,
                utc - receiver.weeks_back * 7 * 86_400,
                truth.in_leap_second(second),
                receiver.void,
            )
        };
        let burst: String = receiver.kinds.iter().map(say).collect();
        let delay_ms = receiver.delay_ms + chance.draw() * receiver.jitter_ms;
        line.speak(truth, second + (delay_ms * 1e6) as i64, burst.as_bytes())?;
    }
    Ok(())
}

/// A pty; its other end has a name.
#[derive(Debug)]
struct Line {
    master: File,
    link: PathBuf,
    /// Kept open, so that readers may come and go without hanging up.
    _slave: File,
}

impl Line {
    fn open(link: &Path) -> Result<Self> {
        let pty = openpty(None, None).context("make a pty")?;
        let mut raw = tcgetattr(&pty.slave).context("read the line's settings")?;
        cfmakeraw(&mut raw);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &raw).context("set the line up")?;
        // A line with nobody at its end loses what does not fit; it does not hold up the receiver.
        fcntl(&pty.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).context("set the pty up")?;
        // What the one before left if it was killed.
        if link.is_symlink() {
            fs::remove_file(link).with_context(|| format!("remove {}", link.display()))?;
        }
        let name = ttyname(&pty.slave).context("name the pty")?;
        std::os::unix::fs::symlink(name, link).with_context(|| format!("make {}", link.display()))?;
        Ok(Self { master: pty.master.into(), link: link.to_owned(), _slave: pty.slave.into() })
    }

    /// Brings `burst` from `moment` on (steady time), chunk by chunk.
    fn speak(&self, truth: Truth, moment: i64, burst: &[u8]) -> Result<()> {
        let mut sent = 0;
        for chunk in burst.chunks(CHUNK) {
            truth.sleep_until(moment + sent * BYTE)?;
            match (&self.master).write_all(chunk) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error).context("speak"),
                _ => sent += chunk.len() as i64,
            }
        }
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // It may be gone, or another's by now.
        let _ = fs::remove_file(&self.link);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_line_carries_bytes_as_they_are_and_is_gone_when_unplugged() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("ttyGPS0");
        let truth = Truth::new(0, 0.0).unwrap();
        let line = Line::open(&link).unwrap();
        let mut reader = File::open(&link).unwrap();
        line.speak(truth, truth.steady_now().unwrap(), b"$GPRMC,as it is*00\r\n").unwrap();
        let mut heard = [0; 20];
        reader.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"$GPRMC,as it is*00\r\n");
        drop(line);
        assert!(!link.exists());
    }
}
