//! One filter: what is believed of phase, frequency and the biases of doubtful paths, as a normal distribution.

use crate::estimate::Covariance;

use super::belief::Verdict;

/// Seconds, relative to the bank's anchor.
const PHASE: usize = 0;
/// Seconds per second.
const FREQUENCY: usize = 1;
/// Biases come after these.
const BASIC: usize = 2;
/// No more biases than this are kept apart.
pub(super) const MAX_BIASES: usize = 16;
const MAX_SIZE: usize = BASIC + MAX_BIASES;

/// Nothing is known better than to a picosecond, and to 10⁻¹⁵: what would be less is a rounding error.
const LEAST_VARIANCE: f64 = 1e-24;
const LEAST_RATE_VARIANCE: f64 = 1e-30;

/// Mean and covariance. The biases are offsets, in seconds, that a path adds to what is measured over it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct State {
    mean: Vec<f64>,
    /// Row by row.
    covariance: Vec<f64>,
}

impl State {
    /// At phase zero; no biases.
    pub(super) fn new(frequency: f64, p: Covariance) -> Self {
        Self { mean: vec![0.0, frequency], covariance: vec![p.xx, p.xf, p.xf, p.ff] }
    }

    pub(super) fn phase(&self) -> f64 {
        self.mean[PHASE]
    }

    pub(super) fn frequency(&self) -> f64 {
        self.mean[FREQUENCY]
    }

    /// Of phase and frequency.
    pub(super) fn covariance(&self) -> Covariance {
        Covariance {
            xx: self.at(PHASE, PHASE),
            xf: self.at(PHASE, FREQUENCY),
            ff: self.at(FREQUENCY, FREQUENCY),
        }
    }

    /// The covariance of phase and frequency is another one; biases have nothing to do with them any more.
    pub(super) fn set_covariance(&mut self, p: Covariance) {
        let size = self.size();
        for i in BASIC..size {
            for j in [PHASE, FREQUENCY] {
                self.covariance[i * size + j] = 0.0;
                self.covariance[j * size + i] = 0.0;
            }
        }
        self.covariance[PHASE * size + PHASE] = p.xx;
        self.covariance[PHASE * size + FREQUENCY] = p.xf;
        self.covariance[FREQUENCY * size + PHASE] = p.xf;
        self.covariance[FREQUENCY * size + FREQUENCY] = p.ff;
    }

    /// All of it is less certain by this factor of variance.
    pub(super) fn scale_covariance(&mut self, by: f64) {
        self.covariance.iter_mut().for_each(|p| *p *= by);
    }

    pub(super) fn add_phase_variance(&mut self, by: f64) {
        self.covariance[PHASE] += by;
    }

    /// `h` seconds pass, in which the frequency wanders by `w` per √s and the biases by what `drifts` says: variances
    /// per second.
    pub(super) fn predict(&mut self, h: f64, w: f64, drifts: impl Iterator<Item = f64>) {
        let (size, q) = (self.size(), w * w);
        self.mean[PHASE] += h * self.mean[FREQUENCY];
        for j in 0..size {
            self.covariance[PHASE * size + j] += h * self.covariance[FREQUENCY * size + j];
        }
        for i in 0..size {
            self.covariance[i * size + PHASE] += h * self.covariance[i * size + FREQUENCY];
        }
        self.covariance[PHASE * size + PHASE] += q * h * h * h / 3.0;
        self.covariance[PHASE * size + FREQUENCY] += q * h * h / 2.0;
        self.covariance[FREQUENCY * size + PHASE] += q * h * h / 2.0;
        self.covariance[FREQUENCY * size + FREQUENCY] += q * h;
        for (bias, drift) in drifts.enumerate() {
            let b = BASIC + bias;
            self.covariance[b * size + b] += drift * h;
        }
    }

    /// Mean and covariance with the frequency of the phase plus its biases, each with its weight.
    pub(super) fn weighted(&self, weights: &[f64]) -> (f64, Covariance) {
        let weight = |i: usize| match i {
            PHASE => 1.0,
            FREQUENCY => 0.0,
            _ => weights.get(i - BASIC).copied().unwrap_or(0.0),
        };
        let size = self.size();
        let mean = (0..size).map(|i| weight(i) * self.mean[i]).sum();
        let with = |j: usize| -> f64 { (0..size).map(|i| weight(i) * self.at(i, j)).sum() };
        let xx = (0..size).map(|j| weight(j) * with(j)).sum::<f64>().max(LEAST_VARIANCE);
        (mean, Covariance { xx, xf: with(FREQUENCY), ff: self.at(FREQUENCY, FREQUENCY) })
    }

