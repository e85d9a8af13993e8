//! A hardware clock as a way to tell what the system clock showed: for pulses and packets that it stamped.
//!
//! The system clock is slewed by those who steer it, so only what was seen lately counts, and of that only as many
//! brackets as lie on one straight line: what was seen before the rate changed bends away from it.

use std::collections::VecDeque;

use ntp_proto::time::{NtpDuration, RawTime};

use super::bracket::{Bracket, PhcTime};

/// So many brackets are remembered at most …
const BRACKETS: usize = 16;
/// … and no more than two that are older than this.
const MEMORY: NtpDuration = NtpDuration::from_secs(16);
/// By so much the two clocks may part more than the line says, by a change of rate that was not seen yet.
const UNSEEN: f64 = 20e-6;
/// Lines steeper than this do not come from two clocks: the kernel slews by 10 % at most.
const MAX_RATE_ERROR: f64 = 0.11;
/// Further away from what was seen nothing is known.
const REACH: NtpDuration = NtpDuration::from_secs(100);

/// Tracks a hardware clock against the system clock.
#[derive(Clone, Debug)]
pub struct PhcTrack {
    /// How well readings of the hardware clock repeat.
    precision: NtpDuration,
    /// The latest first, in descending order of both clocks.
    brackets: VecDeque<Bracket>,
    line: Option<PhcLine>,
}

/// What the system clock shows by what a hardware clock shows, as it was when the hardware clock was last read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhcLine {
    /// When the hardware clock was last read, by itself …
    phc: PhcTime,
    /// … and by the system clock.
    system: RawTime,
    /// How far that is from what the line says, in seconds.
    correction: f64,
    /// So many seconds of the system clock pass for one of the other, less one.
    slope: f64,
    /// How well the two were read together.
    uncertainty: NtpDuration,
}

impl PhcLine {
    /// What the system clock showed when the hardware clock showed `stamp`, and how far that may be wrong. `None` for
    /// what is more than 100 s from the reading.
    #[must_use]
    pub fn system_time(&self, stamp: PhcTime) -> Option<(RawTime, NtpDuration)> {
        let since = stamp - self.phc;
        if since.abs() > REACH {
            return None;
        }
        let beyond = self.correction + self.slope * since.to_seconds();
        let time = self.system + since + NtpDuration::from_seconds(beyond);
        Some((time, self.uncertainty + since.abs().scaled(UNSEEN)))
    }
}

impl PhcTrack {
    /// Nothing is known yet. Readings of the hardware clock repeat within `precision`, however long they take; 100 ns is
    /// what network cards do.
    #[must_use]
    pub fn new(precision: NtpDuration) -> Self {
        Self { precision, brackets: VecDeque::with_capacity(BRACKETS + 1), line: None }
    }

    /// One more bracket. If either clock was set since the latest one, all that went before is forgotten.
    pub fn feed(&mut self, bracket: Bracket) {
        if self.brackets.front().is_some_and(|latest| !follows(latest, &bracket)) {
            self.brackets.clear();
        }
        self.brackets.push_front(bracket);
        let recent = self.brackets.iter().take_while(|old| bracket.at - old.at <= MEMORY).count();
        self.brackets.truncate(recent.clamp(2, BRACKETS));
        self.line = self.straight_line();
    }

    /// Nothing is known any more: the system clock was set.
    pub fn forget(&mut self) {
        self.brackets.clear();
        self.line = None;
    }

    /// The latest bracket.
    #[must_use]
    pub fn latest(&self) -> Option<&Bracket> {
        self.brackets.front()
    }

