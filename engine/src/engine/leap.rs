//! Leap seconds: the kernel is told of them on the day, and when it carries one out the count of seconds changes, not
//! the clock.

use ntp_proto::packet::Leap;
use ntp_proto::time::NtpDuration;

use super::Engine;
use crate::event::Event;
use crate::input::Now;

const DAY: i64 = 86_400;
/// Days of a year that begins on the first of March.
const FIRST_OF_JULY: i64 = 122;
const FIRST_OF_JANUARY: i64 = 306;
/// The kernel's leap is a second, as well as a step can be measured.
const LEAP_TOLERANCE: NtpDuration = NtpDuration::from_millis(100);
/// It is noticed within so many seconds of midnight, before which an inserted second leads back.
const NEAR_MIDNIGHT: i64 = 10;

impl Engine {
    /// What the kernel is to do at the end of this day: what most sources announce, if this is a day that ends with leap
    /// seconds. Servers announce them up to a month ahead (RFC 5905 §7.3).
    pub(super) fn leap_of_today(&self, now: Now) -> Leap {
        let (Some(tracking), Some(estimate)) = (&self.tracking, self.estimate(now)) else {
            return Leap::None;
        };
        let shown = now.raw + self.discipline.phase(&estimate, now).as_duration();
        let tomorrow = shown.to_unix().0.div_euclid(DAY) + 1;
        if begins_a_half_year(tomorrow) { tracking.leap } else { Leap::None }
    }

    /// Whether a step that was not ours is the leap second that the kernel was told of.
    pub(super) fn is_leap(&self, now: Now, by: NtpDuration) -> bool {
        let expected = match self.armed {
            Leap::Insert => NtpDuration::from_secs(-1),
            Leap::Delete => NtpDuration::from_secs(1),
            Leap::None | Leap::Unsynchronised => return false,
        };
        let in_day = now.raw.to_unix().0.rem_euclid(DAY);
        let at_midnight = in_day <= NEAR_MIDNIGHT || in_day >= DAY - NEAR_MIDNIGHT;
        at_midnight && (by - expected).abs() < LEAP_TOLERANCE
    }

    /// The kernel carried out a leap second: seconds are counted anew from here on, by the clock and by all sources.
    pub(super) fn count_anew(&mut self, now: Now, by: NtpDuration) {
        self.events.push_back(Event::LeapSecond { leap: self.armed });
        self.armed = Leap::None;
        self.discipline.timeline.step(now.raw - by, by);
        for source in &mut self.sources {
            source.filter.renumber(by);
            source.server.iter_mut().for_each(|server| server.leap = Leap::None);
            source.refclock_mut().into_iter().for_each(|refclock| refclock.renumber(by));
        }
        if let Some(ensemble) = &mut self.ensemble {
            ensemble.renumber(by);
        }
        if let Some(tracking) = &mut self.tracking {
            tracking.estimate = tracking.estimate.renumbered(by);
            tracking.leap = Leap::None;
        }
        self.correct(now);
        self.tell_kernel(now);
    }
}

/// Whether the first of January or of July begins on this day, counted from 1970-01-01.
fn begins_a_half_year(day: i64) -> bool {
    // Years that begin in March have their leap day at the end; 400 of them are 146 097 days, from 0000-03-01 on.
    let day_of_cycle = (day + 719_468).rem_euclid(146_097);
    let year = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year + year / 4 - year / 100);
    day_of_year == FIRST_OF_JULY || day_of_year == FIRST_OF_JANUARY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_seconds_come_before_the_first_of_january_and_of_july() {
        // 1970-01-01, 2000-07-01, 2001-01-01, 2017-01-01, 2024-07-01, 2100-07-01, 2400-01-01.
        for day in [0, 11_139, 11_323, 17_167, 19_905, 47_663, 157_054] {
            assert!(begins_a_half_year(day), "{day}");
        }
        let days = (0..146_097).filter(|day| begins_a_half_year(*day)).count();
        assert_eq!(days, 800);
    }
}
