//! Reading a hardware clock together with the system clock, by the best way that it offers.
//!
//! Which one that is, is found out by trying, once: a driver that does not do what it announces is not asked again.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bracket::{Bracket, shortest};
use crate::sys::ptp;

/// So many times the clock is read for one bracket.
const SAMPLES: usize = 10;
/// A way that fails so often in a row is none.
const PATIENCE: u32 = 3;

/// How the two clocks are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The hardware captures both at once (`PTP_SYS_OFFSET_PRECISE`).
    Cross,
    /// The driver reads the system clock just before and after (`PTP_SYS_OFFSET_EXTENDED`).
    Extended,
    /// The kernel reads it before and after the driver is called (`PTP_SYS_OFFSET`).
    Basic,
}

impl Method {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Cross => Some(Self::Extended),
            Self::Extended => Some(Self::Basic),
            Self::Basic => None,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cross => "cross timestamps",
            Self::Extended => "extended readings",
            Self::Basic => "basic readings",
        })
    }
}

/// What a clock says that it can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abilities {
    /// By how much it can be steered, in parts per 10⁹.
    pub max_adjustment_ppb: i32,
    /// Whether it makes pulses that the kernel stamps.
    pub pps: bool,
    /// How many external signals it can stamp.
    pub external_channels: u32,
    /// How many pins can be led to them.
    pub pins: u32,
    /// Whether it can be captured together with the system clock.
    pub cross_timestamps: bool,
}

/// An open hardware clock.
#[derive(Debug)]
pub struct PhcReader {
    file: File,
    abilities: Abilities,
    choice: Choice,
}

impl PhcReader {
    /// Opens `/dev/ptpN`. `cross_timestamps`: they are used if the clock has them.
    ///
    /// # Errors
    /// If the device is not there, may not be opened or is no PTP clock.
    pub fn open(device: &Path, cross_timestamps: bool) -> io::Result<Self> {
        Self::open_as(device, false, cross_timestamps)
    }

    /// As [`open`](Self::open); `writable`: so that its pins can be set up.
    pub(super) fn open_as(device: &Path, writable: bool, cross_timestamps: bool) -> io::Result<Self> {
        // Of a pipe by that name nobody would ever open the other end.
        let file =
            OpenOptions::new().read(true).write(writable).custom_flags(libc::O_NONBLOCK).open(device)?;
        if !file.metadata()?.file_type().is_char_device() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is no device"));
        }
        let caps = ptp::capabilities(file.as_fd()).map_err(no_clock)?;
        let abilities = Abilities {
            max_adjustment_ppb: caps.max_adj,
            pps: caps.pps != 0,
            external_channels: u32::try_from(caps.n_ext_ts).unwrap_or(0),
            pins: u32::try_from(caps.n_pins).unwrap_or(0),
            cross_timestamps: caps.cross_timestamping != 0,
        };
        let choice = Choice::new(cross_timestamps && abilities.cross_timestamps);
        Ok(Self { file, abilities, choice })
    }

    /// Reads both clocks; takes some microseconds. `None` if it did not work this time.
    ///
    /// # Errors
    /// When the clock is gone or cannot be read in any way.
    pub fn read(&mut self) -> io::Result<Option<Bracket>> {
        loop {
            match read(self.file.as_fd(), self.choice.method) {
                Ok(bracket) => {
                    self.choice.worked();
                    return Ok(bracket);
                }
                Err(error) => match self.choice.failed(&error) {
                    Then::TryNext => {}
                    Then::Wait => return Ok(None),
                    Then::GiveUp => return Err(error),
                },
            }
        }
    }

    /// How the clocks are read.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.choice.method
    }

    /// Why they are not read in a better way that was tried, for people.
    #[must_use]
    pub fn fallback(&self) -> Option<&str> {
        self.choice.fallback.as_deref()
    }

    /// What the clock says of itself.
    #[must_use]
    pub const fn abilities(&self) -> &Abilities {
        &self.abilities
    }
}

impl AsFd for PhcReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn no_clock(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::ENOTTY | libc::EINVAL) => io::Error::new(io::ErrorKind::InvalidInput, "is no PTP clock"),
        _ => error,
    }
}