    /// How much faster than the hardware clock the system clock is, as a ratio; `None` before two brackets.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        self.line.map(|line| line.slope)
    }

    /// How the two go together now; `None` before two brackets.
    #[must_use]
    pub const fn line(&self) -> Option<&PhcLine> {
        self.line.as_ref()
    }

    /// What the system clock showed when the hardware clock showed `stamp`, as [`PhcLine::system_time`].
    #[must_use]
    pub fn system_time(&self, stamp: PhcTime) -> Option<(RawTime, NtpDuration)> {
        self.line?.system_time(stamp)
    }

    /// Through as many of the latest brackets as are straight within what repeats; two at least.
    fn straight_line(&self) -> Option<PhcLine> {
        (2..=self.brackets.len()).rev().find_map(|count| {
            let line = self.regression(count)?;
            (count == 2 || self.brackets.iter().take(count).all(|seen| self.passes(&line, seen)))
                .then_some(line)
        })
    }

    fn passes(&self, line: &PhcLine, seen: &Bracket) -> bool {
        let (x, y) = self.point(seen);
        let tolerance = self.precision.max(seen.window.scaled(0.125));
        (line.correction + line.slope * x - y).abs() <= tolerance.to_seconds()
    }

    /// By least squares. `None` if the brackets are all of one moment or the line is no line of two clocks.
    fn regression(&self, count: usize) -> Option<PhcLine> {
        let latest = self.brackets.front()?;
        let points = || self.brackets.iter().take(count).map(|seen| self.point(seen));
        let n = count as f64;
        let (x0, y0) = points().fold((0.0, 0.0), |(x, y), point| (x + point.0 / n, y + point.1 / n));
        let (xx, xy) = points()
            .map(|(x, y)| (x - x0, y - y0))
            .fold((0.0, 0.0), |(xx, xy), (x, y)| (xx + x * x, xy + x * y));
        let slope = xy / xx;
        let line = PhcLine {
            phc: latest.shows,
            system: latest.at,
            correction: y0 - slope * x0,
            slope,
            uncertainty: latest.uncertainty(),
        };
        (slope.abs() <= MAX_RATE_ERROR).then_some(line)
    }

    /// Seconds since the latest bracket by the hardware clock, and by how many more the system clock went on.
    fn point(&self, seen: &Bracket) -> (f64, f64) {
        let Some(latest) = self.brackets.front() else { return (0.0, 0.0) };
        let (phc, system) = (seen.shows - latest.shows, seen.at - latest.at);
        (phc.to_seconds(), (system - phc).to_seconds())
    }
}

