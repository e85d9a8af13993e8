//! Sets of addresses that share a prefix.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// All addresses of one family that begin with the same bits; written `192.0.2.0/24`.
///
/// IPv4 addresses mapped into IPv6 (`::ffff:192.0.2.0/120`) are the IPv4 addresses that they stand for.
/// `Display` always writes the prefix; reading also takes a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The addresses whose first `prefix` bits are those of `address`.
    ///
    /// # Errors
    /// When the family has no prefix of that length, or `address` has bits set after it.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, InvalidNetwork> {
        let network = Self { address, prefix }.canonical();
        let widest = bits_of_family(network.address);
        if network.prefix > widest {
            return Err(InvalidNetwork::Prefix { widest });
        }
        let masked = Self { address: mask(network.address, network.prefix), ..network };
        if masked == network { Ok(network) } else { Err(InvalidNetwork::HostBits { masked }) }
    }

    /// The one address.
    #[must_use]
    pub fn single(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: bits_of_family(address) }
    }

    /// The first address; its bits after the prefix are zero.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits its addresses share: 0 … 32 for IPv4, 0 … 128 for IPv6.
    #[must_use]
    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether the address belongs to it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && mask(address, self.prefix) == self.address
    }

    /// The IPv4 network that an IPv6 network of mapped addresses stands for.
    fn canonical(self) -> Self {
        match (self.address.to_canonical(), self.address) {
            (address @ IpAddr::V4(_), IpAddr::V6(_)) if (96..=128).contains(&self.prefix) => {
                Self { address, prefix: self.prefix - 96 }
            }
            _ => self,
        }
    }
}

const fn bits_of_family(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with only its first `prefix` bits.
fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => {
            Ipv4Addr::from_bits(v4.to_bits() & !u32::MAX.checked_shr(prefix).unwrap_or(0)).into()
        }
        IpAddr::V6(v6) => {
            Ipv6Addr::from_bits(v6.to_bits() & !u128::MAX.checked_shr(prefix).unwrap_or(0)).into()
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let Some((address, prefix)) = text.split_once('/') else {
            return text.parse().map(Self::single).map_err(|_| InvalidNetwork::Syntax);
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork::Syntax)?;
        if prefix.is_empty() || !prefix.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(InvalidNetwork::Syntax);
        }
        // A number too large for the type is too large for every family.
        Self::new(address, prefix.parse().unwrap_or(u8::MAX))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidNetwork {
    /// It is not of the form `ADDRESS` or `ADDRESS/PREFIX`.
    Syntax,
    /// Its prefix is longer than its addresses.
    Prefix {
        /// The longest prefix of the family, in bits.
        widest: u8,
    },
    /// It has bits set after its prefix.
    HostBits {
        /// The network that was probably meant.
        masked: Network,
    },
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => f.write_str("is neither an address nor ADDRESS/PREFIX"),
            Self::Prefix { widest } => write!(f, "has a prefix longer than the {widest} bits of its address"),
            Self::HostBits { masked } => write!(f, "has bits set after its prefix of {}", masked.prefix),
        }
    }
}

impl std::error::Error for InvalidNetwork {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_single_address_is_the_longest_prefix() {
        assert_eq!(network("192.0.2.1"), network("192.0.2.1/32"));
        assert_eq!(network("::1"), network("::1/128"));
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        assert_eq!(network("::ffff:192.0.2.0/120"), network("192.0.2.0/24"));
        assert!(network("192.0.2.0/24").contains("::ffff:192.0.2.7".parse().unwrap()));
    }

    #[test]
    fn families_do_not_mix() {
        assert!(!network("0.0.0.0/0").contains("2001:db8::1".parse().unwrap()));
        assert!(!network("::/0").contains("192.0.2.1".parse().unwrap()));
        assert!(network("::/0").contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_told_why() {
        let error = |text: &str| text.parse::<Network>().unwrap_err();
        assert_eq!(error("10.0.0.0/"), InvalidNetwork::Syntax);
        assert_eq!(error("10.0.0.0/+8"), InvalidNetwork::Syntax);
        assert_eq!(error("10.0.0.0/255.0.0.0"), InvalidNetwork::Syntax);
        assert_eq!(error("10.0.0.0/1000"), InvalidNetwork::Prefix { widest: 32 });
        assert_eq!(error("10.0.0.1/8"), InvalidNetwork::HostBits { masked: network("10.0.0.0/8") });
    }

    proptest! {
        #[test]
        fn text_round_trips(bits: u128, v4: bool, prefix in 0u8..=128) {
            let address: IpAddr = match v4 {
                true => Ipv4Addr::from_bits(bits as u32).into(),
                false => Ipv6Addr::from_bits(bits).into(),
            };
            let prefix = prefix.min(bits_of_family(address));
            let network = Network::new(mask(address, prefix), prefix).unwrap();
            prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
            prop_assert!(network.contains(address));
        }
    }
}
