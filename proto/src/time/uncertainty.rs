//! How well a time is known.

use core::fmt;

/// One standard deviation of a time, in seconds; finite and never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Uncertainty(f64);

impl Uncertainty {
    /// Known exactly.
    pub const ZERO: Self = Self(0.0);
    /// Nothing is known. Chosen beyond any offset that can be represented.
    pub const UNKNOWN: Self = Self(1e12);

    /// From seconds; a negative value or not-a-number means that nothing is known.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        if seconds >= 0.0 { Self(seconds.min(Self::UNKNOWN.0)) } else { Self::UNKNOWN }
    }

    /// In seconds.
    #[must_use]
    pub const fn to_seconds(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Uncertainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::NtpDuration::from_seconds(self.0).fmt(f)
    }
}
