//! From what the system clock shows to the free-running clock beneath it, and back.
//!
//! The system clock is what it would be without us, plus every correction of its rate, plus every step.
//! A [`Timeline`] remembers which correction was in force when, in *segments*; a step begins a new *epoch*.
//!
//! ```text
//!  raw  ──────────┐ step      ____───   slope 1 + correction
//!                 └──────____/
//!  free ────────────────────────────   slope 1
//!       epoch 0   │ epoch 1  │ segment
//! ```

use std::collections::VecDeque;

use ntp_proto::time::{FreeTime, Frequency, NtpDuration, RawTime};

/// A stamp may seem to be this much ahead of a clock that was read before it.
const READING: NtpDuration = NtpDuration::from_millis(1);
/// How many changes of rate are remembered: more than can happen while a packet is on its way.
const SEGMENTS: usize = 32;
/// No clock can be told to run faster or slower by this.
const IMPOSSIBLE_RATE: Frequency = Frequency::new(0.9);

/// Counts the steps of the system clock. Raw times of different epochs cannot be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct ClockEpoch(u32);

impl ClockEpoch {
    /// The epoch that the next step begins.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Its number, for words between threads.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The epoch of this number.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// A reading of the system clock and the epoch it was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stamp {
    /// What the clock showed.
    pub time: RawTime,
    /// Which clock that was.
    pub epoch: ClockEpoch,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Segment {
    epoch: ClockEpoch,
    raw: RawTime,
    free: FreeTime,
    correction: Frequency,
}

impl Segment {
    fn to_free(self, raw: RawTime) -> FreeTime {
        let elapsed = raw - self.raw;
        let c = self.correction.as_ratio();
        // elapsed / (1 + c), written so that only the small part passes through a float.
        self.free + (elapsed - elapsed.scaled(c / (1.0 + c)))
    }

    fn to_raw(self, free: FreeTime) -> RawTime {
        let elapsed = free - self.free;
        self.raw + (elapsed + self.correction * elapsed)
    }
}

/// The history of corrections, as pictured at the head of this file.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Timeline {
    /// Never empty, oldest first.
    segments: VecDeque<Segment>,
    current: Segment,
}

impl Timeline {
    /// Starts at `raw`, where the free-running clock is said to show the same, with the rate of the system
    /// clock corrected by `correction`.
    #[must_use]
    pub fn new(raw: RawTime, correction: Frequency) -> Self {
        let current = Segment { epoch: ClockEpoch::default(), raw, free: raw.reinterpret(), correction };
        Self { segments: VecDeque::from([current]), current }
    }

    /// The epoch of the system clock now.
    #[must_use]
    pub const fn epoch(&self) -> ClockEpoch {
        self.current.epoch
    }

    /// By how much the system clock runs faster now than the free-running clock.
    #[must_use]
    pub const fn correction(&self) -> Frequency {
        self.current.correction
    }

    /// The system clock runs with `correction` from the moment at which it shows `at`.
    pub fn change_rate(&mut self, at: RawTime, correction: Frequency) {
        let free = self.current.to_free(at);
        self.begin(Segment { raw: at, free, correction, ..self.current });
    }

    /// The system clock was set forward by `by` at the moment at which it showed `at`.
    pub fn step(&mut self, at: RawTime, by: NtpDuration) {
        let free = self.current.to_free(at);
        let epoch = self.current.epoch.next();
        self.begin(Segment { epoch, raw: at + by, free, ..self.current });
    }

    /// The free-running clock at a stamp, which was read when the system clock shows `now`.
    ///
    /// A stamp that was made just before a step may be labelled with the epoch after it. It then lies before
    /// the epoch's start or after `now`, and is taken for what it is. `None` if the epoch is forgotten.
    #[must_use]
    pub fn to_free(&self, stamp: Stamp, now: RawTime) -> Option<FreeTime> {
        let first = self.segments.iter().find(|s| s.epoch == stamp.epoch)?;
        let is_older = first.epoch != ClockEpoch::default() && stamp.time < first.raw;
        let is_ahead = stamp.epoch == self.epoch() && stamp.time > now + READING;
        let previous = || self.segments.iter().rev().find(|s| s.epoch.next() == stamp.epoch);
        if (is_older || is_ahead)
            && let Some(previous) = previous()
        {
            return Some(previous.to_free(stamp.time));
        }
        let in_epoch = self.segments.iter().rev().filter(|s| s.epoch == stamp.epoch);
        let segment = in_epoch.into_iter().find(|s| s.raw <= stamp.time).unwrap_or(first);
        Some(segment.to_free(stamp.time))
    }

