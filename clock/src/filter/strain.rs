//! How much the latest offsets surprised.

/// A squared surprise of so many variances is no noise: ten standard deviations.
pub(super) const JUMP: f64 = 100.0;
/// How many offsets are remembered, as a share, and from where on it is too much.
const MEMORY: f64 = 0.3;
const STRAINED: f64 = 6.0;

/// A mean of squared surprises, in variances; 1 or less is right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub(super) struct Strain(f64);

impl Strain {
    /// One more squared surprise. When there were too many: by which factor all variances are too small; and it
    /// starts over, since they will be corrected.
    pub(super) fn feel(&mut self, surprise: f64) -> Option<f64> {
        self.0 += MEMORY * (surprise.min(JUMP) - self.0);
        (self.0 > STRAINED).then(|| std::mem::replace(&mut self.0, 1.0))
    }

    pub(super) fn is_sound(self) -> bool {
        self.0.is_finite()
    }
}
