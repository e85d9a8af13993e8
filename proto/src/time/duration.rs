//! Differences of times.

use core::fmt;
use core::iter::Sum;
use core::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use super::{NANOS_PER_SECOND, TICKS_PER_SECOND};

/// A signed span of time in units of 2⁻³² s, up to ±68 years.
///
/// Arithmetic saturates: a span that does not fit is "very long", never of the wrong sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct NtpDuration(i64);

impl NtpDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span, about 68 years.
    pub const MAX: Self = Self(i64::MAX);
    /// The longest span backwards.
    pub const MIN: Self = Self(i64::MIN);

    /// From units of 2⁻³² s.
    #[must_use]
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// In units of 2⁻³² s.
    #[must_use]
    pub const fn as_ticks(self) -> i64 {
        self.0
    }

    /// From whole seconds, saturating.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(TICKS_PER_SECOND))
    }

    /// From milliseconds, saturating.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self::from_nanos(millis.saturating_mul(1_000_000))
    }

    /// From nanoseconds, rounded to the nearest 2⁻³² s.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        let scaled = nanos as i128 * TICKS_PER_SECOND as i128;
        Self::saturate(div_round(scaled, NANOS_PER_SECOND as i128))
    }

    /// In nanoseconds, rounded to the nearest and saturating (only spans beyond 292 years could, and
    /// there are none).
    #[must_use]
    pub const fn to_nanos(self) -> i64 {
        div_round(self.0 as i128 * NANOS_PER_SECOND as i128, TICKS_PER_SECOND as i128) as i64
    }

    /// From seconds, rounded to the nearest 2⁻³² s and saturating; not-a-number becomes zero.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        // A float-to-integer cast saturates and maps NaN to 0, which is just what is promised here.
        Self((seconds * TICKS_PER_SECOND as f64).round_ties_even() as i64)
    }

    /// In seconds. Exact below 2²¹ s, else to 53 bits.
    #[must_use]
    pub const fn to_seconds(self) -> f64 {
        self.0 as f64 / TICKS_PER_SECOND as f64
    }

    /// The length of the span, whatever its direction.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// Whether the span points backwards.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Half way between two spans, rounded towards minus infinity; never overflows.
    #[must_use]
    pub const fn midpoint(self, other: Self) -> Self {
        Self(((self.0 as i128 + other.0 as i128) >> 1) as i64)
    }

    /// The span times a dimensionless factor, saturating.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor).round_ties_even() as i64)
    }

    /// Half of the span.
    #[must_use]
    pub const fn half(self) -> Self {
        Self(self.0 / 2)
    }

    pub(super) const fn saturate(ticks: i128) -> Self {
        if ticks > i64::MAX as i128 {
            Self::MAX
        } else if ticks < i64::MIN as i128 {
            Self::MIN
        } else {
            Self(ticks as i64)
        }
    }
}

/// Integer division that rounds to the nearest, for a positive divisor.
pub(super) const fn div_round(dividend: i128, divisor: i128) -> i128 {
    (dividend + divisor / 2).div_euclid(divisor)
}

impl Add for NtpDuration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NtpDuration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for NtpDuration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for NtpDuration {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for NtpDuration {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for NtpDuration {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for NtpDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.to_seconds();
        let (value, unit) = match seconds.abs() {
            s if s >= 1.0 => (seconds, "s"),
            s if s >= 1e-3 => (seconds * 1e3, "ms"),
            s if s >= 1e-6 => (seconds * 1e6, "us"),
            _ => (seconds * 1e9, "ns"),
        };
        write!(f, "{value:.3} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arithmetic_saturates_instead_of_changing_sign() {
        assert_eq!(NtpDuration::MAX + NtpDuration::from_secs(1), NtpDuration::MAX);
        assert_eq!(NtpDuration::MIN - NtpDuration::from_secs(1), NtpDuration::MIN);
        assert_eq!(-NtpDuration::MIN, NtpDuration::MAX);
        assert_eq!(NtpDuration::from_seconds(1e300), NtpDuration::MAX);
        assert_eq!(NtpDuration::from_seconds(f64::NAN), NtpDuration::ZERO);
    }

    #[test]
    fn display_chooses_a_readable_unit() {
        assert_eq!(NtpDuration::from_nanos(-1_500_000).to_string(), "-1.500 ms");
        assert_eq!(NtpDuration::from_secs(12).to_string(), "12.000 s");
    }

    proptest! {
        #[test]
        fn nanoseconds_round_trip(nanos in -2_000_000_000_000_000_000i64..2_000_000_000_000_000_000) {
            prop_assert_eq!(NtpDuration::from_nanos(nanos).to_nanos(), nanos);
        }

        #[test]
        fn midpoint_lies_between(a: i64, b: i64) {
            let (a, b) = (NtpDuration::from_ticks(a), NtpDuration::from_ticks(b));
            let m = a.midpoint(b);
            prop_assert!(a.min(b) <= m && m <= a.max(b));
        }
    }
}
