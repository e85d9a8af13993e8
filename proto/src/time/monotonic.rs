//! Deadlines.

use core::fmt;
use core::ops::{Add, Sub};

use super::NtpDuration;

/// A reading of a clock that nobody steps, in nanoseconds since some start; only deadlines are made of it.
///
/// A simulation may start at zero. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Monotonic(u64);

impl Monotonic {
    /// Never.
    pub const MAX: Self = Self(u64::MAX);

    /// From nanoseconds since the clock's start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// In nanoseconds since the clock's start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
}

impl Sub for Monotonic {
    type Output = NtpDuration;
    fn sub(self, other: Self) -> NtpDuration {
        let nanos = i128::from(self.0) - i128::from(other.0);
        NtpDuration::from_nanos(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }
}

impl Add<NtpDuration> for Monotonic {
    type Output = Self;
    fn add(self, span: NtpDuration) -> Self {
        Self(self.0.saturating_add_signed(span.to_nanos()))
    }
}

impl fmt::Display for Monotonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}