    /// What an offset measured with `bias` is expected to be, and the variance of that.
    pub(super) fn expect(&self, bias: Option<usize>) -> (f64, f64) {
        let xx = self.at(PHASE, PHASE);
        bias.map_or((self.mean[PHASE], xx), |bias| {
            let b = BASIC + bias;
            let variance = xx + 2.0 * self.at(PHASE, b) + self.at(b, b);
            (self.mean[PHASE] + self.mean[b], variance.max(LEAST_VARIANCE))
        })
    }

    /// What a bias is believed to be, and the variance of that.
    pub(super) fn bias(&self, bias: usize) -> (f64, f64) {
        let b = BASIC + bias;
        (self.mean[b], self.at(b, b))
    }

    /// What was expected of an offset with `bias` turned out as the verdict says.
    pub(super) fn learn(&mut self, bias: Option<usize>, verdict: &Verdict) {
        let (size, (_, expected)) = (self.size(), self.expect(bias));
        let mut gain = [0.0; MAX_SIZE];
        for (i, gain) in gain.iter_mut().enumerate().take(size) {
            let with_bias = bias.map_or(0.0, |bias| self.at(i, BASIC + bias));
            *gain = (self.at(i, PHASE) + with_bias) / expected;
        }
        let left = verdict.variance / expected;
        for i in 0..size {
            self.mean[i] += gain[i] * verdict.shift;
            for j in 0..size {
                let p = &mut self.covariance[i * size + j];
                // Where all of an entry is concerned, taking most of it away would leave rounding errors.
                let all = bias.is_none() && (i == PHASE || j == PHASE);
                *p = if all { *p * left } else { *p - gain[i] * gain[j] * expected * (1.0 - left) };
            }
        }
        for i in 0..size {
            let p = &mut self.covariance[i * size + i];
            *p = p.max(if i == FREQUENCY { LEAST_RATE_VARIANCE } else { LEAST_VARIANCE });
        }
    }

    /// The source with this bias, or without one, may have moved by the square root of `variance` against all others.
    pub(super) fn doubt(&mut self, bias: Option<usize>, variance: f64) {
        let size = self.size();
        // Against a source without a bias of its own, all biases move together, and the phase the other way.
        let moves = |i: usize| match (bias, i) {
            (_, FREQUENCY) => 0.0,
            (Some(bias), _) => f64::from(u8::from(i == BASIC + bias)),
            (None, PHASE) => 1.0,
            (None, _) => -1.0,
        };
        for i in 0..size {
            for j in 0..size {
                self.covariance[i * size + j] += moves(i) * moves(j) * variance;
            }
        }
    }

    /// One more bias, of which `deviation` is all that is known. It starts at the value of `like`.
    pub(super) fn open_bias(&mut self, like: Option<usize>, deviation: f64) {
        let size = self.size();
        let value = like.map_or(0.0, |like| self.mean[BASIC + like]);
        let mut grown = vec![0.0; (size + 1) * (size + 1)];
        for i in 0..size {
            grown[i * (size + 1)..i * (size + 1) + size]
                .copy_from_slice(&self.covariance[i * size..(i + 1) * size]);
        }
        grown[(size + 1) * (size + 1) - 1] = deviation * deviation;
        self.mean.push(value);
        self.covariance = grown;
    }

    /// A bias is not of interest any more.
    pub(super) fn close_bias(&mut self, bias: usize) {
        let (size, gone) = (self.size(), BASIC + bias);
        self.mean.remove(gone);
        let kept = |at: &usize| at / size != gone && at % size != gone;
        self.covariance = (0..size * size).filter(kept).map(|at| self.covariance[at]).collect();
    }

    /// Whether every figure is one, and there is one for each of so many biases. What came from a file need not.
    pub(super) fn is_sound(&self, biases: usize) -> bool {
        let size = BASIC + biases;
        let complete = self.mean.len() == size && self.covariance.len() == size * size;
        let finite = self.mean.iter().chain(&self.covariance).all(|figure| figure.is_finite());
        complete && finite && (0..size).all(|i| self.covariance[i * size + i] >= 0.0)
    }

    fn size(&self) -> usize {
        self.mean.len()
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self.covariance[row * self.size() + column]
    }
}

/// Several beliefs, each with a share of the truth, as one with the same mean and covariance. There is at least one.
pub(super) fn mixture<'a>(parts: impl Iterator<Item = (f64, &'a State)> + Clone) -> State {
    let size = parts.clone().next().map_or(BASIC, |(_, state)| state.size());
    let mut mixed = State { mean: vec![0.0; size], covariance: vec![0.0; size * size] };
    for (share, state) in parts.clone() {
        for (mean, part) in mixed.mean.iter_mut().zip(&state.mean) {
            *mean += share * part;
        }
    }
    for (share, state) in parts {
        for i in 0..size {
            let apart = share * (state.mean[i] - mixed.mean[i]);
            for j in 0..size {
                let at = i * size + j;
                mixed.covariance[at] +=
                    share * state.covariance[at] + apart * (state.mean[j] - mixed.mean[j]);
            }
        }
    }
    mixed
}
