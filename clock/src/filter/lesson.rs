//! What residuals teach about the noise of a path: the part that every sample has, the part that grows with the
//! excess delay, and whether the excess arises in one direction.
//!
//! For a filter that is right, the product of a sample's residual before and after it was taken in is the variance
//! of the sample's error on average, whatever the gain. A weighted regression of that on the squared excess gives
//! both parts of the variance.

use super::belief::UNIFORM;
use super::delays::Delays;

/// So many samples are remembered.
const MEMORY: f64 = 200.0;
/// Nothing is concluded from fewer.
const FIRST_LESSONS: u32 = 8;
/// So many samples' worth of belief in a uniform error.
const PRIOR_WORTH: f64 = 8.0;
/// No product counts for more than this multiple of the variance that was expected.
const CLIP: f64 = 12.0;
/// The variance of an error within ±e/2 is e²/4 at most, all at the ends; a little is allowed for chance.
const STEEPEST: f64 = 0.3;
/// Excess beyond this many times the typical one says nothing about asymmetry.
const PLAUSIBLE_EXCESS: f64 = 8.0;
/// An asymmetry is believed as far as its square exceeds so many of its variances.
const DOUBT: f64 = 4.0;

/// One sample after it was taken in, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Residual {
    /// Measured minus expected before.
    pub(super) before: f64,
    /// Measured minus estimated after.
    pub(super) after: f64,
    /// Excess of the round trip, with what is uncertain about the shortest.
    pub(super) excess: f64,
    /// The variance that was expected of it.
    pub(super) variance: f64,
}

/// Sums of a regression of a variance on a squared excess.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct VarianceSums {
    n: f64,
    w: f64,
    q: f64,
    qq: f64,
    t: f64,
    qt: f64,
    excess_squared: f64,
}

/// Sums of a regression of a residual on the excess.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct SlopeSums {
    w: f64,
    e: f64,
    y: f64,
    ee: f64,
    ey: f64,
}

/// What was learnt so far.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Lesson {
    samples: u32,
    variance: VarianceSums,
    slope: SlopeSums,
    /// Of every sample, s².
    base: f64,
    /// Per excess squared.
    steepness: f64,
    asymmetry: f64,
}

impl Lesson {
    /// The variance that every sample has, not below `floor`.
    pub(super) fn base_variance(&self, floor: f64) -> f64 {
        self.base.max(floor)
    }

    /// The mean error of a sample as a share of its excess delay, −½ … ½.
    pub(super) fn asymmetry(&self) -> f64 {
        self.asymmetry
    }

    /// The variance of a sample's error about that mean, as a share of the excess delay squared.
    pub(super) fn slope_variance(&self, delays: &Delays) -> f64 {
        if self.samples < FIRST_LESSONS {
            return UNIFORM;
        }
        let excess_squared = self.variance.excess_squared / self.variance.n;
        let scatter = (12.0 * delays.offset_variance() / excess_squared.max(f64::MIN_POSITIVE)).min(1.0);
        let least = UNIFORM * (1.0 - 4.0 * self.asymmetry * self.asymmetry) * scatter;
        self.steepness.clamp(least.clamp(1e-6, STEEPEST), STEEPEST)
    }

    /// One more sample; `floor` is the least variance that its stamps allow.
    pub(super) fn learn(&mut self, residual: &Residual, delays: &Delays, floor: f64) {
        self.samples = self.samples.saturating_add(1);
        self.variance.forget(MEMORY);
        self.slope.forget(MEMORY);
        self.variance.add(residual, self.asymmetry);
        if residual.excess < PLAUSIBLE_EXCESS * delays.mean_excess() {
            self.slope.add(residual);
        }
        if self.samples >= FIRST_LESSONS {
            (self.base, self.steepness) = self.variance.solve(floor);
            self.asymmetry = self.slope.solve();
        }
    }

    /// Whether every figure is one. What came from a file need not be.
    pub(super) fn is_sound(&self) -> bool {
        let (v, s) = (&self.variance, &self.slope);
        let sums = [v.n, v.w, v.q, v.qq, v.t, v.qt, v.excess_squared, s.w, s.e, s.y, s.ee, s.ey];
        let learnt = [self.base, self.steepness];
        let finite = sums.iter().all(|sum| sum.is_finite());
        let learnt_something = self.samples == 0 || v.n > 0.0;
        finite
            && learnt_something
            && learnt.iter().all(|f| f.is_finite() && *f >= 0.0)
            && self.asymmetry.abs() <= 0.5
    }
}

impl VarianceSums {
    fn forget(&mut self, memory: f64) {
        let keep = 1.0 - 1.0 / memory;
        let Self { n, w, q, qq, t, qt, excess_squared } = self;
        for sum in [n, w, q, qq, t, qt, excess_squared] {
            *sum *= keep;
        }
    }

    fn add(&mut self, r: &Residual, asymmetry: f64) {
        let mean = asymmetry * r.excess;
        let limit = CLIP * r.variance;
        let product = ((r.after - mean) * r.before).clamp(-limit, limit);
        let (weight, squared) = (1.0 / (r.variance * r.variance), r.excess * r.excess);
        self.n += 1.0;
        self.w += weight;
        self.q += weight * squared;
        self.qq += weight * squared * squared;
        self.t += weight * product;
        self.qt += weight * squared * product;
        self.excess_squared += squared;
    }

    /// Base variance and steepness.
    fn solve(&self, floor: f64) -> (f64, f64) {
        let prior = PRIOR_WORTH / self.n * self.qq;
        let (qq, qt) = (self.qq + prior, self.qt + prior * UNIFORM);
        let determinant = self.w * qq - self.q * self.q;
        let base = if determinant > 0.0 { (self.t * qq - qt * self.q) / determinant } else { 0.0 };
        let base = base.max(floor);
        let steepness = if qq > 0.0 { (qt - base * self.q) / qq } else { UNIFORM };
        (base, steepness.max(0.0))
    }
}

impl SlopeSums {
    fn forget(&mut self, memory: f64) {
        let keep = 1.0 - 1.0 / memory;
        let Self { w, e, y, ee, ey } = self;
        for sum in [w, e, y, ee, ey] {
            *sum *= keep;
        }
    }

    fn add(&mut self, r: &Residual) {
        let weight = 1.0 / r.variance;
        self.w += weight;
        self.e += weight * r.excess;
        self.y += weight * r.after;
        self.ee += weight * r.excess * r.excess;
        self.ey += weight * r.excess * r.after;
    }

    /// The slope. The line need not pass through the origin: a phase that is off would confirm itself.
    fn solve(&self) -> f64 {
        let spread = self.ee - self.e * self.e / self.w;
        if !(spread > 0.0 && self.w > 0.0) {
            return 0.0;
        }
        let slope = (self.ey - self.e * self.y / self.w) / spread;
        let doubt = DOUBT / (slope * slope * spread).max(f64::MIN_POSITIVE);
        let believed = slope * (1.0 - doubt).max(0.0);
        // Sums that are too large for a float, as a damaged file can bring, teach nothing.
        if believed.is_finite() { believed.clamp(-0.5, 0.5) } else { 0.0 }
    }
}
