//! What the round trips of a path tell of its jitter.

use std::collections::VecDeque;

/// How many round trips are remembered one by one.
const MEMORY: usize = 200;
/// The shortest round trip is that of so many blocks, of so many round trips each: it is remembered much longer than
/// the typical one, but not for ever, since paths change.
const BLOCKS: usize = 16;
const BLOCK: u64 = 256;
/// No path sees more round trips than this; beyond it a count is damaged.
const MAX_COUNT: u64 = 1 << 48;
/// The median of the sum of two exponential delays is this share of its mean; converts a robust figure into
/// the one that the formulas want.
const MEDIAN_OF_MEAN: f64 = 0.839;
/// Makes (q84 − q16)/2 of a sum of two exponential delays a standard deviation.
const QUANTILE_TO_VARIANCE: f64 = 1.2;
/// How far the smallest of n round trips lies above the true minimum, in mean excess / √n.
const MINIMUM_BIAS: f64 = 0.63;
/// What a single round trip may exceed the shortest by, as a share of itself, and at least in seconds.
const FIRST_EXCESS: f64 = 0.1;
const LEAST_FIRST_EXCESS: f64 = 100e-6;

/// Statistics of the round trips of one path, in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Delays {
    recent: VecDeque<f64>,
    sorted: Vec<f64>,
    /// The shortest of each block, the latest last.
    shortest: VecDeque<f64>,
    count: u64,
}

impl Delays {
    pub(super) fn add(&mut self, delay: f64) {
        let delay = delay.max(0.0);
        self.remember_shortest(delay);
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
        let plausible = |d: &f64| d.is_finite() && *d >= 0.0;
        let all = self.shortest.iter().chain(&sorted).all(plausible);
        let counted = sorted.len() <= MEMORY && (sorted.len() as u64..=MAX_COUNT).contains(&self.count);
        let blocks = self.shortest.len() <= BLOCKS && self.shortest.is_empty() == sorted.is_empty();
        all && counted && blocks && sorted == self.sorted
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The shortest of all that still counts.
    pub(super) fn min(&self) -> f64 {
        self.shortest.iter().copied().min_by(f64::total_cmp).unwrap_or(0.0)
    }

    /// Typical excess over the minimum: a mean, but taken from the median.
    pub(super) fn mean_excess(&self) -> f64 {
        (self.quantile(0.5) - self.min()).max(0.0) / MEDIAN_OF_MEAN
    }

    /// How far the true minimum is expected below the one seen. Few samples have not seen it, which keeps
    /// them modest, even if they happen to be alike. Where there is no way at all there is nothing to be missed.
    pub(super) fn minimum_bias(&self) -> f64 {
        if self.sorted.last().is_none_or(|longest| *longest <= 0.0) {
            return 0.0;
        }
        let n = self.count.max(1) as f64;
        let first = (FIRST_EXCESS * self.min()).max(LEAST_FIRST_EXCESS);
        MINIMUM_BIAS * self.mean_excess() / n.sqrt() + first / (n * n * n)
    }

    /// Variance of the offset of one sample. For independent directions it is a quarter of the variance of
    /// the round trip, whatever the distributions.
    pub(super) fn offset_variance(&self) -> f64 {
        let half_width = (self.quantile(0.84) - self.quantile(0.16)) / 2.0;
        QUANTILE_TO_VARIANCE * half_width * half_width / 4.0
    }

    fn remember_shortest(&mut self, delay: f64) {
        if self.count.is_multiple_of(BLOCK) {
            if self.shortest.len() == BLOCKS {
                self.shortest.pop_front();
            }
            self.shortest.push_back(delay);
        } else if let Some(last) = self.shortest.back_mut() {
            *last = last.min(delay);
        }
    }

    fn quantile(&self, q: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        self.sorted.get((q * last as f64).round() as usize).copied().unwrap_or(0.0)
    }

    fn position(&self, delay: f64) -> usize {
        self.sorted.partition_point(|d| *d < delay)
    }
}
