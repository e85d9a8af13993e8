//! One moment on a hardware clock and on the system clock, and how well the two belong together.

use libc::ptp_clock_time;
use ntp_proto::time::{Instant, NtpDuration, RawTime};

/// Marks times that a PTP hardware clock shows.
#[derive(Clone, Copy, Debug)]
pub enum Phc {}

/// A reading of a PTP hardware clock. Whatever it keeps, UTC, TAI or the time since it was switched on, is counted as
/// if since 1970.
pub type PhcTime = Instant<Phc>;

/// A hardware clock that was read between two looks at the system clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// What the system clock showed in the middle.
    pub at: RawTime,
    /// What the hardware clock showed.
    pub shows: PhcTime,
    /// How long it took: the two belong together within half of it. Never negative.
    pub window: NtpDuration,
}

impl Bracket {
    /// From the system clock before and after. `None` if that went back meanwhile.
    #[must_use]
    pub fn between(before: RawTime, shows: PhcTime, after: RawTime) -> Option<Self> {
        let window = after - before;
        (!window.is_negative()).then(|| Self { at: before + window.half(), shows, window })
    }

    /// How far the two may be apart, at least a nanosecond.
    #[must_use]
    pub fn uncertainty(&self) -> NtpDuration {
        self.window.half().max(NtpDuration::from_nanos(1))
    }

    /// From what the kernel wrote. `None` where something is no time or the system clock went back.
    pub(crate) fn from_kernel([before, shows, after]: [ptp_clock_time; 3]) -> Option<Self> {
        Self::between(instant(&before)?, instant(&shows)?, instant(&after)?)
    }
}

/// The one that took the shortest: what interrupts it makes it longer.
pub(crate) fn shortest(brackets: impl IntoIterator<Item = Bracket>) -> Option<Bracket> {
    brackets.into_iter().min_by_key(|bracket| bracket.window)
}

/// A time as the kernel writes it. `None` if it is none: with a fraction beyond a second, before 1970, or so late
/// that nobody can mean it.
pub(crate) fn instant<C>(time: &ptp_clock_time) -> Option<Instant<C>> {
    const YEAR_2514: i64 = 1 << 34;
    const NANOS: u32 = 1_000_000_000;
    let is_time = (0..YEAR_2514).contains(&time.sec) && time.nsec < NANOS;
    is_time.then(|| Instant::from_unix(time.sec, time.nsec))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(sec: i64, nsec: u32) -> ptp_clock_time {
        ptp_clock_time { sec, nsec, reserved: 0 }
    }

    #[test]
    fn the_moment_is_in_the_middle() {
        let bracket = Bracket::from_kernel([time(100, 0), time(7, 9), time(100, 4_000)]).unwrap();
        assert_eq!(bracket.at, RawTime::from_unix(100, 2_000));
        assert_eq!(bracket.shows, PhcTime::from_unix(7, 9));
        assert_eq!(bracket.uncertainty().to_nanos(), 2_000);
    }

    #[test]
    fn a_pair_of_the_hardware_is_good_to_a_nanosecond() {
        let same = RawTime::from_unix(5, 5);
        let bracket = Bracket::between(same, PhcTime::from_unix(1, 0), same).unwrap();
        assert_eq!(bracket.uncertainty().to_nanos(), 1);
    }

    #[test]
    fn what_is_no_time_makes_no_bracket() {
        let good = time(100, 0);
        for bad in [time(-1, 0), time(5, 1_000_000_000), time(i64::MAX, 0), time(i64::MIN, u32::MAX)] {
            assert_eq!(Bracket::from_kernel([good, bad, good]), None);
            assert_eq!(Bracket::from_kernel([bad, good, good]), None);
            assert_eq!(Bracket::from_kernel([good, good, bad]), None);
        }
        assert_eq!(Bracket::from_kernel([time(100, 1), good, good]), None, "the system clock went back");
    }

    #[test]
    fn the_shortest_is_the_best() {
        let took = |nanos| Bracket::from_kernel([time(100, 0), time(7, nanos), time(100, nanos)]).unwrap();
        assert_eq!(shortest([took(900), took(300), took(5_000)]), Some(took(300)));
        assert_eq!(shortest([]), None);
    }
}
