//! The sign of an offset, once and for all.

use core::fmt;
use core::ops::Neg;

use super::NtpDuration;

/// How far a reference is ahead of our clock (RFC 5905 §8, θ). Positive: our clock is slow.
///
/// Other conventions (chronyc, `ntp_offset_milliseconds`) are made from this at the edge that speaks them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Offset(NtpDuration);

impl Offset {
    /// Exactly in step with the reference.
    pub const ZERO: Self = Self(NtpDuration::ZERO);

    /// `ahead`: reference minus ours.
    #[must_use]
    pub const fn reference_ahead_by(ahead: NtpDuration) -> Self {
        Self(ahead)
    }

    /// Reference minus ours.
    #[must_use]
    pub const fn as_duration(self) -> NtpDuration {
        self.0
    }

    /// Reference minus ours in seconds.
    #[must_use]
    pub const fn to_seconds(self) -> f64 {
        self.0.to_seconds()
    }

    /// Reference minus ours in seconds, rounded to 2⁻³² s.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        Self(NtpDuration::from_seconds(seconds))
    }

    /// How large it is, whatever its direction.
    #[must_use]
    pub const fn abs(self) -> NtpDuration {
        self.0.abs()
    }

    /// `"slow"` when our clock is behind the reference, `"fast"` when ahead.
    #[must_use]
    pub const fn word(self) -> &'static str {
        if self.0.is_negative() { "fast" } else { "slow" }
    }
}

impl Neg for Offset {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

/// In words: `1.250 ms slow`.
impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.abs(), self.word())
    }
}
