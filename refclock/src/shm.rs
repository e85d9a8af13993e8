//! Samples in memory that is shared with gpsd or another program: ntpd's driver 28, "SHM".
//!
//! There is nothing to wait for, so the memory is looked at each second. Either side may start first, and be started
//! again: whoever comes first makes the segment, with its permissions, it outlives both, and one that was removed and
//! made anew is noticed.
//! A sample is taken once, if it was written completely and just now.
//!
//! Whoever may write to the segment sets our time; [`Status::warning`] says when that is more than root and us.

mod sample;
mod segment;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use ntp_clock::Reading;
use ntp_proto::time::RawTime;
use serde::{Deserialize, Serialize};

use crate::{Driver, Wait};
use sample::Written;
pub use sample::{Refusal, decode};
use segment::Segment;

/// Which memory to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The number of the segment; gpsd uses 0 to 7.
    pub unit: u8,
    /// Who may read and write the segment if we make it, as for files.
    pub permissions: u32,
    /// How often to look.
    pub interval: Duration,
}

impl Options {
    /// `unit`, for nobody but us, each second.
    #[must_use]
    pub const fn of(unit: u8) -> Self {
        Self { unit, permissions: 0o600, interval: Duration::from_secs(1) }
    }
}

/// An attached segment.
#[derive(Debug)]
pub struct Shm {
    options: Options,
    segment: Segment,
    last: Option<Written>,
    last_at: Option<RawTime>,
    counts: Counts,
}

/// How many samples came to what end.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    taken: u64,
    repeated: u64,
    torn: u64,
    nonsense: u64,
    stale: u64,
    replaced: u64,
}

/// How the samples are, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The number of the segment.
    pub unit: u8,
    /// The size of the structure in it: 80, 88 or 96.
    pub size_bytes: usize,
    /// Whose the segment is.
    pub owner_uid: Option<u32>,
    /// Who may read and write it, in octal.
    pub permissions: Option<String>,
    /// How many have the segment attached, we included. With 1 nobody writes.
    pub attached: Option<u64>,
    /// Samples taken.
    pub samples: u64,
    /// Samples that were there before and were offered again.
    pub repeated: u64,
    /// Looks at which somebody was writing all the time.
    pub torn: u64,
    /// Samples with values that no program writes.
    pub nonsense: u64,
    /// Samples that were not made just now.
    pub stale: u64,
    /// How often the segment was removed and another took its place.
    pub replaced: u64,
    /// How long ago the last sample that was taken was made.
    pub age_s: Option<f64>,
    /// What is dangerous about the segment.
    pub warning: Option<String>,
}

impl Shm {
    /// Attaches the segment; makes it if there is none.
    ///
    /// # Errors
    /// If it may not be written to, or is something else than samples of time by its size.
    pub fn open(options: &Options) -> io::Result<Self> {
        let segment = Segment::open(options.unit, options.permissions)?;
        Ok(Self { options: *options, segment, last: None, last_at: None, counts: Counts::default() })
    }

    /// How the samples are at `now`.
    #[must_use]
    pub fn status(&self, now: RawTime) -> Status {
        let (segment, counts) = (&self.segment, &self.counts);
        Status {
            unit: self.options.unit,
            size_bytes: segment.layout.size,
            owner_uid: segment.facts.map(|facts| facts.owner),
            permissions: segment.facts.map(|facts| format!("{:04o}", facts.permissions)),
            attached: segment.attached(),
            samples: counts.taken,
            repeated: counts.repeated,
            torn: counts.torn,
            nonsense: counts.nonsense,
            stale: counts.stale,
            replaced: counts.replaced,
            age_s: self.last_at.map(|at| (now - at).to_seconds()),
            warning: self.warning(),
        }
    }

    fn warning(&self) -> Option<String> {
        let facts = self.segment.facts?;
        let ours = nix::unistd::geteuid().as_raw();
        if facts.permissions & 0o002 != 0 {
            let mode = facts.permissions;
            return Some(format!("every user of this machine can write samples (permissions {mode:04o})"));
        }
        let foreign = facts.owner != 0 && facts.owner != ours;
        foreign.then(|| format!("the segment belongs to user {}, who can write samples", facts.owner))
    }

    fn follow(&mut self) -> io::Result<()> {
        if !self.segment.is_current(self.options.unit) {
            self.segment = Segment::open(self.options.unit, self.options.permissions)?;
            self.counts.replaced += 1;
        }
        Ok(())
    }

    /// The sample that is there and was not before.
    fn written(&mut self) -> Option<Written> {
        let Some(bytes) = self.segment.read() else {
            self.counts.torn += 1;
            return None;
        };
        let written = Written::read(&self.segment.layout, &bytes).filter(|written| written.valid)?;
        self.segment.mark_read();
        if self.last.replace(written) == Some(written) {
            self.counts.repeated += 1;
            return None;
        }
        Some(written)
    }
}

impl Driver for Shm {
    fn wait(&self) -> Wait {
        Wait::For(self.options.interval)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn look(&mut self, clock: fn() -> RawTime, readings: &mut Vec<Reading>) -> io::Result<()> {
        self.follow()?;
        let Some(written) = self.written() else { return Ok(()) };
        match written.reading(clock()) {
            Ok(reading) => {
                self.counts.taken += 1;
                self.last_at = Some(reading.at);
                readings.push(reading);
            }
            Err(Refusal::Stale) => self.counts.stale += 1,
            Err(_) => self.counts.nonsense += 1,
        }
        Ok(())
    }
}
