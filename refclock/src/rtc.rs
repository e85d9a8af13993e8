//! The clock of the board that runs on while the machine is off.
//!
//! It shows whole seconds. Most can interrupt when a second begins, which is waited for; then the second is read. Of the
//! others, and of those whose interrupts do not come, the second is read now and then, and it is as likely to have just
//! begun as to be about to end. [`read_rtc`] reads it once, for a start without anything better.

mod calendar;

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ntp_clock::{Reading, Shows};
use ntp_proto::time::{EstimatedTime, NtpDuration, RawTime};
use serde::{Deserialize, Serialize};

use crate::context::explained;
use crate::sys::rtc::{read_time, set_interrupts};
use crate::{Driver, Wait};

/// Interrupts come each second; if none came for so long, twice in a row, none will.
const SILENCE: Duration = Duration::from_secs(5);
/// Looks without an interrupt that are borne. One is usual, right after the start.
const PATIENCE: u32 = 2;
/// From the beginning of the second to our look at the clock: the interrupt, often behind a timer of the kernel, and
/// the way to this process.
const INTERRUPT: NtpDuration = NtpDuration::from_millis(1);
/// How far the middle of a second is from its ends.
const HALF: NtpDuration = NtpDuration::from_millis(500);

/// Which clock to read, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `/dev/rtc0` or the like.
    pub device: PathBuf,
    /// Whether it shows UTC; otherwise local time, by the time zone of this process.
    pub utc: bool,
    /// How often to read it where it gives no interrupts.
    pub interval: Duration,
}

/// An open clock. Nobody else can open it meanwhile; the kernel still can set it.
#[derive(Debug)]
pub struct Rtc {
    options: Options,
    device: File,
    /// Whether seconds are waited for, and how many looks in a row were in vain.
    waiting: Option<u32>,
    /// The first interrupt may be left from before.
    begun: bool,
    counts: Counts,
    last_at: Option<RawTime>,
}

/// How many readings came to what end.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    taken: u64,
    late: u64,
    nonsense: u64,
}

/// How the clock is, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The path of the device.
    pub device: String,
    /// Whether it shows UTC.
    pub utc: bool,
    /// Whether it interrupts when a second begins.
    pub interrupts: bool,
    /// Readings taken.
    pub readings: u64,
    /// Seconds that were missed because nobody looked in time.
    pub late: u64,
    /// Readings of no date, of a clock that was never set or whose battery is empty.
    pub nonsense: u64,
    /// How long ago the last reading was taken.
    pub age_s: Option<f64>,
}

impl Rtc {
    /// Opens the clock, and has it interrupt if it can.
    ///
    /// # Errors
    /// If there is no such clock, or another program has it open.
    pub fn open(options: &Options) -> io::Result<Self> {
        let device = open(&options.device)?;
        let can_interrupt = set_interrupts(device.as_fd(), true).is_ok();
        if !can_interrupt {
            // Whether it is a clock at all.
            read_second(&device, options.utc).map_err(|error| failed(&options.device, &error))?;
        }
        Ok(Self {
            options: options.clone(),
            device,
            waiting: can_interrupt.then_some(0),
            begun: false,
            counts: Counts::default(),
            last_at: None,
        })
    }

    /// How the clock is at `now`.
    #[must_use]
    pub fn status(&self, now: RawTime) -> Status {
        Status {
            device: self.options.device.display().to_string(),
            utc: self.options.utc,
            interrupts: self.waiting.is_some(),
            readings: self.counts.taken,
            late: self.counts.late,
            nonsense: self.counts.nonsense,
            age_s: self.last_at.map(|at| (now - at).to_seconds()),
        }
    }

    /// Whether a second has just begun.
    fn tick(&mut self) -> io::Result<bool> {
        let count = interrupts(&self.device)?;
        if count == 0 {
            self.vain_look();
            return Ok(false);
        }
        self.waiting = Some(0);
        self.counts.late += u64::from(count - 1);
        let first = !std::mem::replace(&mut self.begun, true);
        Ok(count == 1 && !first)
    }

    fn vain_look(&mut self) {
        let vain = self.waiting.map_or(0, |vain| vain + 1);
        self.waiting = (vain <= PATIENCE).then_some(vain);
        if self.waiting.is_none() {
            // It did not work when it was on, so it does not matter whether it goes off.
            let _ = set_interrupts(self.device.as_fd(), false);
        }
    }

    fn read(&mut self, at: RawTime, resolution: NtpDuration) -> io::Result<Option<Reading>> {
        let Some(second) = read_second(&self.device, self.options.utc)? else {
            self.counts.nonsense += 1;
            return Ok(None);
        };
        // An interrupt marks the beginning of the second, a look at any time its middle.
        let into = if resolution == HALF { HALF } else { NtpDuration::ZERO };
        self.counts.taken += 1;
        self.last_at = Some(at);
        Ok(Some(Reading { at, shows: Shows::Time(second + into), leap: None, resolution }))
    }
}

impl Driver for Rtc {
    fn wait(&self) -> Wait {
        match self.waiting {
            Some(_) => Wait::ReadableOr(SILENCE),
            None => Wait::For(self.options.interval),
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.device.as_fd())
    }

