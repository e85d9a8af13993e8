//! GPS receivers and their like on a serial line: NMEA 0183.
//!
//! ```text
//!  line ─▶ framer ─▶ sentence ─▶ assembly ─▶ burst ─▶ Reading
//!            │          │  (date, time_of_day)  └▶ evidence ─▶ sky ─┐
//!          pace       signal, talkers ──────────────────────────────┴─▶ Status
//! ```
//!
//! Each second a receiver says several sentences about one instant. The first byte of them is what comes at a constant
//! time after that instant, so its coming is stamped; what the sentences say is read later. All that decides is in
//! [`Receiver`], which is given bytes and stamps; [`Nmea`] only reads the line.
//!
//! Whoever holds it corrects for the constant: some 0.1 to 0.6 s, which receivers and their settings differ in.

mod assembly;
mod burst;
mod date;
mod evidence;
mod framer;
mod pace;
mod receiver;
mod sentence;
mod signal;
mod sky;
mod status;
mod talkers;
mod time_of_day;

use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Instant;

use ntp_clock::Reading;
use ntp_proto::time::{Monotonic, NtpDuration, RawTime};

use crate::serial::Line;
use crate::{Driver, Wait};

pub use receiver::Receiver;
pub use status::{Fix, Position, RefusedCounts, SentenceCounts, Signal, Status, WithheldCounts};

/// Which line, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Its path: `/dev/ttyS0`, `/dev/ttyUSB0`, a pseudo-terminal.
    pub device: PathBuf,
    /// Bits a second, any that the hardware can do.
    pub baud: u32,
    /// Whether the status shows where the antenna is.
    pub show_position: bool,
}

/// A receiver on an open line.
#[derive(Debug)]
pub struct Nmea {
    line: Line,
    opened: Instant,
    receiver: Receiver,
}

/// The most that one look reads: several times what the fastest line brings between two.
const MOST: usize = 16 * 1024;

/// The most that one call of read(2) returns on a line.
const CHUNK: usize = 4096;

impl Nmea {
    /// Opens the line.
    ///
    /// # Errors
    /// If there is no such line, it is used by someone else, may not be opened or cannot do that speed; the text says
    /// which and what to do.
    pub fn open(options: &Options) -> io::Result<Self> {
        let line = Line::open(&options.device, options.baud)?;
        let receiver = Receiver::new(options.baud, options.show_position);
        Ok(Self { line, opened: Instant::now(), receiver })
    }

    /// For people.
    #[must_use]
    pub fn status(&self) -> Status {
        self.receiver.status(self.elapsed())
    }

    fn elapsed(&self) -> Monotonic {
        Monotonic::from_nanos(u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn stamp(&self, clock: fn() -> RawTime) -> Stamp {
        Stamp { raw: clock(), mono: self.elapsed() }
    }
}

impl Driver for Nmea {
    fn wait(&self) -> Wait {
        self.receiver.wait()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.line.descriptor())
    }

    fn look(&mut self, clock: fn() -> RawTime, readings: &mut Vec<Reading>) -> io::Result<()> {
        let mut buffer = [0; CHUNK];
        let mut total = 0;
        loop {
            // First the clock: what is read after it has come before, or while it was read.
            let stamp = self.stamp(clock);
            if total >= MOST {
                self.receiver.flooded(stamp);
                return Ok(());
            }
            let Some(count) = self.line.read(&mut buffer)? else {
                self.receiver.drained(stamp, readings);
                return Ok(());
            };
            total += count;
            self.receiver.chunk(stamp, buffer.get(..count).unwrap_or_default(), readings);
        }
    }
}

/// A moment by two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The system clock, which may be set at any time.
    pub raw: RawTime,
    /// One that nobody sets; zero when the line was opened.
    pub mono: Monotonic,
}

impl Stamp {
    fn earlier(self, span: NtpDuration) -> Self {
        let back = NtpDuration::ZERO - span;
        Self { raw: self.raw + back, mono: self.mono + back }
    }
}

impl Default for Stamp {
    /// When the line was opened, by a system clock that nobody has read.
    fn default() -> Self {
        Self { raw: RawTime::from_unix(0, 0), mono: Monotonic::default() }
    }
}
