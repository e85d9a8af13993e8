//! From the samples of one source to an estimate: a bank of Kalman filters that compete.
//!
//! How much the oscillator wanders and what the path's jitter is like are both unknown and both change. So
//! each pair of a wander and a noise model (`noise`) gets a filter of its own, all see every sample, and the
//! evidence of the samples weighs them (`bank`, an interacting multiple model).

mod bank;
mod delays;
mod kalman;
mod noise;

use ntp_proto::time::{FreeTime, Frequency, NtpDuration, Uncertainty};

use crate::estimate::{Covariance, Estimate};
use crate::poll::PollAdvice;
use crate::sample::Sample;
use bank::Bank;
use delays::Delays;

/// What is assumed of a free-running clock of which nothing is known.
pub const UNKNOWN_SKEW: Frequency = Frequency::from_ppm(30.0);

/// The knowledge that one source has given of the free-running clock.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SourceFilter {
    prior: Prior,
    delays: Delays,
    bank: Option<Bank>,
    /// The round trips of the samples, mixed like their offsets were: half of it bounds the error of the estimate
    /// just as half of a round trip bounds the error of a sample.
    path_delay: f64,
    poll: PollAdvice,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Prior {
    frequency: Frequency,
    skew: Frequency,
}

impl SourceFilter {
    /// Knows no sample yet, only what is believed of the clock's `frequency` and how uncertain that is.
    #[must_use]
    pub fn new(frequency: Frequency, skew: Frequency) -> Self {
        let prior = Prior { frequency, skew };
        Self { prior, delays: Delays::default(), bank: None, path_delay: 0.0, poll: PollAdvice::default() }
    }

    /// Learns from a sample. One that is older than the last teaches only about delays.
    pub fn update(&mut self, sample: &Sample) {
        let before = self.delays.min();
        self.delays.add(sample.delay.to_seconds());
        if self.bank.is_some() {
            self.doubt_detours(before - self.delays.min());
        }
        let noise = noise::variances(&self.delays, sample);
        match &mut self.bank {
            None => {
                let covariance = Covariance { xx: noise[0], xf: 0.0, ff: square(self.prior.skew) };
                self.bank = Some(Bank::new(sample.at, sample.offset, self.prior.frequency, covariance));
                self.path_delay = sample.delay.to_seconds();
            }
            Some(bank) => {
                if let Some(learnt) = bank.update(sample.at, sample.offset, &noise) {
                    self.path_delay += learnt.gain() * (sample.delay.to_seconds() - self.path_delay);
                    self.poll.learn(learnt, bank.wander());
                }
            }
        }
    }

    /// The shortest way is shorter than thought, so all samples so far took a detour of at least `shorter` and may
    /// be wrong by half of that.
    fn doubt_detours(&mut self, shorter: f64) {
        if shorter > 0.0 {
            self.disturb(Uncertainty::from_seconds(shorter / 12f64.sqrt()));
        }
    }

    /// What is known at `at`; `None` before the first sample.
    #[must_use]
    pub fn estimate(&self, at: FreeTime) -> Option<Estimate> {
        self.bank.as_ref().map(|bank| bank.estimate().advanced(at))
    }

    /// When the latest sample was made.
    #[must_use]
    pub fn latest(&self) -> Option<FreeTime> {
        self.bank.as_ref().map(Bank::at)
    }

    /// How many samples there were.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.delays.count()
    }

    /// The round trip that stands behind the estimate; half of it is as far as a lop-sided path can mislead.
    #[must_use]
    pub fn path_delay(&self) -> NtpDuration {
        NtpDuration::from_seconds(self.path_delay)
    }

    /// The shortest of the latest round trips.
    #[must_use]
    pub fn min_delay(&self) -> NtpDuration {
        NtpDuration::from_seconds(self.delays.min())
    }

    /// What the path does to a single sample's offset, one standard deviation.
    #[must_use]
    pub fn jitter(&self) -> Uncertainty {
        Uncertainty::from_seconds(self.delays.offset_variance().sqrt())
    }

    /// How much a sample of this delay exceeds what was expected, in standard deviations of the expectation:
    /// half of its excess delay against what is uncertain about the next offset.
    #[must_use]
    pub fn surprise(&self, at: FreeTime, delay: NtpDuration) -> Option<f64> {
        let known = self.estimate(at)?.covariance.xx + self.delays.offset_variance();
        let excess = (delay.to_seconds() - self.delays.min()).max(0.0);
        (self.delays.count() >= 4).then(|| excess / 2.0 / known.max(1e-18).sqrt())
    }

    /// How often asking is worth it.
    #[must_use]
    pub const fn poll(&self) -> &PollAdvice {
        &self.poll
    }

    /// The same knowledge on a free-running clock that shows `later` more: that of the next run, say. `None` if
    /// it cannot have been learnt by a filter, but was damaged in a file.
    #[must_use]
    pub fn moved(mut self, later: NtpDuration) -> Option<Self> {
        let plausible = self.path_delay.is_finite() && self.path_delay >= 0.0;
        let sound = plausible && self.delays.is_sound() && self.bank.as_ref().is_none_or(Bank::is_sound);
        if let Some(bank) = &mut self.bank {
            bank.shift(later);
        }
        sound.then_some(self)
    }

    /// The offset became less certain, for a reason that no sample shows.
    pub fn disturb(&mut self, by: Uncertainty) {
        if let Some(bank) = &mut self.bank {
            bank.disturb(by);
        }
    }
}

fn square(f: Frequency) -> f64 {
    f.as_ratio() * f.as_ratio()
}

#[cfg(test)]
mod tests;