fn read(clock: BorrowedFd<'_>, method: Method) -> io::Result<Option<Bracket>> {
    let samples = match method {
        Method::Cross => {
            let pair = ptp::precise(clock)?;
            vec![[pair.sys_realtime, pair.device, pair.sys_realtime]]
        }
        Method::Extended => ptp::extended(clock, SAMPLES)?,
        Method::Basic => ptp::basic(clock, SAMPLES)?,
    };
    Ok(shortest(samples.into_iter().filter_map(Bracket::from_kernel)))
}

/// Which method is used, and what it was chosen for.
#[derive(Debug)]
struct Choice {
    method: Method,
    fallback: Option<String>,
    /// In a row.
    failures: u32,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    TryNext,
    Wait,
    GiveUp,
}

impl Choice {
    fn new(cross_timestamps: bool) -> Self {
        let method = if cross_timestamps { Method::Cross } else { Method::Extended };
        Self { method, fallback: None, failures: 0 }
    }

    fn worked(&mut self) {
        self.failures = 0;
    }

    fn failed(&mut self, error: &io::Error) -> Then {
        self.failures += 1;
        match error.raw_os_error() {
            Some(libc::ENODEV | libc::ENXIO) => Then::GiveUp,
            Some(libc::EOPNOTSUPP | libc::ENOTTY | libc::EINVAL | libc::ENOSYS) => self.leave(error),
            _ if self.failures >= PATIENCE => self.leave(error),
            _ => Then::Wait,
        }
    }

    /// Of this method nothing more is expected.
    fn leave(&mut self, error: &io::Error) -> Then {
        let Some(next) = self.method.next() else { return Then::GiveUp };
        self.fallback = Some(format!("no {}: {error}", self.method));
        self.method = next;
        self.failures = 0;
        Then::TryNext
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: i32) -> io::Error {
        io::Error::from_raw_os_error(code)
    }

    #[test]
    fn what_a_clock_does_not_offer_is_not_asked_for_again() {
        let mut choice = Choice::new(true);
        assert_eq!(choice.method, Method::Cross);
        assert_eq!(choice.failed(&error(libc::EOPNOTSUPP)), Then::TryNext);
        assert_eq!(choice.method, Method::Extended);
        assert!(choice.fallback.as_ref().unwrap().starts_with("no cross timestamps: "));
        assert_eq!(choice.failed(&error(libc::ENOTTY)), Then::TryNext);
        assert_eq!(choice.method, Method::Basic);
        assert_eq!(choice.failed(&error(libc::EINVAL)), Then::GiveUp);
    }

    #[test]
    fn a_way_that_fails_now_and_then_is_kept() {
        let mut choice = Choice::new(true);
        for _ in 0..5 {
            assert_eq!(choice.failed(&error(libc::ETIMEDOUT)), Then::Wait);
            assert_eq!(choice.failed(&error(libc::EBUSY)), Then::Wait);
            choice.worked();
        }
        assert_eq!((choice.method, choice.fallback), (Method::Cross, None));
    }

    #[test]
    fn a_way_that_keeps_failing_is_left() {
        let mut choice = Choice::new(true);
        let told: Vec<_> = (0..9).map(|_| choice.failed(&error(libc::ETIMEDOUT))).collect();
        let expected = [Then::Wait, Then::Wait, Then::TryNext];
        assert_eq!(told[..3], expected);
        assert_eq!(told[3..6], expected);
        assert_eq!(told[6..], [Then::Wait, Then::Wait, Then::GiveUp]);
    }

    #[test]
    fn a_clock_that_is_gone_is_given_up() {
        assert_eq!(Choice::new(true).failed(&error(libc::ENODEV)), Then::GiveUp);
    }

    #[test]
    fn cross_timestamps_are_left_out_if_not_wanted() {
        assert_eq!(Choice::new(false).method, Method::Extended);
    }

    #[test]
    fn what_is_no_clock_is_not_opened() {
        let error = PhcReader::open(Path::new("/dev/null"), true).unwrap_err();
        assert_eq!(error.to_string(), "is no PTP clock");
        let error = PhcReader::open(Path::new("/dev"), true).unwrap_err();
        assert_eq!(error.to_string(), "is no device");
        assert!(PhcReader::open(Path::new("/dev/no-such-ptp"), true).is_err());
    }
}
