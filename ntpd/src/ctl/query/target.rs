//! Whom to ask: host and port as they are written on the command line, and their addresses.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use super::super::exit::{Exit, Failure};

const NTP_PORT: u16 = 123;

/// A host, not resolved yet, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ctl) struct Target {
    host: String,
    port: u16,
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = split(text).ok_or("expected HOST, HOST:PORT or [IPV6]:PORT")?;
        let port = match port {
            Some(digits) => {
                digits.parse().ok().filter(|p| *p != 0).ok_or("expected a port from 1 to 65535")?
            }
            None => NTP_PORT,
        };
        if host.is_empty() { Err("expected a host") } else { Ok(Self { host: host.to_owned(), port }) }
    }
}

/// Host and port, if there is one. An IPv6 address can only have one if it is in brackets.
pub(in crate::ctl) fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        return match rest {
            "" => Some((host, None)),
            _ => rest.strip_prefix(':').map(|port| (host, Some(port))),
        };
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => Some((host, Some(port))),
        Some(_) => is_ipv6(text).then_some((text, None)),
        None => Some((text, None)),
    }
}

fn is_ipv6(text: &str) -> bool {
    let (address, _zone) = text.split_once('%').unwrap_or((text, ""));
    address.parse::<Ipv6Addr>().is_ok()
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

/// The kind of address to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
    Any,
}

impl Family {
    /// From `-4` and `-6`, of which clap lets only one through.
    pub(super) const fn pinned(ipv4: bool, ipv6: bool) -> Self {
        match (ipv4, ipv6) {
            (true, _) => Self::V4,
            (_, true) => Self::V6,
            (false, false) => Self::Any,
        }
    }

    const fn admits(self, ip: IpAddr) -> bool {
        match self {
            Self::V4 => ip.is_ipv4(),
            Self::V6 => ip.is_ipv6(),
            Self::Any => true,
        }
    }

    /// What a host does not have if it has none of the kind.
    const fn lacking(self) -> &'static str {
        match self {
            Self::V4 => "no IPv4 address",
            Self::V6 => "no IPv6 address",
            Self::Any => "no address",
        }
    }
}

/// At least one address, in the resolver's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) first: SocketAddr,
    others: Vec<SocketAddr>,
}

impl Addresses {
    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = SocketAddr> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}

impl Target {
    /// Looks the host up; takes as long as the resolver takes.
    pub(super) fn resolve(&self, family: Family) -> Result<Addresses, Failure> {
        let fail = |why: String| Failure::new(Exit::NO_HOST, format!("{} has {why}", self.host));
        let none = family.lacking();
        let found = (&*self.host, self.port)
            .to_socket_addrs()
            .map_err(|error| fail(format!("no address: {error}")))?;
        let mut admitted = found.filter(|address| family.admits(address.ip()));
        let first = admitted.next().ok_or_else(|| fail(none.to_owned()))?;
        Ok(Addresses { first, others: admitted.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Result<(String, u16), &'static str> {
        text.parse().map(|t: Target| (t.host, t.port))
    }

    #[test]
    fn hosts_may_have_a_port() {
        for (text, host, port) in [
            ("ntp.example", "ntp.example", 123),
            ("ntp.example:11123", "ntp.example", 11123),
            ("192.0.2.1:11123", "192.0.2.1", 11123),
            ("2001:db8::1", "2001:db8::1", 123),
            ("[2001:db8::1]", "2001:db8::1", 123),
            ("[2001:db8::1]:11123", "2001:db8::1", 11123),
            ("fe80::1%eth0", "fe80::1%eth0", 123),
            ("[fe80::1%eth0]:1123", "fe80::1%eth0", 1123),
        ] {
            assert_eq!(target(text), Ok((host.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in ["", ":123", "a:", "a:b", "a:0", "a:65536", "a:1:2", "[::1", "[::1]123", "[]:123"] {
            assert!(target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_resolve_to_themselves_in_their_family() {
        let target: Target = "127.0.0.1:11123".parse().unwrap();
        let address: SocketAddr = "127.0.0.1:11123".parse().unwrap();
        assert_eq!(target.resolve(Family::Any).unwrap().iter().collect::<Vec<_>>(), [address]);
        let failure = target.resolve(Family::V6).unwrap_err();
        assert_eq!((failure.exit, &*failure.message), (Exit::NO_HOST, "127.0.0.1 has no IPv6 address"));
    }
}
