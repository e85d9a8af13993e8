//! How wrong a sample's offset may be: the noise models that compete.
//!
//! A sample whose round trip exceeds the path's minimum by *e* has an offset that is wrong by at most *e*/2,
//! and uniformly so if both directions have exponential jitter ([`Model::Delay`]). Where the jitter is not
//! like that (symmetric noise of stamps, say) the round trip tells nothing of a single sample
//! ([`Model::Equal`]). Which of the two holds is left to the evidence.

use super::delays::Delays;
use crate::sample::Sample;

/// A uniform error within ±a has the variance a²/3; a is half of the excess delay.
const UNIFORM: f64 = 1.0 / 12.0;

/// A belief about what jitter is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// The excess delay of a sample bounds its error.
    Delay,
    /// All samples are alike, but for those that took an outrageous detour.
    Equal,
}

pub(super) const MODELS: [Model; 2] = [Model::Delay, Model::Equal];

/// The variance of the sample's offset under each of [`MODELS`].
pub(super) fn variances(delays: &Delays, sample: &Sample) -> [f64; MODELS.len()] {
    MODELS.map(|model| model.variance(delays, sample))
}

impl Model {
    fn variance(self, delays: &Delays, sample: &Sample) -> f64 {
        let resolution = sample.resolution.to_seconds();
        let floor = resolution * resolution / 6.0;
        let excess = (sample.delay.to_seconds() - delays.min()).max(0.0);
        let bias = delays.minimum_bias();
        match self {
            Self::Delay => floor + UNIFORM * (excess + bias) * (excess + bias),
            Self::Equal => {
                let detour = (excess - 3.0 * delays.mean_excess()).max(0.0);
                floor + delays.offset_variance() + UNIFORM * (bias * bias + detour * detour)
            }
        }
    }
}
