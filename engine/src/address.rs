//! Where a source is: in the network, or in this machine.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ntp_proto::packet::RefId;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a source is. Written as `192.0.2.1:123`, or as the letters of a reference clock, `PPS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceAddress {
    /// A server, asked here.
    Network(SocketAddr),
    /// A reference clock of this machine, called so.
    Refclock(RefId),
}

impl SourceAddress {
    /// Where the server is asked; `None` for a reference clock.
    #[must_use]
    pub const fn socket(self) -> Option<SocketAddr> {
        match self {
            Self::Network(address) => Some(address),
            Self::Refclock(_) => None,
        }
    }

    /// How operators name it: a server by its address alone, a reference clock by its letters.
    #[must_use]
    pub fn short(self) -> String {
        match self {
            Self::Network(address) => address.ip().to_string(),
            Self::Refclock(_) => self.to_string(),
        }
    }

    /// Whether it is at this address, whatever the port.
    #[must_use]
    pub fn is_at(self, address: IpAddr) -> bool {
        self.socket().is_some_and(|socket| socket.ip() == address)
    }
}

impl From<SocketAddr> for SourceAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Network(address)
    }
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::Refclock(ref_id) => match ref_id.to_ascii() {
                Some(letters) => f.write_str(&letters),
                None => ref_id.fmt(f),
            },
        }
    }
}

impl FromStr for SourceAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Network(address));
        }
        let mut letters = [0; 4];
        let place = letters.get_mut(..text.len()).filter(|place| !place.is_empty()).ok_or(NotAnAddress)?;
        place.copy_from_slice(text.as_bytes());
        Ok(Self::Refclock(RefId::from_ascii(letters)))
    }
}

/// The text is neither an address with a port nor up to four letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAddress;

impl fmt::Display for NotAnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("neither an address with a port nor up to four letters")
    }
}

impl std::error::Error for NotAnAddress {}

impl Serialize for SourceAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SourceAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_being_written() {
        let network = SourceAddress::from("[2001:db8::1]:123".parse::<SocketAddr>().unwrap());
        let pulse = SourceAddress::Refclock(RefId::from_ascii(*b"PPS\0"));
        for (address, text) in [(network, "\"[2001:db8::1]:123\""), (pulse, "\"PPS\"")] {
            assert_eq!(serde_json::to_string(&address).unwrap(), text);
            assert_eq!(serde_json::from_str::<SourceAddress>(text).unwrap(), address);
        }
        assert_eq!((network.short(), pulse.short()), ("2001:db8::1".to_owned(), "PPS".to_owned()));
        assert!(serde_json::from_str::<SourceAddress>("\"PULSE\"").is_err());
    }
}
