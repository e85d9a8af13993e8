//! The one-byte and four-byte fields of the header, each a type of its own.

use core::fmt;

use crate::time::NtpDuration;

/// Leap indicator (RFC 5905 §7.3): what happens at the end of the current day, or that the clock is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Leap {
    /// The day has 86 400 seconds.
    None,
    /// A second is inserted: 23:59:60.
    Insert,
    /// A second is deleted: 23:59:59 does not happen.
    Delete,
    /// The clock is not synchronised.
    Unsynchronised,
}

impl Leap {
    /// From the two low bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::None,
            1 => Self::Insert,
            2 => Self::Delete,
            _ => Self::Unsynchronised,
        }
    }

    /// The two bits of the header.
    #[must_use]
    pub const fn to_bits(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Insert => 1,
            Self::Delete => 2,
            Self::Unsynchronised => 3,
        }
    }
}

/// Association mode (RFC 5905 §7.3). All eight values have a name, so every packet has a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Mode {
    /// 0; NTPv1 clients send it too.
    Reserved,
    /// 1.
    SymmetricActive,
    /// 2.
    SymmetricPassive,
    /// 3.
    Client,
    /// 4.
    Server,
    /// 5.
    Broadcast,
    /// 6: management by ntpq.
    Control,
    /// 7: private.
    Private,
}

impl Mode {
    pub(crate) const fn from_bits(bits: u8) -> Self {
        match bits & 7 {
            0 => Self::Reserved,
            1 => Self::SymmetricActive,
            2 => Self::SymmetricPassive,
            3 => Self::Client,
            4 => Self::Server,
            5 => Self::Broadcast,
            6 => Self::Control,
            _ => Self::Private,
        }
    }

    /// The three bits of the header.
    #[must_use]
    pub const fn to_bits(self) -> u8 {
        self as u8
    }
}

/// Distance from a primary clock in servers (RFC 5905 §7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Stratum(u8);

impl Stratum {
    /// On the wire: unspecified, or a kiss-o'-death.
    pub const UNSPECIFIED: Self = Self(0);
    /// A server with a reference clock.
    pub const PRIMARY: Self = Self(1);
    /// The best stratum that means "not synchronised" (MAXSTRAT).
    pub const UNSYNCHRONISED: Self = Self(16);

    /// Any value of the field.
    #[must_use]
    pub const fn new(stratum: u8) -> Self {
        Self(stratum)
    }

    /// The value of the field.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// 1 … 15: a clock that claims to be set.
    #[must_use]
    pub const fn is_synchronised(self) -> bool {
        1 <= self.0 && self.0 < Self::UNSYNCHRONISED.0
    }

    /// The stratum of a client of this server, at most [`Stratum::UNSYNCHRONISED`].
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 >= Self::UNSYNCHRONISED.0 { Self::UNSYNCHRONISED } else { Self(self.0 + 1) }
    }
}

impl fmt::Display for Stratum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Poll interval as a power of two seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct PollExp(i8);

impl PollExp {
    /// The shortest interval that may be configured, 1/128 s.
    pub const MIN: Self = Self(-7);
    /// The longest interval that may be configured, about 194 days.
    pub const MAX: Self = Self(24);

    /// Any value of the field; see [`PollExp::interval`] for how wild ones are tamed.
    #[must_use]
    pub const fn new(exponent: i8) -> Self {
        Self(exponent)
    }

    /// The value of the field.
    #[must_use]
    pub const fn get(self) -> i8 {
        self.0
    }

    /// The interval; exponents outside [`PollExp::MIN`] … [`PollExp::MAX`] count as the nearest of the two.
    #[must_use]
    pub const fn interval(self) -> NtpDuration {
        let exponent = self.clamp_to(Self::MIN, Self::MAX).0;
        NtpDuration::from_ticks(1 << (32 + exponent as i32))
    }

