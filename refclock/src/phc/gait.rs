//! Whether a hardware clock goes as clocks do. Some stand still and some run far too fast; neither shows time.
//!
//! It is compared with the machine's oscillator as nobody steers it, so neither a step nor a slew of the system clock
//! looks like a fault. Called for every look at the clock.

use std::fmt;
use std::time::Duration;

use ntp_proto::time::NtpDuration;
use serde::{Deserialize, Serialize};

use super::bracket::PhcTime;

/// No two oscillators differ by more, and nobody steers a clock that is to be followed so hard.
const MAX_RATE_ERROR: f64 = 1e-3;
/// After a fault it has to go well for so many looks.
const PROBATION: u32 = 3;

/// How a clock goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gait {
    /// It has to be looked at twice before anything can be said.
    Unknown,
    /// As clocks do.
    Steady,
    /// It shows the same whenever it is looked at.
    StandsStill,
    /// So many times as fast as time passes.
    Races {
        /// Negative: backward.
        times: f64,
    },
    /// It was set while it was watched.
    Jumped {
        /// Forward when positive, in seconds.
        by_s: f64,
    },
    /// It goes well again, but not for long enough yet.
    Recovering,
}

impl Gait {
    /// Whether what it shows is time.
    #[must_use]
    pub const fn is_steady(self) -> bool {
        matches!(self, Self::Steady)
    }

    /// Whether something is wrong with it right now.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::StandsStill | Self::Races { .. } | Self::Jumped { .. })
    }
}

impl fmt::Display for Gait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("not known yet"),
            Self::Steady => f.write_str("steady"),
            Self::StandsStill => f.write_str("stands still"),
            Self::Races { times } if *times < 0.0 => f.write_str("runs backward"),
            Self::Races { times } if *times > 1.1 => write!(f, "runs {times:.1} times too fast"),
            Self::Races { times } if *times > 1.0 => write!(f, "runs {:.1} % too fast", (times - 1.0) * 1e2),
            Self::Races { times } => write!(f, "runs {:.1} % too slow", (1.0 - times) * 1e2),
            Self::Jumped { by_s } => write!(f, "jumped by {by_s:+} s"),
            Self::Recovering => f.write_str("goes well again, not for long yet"),
        }
    }
}

/// One look, somewhere between two readings of the machine's oscillator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    pub(crate) shows: PhcTime,
}

/// Judges how a clock goes.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    latest: Option<Look>,
    gait: Gait,
    good: u32,
    faults: u64,
}

impl Default for Judge {
    fn default() -> Self {
        Self { latest: None, gait: Gait::Unknown, good: PROBATION, faults: 0 }
    }
}

impl Judge {
    /// What is made of it after one more look.
    pub(crate) fn look(&mut self, look: Look) -> Gait {
        let before = self.latest.replace(look);
        if let Some(fault) = before.and_then(|before| self.fault(&before, &look)) {
            self.faults += 1;
            self.good = 0;
            self.gait = fault;
        } else if before.is_some() {
            self.good = (self.good + 1).min(PROBATION);
            self.gait = if self.good < PROBATION { Gait::Recovering } else { Gait::Steady };
        }
        self.gait
    }

    /// How it goes, as far as that is known.
    pub(crate) const fn gait(&self) -> Gait {
        self.gait
    }

    /// At how many looks something was wrong.
    pub(crate) const fn faults(&self) -> u64 {
        self.faults
    }

    fn fault(&self, before: &Look, now: &Look) -> Option<Gait> {
        let passed = middle(now).saturating_sub(middle(before)).as_secs_f64();
        let shown = now.shows - before.shows;
        let ahead = shown.to_seconds() - passed;
        let unsure = (width(before) + width(now)) / 2.0;
        if ahead.abs() <= MAX_RATE_ERROR * passed + unsure {
            return None;
        }
        Some(if shown == NtpDuration::ZERO {
            Gait::StandsStill
        } else if matches!(self.gait, Gait::Steady | Gait::Recovering) {
            Gait::Jumped { by_s: ahead }
        } else {
            Gait::Races { times: shown.to_seconds() / passed.max(1e-9) }
        })
    }
}

fn middle(look: &Look) -> Duration {
    look.before + look.after.saturating_sub(look.before) / 2
}

fn width(look: &Look) -> f64 {
    look.after.saturating_sub(look.before).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: Duration = Duration::from_micros(20);

    /// Looks every second at a clock that shows `shows(i)` s after its start; says how it goes each time.
    fn watch(judge: &mut Judge, seconds: std::ops::Range<u32>, shows: impl Fn(f64) -> f64) -> Vec<Gait> {
        let look = |second: u32| {
            let before = Duration::from_secs(second.into());
            let shows = PhcTime::from_unix(1_000, 0) + NtpDuration::from_seconds(shows(second.into()));
            judge.look(Look { before, after: before + WIDTH, shows })
        };
        seconds.map(look).collect()
    }

    #[test]
    fn a_good_clock_is_steady_from_the_second_look() {
        for rate in [1.0, 1.0 + 500e-6, 1.0 - 500e-6] {
            let gaits = watch(&mut Judge::default(), 0..5, |t| t * rate);
            assert_eq!(gaits[0], Gait::Unknown);
            assert!(gaits[1..].iter().all(|gait| gait.is_steady()), "{gaits:?}");
        }
    }

    #[test]
    fn a_clock_that_shows_the_same_stands_still() {
        let mut judge = Judge::default();
        assert_eq!(watch(&mut judge, 0..3, |_| 7.0)[1..], [Gait::StandsStill; 2]);
        assert_eq!(judge.faults(), 2);
        assert_eq!(Gait::StandsStill.to_string(), "stands still");
    }

    #[test]
    fn a_clock_that_runs_too_fast_says_how_much() {
        for (rate, words) in [
            (2.5, "runs 2.5 times too fast"),
            (1.002, "runs 0.2 % too fast"),
            (0.5, "runs 50.0 % too slow"),
            (-1.0, "runs backward"),
        ] {
            let gaits = watch(&mut Judge::default(), 0..4, |t| t * rate);
            assert!(gaits[1..].iter().all(|gait| gait.to_string() == words), "{gaits:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_is_believed_again_after_a_while() {
        let mut judge = Judge::default();
        let jump = |t| if t < 3.0 { t } else { t + 37.0 };
        let gaits = watch(&mut judge, 0..7, jump);
        assert!(gaits[2].is_steady());
        assert!(matches!(gaits[3], Gait::Jumped { by_s } if (by_s - 37.0).abs() < 1e-3), "{gaits:?}");
        assert_eq!(gaits[4..], [Gait::Recovering, Gait::Recovering, Gait::Steady]);
        assert_eq!(judge.faults(), 1);
    }

    #[test]
    fn a_look_that_was_interrupted_accuses_nobody() {
        let mut judge = Judge::default();
        watch(&mut judge, 0..2, |t| t);
        // Half a second passed between the two readings, and the clock was read at the end of it.
        let before = Duration::from_secs(2);
        let after = before + Duration::from_millis(500);
        let shows = PhcTime::from_unix(1_002, 500_000_000);
        assert!(judge.look(Look { before, after, shows }).is_steady());
    }

    #[test]
    fn absurd_readings_are_faults_and_no_more() {
        let mut judge = Judge::default();
        let at = |sec| Look { before: WIDTH, after: WIDTH, shows: PhcTime::from_unix(sec, 0) };
        judge.look(at(0));
        assert!(!judge.look(at(1 << 34)).is_steady());
        let Gait::Races { times } = judge.look(at(0)) else { panic!("{:?}", judge.gait()) };
        assert!(times.is_finite());
    }
}
