//! What came of it: errors over time as a few figures.

/// Sizes are told apart when they differ by one per cent.
const RESOLUTION: f64 = 0.01;
/// Smaller sizes count as this.
const SMALLEST: f64 = 1e-12;

/// Collects the size of an error, sample by sample. Root mean square and maximum are exact, quantiles within
/// one per cent.
#[derive(Clone, Debug, Default)]
pub struct Errors {
    count: u64,
    squares: f64,
    max: f64,
    /// How many sizes there are in each one per cent.
    histogram: Vec<u32>,
}

impl Errors {
    /// One more.
    pub fn add(&mut self, error: f64) {
        let size = error.abs();
        self.count += 1;
        self.squares += size * size;
        self.max = self.max.max(size);
        let bin = (libm::log(size.max(SMALLEST) / SMALLEST) / RESOLUTION) as usize;
        self.reach(bin + 1);
        self.histogram[bin] += 1;
    }

    /// All of another collection.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.squares += other.squares;
        self.max = self.max.max(other.max);
        self.reach(other.histogram.len());
        for (mine, theirs) in self.histogram.iter_mut().zip(&other.histogram) {
            *mine += theirs;
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Root mean square.
    #[must_use]
    pub fn rms(&self) -> f64 {
        libm::sqrt(self.squares / self.count.max(1) as f64)
    }

    /// The size that a share `q` of all does not exceed.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        let wanted = (q * self.count as f64).ceil() as u64;
        let mut below = 0;
        for (bin, count) in self.histogram.iter().enumerate() {
            below += u64::from(*count);
            if below >= wanted && below > 0 {
                return (SMALLEST * libm::exp((bin as f64 + 0.5) * RESOLUTION)).min(self.max);
            }
        }
        self.max
    }

    /// The largest.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.max
    }

    fn reach(&mut self, bins: usize) {
        if self.histogram.len() < bins {
            self.histogram.resize(bins, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_ramp_are_known() {
        let (mut low, mut high) = (Errors::default(), Errors::default());
        (1..=500).for_each(|i| low.add(f64::from(i) * 1e-6));
        (501..=1000).for_each(|i| high.add(f64::from(i) * -1e-6));
        low.merge(&high);
        assert_eq!((low.count(), low.max()), (1_000, 1e-3));
        assert!((low.rms() - 577.8e-6).abs() < 0.1e-6, "{}", low.rms());
        assert!((low.quantile(0.95) / 950e-6 - 1.0).abs() < RESOLUTION, "{}", low.quantile(0.95));
    }
}
