//! What is known of one client.

use ntp_proto::time::{Monotonic, NtpDuration};

use super::Key;
use crate::responder::Asked;

/// Time since the table was made, 1/128 s; wraps after more than a year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tick(u32);

impl Tick {
    /// How many make a second.
    pub const PER_SECOND: u32 = 128;

    /// So many ticks.
    #[must_use]
    pub const fn new(ticks: u32) -> Self {
        Self(ticks)
    }

    /// How long after `start` it is `now`.
    #[must_use]
    pub fn between(start: Monotonic, now: Monotonic) -> Self {
        // 32 bits of fraction become seven; what is left above wraps.
        Self(((now - start).max(NtpDuration::ZERO).as_ticks() >> 25) as u32)
    }

    /// How many.
    #[must_use]
    pub const fn ticks(self) -> u32 {
        self.0
    }

    /// How long before `self` it was `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.wrapping_sub(earlier.0))
    }

    /// In seconds.
    #[must_use]
    pub fn to_seconds(self) -> f64 {
        f64::from(self.0) / f64::from(Self::PER_SECOND)
    }
}

/// What is known of one client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Who it is.
    pub key: Key,
    /// When it asked first.
    pub first: Tick,
    /// When it asked last.
    pub last: Tick,
    /// How often it asked; does not wrap.
    pub requests: u32,
    /// How many of these were not answered because it asks too often.
    pub drops: u32,
    /// Interface of the latest request; 0 if not known.
    pub interface: u32,
    /// Version of the latest request.
    pub version: u8,
    /// Mode of the latest request, as on the wire.
    pub mode: u8,
    /// Whether the latest request was authenticated.
    pub authenticated: bool,
    /// What its bucket holds; see [`Limit`](crate::Limit).
    pub(crate) tokens: u32,
    /// Whether the latest request was answered.
    pub(crate) answered: bool,
    /// From requests that were answered to the next, on the scale of [`Pace`].
    pub(crate) pace: Pace,
    /// The same after requests that were not.
    pub(crate) unanswered_pace: Pace,
    /// Receive and transmit timestamps of the latest exchange, for interleaved mode.
    pub(crate) stamps: [u64; 2],
}

impl Client {
    /// Seconds between its requests, averaged so that the last four count most; `None` after a single one.
    #[must_use]
    pub fn interval_s(&self) -> Option<f64> {
        let pace = if self.pace == Pace::default() { self.unanswered_pace } else { self.pace };
        pace.to_seconds()
    }

    /// It asked again, `after` the time before, and was `answered` or not.
    pub(crate) fn asked(&mut self, after: Tick, answered: bool) {
        if self.requests > 0 {
            let pace = if self.answered { &mut self.pace } else { &mut self.unanswered_pace };
            pace.learn(after);
        }
        self.requests = self.requests.saturating_add(1);
        self.drops = self.drops.saturating_add(u32::from(!answered));
        self.answered = answered;
    }

    /// What the request looked like.
    pub(crate) const fn looks(&mut self, asked: Asked, interface: u32) {
        self.version = asked.version;
        self.mode = asked.mode.to_bits();
        self.authenticated = asked.authenticated;
        self.interface = interface;
    }

    /// Whether silence makes it ask at least twice as often.
    pub(crate) fn asks_more_when_unanswered(&self) -> bool {
        self.unanswered_pace.is_known() && self.unanswered_pace.0.saturating_add(OCTAVE) < self.pace.0
    }
}

/// An average of intervals, log2 of ticks in steps of 1/256 octave; zero: nothing known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace(pub(super) u16);

const OCTAVE: u16 = 256;
/// Two intervals within one tick.
const SHORTEST: u16 = 1;

impl Pace {
    const fn is_known(self) -> bool {
        self.0 != 0
    }

    fn learn(&mut self, interval: Tick) {
        let new = i32::from(scale(interval));
        let old = i32::from(self.0);
        // A quarter of the difference, but never nothing while there is one.
        let step = (new - old) / 4 + (new - old).signum();
        self.0 =
            if self.is_known() && step.abs() <= (new - old).abs() { (old + step) as u16 } else { new as u16 };
    }

    fn to_seconds(self) -> Option<f64> {
        let octaves = f64::from(i32::from(self.0) - i32::from(OCTAVE)) / f64::from(OCTAVE);
        self.is_known().then(|| octaves.exp2() / f64::from(Tick::PER_SECOND))
    }
}

/// log2, linear within an octave.
fn scale(interval: Tick) -> u16 {
    let ticks = interval.ticks();
    let Some(octave) = ticks.checked_ilog2() else { return SHORTEST };
    let fraction = (u64::from(ticks) << 8 >> octave) as u16 & 0xff;
    (octave as u16 + 1) * OCTAVE + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_averaged_over_octaves() {
        let mut client = Client::default();
        for ticks in [0, 8_192, 8_192, 8_192] {
            client.asked(Tick::new(ticks), true);
        }
        assert_eq!(client.interval_s(), Some(64.0));
        (0..40).for_each(|_| client.asked(Tick::new(128), true));
        let interval = client.interval_s().unwrap();
        assert!((0.99..1.02).contains(&interval), "{interval}");
        assert_eq!((client.requests, client.drops), (44, 0));
    }

    #[test]
    fn one_request_has_no_interval() {
        let mut client = Client::default();
        client.asked(Tick::new(5), false);
        assert_eq!((client.interval_s(), client.drops), (None, 1));
        client.asked(Tick::new(0), false);
        assert!(client.interval_s().is_some_and(|s| s < 0.01));
    }

    #[test]
    fn ticks_are_of_the_clock_for_deadlines() {
        let start = Monotonic::from_nanos(5_000_000_000);
        let later = Monotonic::from_nanos(6_500_000_000);
        assert_eq!(Tick::between(start, later).to_seconds(), 1.5);
        assert_eq!(Tick::between(later, start), Tick::new(0));
        assert_eq!(Tick::new(3).since(Tick::new(u32::MAX)).ticks(), 4);
    }
}
