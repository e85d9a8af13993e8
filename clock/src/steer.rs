//! From what is known to what is done: step or slew, and at which rate.
//!
//! Frequency and phase are steered apart. The clock's base rate follows the estimated frequency; a phase
//! error is worked off by an additional rate that ends when the error is gone. Small errors take their time,
//! so that the clock stays smooth; large ones go as fast as allowed.

use ntp_proto::time::{FreeTime, Frequency, NtpDuration, Offset};

use crate::estimate::Estimate;

/// How the clock may be corrected.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// The clock is stepped when it is off by more than this …
    pub step_threshold: NtpDuration,
    /// … and stepping is allowed.
    pub step_limit: StepLimit,
    /// The largest additional rate of a slew.
    pub max_slew_rate: Frequency,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            step_threshold: NtpDuration::from_secs(1),
            step_limit: StepLimit::First(3),
            max_slew_rate: Frequency::from_ppm(83_333.333),
        }
    }
}

/// When the clock may be stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum StepLimit {
    /// Never.
    Never,
    /// In the first so many updates.
    First(u32),
    /// At any time.
    Always,
}

/// The kernel cannot run the clock further from its nominal rate than this.
const KERNEL_LIMIT: Frequency = Frequency::from_ppm(100_000.0);
/// Part of that is left to the base rate while the clock slews.
const BASE_LIMIT: Frequency = Frequency::from_ppm(15_000.0);
/// The rate at which a small error is worked off once the clock has settled; more would be felt as noise of
/// the frequency.
const GENTLE: Frequency = Frequency::from_ppm(10.0);
/// Up to here the clock is being set up and errors go fast: so many updates, and, since those of many sources come at
/// once, so long after the first.
const SETTLED_AFTER: u32 = 12;
const SETTLED_TIME: NtpDuration = NtpDuration::from_secs(64);
/// An error this large, and this many times larger than what is uncertain, is no noise but somebody's doing; it
/// goes as fast as it is allowed to.
const BLUNDER: NtpDuration = NtpDuration::from_millis(10);
const BLUNDER_DISPERSIONS: f64 = 5.0;
/// A slew lasts at least so long.
const SHORTEST_SLEW: NtpDuration = NtpDuration::from_secs(1);
/// A small error is gone after this, or twice the pace.
const LONGEST_SLEW: NtpDuration = NtpDuration::from_secs(600);
/// What is not worth a slew of its own.
const NEGLIGIBLE: NtpDuration = NtpDuration::from_nanos(50);

/// What should be done to the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Correction {
    /// Set it forward by `by`; then run at `base`.
    Step {
        /// Forward when positive.
        by: NtpDuration,
        /// The rate afterwards.
        base: Frequency,
    },
    /// Run at `base` plus `slew` until `until`, then at `base`.
    Slew {
        /// The rate that keeps step with the reference.
        base: Frequency,
        /// The additional rate that works off the phase error.
        slew: Frequency,
        /// When the phase error is gone.
        until: FreeTime,
    },
}

/// Remembers how often the clock was updated.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Steering {
    limits: Limits,
    updates: u32,
    /// When the first one was.
    first: Option<FreeTime>,
    /// How long errors may take.
    pace: NtpDuration,
}

