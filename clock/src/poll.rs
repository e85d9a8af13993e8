//! How often asking is worth it.
//!
//! The error of a clock that wanders by w per √s and is measured every h seconds by S servers with variance r is
//! least for a time constant of (r h / (S w²))^¼, and is then √2 (r h / S)^¾ √w (a variance). The interval is kept a
//! fixed share of that constant: asking more often gains little, asking less often loses much.

use ntp_proto::packet::PollExp;

use crate::filter::Learnt;

/// How many samples the mean information remembers.
const MEMORY: f64 = 32.0;
/// One sample counts at most this many times the mean: a lucky one is no promise.
const LUCK: f64 = 10.0;
/// Share of the optimum time constant that the interval may take; smaller polls more and gains little.
const SHARE: f64 = 0.6;
/// Longer only when wanted by this many octaves; shorter at once when wanted by half an octave.
const LONGER_AT: f64 = 0.75;
const SHORTER_AT: f64 = 0.5;
/// So many requests are sent at the shortest interval before anything is concluded.
const FIRST_REQUESTS: u64 = 28;
/// A clock whose variance exceeds what the interval is worth by this factor is not settled.
const UNSETTLED: f64 = 4.0;
/// So many requests may be sent sooner than the interval says because the clock is not settled …
const CREDIT: f64 = 16.0;
/// … and each regular one earns this much of another.
const EARNED: f64 = 0.05;

/// What the samples so far are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PollAdvice {
    /// Of a sample, per s².
    information: f64,
    samples: u32,
    /// Of the clock, per √s.
    wander: f64,
    /// Of the phase after the latest sample, s².
    variance: f64,
}

impl PollAdvice {
    pub(crate) fn learn(&mut self, learnt: &Learnt, wander: f64) {
        let gained = (1.0 / learnt.variance_after - 1.0 / learnt.variance_before).max(0.0);
        self.samples = self.samples.saturating_add(1);
        if self.samples == 1 {
            self.information = gained;
        }
        let weight = 1.0 / MEMORY.min(f64::from(self.samples));
        self.information += weight * (gained.min(LUCK * self.information) - self.information);
        self.wander = wander;
        self.variance = learnt.variance_after;
    }

    /// The interval, in seconds, at which each of `servers` servers should be asked.
    #[must_use]
    pub fn interval(&self, servers: usize) -> f64 {
        // h = (share · τ), τ = (r h / (S w²))^¼, solved for h.
        let per_wander = self.noise(servers) / (self.wander * self.wander).max(f64::MIN_POSITIVE);
        libm::pow(SHARE, 4.0 / 3.0) * libm::cbrt(per_wander)
    }

    /// Whether the clock is known much worse than it will be once it settles, asked every `interval` seconds.
    fn is_unsettled(&self, interval: f64, servers: usize) -> bool {
        let settled = 2f64.sqrt() * libm::pow(self.noise(servers) * interval, 0.75) * self.wander.sqrt();
        self.variance > UNSETTLED * settled
    }

    /// The variance of a sample, shared by all servers.
    fn noise(&self, servers: usize) -> f64 {
        1.0 / (self.information.max(1e-12) * servers.max(1) as f64)
    }

    /// Whether every figure is one. What came from a file need not be.
    pub(crate) fn is_sound(&self) -> bool {
        [self.information, self.wander, self.variance].iter().all(|f| f.is_finite() && *f >= 0.0)
    }
}

/// The interval that a source has, and what it may be.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    /// Now.
    pub now: PollExp,
    /// At least.
    pub shortest: PollExp,
    /// At most.
    pub longest: PollExp,
    /// How many requests it was sent so far.
    pub requests: u64,
    /// How many servers set the clock together.
    pub servers: usize,
}

/// Changes the interval of one source as advised, without haste.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Pace {
    credit: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { credit: CREDIT }
    }
}

