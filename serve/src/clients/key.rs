//! Whom a record is about.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or as many leading bits of an IPv6 address as make a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key(u128);

impl Key {
    /// Of `address`; of one of IPv6 `prefix` bits count, at most 128.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        match address {
            IpAddr::V4(v4) => Self(v4.to_ipv6_mapped().to_bits()),
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Self(v6.to_bits()),
            IpAddr::V6(v6) => {
                let host = u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
                Self(v6.to_bits() & !host)
            }
        }
    }

    /// The address, or the first of the network.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        Ipv6Addr::from_bits(self.0).to_canonical()
    }

    pub(super) const fn words(self) -> [u64; 2] {
        [(self.0 >> 64) as u64, self.0 as u64]
    }

    pub(super) const fn from_words([high, low]: [u64; 2]) -> Self {
        Self((high as u128) << 64 | low as u128)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(address: &str, prefix: u8) -> Key {
        Key::new(address.parse().unwrap(), prefix)
    }

    #[test]
    fn a_network_of_ipv6_is_one_client_and_ipv4_is_never_joined() {
        assert_eq!(key("2001:db8::1", 64), key("2001:db8::ffff:2", 64));
        assert_ne!(key("2001:db8::1", 128), key("2001:db8::2", 128));
        assert_eq!(key("2001:db8:1::", 32), key("2001:db8::", 32));
        assert_ne!(key("192.0.2.1", 64), key("192.0.2.2", 64));
        assert_eq!(key("::ffff:192.0.2.1", 64), key("192.0.2.1", 64));
        assert_eq!(key("192.0.2.1", 64).address().to_string(), "192.0.2.1");
        assert_eq!(key("2001:db8::1", 64).address().to_string(), "2001:db8::");
        assert_eq!(Key::from_words(key("2001:db8::1", 128).words()), key("2001:db8::1", 128));
    }
}
