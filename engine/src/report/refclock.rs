//! What there is to show of a reference clock beyond what every source has.

use ntp_clock::select::State;
use ntp_proto::time::NtpDuration;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::input::Now;
use crate::refclock::Refclock;
use crate::reference::Standing;
use crate::source::Source;

/// A reference clock, as the engine sees it. What its device says is the driver's to tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefclockReport {
    /// Readings that its driver gave.
    pub readings: u64,
    /// Those that took part in samples.
    pub counted: u64,
    /// Seconds since the latest reading that could be used.
    pub last_reading_age_s: Option<f64>,
    /// Scatter of a single reading, one standard deviation.
    pub jitter_s: Option<f64>,
    /// Whether it gives pulses, and not the time of day.
    pub pulses: bool,
    /// Of pulses: who tells which second they begin, letters or `clock`.
    pub lock: Option<String>,
    /// Of pulses: whether that works.
    pub locked: Option<bool>,
    /// Of pulses: why it does not.
    pub unlocked_reason: Option<String>,
    /// How far the pulses have moved all at once, so that they are not believed; positive if they come earlier.
    pub displaced_s: Option<f64>,
    /// What is added to every offset, as configured.
    pub offset_s: f64,
    /// What should be, for it to agree with the clock, if that is set by another.
    pub suggested_offset_s: Option<f64>,
    /// One standard deviation of that.
    pub suggested_offset_stddev_s: Option<f64>,
}

impl Engine {
    pub(super) fn refclock_report(&self, source: &Source, refclock: &Refclock, now: Now) -> RefclockReport {
        let free = self.discipline.timeline.free_now(now.raw);
        let (pulses, options) = (refclock.gives_pulses(), &refclock.options);
        let lock = options.pulses.lock.map(|lock| lock.to_ascii().unwrap_or_else(|| lock.to_string()));
        let (suggested, stddev) = self.suggested_offset(source, refclock, now).unzip();
        RefclockReport {
            readings: refclock.counts.readings,
            counted: refclock.counts.counted,
            last_reading_age_s: refclock.latest.map(|latest| (free - latest.at).to_seconds()),
            jitter_s: refclock.scatter().map(NtpDuration::to_seconds),
            pulses,
            lock: pulses.then(|| lock.unwrap_or_else(|| "clock".to_owned())),
            locked: pulses.then_some(refclock.obstacle().is_none() && refclock.latest.is_some()),
            unlocked_reason: refclock.obstacle().map(|why| why.to_string()),
            displaced_s: refclock.displacement().map(NtpDuration::to_seconds),
            offset_s: options.offset.to_seconds(),
            suggested_offset_s: suggested,
            suggested_offset_stddev_s: stddev,
        }
    }

    /// The correction that would make it agree with the clock, and how sure that is. Only another can tell.
    fn suggested_offset(&self, source: &Source, refclock: &Refclock, now: Now) -> Option<(f64, f64)> {
        let is_other = !source.state.is_used() && self.standing == Standing::Synchronised;
        let clock = self.estimate(now).filter(|_| is_other)?;
        let own = source.filter.estimate(clock.at)?;
        let missing = clock.offset.as_duration() - own.offset.as_duration();
        let stddev = clock.uncertainty().to_seconds().hypot(own.uncertainty().to_seconds());
        Some(((refclock.options.offset.as_duration() + missing).to_seconds(), stddev))
    }
}

/// Why it is used or not, preceded by what the clock itself is about if that is why.
pub(super) fn reason(refclock: &Refclock, state: State) -> String {
    let words = match state {
        State::Unreachable => "gave no usable time for eight polls".to_owned(),
        State::Kept => "gave no usable time for eight polls; kept, since no other can be used".to_owned(),
        state => state.to_string(),
    };
    let Some(latest) = latest(refclock) else { return words };
    match state {
        State::New | State::NoSamples => format!("no usable sample yet: {latest}"),
        _ => format!("{words}; {latest}"),
    }
}

fn latest(refclock: &Refclock) -> Option<String> {
    if let Some(why) = refclock.obstacle() {
        return Some(why.to_string());
    }
    if let Some(by) = refclock.displacement() {
        let side = if by.is_negative() { "later" } else { "earlier" };
        return Some(format!("pulses come {} {side} than they did, and are not believed", by.abs()));
    }
    (refclock.counts.readings == 0).then(|| "its device has given nothing".to_owned())
}