    /// The free-running clock at the moment at which the system clock shows `now`.
    #[must_use]
    pub fn free_now(&self, now: RawTime) -> FreeTime {
        self.current.to_free(now)
    }

    /// What the system clock shows at `free`, if nothing changes from now on.
    #[must_use]
    pub fn to_raw(&self, free: FreeTime) -> RawTime {
        self.current.to_raw(free)
    }

    /// Whether it could have come about. What came from a file need not.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let possible = |segment: &Segment| segment.correction.abs() < IMPOSSIBLE_RATE;
        self.segments.len() <= SEGMENTS
            && self.segments.back() == Some(&self.current)
            && self.segments.iter().all(possible)
    }

    fn begin(&mut self, segment: Segment) {
        if self.segments.len() == SEGMENTS {
            self.segments.pop_front();
        }
        self.segments.push_back(segment);
        self.current = segment;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: NtpDuration = NtpDuration::from_secs(1);

    fn start() -> RawTime {
        RawTime::from_unix(1_700_000_000, 0)
    }

    #[test]
    fn a_faster_system_clock_leaves_the_free_clock_alone() {
        let mut timeline = Timeline::new(start(), Frequency::ZERO);
        timeline.change_rate(start() + SECOND, Frequency::from_ppm(100_000.0));
        let raw = start() + SECOND + NtpDuration::from_millis(1_100);
        let free = timeline.free_now(raw);
        assert!((free - (start() + SECOND + SECOND).reinterpret()).abs() <= NtpDuration::from_nanos(1));
        assert!((timeline.to_raw(free) - raw).abs() <= NtpDuration::from_nanos(1));
    }

    #[test]
    fn stamps_from_before_a_change_of_rate_keep_their_rate() {
        let mut timeline = Timeline::new(start(), Frequency::ZERO);
        timeline.change_rate(start() + SECOND, Frequency::from_ppm(500.0));
        let stamp = Stamp { time: start() + SECOND.half(), epoch: timeline.epoch() };
        assert_eq!(timeline.to_free(stamp, start() + SECOND), Some(stamp.time.reinterpret()));
    }

    #[test]
    fn a_step_begins_an_epoch_and_the_free_clock_goes_on() {
        let mut timeline = Timeline::new(start(), Frequency::ZERO);
        let before = Stamp { time: start() + SECOND, epoch: timeline.epoch() };
        timeline.step(start() + SECOND, NtpDuration::from_secs(-50));
        let after = Stamp { time: start() + SECOND + NtpDuration::from_secs(-49), epoch: timeline.epoch() };
        let now = after.time;
        let free = |stamp| timeline.to_free(stamp, now).unwrap();
        assert_ne!(before.epoch, after.epoch);
        assert_eq!(free(after) - free(before), SECOND);
    }

    #[test]
    fn a_stamp_with_the_label_of_the_epoch_after_it_is_recognised() {
        for by in [-50, 50] {
            let mut timeline = Timeline::new(start(), Frequency::ZERO);
            let before = start() + SECOND;
            timeline.step(start() + SECOND + SECOND, NtpDuration::from_secs(by));
            let now = start() + NtpDuration::from_secs(by + 3);
            let stamp = Stamp { time: before, epoch: timeline.epoch() };
            assert_eq!(timeline.to_free(stamp, now), Some(before.reinterpret()), "{by}");
        }
    }

    #[test]
    fn forgotten_epochs_are_not_guessed() {
        let mut timeline = Timeline::new(start(), Frequency::ZERO);
        let old = Stamp { time: start(), epoch: timeline.epoch() };
        for i in 0..40 {
            timeline.step(start() + NtpDuration::from_secs(i), NtpDuration::ZERO);
        }
        assert_eq!(timeline.to_free(old, start() + NtpDuration::from_secs(40)), None);
    }

    proptest! {
        #[test]
        fn raw_and_free_are_inverse(
            rates in prop::collection::vec(-100_000.0..100_000.0f64, 1..20), probe in 0i64..1_000_000_000_000,
        ) {
            let mut timeline = Timeline::new(start(), Frequency::ZERO);
            for (i, ppm) in (0..).zip(rates) {
                timeline.change_rate(start() + NtpDuration::from_secs(i * 10), Frequency::from_ppm(ppm));
            }
            let raw = start() + NtpDuration::from_secs(300) + NtpDuration::from_nanos(probe);
            let back = timeline.to_raw(timeline.free_now(raw));
            prop_assert!((back - raw).abs() <= NtpDuration::from_nanos(1));
        }
    }
}
