//! From the samples of one source to an estimate: a bank of filters that compete.
//!
//! How much the oscillator wanders and what the path's jitter is like are both unknown and both change. So
//! each pair of a wander and a kind of noise (`belief`) gets a filter of its own, all see every sample, and the
//! evidence of the samples weighs them (`bank`, an interacting multiple model).

mod bank;
mod belief;
mod delays;
mod ensemble;
mod interval;
mod lesson;
mod path;
mod portrait;
mod state;
mod strain;

use ntp_proto::time::{FreeTime, Frequency, NtpDuration, Uncertainty};

use crate::estimate::{Covariance, Estimate};
use crate::poll::PollAdvice;
use crate::sample::Sample;
pub use bank::Learnt;
use bank::{Bank, Reading, Via};
pub use ensemble::{Ensemble, Observation, Voice};
use lesson::Residual;
use path::{Path, Paths, Turn};
pub use portrait::{Bias, NoiseShares, Portrait};

/// What is assumed of a free-running clock of which nothing is known.
pub const UNKNOWN_SKEW: Frequency = Frequency::from_ppm(100.0);
/// No source gives more samples than this; beyond it a count is damaged.
const MAX_SAMPLES: u64 = 1 << 48;

/// The knowledge that one source has given of the free-running clock.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SourceFilter {
    prior: Prior,
    paths: Paths,
    bank: Option<Bank>,
    /// The bank's, so that asking for it costs nothing.
    latest: Option<Estimate>,
    samples: u64,
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
        Self {
            prior,
            paths: Paths::default(),
            bank: None,
            latest: None,
            samples: 0,
            path_delay: 0.0,
            poll: PollAdvice::default(),
        }
    }

    /// Learns from a sample. One that is older than the last teaches only about delays.
    pub fn update(&mut self, sample: &Sample) -> Observation {
        self.samples += 1;
        let (before, delay) = (self.path().delays.min(), sample.delay.to_seconds());
        let turn = self.paths.travelled(sample.at, delay);
        let Path { id, delays, lesson } = self.paths.current();
        let (path, shorter) = (*id, before - delays.min());
        let beliefs = belief::beliefs(delays, lesson, sample);
        let mut observation = Observation { sample: *sample, beliefs, path, turn, learnt: None };
        match &mut self.bank {
            None => {
                let [within, ..] = beliefs;
                let covariance = Covariance { xx: within.variance(), xf: 0.0, ff: square(self.prior.skew) };
                self.bank = Some(Bank::new(sample.at, sample.offset, self.prior.frequency, covariance));
                self.path_delay = delay;
            }
            Some(bank) => {
                let via = Via { source: 0, path };
                match turn {
                    Turn::None if shorter > 0.0 => bank.doubt_detours(via, shorter),
                    Turn::None => {}
                    _ => bank.turn(via, turn, delay),
                }
                let reading = Reading { at: sample.at, offset: sample.offset, beliefs: &beliefs, via };
                if let Some(learnt) = bank.update(&reading, None) {
                    self.path_delay += learnt.gain() * (delay - self.path_delay);
                    self.poll.learn(&learnt, bank.wander());
                    observation.learnt = Some(learnt);
                }
            }
        }
        self.conclude();
        observation
    }

    /// The estimate follows the bank.
    fn conclude(&mut self) {
        self.latest = self.bank.as_ref().map(Bank::estimate);
    }

    /// A reply that is not used took so long; enough of them are a new path.
    pub fn suspect(&mut self, at: FreeTime, delay: NtpDuration) {
        self.paths.suspected(at, delay.to_seconds());
    }

    /// Learns what the path's noise is like from what became of a sample: in the ensemble if it was used there, else
    /// in this filter.
    pub fn learn_noise(&mut self, observation: &Observation, together: Option<&Learnt>) {
        let Some(learnt) = together.or(observation.learnt.as_ref()) else { return };
        let sample = &observation.sample;
        let Path { delays, lesson, .. } = self.paths.current_mut();
        let floor = belief::floor(sample);
        let excess = (sample.delay.to_seconds() - delays.min()).max(0.0) + delays.minimum_bias();
        let steepness = lesson.slope_variance(delays);
        let residual = Residual {
            before: learnt.innovation,
            after: learnt.residual,
            excess,
            variance: lesson.base_variance(floor) + steepness * excess * excess,
        };
        lesson.learn(&residual, delays, floor);
    }

    fn path(&self) -> &Path {
        self.paths.current()
    }

    /// What is known at `at`; `None` before the first sample.
    #[must_use]
    pub fn estimate(&self, at: FreeTime) -> Option<Estimate> {
        self.latest.map(|estimate| estimate.advanced(at))
    }

    /// The correction that makes the clock keep step and one standard deviation of it; `None` before the first sample.
    #[must_use]
    pub fn frequency(&self) -> Option<(Frequency, Frequency)> {
        self.latest.map(|estimate| (estimate.frequency, estimate.frequency_uncertainty()))
    }

    /// How many samples there were.
    #[must_use]
    pub const fn samples(&self) -> u64 {
        self.samples
    }

    /// The round trip that stands behind the estimate; half of it is as far as a lop-sided path can mislead.
    #[must_use]
    pub fn path_delay(&self) -> NtpDuration {
        NtpDuration::from_seconds(self.path_delay)
    }

    /// The shortest of the latest round trips.
    #[must_use]
    pub fn min_delay(&self) -> NtpDuration {
        NtpDuration::from_seconds(self.path().delays.min())
    }

    /// What the path does to a single sample's offset, one standard deviation.
    #[must_use]
    pub fn jitter(&self) -> Uncertainty {
        Uncertainty::from_seconds(self.path().delays.offset_variance().sqrt())
    }

    /// How much a sample of this delay exceeds what was expected, in standard deviations of the expectation:
    /// half of its excess delay against what is uncertain about the next offset.
    #[must_use]
    pub fn surprise(&self, at: FreeTime, delay: NtpDuration) -> Option<f64> {
        let known = self.estimate(at)?.covariance.xx + self.path().delays.offset_variance();
        let excess = (delay.to_seconds() - self.path().delays.min()).max(0.0);
        (self.path().delays.count() >= 4).then(|| excess / 2.0 / known.max(1e-18).sqrt())
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
        let sound = self.is_sound();
        if let Some(bank) = &mut self.bank {
            bank.shift(later);
        }
        self.conclude();
        sound.then_some(self)
    }

    /// All offsets are more by this from now on: a leap second changed the count of seconds, and not the clock.
    pub fn renumber(&mut self, by: NtpDuration) {
        if let Some(bank) = &mut self.bank {
            bank.renumber(by);
        }
        self.conclude();
    }

    /// Whether every figure is one. What came from a file need not be.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let plausible = self.path_delay.is_finite() && self.path_delay >= 0.0 && self.poll.is_sound();
        let countable = self.samples <= MAX_SAMPLES;
        countable && plausible && self.paths.is_sound() && self.bank.as_ref().is_none_or(Bank::is_sound)
    }

    /// The offset became less certain, for a reason that no sample shows.
    pub fn disturb(&mut self, by: Uncertainty) {
        if let Some(bank) = &mut self.bank {
            bank.disturb(by);
        }
        // The same for all filters of the bank, so it is the same for their mixture.
        self.latest = self.latest.map(|estimate| estimate.disturbed(by));
    }
}

fn square(f: Frequency) -> f64 {
    f.as_ratio() * f.as_ratio()
}

#[cfg(test)]
mod tests;