/// Whether nobody set one of the clocks in between: both went on, and about as far.
fn follows(before: &Bracket, now: &Bracket) -> bool {
    let (phc, system) = (now.shows - before.shows, now.at - before.at);
    let tolerance = system.scaled(MAX_RATE_ERROR) + before.window + now.window;
    phc > NtpDuration::ZERO && system > NtpDuration::ZERO && (phc - system).abs() <= tolerance
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRECISION: NtpDuration = NtpDuration::from_nanos(100);

    /// A system clock that gains on a hardware clock that was switched on at its second 5000, by `rate`.
    fn bracket(second: f64, rate: f64) -> Bracket {
        let start = RawTime::from_unix(1_700_000_000, 0);
        let shows = PhcTime::from_unix(0, 0) + NtpDuration::from_seconds(second);
        let system = start + NtpDuration::from_seconds(second) + NtpDuration::from_seconds(second * rate);
        Bracket { at: system, shows, window: NtpDuration::from_nanos(800) }
    }

    fn fed(brackets: impl IntoIterator<Item = Bracket>) -> PhcTrack {
        let mut track = PhcTrack::new(PRECISION);
        brackets.into_iter().for_each(|bracket| track.feed(bracket));
        track
    }

    /// How far off the track is for a stamp of that second.
    fn error_ns(track: &PhcTrack, truth: Bracket) -> i64 {
        let (time, uncertainty) = track.system_time(truth.shows).unwrap();
        assert!((time - truth.at).abs() <= uncertainty + NtpDuration::from_nanos(1), "{time:?} {truth:?}");
        (time - truth.at).to_nanos()
    }

    #[test]
    fn one_bracket_is_no_line() {
        let track = fed([bracket(0.0, 0.0)]);
        assert_eq!(track.system_time(PhcTime::from_unix(0, 0)), None);
        assert_eq!(track.rate(), None);
        assert_eq!(PhcTrack::new(PRECISION).latest(), None);
    }

    #[test]
    fn two_brackets_tell_what_was_between_and_what_comes() {
        let rate = 30e-6;
        let track = fed([bracket(0.0, rate), bracket(1.0, rate)]);
        for second in [-0.5, 0.0, 0.25, 1.0, 1.5] {
            assert!(error_ns(&track, bracket(second, rate)).abs() <= 1);
        }
        assert!((track.rate().unwrap() - rate).abs() < 1e-9);
    }

    #[test]
    fn brackets_that_are_far_apart_still_serve() {
        let track = fed([0.0, 64.0, 128.0].map(|second| bracket(second, 1e-5)));
        assert!(error_ns(&track, bracket(128.01, 1e-5)).abs() <= 1);
    }

    #[test]
    fn noise_is_averaged() {
        // Alternately early and late by 80 ns: two brackets alone would be 160 ns wrong a second later.
        let noisy = |i: i32| {
            let mut bracket = bracket(f64::from(i), 1e-5);
            bracket.at = bracket.at + NtpDuration::from_nanos(if i % 2 == 0 { 80 } else { -80 });
            bracket
        };
        let track = fed((0..16).map(noisy));
        assert!(error_ns(&track, bracket(16.0, 1e-5)).abs() <= 40);
    }

    #[test]
    fn a_slew_is_followed_from_the_second_bracket_after_it() {
        let before = (0..10).map(|i| bracket(f64::from(i), 0.0));
        // From second 9 on the system clock runs 100 ppm faster.
        let slewed = |second: f64| {
            let mut slewed = bracket(second, 0.0);
            slewed.at = slewed.at + NtpDuration::from_seconds((second - 9.0) * 100e-6);
            slewed
        };
        let track = fed(before.chain([slewed(10.0), slewed(11.0)]));
        assert!(error_ns(&track, slewed(11.5)).abs() <= 1);
    }

    #[test]
    fn a_step_of_either_clock_makes_it_begin_anew() {
        let steps: [fn(&mut Bracket); 4] = [
            |late| late.at = late.at + NtpDuration::from_secs(5),
            |late| late.at = late.at - NtpDuration::from_secs(5),
            |late| late.shows = late.shows + NtpDuration::from_secs(5),
            |late| late.shows = late.shows - NtpDuration::from_secs(5),
        ];
        for step in steps {
            let mut stepped = bracket(2.0, 0.0);
            step(&mut stepped);
            let track = fed([bracket(0.0, 0.0), bracket(1.0, 0.0), stepped]);
            assert_eq!(track.rate(), None);
            assert_eq!(track.latest(), Some(&stepped));
        }
        let mut track = fed([bracket(0.0, 0.0), bracket(1.0, 0.0)]);
        track.forget();
        assert_eq!(track.rate(), None);
    }

    #[test]
    fn nothing_is_said_of_stamps_from_far_away() {
        let track = fed([bracket(0.0, 0.0), bracket(1.0, 0.0)]);
        assert_eq!(track.system_time(PhcTime::from_unix(200, 0)), None);
        assert_eq!(track.system_time(PhcTime::from_unix(1 << 34, 0)), None);
        let near = track.system_time(PhcTime::from_unix(1, 0)).unwrap().1;
        assert!(
            track.system_time(PhcTime::from_unix(11, 0)).unwrap().1 - near > NtpDuration::from_nanos(100_000)
        );
    }

    #[test]
    fn a_clock_that_stands_still_is_no_track() {
        let still = |i: i32| Bracket { shows: PhcTime::from_unix(7, 0), ..bracket(f64::from(i), 0.0) };
        assert_eq!(fed((0..5).map(still)).rate(), None);
    }
}
