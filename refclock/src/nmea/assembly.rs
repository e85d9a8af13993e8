//! Puts sentences together that mean the same instant. [`super::receiver`] hands them over.
//!
//! A burst begins when something comes after the line has been quiet. If receivers speak so often that it never is, one
//! begins with the first sentence that says a later time, and its beginning is reckoned. What says the time of the burst
//! before belongs to that, however long the receiver paused.

use ntp_clock::{Reading, Shows};
use ntp_proto::time::{EstimatedTime, Monotonic, NtpDuration};

use super::Stamp;
use super::burst::{Burst, Start, Withheld};
use super::sentence::Sentence;
use super::sky::Sky;
use super::status::WithheldCounts;
use super::time_of_day::TimeOfDay;

/// The burst that is coming in, and what came of those before.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    burst: Burst,
    /// Where the next burst begins, should what comes not belong to the one that waits for its date.
    later: Option<Start>,
    /// The time of the last burst that was settled.
    last: Option<TimeOfDay>,
    /// The last word on the fix, and when.
    has_fix: Option<(bool, Monotonic)>,
    pub(super) readings: u64,
    pub(super) withheld: WithheldCounts,
    /// The last reading's time, and when its burst began.
    pub(super) last_time: Option<(EstimatedTime, Monotonic)>,
    pub(super) weeks_repaired: u16,
}

/// How long the last word on the fix holds for bursts without one.
const FIX_HOLDS: NtpDuration = NtpDuration::from_secs(10);

/// How long a time waits for its date.
const PATIENCE: NtpDuration = NtpDuration::from_secs(1);

impl Assembly {
    /// Something came after the line had been quiet.
    pub(super) fn begin(&mut self, start: Start, sky: &mut Sky, readings: &mut Vec<Reading>) {
        if self.awaits_date() && start.at.mono - self.burst.time_at < PATIENCE {
            self.later = Some(start);
        } else {
            self.settle(start.at, sky, readings);
            (self.burst, self.later) = (Burst::begun(Some(start)), None);
        }
    }

    /// A sentence came that began at `start`; true: a burst began with it although the line was never quiet.
    pub(super) fn add(
        &mut self,
        sentence: &Sentence,
        start: Start,
        sky: &mut Sky,
        readings: &mut Vec<Reading>,
    ) -> bool {
        let crowded = sentence.time().is_some_and(|time| self.place(time, start, sky, readings));
        self.burst.add(sentence);
        crowded
    }

    /// The line has become quiet.
    pub(super) fn end(&mut self, now: Stamp, sky: &mut Sky, readings: &mut Vec<Reading>) {
        if !self.awaits_date() {
            self.settle(now, sky, readings);
        }
    }

    /// Nothing of what is coming in can be dated.
    pub(super) fn abandon(&mut self) {
        (self.burst, self.later) = (Burst::default(), None);
    }

    /// Some receivers pause before the sentence with the date.
    fn awaits_date(&self) -> bool {
        !self.burst.settled
            && self.burst.time.is_some()
            && self.burst.date().is_none()
            && self.burst.evidence.has_fix() != Some(false)
    }

    /// Finds the burst for a sentence with that time, and makes it the current one.
    fn place(&mut self, time: TimeOfDay, start: Start, sky: &mut Sky, readings: &mut Vec<Reading>) -> bool {
        let Some(current) = self.burst.time else {
            (self.burst.time, self.burst.time_at) = (Some(time), start.at.mono);
            if self.last.is_some_and(|last| time.is_same_as(last)) {
                self.burst.settled = true;
                self.withheld.repeated += 1;
            }
            return false;
        };
        if time.is_same_as(current) {
            self.later = None;
            return false;
        }
        let seen = self.later.take();
        if seen.is_none() && !self.is_next(time.since(current), start.at.mono) {
            self.burst.contradictory = true;
            return false;
        }
        self.settle(start.at, sky, readings);
        self.burst = Burst::begun(Some(seen.unwrap_or(start)));
        (self.burst.time, self.burst.time_at) = (Some(time), start.at.mono);
        seen.is_none()
    }

    /// Whether as much time has gone by as the times of two sentences differ by. Half of it is enough, as one of them
    /// may have been held up.
    fn is_next(&self, step_nanos: i64, now: Monotonic) -> bool {
        step_nanos > 0 && now - self.burst.time_at >= NtpDuration::from_nanos(step_nanos).half()
    }

    fn settle(&mut self, now: Stamp, sky: &mut Sky, readings: &mut Vec<Reading>) {
        sky.show(&self.burst.evidence, now.mono);
        let said = self.burst.evidence.has_fix();
        if self.burst.settled || (self.burst.time.is_none() && said != Some(false)) {
            return;
        }
        let held = self.has_fix.filter(|(_, when)| now.mono - *when < FIX_HOLDS);
        let trusted = held.is_none_or(|(has_fix, _)| has_fix);
        match self.burst.verdict(now, trusted) {
            Ok(reading) => self.yields(reading, readings),
            Err(why) => self.count(why),
        }
        self.burst.settled = true;
        self.last = self.burst.time.or(self.last);
        self.has_fix = said.map(|has_fix| (has_fix, now.mono)).or(held);
    }

    fn yields(&mut self, reading: Reading, readings: &mut Vec<Reading>) {
        self.readings += 1;
        self.weeks_repaired = self.burst.date().map_or(0, |date| date.weeks_repaired);
        if let (Shows::Time(time), Some(start)) = (reading.shows, self.burst.start) {
            self.last_time = Some((time, start.at.mono));
        }
        readings.push(reading);
    }

    fn count(&mut self, why: Withheld) {
        let counts = &mut self.withheld;
        *match why {
            Withheld::NoFix => &mut counts.no_fix,
            Withheld::Contradictory => &mut counts.contradictory,
            Withheld::Undated => &mut counts.undated,
            Withheld::Unstarted => &mut counts.unstarted,
            Withheld::ClockSet => &mut counts.clock_set,
        } += 1;
    }
}
