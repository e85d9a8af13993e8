//! The 32-bit short format.

use super::NtpDuration;

/// NTP short format (RFC 5905 §6): unsigned 16.16 seconds, for root delay and root dispersion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NtpShort(u32);

impl NtpShort {
    /// The largest value, just below 65536 s.
    pub const MAX: Self = Self(u32::MAX);

    /// From the bits of a packet.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits of a packet.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The smallest short value that is not below `span`: an error that is rounded must not shrink.
    /// Negative spans become zero, long ones the maximum.
    #[must_use]
    pub fn at_least(span: NtpDuration) -> Self {
        let units = (i128::from(span.as_ticks()) + 0xffff) >> 16;
        Self(units.clamp(0, i128::from(u32::MAX)) as u32)
    }

    /// As a span.
    #[must_use]
    pub const fn to_duration(self) -> NtpDuration {
        NtpDuration::from_ticks((self.0 as i64) << 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_never_shrinks_an_error() {
        assert_eq!(NtpShort::at_least(NtpDuration::from_ticks(1)).to_bits(), 1);
        assert_eq!(NtpShort::at_least(NtpDuration::from_secs(-1)).to_bits(), 0);
        assert_eq!(NtpShort::at_least(NtpDuration::from_secs(1)).to_bits(), 0x1_0000);
        assert_eq!(NtpShort::at_least(NtpDuration::from_secs(70_000)), NtpShort::MAX);
    }
}