impl Steering {
    /// No update has happened yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, updates: 0, first: None, pace: NtpDuration::ZERO }
    }

    /// There is new knowledge: `estimate` is as of now, `phase` is how far the system clock is behind it. A small
    /// error may take as long as `pace`.
    pub fn update(&mut self, estimate: &Estimate, phase: Offset, pace: NtpDuration) -> Correction {
        self.pace = pace;
        self.first.get_or_insert(estimate.at);
        let may_step = match self.limits.step_limit {
            StepLimit::Never => false,
            StepLimit::First(limit) => self.updates < limit,
            StepLimit::Always => true,
        };
        self.updates = self.updates.saturating_add(1);
        let base = estimate.frequency.clamped(BASE_LIMIT);
        if may_step && phase.abs() > self.limits.step_threshold {
            return Correction::Step { by: phase.as_duration(), base };
        }
        self.slew(estimate, base, phase)
    }

    /// The clock was moved by somebody else, or a slew ended: works off what is left, without new knowledge
    /// and so without counting as an update.
    #[must_use]
    pub fn correct(&self, estimate: &Estimate, phase: Offset) -> Correction {
        let base = estimate.frequency.clamped(BASE_LIMIT);
        let steps = self.limits.step_limit == StepLimit::Always && phase.abs() > self.limits.step_threshold;
        if steps {
            return Correction::Step { by: phase.as_duration(), base };
        }
        self.slew(estimate, base, phase)
    }

    /// Away with all of the phase error at once, because the operator says so.
    #[must_use]
    pub fn step_now(estimate: &Estimate, phase: Offset) -> Correction {
        Correction::Step { by: phase.as_duration(), base: estimate.frequency.clamped(BASE_LIMIT) }
    }

    /// Other limits from now on.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    fn slew(&self, estimate: &Estimate, base: Frequency, phase: Offset) -> Correction {
        let now = estimate.at;
        if phase.abs() < NEGLIGIBLE {
            return Correction::Slew { base, slew: Frequency::ZERO, until: now };
        }
        let is_blunder =
            phase.abs() > BLUNDER && phase.abs() > estimate.dispersion().scaled(BLUNDER_DISPERSIONS);
        let lasts = if is_blunder { SHORTEST_SLEW } else { self.slew_time(now, phase.abs()) }.to_seconds();
        let limit = self.limits.max_slew_rate.as_ratio().min((KERNEL_LIMIT - base.abs()).as_ratio());
        let slew = Frequency::new(phase.to_seconds() / lasts).clamped(Frequency::new(limit));
        let until = now + NtpDuration::from_seconds(phase.to_seconds() / slew.as_ratio());
        Correction::Slew { base, slew, until }
    }

    /// At the pace that was given, or gently, but not much slower.
    fn slew_time(&self, now: FreeTime, error: NtpDuration) -> NtpDuration {
        let pace = self.pace.max(SHORTEST_SLEW);
        let is_young = self.first.is_none_or(|first| now - first < SETTLED_TIME);
        if self.updates <= SETTLED_AFTER || is_young {
            return pace;
        }
        let gentle = error.scaled(1.0 / GENTLE.as_ratio());
        gentle.clamp(pace, (pace + pace).max(LONGEST_SLEW))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Estimate {
        let mut e = Estimate::of_frequency(
            FreeTime::from_unix(seconds, 0),
            Frequency::from_ppm(20.0),
            Frequency::ZERO,
        );
        e.offset = Offset::ZERO;
        e.covariance.xx = 1e-12;
        e
    }

    fn phase(seconds: f64) -> Offset {
        Offset::from_seconds(seconds)
    }

    #[test]
    fn the_first_updates_may_step_and_later_ones_may_not() {
        let mut steering = Steering::new(Limits::default());
        for i in 0..3 {
            let by = NtpDuration::from_secs(-2);
            let base = Frequency::from_ppm(20.0);
            assert_eq!(
                steering.update(&at(i), phase(-2.0), NtpDuration::ZERO),
                Correction::Step { by, base }
            );
        }
        assert!(matches!(steering.update(&at(3), phase(-2.0), NtpDuration::ZERO), Correction::Slew { .. }));
    }

    #[test]
    fn the_threshold_itself_is_slewed() {
        let mut steering = Steering::new(Limits { step_limit: StepLimit::Always, ..Limits::default() });
        assert!(matches!(steering.update(&at(0), phase(1.0), NtpDuration::ZERO), Correction::Slew { .. }));
        assert!(matches!(steering.correct(&at(0), phase(1.01)), Correction::Step { .. }));
    }

    #[test]
    fn a_large_error_is_slewed_at_the_configured_rate() {
        let mut steering = Steering::new(Limits::default());
        let Correction::Slew { slew, until, .. } = steering.update(&at(0), phase(-0.5), NtpDuration::ZERO)
        else {
            panic!()
        };
        assert!((slew.to_ppm() + 83_333.333).abs() < 1e-6);
        assert!(((until - at(0).at).to_seconds() - 6.0).abs() < 1e-3);
    }

    #[test]
    fn a_small_error_of_a_settled_clock_goes_gently() {
        let mut steering = Steering::new(Limits::default());
        let pace = NtpDuration::from_secs(32);
        for i in 0..20 {
            let _ = steering.update(&at(i * 64), phase(0.0), pace);
        }
        let mut slew_of = |error| {
            let Correction::Slew { slew, .. } = steering.update(&at(20 * 64), phase(error), pace) else {
                panic!()
            };
            slew.to_ppm()
        };
        assert!((slew_of(64e-6) - 2.0).abs() < 0.01, "noise takes as long as the pace allows");
        assert!((slew_of(4e-3) - 10.0).abs() < 0.01);
        assert!((slew_of(9e-3) - 15.0).abs() < 0.01, "but not for ever");
        assert!((slew_of(0.2) - 83_333.333).abs() < 0.01, "a blunder goes as fast as it may");
    }
}