    /// One step longer.
    #[must_use]
    pub const fn longer(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// One step shorter.
    #[must_use]
    pub const fn shorter(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Within `min` … `max`; `min` wins if they cross.
    #[must_use]
    pub const fn clamp_to(self, min: Self, max: Self) -> Self {
        if self.0 < min.0 {
            min
        } else if self.0 > max.0 {
            if max.0 < min.0 { min } else { max }
        } else {
            self
        }
    }
}

impl fmt::Display for PollExp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Resolution of a clock as a power of two seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Precision(i8);

impl Precision {
    /// Any value of the field.
    #[must_use]
    pub const fn new(exponent: i8) -> Self {
        Self(exponent)
    }

    /// The value of the field.
    #[must_use]
    pub const fn get(self) -> i8 {
        self.0
    }

    /// As a span, between 2⁻³² s and 2³⁰ s.
    #[must_use]
    pub const fn to_duration(self) -> NtpDuration {
        let exponent = if self.0 < -32 {
            -32
        } else if self.0 > 30 {
            30
        } else {
            self.0
        };
        NtpDuration::from_ticks(1 << (32 + exponent as i32))
    }
}

/// Reference identifier (RFC 5905 §7.3): four letters at strata 0 and 1, an IPv4 address or the start of
/// an IPv6 address's MD5 above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct RefId(u32);

impl RefId {
    /// Nothing to refer to.
    pub const NONE: Self = Self(0);
    /// The local clock as a reference (127.127.1.1, by which management clients know it).
    pub const LOCAL: Self = Self(0x7f7f_0101);

    /// From the bits of the field.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits of the field.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// From up to four ASCII letters, such as `*b"GPS\0"`.
    #[must_use]
    pub const fn from_ascii(letters: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(letters))
    }

    /// How a client of the server at this address refers to it.
    #[must_use]
    pub fn of_address(address: core::net::IpAddr) -> Self {
        match address.to_canonical() {
            core::net::IpAddr::V4(v4) => Self(v4.to_bits()),
            core::net::IpAddr::V6(v6) => {
                use md5::Digest;
                let digest = md5::Md5::digest(v6.octets());
                Self(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
            }
        }
    }

    /// The letters, if all are printable and only zeros follow the last.
    #[must_use]
    pub fn to_ascii(self) -> Option<String> {
        let bytes = self.0.to_be_bytes();
        let used = bytes.iter().rposition(|b| *b != 0)? + 1;
        let letters = &bytes[..used];
        letters.iter().all(u8::is_ascii_graphic).then(|| letters.iter().map(|b| char::from(*b)).collect())
    }
}

/// Eight hex digits; what the identifier stands for depends on the stratum that it came with.
impl fmt::Display for RefId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

/// What a server says with stratum 0 (RFC 5905 §7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum KissCode {
    /// `RATE`: ask less often.
    Rate,
    /// `DENY`: stop asking.
    Deny,
    /// `RSTR`: stop asking, by policy.
    Rstr,
    /// `NTSN`: the NTS cookie could not be opened (RFC 8915 §5.7).
    NtsNak,
    /// Any other; informative only.
    Unknown(RefId),
}

impl KissCode {
    /// Read from the reference identifier of a stratum 0 packet.
    #[must_use]
    pub const fn from_ref_id(ref_id: RefId) -> Self {
        match &ref_id.0.to_be_bytes() {
            b"RATE" => Self::Rate,
            b"DENY" => Self::Deny,
            b"RSTR" => Self::Rstr,
            b"NTSN" => Self::NtsNak,
            _ => Self::Unknown(ref_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poll_intervals_are_bounded() {
        assert_eq!(PollExp::new(6).interval(), NtpDuration::from_secs(64));
        assert_eq!(PollExp::new(127).interval(), PollExp::MAX.interval());
        assert_eq!(PollExp::new(-128).interval(), NtpDuration::from_ticks(1 << 25));
    }

    #[test]
    fn reference_of_an_ipv6_address_is_the_start_of_its_md5() {
        // md5sum of fifteen zero bytes and a one
        let id = RefId::of_address(core::net::Ipv6Addr::LOCALHOST.into());
        assert_eq!(id.to_bits(), 0xcf40_4dc8);
        let mapped: core::net::IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(RefId::of_address(mapped).to_bits(), 0xc000_0201);
    }

    #[test]
    fn reference_letters_stop_at_padding() {
        assert_eq!(RefId::from_ascii(*b"GPS\0").to_ascii().as_deref(), Some("GPS"));
        assert_eq!(RefId::from_bits(0xc000_0201).to_ascii(), None);
        assert_eq!(RefId::NONE.to_ascii(), None);
    }
}
