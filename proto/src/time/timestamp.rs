//! The 64-bit timestamp of a packet.

use core::fmt;
use core::ops::{Add, Sub};

use super::NtpDuration;

/// NTP timestamp format (RFC 5905 §6): 32 bits of seconds, 32 bits of fraction, era unknown.
///
/// It wraps every 136 years, so it has no order; the difference of two is right as long as they are
/// within 68 years of each other. Zero means "unknown" in the protocol ([`NtpTimestamp::ZERO`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct NtpTimestamp(u64);

impl NtpTimestamp {
    /// "Unknown or unsynchronised" in every field of a packet.
    pub const ZERO: Self = Self(0);

    /// From the bits of a packet.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits of a packet.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Whether the field says "unknown".
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether this is the earlier of two that lie within 68 years of each other.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        (self - other).is_negative()
    }
}

/// Wraps at the era.
impl Sub for NtpTimestamp {
    type Output = NtpDuration;
    fn sub(self, other: Self) -> NtpDuration {
        NtpDuration::from_ticks(self.0.wrapping_sub(other.0) as i64)
    }
}

/// Wraps at the era.
impl Add<NtpDuration> for NtpTimestamp {
    type Output = Self;
    fn add(self, span: NtpDuration) -> Self {
        Self(self.0.wrapping_add(span.as_ticks() as u64))
    }
}

impl fmt::Display for NtpTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}.{:08x}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_is_right_across_an_era_boundary() {
        let last_of_era_0 = NtpTimestamp::from_bits(u64::MAX);
        let first_of_era_1 = NtpTimestamp::from_bits(1 << 32);
        assert!(last_of_era_0.is_before(first_of_era_1));
        assert_eq!(first_of_era_1 - last_of_era_0, NtpDuration::from_ticks((1 << 32) + 1));
        assert_eq!(last_of_era_0 + NtpDuration::from_ticks(1), NtpTimestamp::ZERO);
    }
}
