//! How wrong a sample's offset may be: the noise models that compete.
//!
//! A sample whose round trip exceeds the path's minimum by *e* has an offset that is wrong by at most *e*/2,
//! wherever the excess arose. [`Kind::Interval`] takes that literally. [`Kind::Delay`] takes *e* for a measure of
//! how wrong the offset is, learns the factor, and whether the excess arises mostly in one direction. Where the
//! round trip tells nothing of a single sample (symmetric noise of stamps, say), [`Kind::Equal`] holds. Which of
//! them is right for a path is left to the evidence.

use std::f64::consts::PI;

use super::delays::Delays;
use super::interval;
use super::lesson::Lesson;
use crate::sample::Sample;

/// A uniform error within ±a has the variance a²/3; a is half of the excess delay.
pub(super) const UNIFORM: f64 = 1.0 / 12.0;
/// How far the edges of the interval are blurred, as a share of what is uncertain about the shortest round trip.
const BLUR: f64 = 0.3;
/// An interval is not narrower than this, in seconds: that of a source without a way would have no width.
const NARROWEST: f64 = 1e-12;

/// A kind of noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The offset is wrong by at most half of the excess delay, and may be anything up to that.
    Interval,
    /// The offset is wrong in proportion to the excess delay.
    Delay,
    /// All samples are alike, but for those that took an outrageous detour.
    Equal,
}

/// All of them.
pub(super) const KINDS: [Kind; 3] = [Kind::Interval, Kind::Delay, Kind::Equal];

/// What one kind of noise says of the error of one sample, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Belief {
    /// Anything within ±`half_width` with edges as soft as `blur`; rarely an outlier with the deviation `outlier`.
    Within {
        /// Above zero.
        half_width: f64,
        /// Scale of a logistic curve, above zero.
        blur: f64,
        /// Above zero.
        outlier: f64,
    },
    /// Normally distributed.
    Normal {
        /// What the error is on average.
        mean: f64,
        /// Above zero.
        variance: f64,
    },
}

/// What a sample made of an expectation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    /// By how much the truth is ahead of what was expected.
    pub(super) shift: f64,
    /// What is still uncertain about it.
    pub(super) variance: f64,
    /// Natural logarithm of how likely the sample was.
    pub(super) evidence: f64,
}

/// What each of [`KINDS`] says of a sample.
pub(super) type Beliefs = [Belief; KINDS.len()];

/// What the kinds say of a sample that came over a path with these delays and lessons.
pub(super) fn beliefs(delays: &Delays, lesson: &Lesson, sample: &Sample) -> Beliefs {
    let excess = (sample.delay.to_seconds() - delays.min()).max(0.0);
    let bias = delays.minimum_bias();
    let careful = excess + bias;
    let floor = floor(sample);
    let base = lesson.base_variance(floor);
    KINDS.map(|kind| match kind {
        Kind::Interval => Belief::Within {
            half_width: (careful / 2.0).max(NARROWEST),
            blur: BLUR * bias + base.sqrt(),
            outlier: 2.0 * careful + 4.0 * delays.mean_excess() + base.sqrt(),
        },
        Kind::Delay => Belief::Normal {
            mean: lesson.asymmetry() * careful,
            variance: base + lesson.slope_variance(delays) * careful * careful,
        },
        Kind::Equal => {
            let detour = (excess - 3.0 * delays.mean_excess()).max(0.0);
            let variance = floor + delays.offset_variance() + UNIFORM * (bias * bias + detour * detour);
            Belief::Normal { mean: 0.0, variance }
        }
    })
}

/// The variance that the resolution of the stamps alone gives an offset.
pub(super) fn floor(sample: &Sample) -> f64 {
    let resolution = sample.resolution.to_seconds();
    resolution * resolution / 6.0
}

impl Belief {
    /// The variance of the error.
    pub(super) fn variance(&self) -> f64 {
        match *self {
            // That of a logistic distribution is π²/3 of its scale squared.
            Self::Within { half_width, blur, .. } => (half_width * half_width + PI * PI * blur * blur) / 3.0,
            Self::Normal { variance, .. } => variance,
        }
    }

    /// What an offset that is `ahead` of a normally distributed expectation with `variance` tells.
    pub(super) fn judge(&self, ahead: f64, variance: f64) -> Verdict {
        match *self {
            Self::Within { half_width, blur, outlier } => {
                interval::judge(ahead, variance, half_width, blur, outlier)
            }
            Self::Normal { mean, variance: noise } => {
                let (surprise, total) = (ahead - mean, variance + noise);
                Verdict {
                    shift: surprise * variance / total,
                    variance: variance * noise / total,
                    evidence: -0.5 * (surprise * surprise / total + libm::log(2.0 * PI * total)),
                }
            }
        }
    }
}
