//! When the line is to be looked at next, and when it has become quiet. [`super::receiver`] asks.
//!
//! A burst of a quarter of a second comes in chunks of eight bytes. Who wakes for each wakes thirty times a second; so
//! only the first chunk wakes, and the rest is fetched after as long as bursts have lasted lately. Then the line must
//! bring nothing for a while.

use std::time::Duration;

use ntp_proto::time::{Monotonic, NtpDuration};

use crate::Wait;

/// What the line does.
#[derive(Debug)]
pub(super) struct Pace {
    /// As long without a byte is quiet.
    gap: Duration,
    /// How long looking can wait without loss.
    longest: Duration,
    /// How long bursts last.
    expected: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Quiet,
    Coming {
        since: Monotonic,
        last: Monotonic,
        /// Looks that brought something, without the one that is going on.
        looks: u32,
        /// The look that is going on has brought something.
        brought: bool,
    },
    Flooded,
}

/// The shortest gap between bursts that is told from one inside a burst. Adapters for USB hold bytes back for 16 ms.
const SHORTEST_GAP: Duration = Duration::from_millis(25);

/// The same in characters: buffers of serial ports report after eight to fourteen of them, or four of silence.
const GAP_CHARACTERS: u32 = 48;

/// Bytes that are surely kept for us; the kernel's buffer has 4096.
const KEPT: u32 = 3000;

/// No later than this a burst is looked at again, long as it may last.
const LATEST: Duration = Duration::from_millis(250);

/// How long a line is left alone that brings more than it can.
const FLOOD_PAUSE: Duration = Duration::from_millis(250);

impl Pace {
    /// Of a line with that many bits a second, which may be in the middle of a burst.
    pub(super) fn new(baud: u32) -> Self {
        let gap = SHORTEST_GAP.max(characters(GAP_CHARACTERS, baud)).min(Duration::from_secs(1));
        let longest = LATEST.min(characters(KEPT, baud)).max(gap);
        let start = Monotonic::default();
        let state = State::Coming { since: start, last: start, looks: 1, brought: false };
        Self { gap, longest, expected: Duration::ZERO, state }
    }

    /// What to wait for before the next look.
    pub(super) fn wait(&self) -> Wait {
        match self.state {
            State::Quiet => Wait::Readable,
            State::Coming { looks: 0..=1, .. } => Wait::For(self.expected.max(self.gap)),
            State::Coming { .. } => Wait::For(self.gap),
            State::Flooded => Wait::For(FLOOD_PAUSE),
        }
    }

    /// A chunk came; true: after quiet, so that its coming is what woke us.
    pub(super) fn chunk(&mut self, now: Monotonic) -> bool {
        let was_quiet = self.state == State::Quiet;
        self.state = match self.state {
            State::Coming { since, looks, .. } => State::Coming { since, last: now, looks, brought: true },
            State::Quiet => State::Coming { since: now, last: now, looks: 0, brought: true },
            State::Flooded => State::Coming { since: now, last: now, looks: 1, brought: true },
        };
        was_quiet
    }

    /// There is nothing more at the moment; true: the line has just become quiet.
    pub(super) fn drained(&mut self, now: Monotonic) -> bool {
        match self.state {
            State::Quiet => false,
            State::Flooded => {
                self.state = State::Quiet;
                true
            }
            State::Coming { since, last, looks, brought: true } => {
                self.state = State::Coming { since, last, looks: looks.saturating_add(1), brought: false };
                false
            }
            // Whoever asks early learns nothing; timers may be a little early.
            State::Coming { last, .. } if between(last, now) * 10 < self.gap * 9 => false,
            State::Coming { since, last, looks, .. } => {
                self.learn(between(since, last), looks);
                self.state = State::Quiet;
                true
            }
        }
    }

    /// A burst began before the line had been quiet: looks were too far apart to see the gap, if there is one.
    pub(super) fn crowded(&mut self) {
        self.expected = Duration::ZERO;
    }

    /// More came than one look takes.
    pub(super) fn flooded(&mut self) {
        self.expected = Duration::ZERO;
        self.state = State::Flooded;
    }

    /// What one look has fetched may have been there for long: then the next is tried a little earlier.
    fn learn(&mut self, lasted: Duration, looks: u32) {
        self.expected = if looks <= 2 { self.expected * 15 / 16 } else { lasted.min(self.longest) };
    }
}

/// How long so many characters take; each has ten bits.
pub(super) fn characters(count: u32, baud: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 10) / baud.max(1)
}

fn between(earlier: Monotonic, later: Monotonic) -> Duration {
    Duration::from_nanos(later.as_nanos().saturating_sub(earlier.as_nanos()))
}

/// As [`characters`], for stamps.
pub(super) fn transmission(count: usize, baud: u32) -> NtpDuration {
    let nanos = characters(u32::try_from(count).unwrap_or(u32::MAX), baud).as_nanos();
    NtpDuration::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
