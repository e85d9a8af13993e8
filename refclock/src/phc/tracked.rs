//! A hardware clock that is read now and then, judged, and tracked against the system clock: what the driver and those
//! who stamp packets with it have in common.

use std::io;
use std::time::Duration;

use ntp_proto::time::{NtpDuration, RawTime};

use super::bracket::{Bracket, PhcTime};
use super::gait::{Gait, Judge, Look};
use super::reader::PhcReader;
use super::track::{PhcLine, PhcTrack};
use crate::sys::monotonic_raw;

/// A hardware clock and what is known of how it goes.
#[derive(Debug)]
pub struct TrackedPhc {
    reader: PhcReader,
    judge: Judge,
    track: PhcTrack,
    /// When it was looked at, by the clock that nobody steers.
    looked: Option<Duration>,
    looks: u64,
    failures: u64,
}

impl TrackedPhc {
    /// Nothing is known of it yet. Readings of it repeat within `precision`.
    #[must_use]
    pub fn new(reader: PhcReader, precision: NtpDuration) -> Self {
        Self {
            reader,
            judge: Judge::default(),
            track: PhcTrack::new(precision),
            looked: None,
            looks: 0,
            failures: 0,
        }
    }

    /// Reads both clocks. What they show is returned if the hardware clock goes as clocks do, which takes two looks.
    ///
    /// # Errors
    /// When the clock is gone or cannot be read in any way.
    pub fn look(&mut self) -> io::Result<Option<Bracket>> {
        let before = monotonic_raw::now();
        let bracket = self.reader.read()?;
        let after = monotonic_raw::now();
        self.looked = Some(after);
        self.looks += 1;
        let Some(bracket) = bracket else {
            self.failures += 1;
            return Ok(None);
        };
        self.track.feed(bracket);
        let gait = self.judge.look(Look { before, after, shows: bracket.shows });
        Ok(gait.is_steady().then_some(bracket))
    }

    /// How it and the system clock go together now; `None` while it does not go as clocks do, and before two looks.
    #[must_use]
    pub fn line(&self) -> Option<&PhcLine> {
        self.track.line().filter(|_| self.gait().is_steady())
    }

    /// What the system clock showed when this one showed `stamp`, and how far that may be wrong. `None` while it does
    /// not go as clocks do, and as [`PhcLine::system_time`].
    #[must_use]
    pub fn system_time(&self, stamp: PhcTime) -> Option<(RawTime, NtpDuration)> {
        self.line()?.system_time(stamp)
    }

    /// The system clock was set: what is known of how the two go together holds no more.
    pub fn forget(&mut self) {
        self.track.forget();
    }

    /// Whether the latest look is so long ago, or there was none.
    #[must_use]
    pub fn is_due(&self, interval: Duration) -> bool {
        self.age().is_none_or(|age| age >= interval)
    }

    /// How long ago the latest look was.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.looked.map(|looked| monotonic_raw::now().saturating_sub(looked))
    }

    /// How long the latest reading took.
    #[must_use]
    pub fn window(&self) -> Option<NtpDuration> {
        self.track.latest().map(|latest| latest.window)
    }

    /// How much faster than the system clock it runs, as a ratio.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        self.track.rate().map(|rate| -rate)
    }

    /// How it goes.
    #[must_use]
    pub const fn gait(&self) -> Gait {
        self.judge.gait()
    }

    /// At how many looks it stood still, raced or jumped.
    #[must_use]
    pub const fn faults(&self) -> u64 {
        self.judge.faults()
    }

    /// How often it was looked at.
    #[must_use]
    pub const fn looks(&self) -> u64 {
        self.looks
    }

    /// How often it could not be read.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failures
    }

    /// What reads it.
    #[must_use]
    pub const fn reader(&self) -> &PhcReader {
        &self.reader
    }
}