impl Pace {
    /// The interval to change to after a sample.
    pub fn next(&mut self, advice: &PollAdvice, interval: &Interval) -> PollExp {
        let decision = self.decide(advice, interval);
        match decision.why {
            Why::New { .. } => {}
            Why::Unsettled { .. } => self.credit -= 1.0,
            Why::Regular => self.credit = (self.credit + EARNED).min(CREDIT),
        }
        decision.next
    }

    /// What is decided after a sample, and why.
    #[must_use]
    pub fn decide(&self, advice: &PollAdvice, interval: &Interval) -> Decision {
        let wanted = advice.interval(interval.servers);
        let regular = regular(wanted, interval);
        let may_hurry = regular > interval.shortest && self.credit >= 1.0;
        let (why, next) = if interval.requests < FIRST_REQUESTS {
            (Why::New { until: FIRST_REQUESTS }, interval.shortest)
        } else if may_hurry && advice.is_unsettled(wanted, interval.servers) {
            // A whole number of requests is left, and the credit is small.
            (Why::Unsettled { credit: self.credit as u32 }, interval.shortest)
        } else {
            (Why::Regular, regular)
        };
        Decision { wanted, next, why }
    }
}

/// What becomes of the interval of a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// What its samples are worth, in seconds, whatever the limits.
    pub wanted: f64,
    /// The interval to change to: towards that, within the limits and at most an octave longer at a time.
    pub next: PollExp,
    /// Why that may be another.
    pub why: Why,
}

/// Why a source is asked as often as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is asked as often as may be until it was sent so many requests.
    New {
        /// So many.
        until: u64,
    },
    /// It is asked as often as may be, because the clock is known much worse than it could be.
    Unsettled {
        /// For so many more requests at most.
        credit: u32,
    },
    /// What its samples are worth.
    Regular,
}

fn regular(wanted: f64, interval: &Interval) -> PollExp {
    let Interval { now, shortest, longest, .. } = *interval;
    let wanted = libm::log2(wanted);
    let octaves = wanted - f64::from(now.get());
    let next = if octaves >= LONGER_AT {
        now.longer()
    } else if octaves <= -SHORTER_AT {
        PollExp::new((wanted + SHORTER_AT).clamp(-7.0, 24.0) as i8).min(now)
    } else {
        now
    };
    next.clamp_to(shortest, longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: PollExp = PollExp::new(6);
    const LONGEST: PollExp = PollExp::new(9);

    fn advice(deviation: f64, variance: f64) -> PollAdvice {
        PollAdvice { information: 1.0 / (deviation * deviation), samples: 100, wander: 1e-9, variance }
    }

    fn interval(now: PollExp, requests: u64) -> Interval {
        Interval { now, shortest: SHORTEST, longest: LONGEST, requests, servers: 1 }
    }

    #[test]
    fn a_new_source_is_asked_often_whatever_it_is_worth() {
        let noisy = advice(1e-3, 0.0);
        assert_eq!(Pace::default().next(&noisy, &interval(SHORTEST, 27)), SHORTEST);
        assert_eq!(Pace::default().next(&noisy, &interval(SHORTEST, 28)), SHORTEST.longer());
        let why = |requests| Pace::default().decide(&noisy, &interval(SHORTEST, requests)).why;
        assert_eq!((why(27), why(28)), (Why::New { until: 28 }, Why::Regular));
    }

    #[test]
    fn several_servers_are_asked_less_often_each() {
        let advice = advice(1e-4, 0.0);
        let ratio = advice.interval(1) / advice.interval(8);
        assert!((ratio - 0.5).abs() < 1e-9 || (ratio - 2.0).abs() < 1e-9, "{ratio}");
    }

    #[test]
    fn an_unsettled_clock_is_asked_about_often_but_not_for_ever() {
        let (mut pace, unsettled) = (Pace::default(), advice(1e-3, 1.0));
        let Why::Unsettled { credit: 16 } = pace.decide(&unsettled, &interval(LONGEST, 100)).why else {
            panic!("{pace:?}")
        };
        let hasty = (0..100).filter(|_| pace.next(&unsettled, &interval(LONGEST, 100)) == SHORTEST).count();
        assert!((16..=22).contains(&hasty), "{hasty}");
    }
}
