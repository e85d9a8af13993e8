//! What the round trips of a path tell of its jitter.

use std::collections::VecDeque;

/// How many round trips are remembered.
const MEMORY: usize = 200;
/// The median of the sum of two exponential delays is this share of its mean; converts a robust figure into
/// the one that the formulas want.
const MEDIAN_OF_MEAN: f64 = 0.839;
/// Makes (q84 − q16)/2 of a sum of two exponential delays a standard deviation.
const QUANTILE_TO_VARIANCE: f64 = 1.2;
/// How far the smallest of n round trips lies above the true minimum, in mean excess / √n.
const MINIMUM_BIAS: f64 = 0.63;

/// Statistics of the round trips of one path, in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Delays {
    recent: VecDeque<f64>,
    sorted: Vec<f64>,
    count: u64,
}

impl Delays {
    pub(super) fn add(&mut self, delay: f64) {
        let delay = delay.max(0.0);
        self.count += 1;
        if self.recent.len() == MEMORY
            && let Some(oldest) = self.recent.pop_front()
        {
            let at = self.position(oldest);
            self.sorted.remove(at);
        }
        self.recent.push_back(delay);
        let at = self.position(delay);
        self.sorted.insert(at, delay);
    }

    /// Whether the figures make sense. What came from a file need not.
    pub(super) fn is_sound(&self) -> bool {
        let mut sorted: Vec<f64> = self.recent.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let plausible = sorted.iter().all(|d| d.is_finite() && *d >= 0.0);
        plausible && sorted == self.sorted && sorted.len() <= MEMORY && self.count >= sorted.len() as u64
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The shortest of those remembered.
    pub(super) fn min(&self) -> f64 {
        self.sorted.first().copied().unwrap_or(0.0)
    }

    /// Typical excess over the minimum: a mean, but taken from the median.
    pub(super) fn mean_excess(&self) -> f64 {
        (self.quantile(0.5) - self.min()).max(0.0) / MEDIAN_OF_MEAN
    }

    /// How far the true minimum is expected below the one seen. Few samples have not seen it, which keeps
    /// them modest.
    pub(super) fn minimum_bias(&self) -> f64 {
        if self.count == 1 {
            return (0.1 * self.min()).max(100e-6);
        }
        MINIMUM_BIAS * self.mean_excess() / (self.count as f64).sqrt()
    }

    /// Variance of the offset of one sample. For independent directions it is a quarter of the variance of
    /// the round trip, whatever the distributions.
    pub(super) fn offset_variance(&self) -> f64 {
        let half_width = (self.quantile(0.84) - self.quantile(0.16)) / 2.0;
        QUANTILE_TO_VARIANCE * half_width * half_width / 4.0
    }

    fn quantile(&self, q: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get((q * last as f64).round() as usize).copied().unwrap_or(0.0)
    }

    fn position(&self, delay: f64) -> usize {
        self.sorted.partition_point(|d| *d < delay)
    }
}