    fn look(&mut self, clock: fn() -> RawTime, readings: &mut Vec<Reading>) -> io::Result<()> {
        let at = clock();
        let reading = match self.waiting {
            None => self.read(at, HALF),
            Some(_) => self.tick().and_then(|tick| if tick { self.read(at, INTERRUPT) } else { Ok(None) }),
        };
        readings.extend(reading.map_err(|error| failed(&self.options.device, &error))?);
        Ok(())
    }
}

/// The second that the clock `device` shows. The time is up to a second later than that.
///
/// # Errors
/// If there is no such clock, another program has it open, or it shows no date.
pub fn read_rtc(device: &Path, utc: bool) -> io::Result<EstimatedTime> {
    let file = open(device)?;
    let second = read_second(&file, utc).map_err(|error| failed(device, &error))?;
    let unset = || failed(device, &io::Error::new(io::ErrorKind::InvalidData, "shows no date"));
    second.ok_or_else(unset)
}

/// `None` if it shows no date.
fn read_second(device: &File, utc: bool) -> io::Result<Option<EstimatedTime>> {
    let time = match read_time(device.as_fd()) {
        // What the kernel says of a clock that stood still, or has no date in it.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(None),
        time => time?,
    };
    Ok(calendar::unix_seconds(&time, utc).map(|seconds| EstimatedTime::from_unix(seconds, 0)))
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    file.map_err(|error| failed(path, &error))
}

/// How many seconds began since it was last asked: what stands above the lowest byte, which says what happened.
fn interrupts(mut device: &File) -> io::Result<u32> {
    /// A second began (`RTC_UF`).
    const UPDATE: libc::c_ulong = 0x10;
    let mut word = [0; size_of::<libc::c_ulong>()];
    match device.read(&mut word) {
        Ok(length) if length == word.len() => {}
        Ok(_) => return Ok(0),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            return Ok(0);
        }
        Err(error) => return Err(error),
    }
    let word = libc::c_ulong::from_ne_bytes(word);
    let count = u32::try_from(word >> 8).unwrap_or(u32::MAX).max(1);
    Ok(if word & UPDATE == 0 { 0 } else { count })
}

fn failed(path: &Path, error: &io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "this machine has no such clock; /dev/rtc0 is the usual one",
        io::ErrorKind::PermissionDenied => "let the user of the daemon read it, by a rule of udev",
        io::ErrorKind::ResourceBusy => "another program has it open (chronyd, hwclock); only one can",
        io::ErrorKind::InvalidData => {
            "set it with `hwclock --systohc` when the time is right, and look at its battery"
        }
        _ => "is it a clock, such as /dev/rtc0?",
    };
    explained(error, path.display(), advice)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn now() -> RawTime {
        RawTime::from_unix(1_800_000_000, 0)
    }

    /// A clock that interrupts when told to, but cannot be read.
    fn clock() -> (UnixStream, Rtc) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let options = Options { device: "/dev/rtc0".into(), utc: true, interval: Duration::from_secs(10) };
        let device = File::from(OwnedFd::from(theirs));
        let counts = Counts::default();
        (ours, Rtc { options, device, waiting: Some(0), begun: false, counts, last_at: None })
    }

    fn interrupt(clock: &mut UnixStream, count: libc::c_ulong, what: libc::c_ulong) {
        clock.write_all(&((count << 8) | what).to_ne_bytes()).unwrap();
    }

    #[test]
    fn seconds_that_nobody_saw_begin_are_late() {
        let (mut kernel, mut clock) = clock();
        assert!(!clock.tick().unwrap());
        interrupt(&mut kernel, 1, 0x90);
        // Perhaps left from before.
        assert!(!clock.tick().unwrap());
        interrupt(&mut kernel, 1, 0x90);
        assert!(clock.tick().unwrap());
        interrupt(&mut kernel, 3, 0x90);
        assert!(!clock.tick().unwrap());
        // An alarm is no second.
        interrupt(&mut kernel, 1, 0xa0);
        assert!(!clock.tick().unwrap());
        interrupt(&mut kernel, 1, 0xb0);
        assert!(clock.tick().unwrap());
        assert_eq!(clock.status(now()).late, 2);
    }

    #[test]
    fn a_clock_whose_interrupts_do_not_come_is_read_now_and_then() {
        let (mut kernel, mut clock) = clock();
        let mut readings = Vec::new();
        for _ in 0..PATIENCE {
            clock.look(now, &mut readings).unwrap();
        }
        interrupt(&mut kernel, 1, 0x90);
        for _ in 0..=PATIENCE {
            assert_eq!(clock.wait(), Wait::ReadableOr(SILENCE));
            clock.look(now, &mut readings).unwrap();
        }
        assert!(clock.status(now()).interrupts);
        clock.look(now, &mut readings).unwrap();
        assert_eq!(clock.wait(), Wait::For(Duration::from_secs(10)));
        assert!(!clock.status(now()).interrupts);
        let error = clock.look(now, &mut readings).unwrap_err();
        assert!(error.to_string().contains("is it a clock"), "{error}");
        assert_eq!(readings, []);
    }

    #[test]
    fn errors_say_what_to_do() {
        let missing = read_rtc(Path::new("/dev/no-such-rtc"), true).unwrap_err();
        assert!(missing.to_string().contains("no such clock"), "{missing}");
        let options = Options { device: "/dev/null".into(), utc: true, interval: Duration::from_secs(1) };
        let wrong = Rtc::open(&options).unwrap_err();
        assert!(wrong.to_string().contains("is it a clock"), "{wrong}");
    }
}
