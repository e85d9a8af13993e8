//! How often asking is worth it.

use ntp_proto::packet::PollExp;

/// How many samples the mean information remembers.
const MEMORY: f64 = 32.0;
/// One sample counts at most this many times the mean: a lucky one is no promise.
const LUCK: f64 = 10.0;
/// Share of the optimum time constant that the interval may take; smaller polls more and gains little.
const SHARE: f64 = 0.6;
/// Longer only when wanted by this many octaves; shorter at once when wanted by half an octave.
const LONGER_AT: f64 = 0.75;
const SHORTER_AT: f64 = 0.5;
/// So many samples are taken at the shortest interval before anything is concluded.
const FIRST_SAMPLES: u32 = 24;

/// What one sample taught.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learnt {
    /// Of the phase, without the sample.
    pub(crate) variance_before: f64,
    /// Of the phase, with the sample.
    pub(crate) variance_after: f64,
}

impl Learnt {
    /// The share of the new estimate that is the sample's.
    pub(crate) fn gain(&self) -> f64 {
        (1.0 - self.variance_after / self.variance_before).clamp(0.0, 1.0)
    }
}

/// Weighs what a sample teaches against what the clock forgets meanwhile.
///
/// The error of a clock that wanders by w per √s and is measured every h seconds with variance r is least for
/// a time constant of (r h / w²)^¼; the interval is kept a fixed share of that.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PollAdvice {
    information: f64,
    samples: u32,
    wanted: f64,
}

impl PollAdvice {
    pub(crate) fn learn(&mut self, learnt: Learnt, wander: f64) {
        let gained = (1.0 / learnt.variance_after - 1.0 / learnt.variance_before).max(0.0);
        self.samples += 1;
        if self.samples == 1 {
            self.information = gained;
        }
        let weight = 1.0 / MEMORY.min(f64::from(self.samples));
        self.information += weight * (gained.min(LUCK * self.information) - self.information);
        let r = 1.0 / self.information.max(1e-12);
        // h = (share · τ), τ = (r h / w²)^¼, solved for h.
        self.wanted = libm::pow(SHARE, 4.0 / 3.0) * libm::cbrt(r / (wander * wander));
    }

    /// The interval to change to from `now`, not yet limited by the configuration.
    #[must_use]
    pub fn next(&self, now: PollExp) -> PollExp {
        if self.samples < FIRST_SAMPLES {
            return now;
        }
        let octaves = libm::log2(self.wanted) - f64::from(now.get());
        if octaves >= LONGER_AT {
            now.longer()
        } else if octaves <= -SHORTER_AT {
            PollExp::new((libm::log2(self.wanted) + SHORTER_AT).clamp(-7.0, 24.0) as i8).min(now)
        } else {
            now
        }
    }
}
