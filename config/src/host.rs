//! Whom to ask: addresses and names of other machines.
//!
//! Decides what can be a name at all, so that a slip of the keyboard is told at once and not as a name that
//! never resolves. Resolves nothing.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// An address, or a name that is still to be resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A literal address.
    Address(IpAddr),
    /// Anything else that could name a machine.
    Name(HostName),
}

impl FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        match text.parse() {
            Ok(address) => Ok(Self::Address(address)),
            Err(_) => text.parse().map(Self::Name),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// A name for the resolver: letters, digits, `-`, `_` and `.`, at most 253 bytes.
///
/// An IPv6 address with a zone (`fe80::1%eth0`) is one as well: only the resolver knows the zone's number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(String);

impl HostName {
    /// The longest name that DNS can carry, in bytes (RFC 1035 §2.3.4, without the root's dot).
    const LONGEST: usize = 253;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an IPv6 address with a zone.
    #[must_use]
    pub fn is_zoned_address(&self) -> bool {
        self.0.contains('%')
    }

    /// Stands where a name is about to be read; never leaves this crate.
    pub(crate) const fn placeholder() -> Self {
        Self(String::new())
    }
}

impl FromStr for HostName {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        if text.is_empty() {
            return Err(InvalidHost::Empty);
        }
        if text.len() > Self::LONGEST {
            return Err(InvalidHost::TooLong);
        }
        if text.parse::<IpAddr>().is_ok() {
            return Err(InvalidHost::Address);
        }
        if is_zoned_address(text) {
            return Ok(Self(text.to_owned()));
        }
        if let Some((host, _)) = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()) {
            return Err(InvalidHost::Port { host: host.trim_matches(['[', ']']).to_owned() });
        }
        match text.chars().find(|c| !is_name_character(*c)) {
            Some(character) => Err(InvalidHost::Character(character)),
            None if text.chars().all(|c| c.is_ascii_digit() || c == '.') => Err(InvalidHost::Ipv4),
            None => Ok(Self(text.to_owned())),
        }
    }
}

fn is_zoned_address(text: &str) -> bool {
    text.split_once('%').is_some_and(|(address, zone)| {
        address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && zone.chars().all(is_name_character)
    })
}

fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text cannot name a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidHost {
    /// There is nothing.
    Empty,
    /// It is longer than 253 bytes.
    TooLong,
    /// It is an address where only a name makes sense.
    Address,
    /// It ends in what looks like a port.
    Port {
        /// What stands before the port, without brackets.
        host: String,
    },
    /// It has digits and dots only, but is no IPv4 address.
    Ipv4,
    /// It has a character that no name has.
    Character(char),
}

impl fmt::Display for InvalidHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong => write!(f, "is longer than {} bytes", HostName::LONGEST),
            Self::Address => f.write_str("is an address, not a name"),
            Self::Port { .. } => f.write_str("has a port in it"),
            Self::Ipv4 => f.write_str("looks like an IPv4 address but is none"),
            Self::Character(' ' | '\t') => f.write_str("has a blank in it"),
            Self::Character(c) => write!(f, "has the character {c:?} in it, which no host name has"),
        }
    }
}

impl std::error::Error for InvalidHost {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_told_apart() {
        let host = |text: &str| text.parse::<Host>().unwrap();
        assert_eq!(host("192.0.2.1"), Host::Address([192, 0, 2, 1].into()));
        assert_eq!(host("2001:db8::1"), Host::Address("2001:db8::1".parse().unwrap()));
        assert!(matches!(host("ntp-1.example.org."), Host::Name(_)));
        assert!(matches!(host("fe80::1%eth0.10"), Host::Name(name) if name.is_zoned_address()));
    }

    #[test]
    fn what_is_no_name_is_told_why() {
        let error = |text: &str| text.parse::<Host>().unwrap_err();
        assert_eq!(error(""), InvalidHost::Empty);
        assert_eq!(error("a b"), InvalidHost::Character(' '));
        assert_eq!(error("192.0.2.300"), InvalidHost::Ipv4);
        assert_eq!(error("[2001:db8::1]:123"), InvalidHost::Port { host: "2001:db8::1".to_owned() });
        assert_eq!(error(&"a".repeat(254)), InvalidHost::TooLong);
        assert_eq!("192.0.2.1".parse::<HostName>().unwrap_err(), InvalidHost::Address);
    }
}
