//! What came of it: errors over time as a few figures.

/// Collects the size of an error, sample by sample.
#[derive(Clone, Debug, Default)]
pub struct Errors {
    sizes: Vec<f64>,
}

impl Errors {
    /// One more.
    pub fn add(&mut self, error: f64) {
        self.sizes.push(error.abs());
    }

    /// Root mean square.
    #[must_use]
    pub fn rms(&self) -> f64 {
        let squares: f64 = self.sizes.iter().map(|e| e * e).sum();
        libm::sqrt(squares / self.sizes.len().max(1) as f64)
    }

    /// The size that a share `q` of all does not exceed.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.sizes.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted.get((q * last as f64).round() as usize).copied().unwrap_or(0.0)
    }

    /// The largest.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.sizes.iter().copied().fold(0.0, f64::max)
    }
}
