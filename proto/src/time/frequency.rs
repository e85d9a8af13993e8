//! Rates.

use core::fmt;
use core::ops::{Add, Mul, Neg, Sub};

use super::NtpDuration;

/// A dimensionless rate: seconds per second.
///
/// As a property of a clock it is the rate at which its [`Offset`](super::Offset) grows, so positive means
/// that the clock *loses* time and has to be sped up by that much; as a correction it is the speed-up itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Frequency(f64);

impl Frequency {
    /// No rate at all.
    pub const ZERO: Self = Self(0.0);

    /// From seconds per second.
    #[must_use]
    pub const fn new(seconds_per_second: f64) -> Self {
        Self(seconds_per_second)
    }

    /// From parts per million.
    #[must_use]
    pub const fn from_ppm(ppm: f64) -> Self {
        Self(ppm * 1e-6)
    }

    /// In parts per million.
    #[must_use]
    pub const fn to_ppm(self) -> f64 {
        self.0 * 1e6
    }

    /// Seconds per second.
    #[must_use]
    pub const fn as_ratio(self) -> f64 {
        self.0
    }

    /// The size of the rate, whatever its direction.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Limited to ±`limit`.
    #[must_use]
    pub const fn clamped(self, limit: Self) -> Self {
        Self(self.0.clamp(-limit.0.abs(), limit.0.abs()))
    }
}

impl Add for Frequency {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Frequency {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Frequency {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

/// What a rate amounts to over a time.
impl Mul<NtpDuration> for Frequency {
    type Output = NtpDuration;
    fn mul(self, time: NtpDuration) -> NtpDuration {
        time.scaled(self.0)
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.3} ppm", self.to_ppm())
    }
}
