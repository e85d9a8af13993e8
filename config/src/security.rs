//! `[security]`: who is served.
//!
//! Decides what can be said; the longest prefix wins, and among equal prefixes the last, is carried out by
//! the server.

use std::net::{IpAddr, Ipv4Addr};

use ntp_proto::time::NtpDuration;

use crate::schema::{Boolean, Choice, Integer, Interval, Seconds, Section, Text, Visitor};
use crate::{Network, ServerNts};

/// `[security]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Security {
    /// `[[security.access]]` in the order of the file. Default: empty, so nobody is served.
    pub access: Vec<Access>,
    /// How often a client may ask. Default: see [`RateLimit`].
    pub ratelimit: RateLimit,
    /// Serving with NTS. Default: see [`ServerNts`].
    pub nts: ServerNts,
}

impl Section for Security {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.tables("access", &mut self.access);
        v.not_yet("authentication");
        v.table("ratelimit", &mut self.ratelimit);
        v.table("nts", &mut self.nts);
    }
}

/// `[security.ratelimit]`: how often a client may ask; beyond that it is mostly not answered.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimit {
    /// Whether there is a limit. Default: false.
    pub enabled: bool,
    /// Time between requests that are always answered, above 0 s and at most 4096 s. Default: 8 s.
    pub interval: NtpDuration,
    /// So many requests in a row are answered before that, 1 … 255. Default: 8.
    pub burst: u8,
    /// Of the requests beyond the limit one in 2^leak is answered, 1 … 4: somebody else may be asking in the
    /// client's name. Default: 2.
    pub leak: u8,
    /// Of the rest one in 2^kod is answered with the kiss-o'-death RATE, 1 … 4; 0: none. Default: 0.
    pub kod: u8,
    /// So many leading bits of an IPv6 address make a client, 32 … 128; of IPv4 it is the address. Holds for the
    /// records of clients as well. Default: 64.
    pub ipv6_prefix: u8,
}

impl Default for RateLimit {
    fn default() -> Self {
        let interval = NtpDuration::from_secs(8);
        Self { enabled: false, interval, burst: 8, leak: 2, kod: 0, ipv6_prefix: 64 }
    }
}

impl Section for RateLimit {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("enabled", Boolean, &mut self.enabled);
        v.optional("interval", Seconds(Interval::above(0.0, 4096.0)), &mut self.interval);
        v.optional("burst", Integer::within(1, 255), &mut self.burst);
        v.optional("leak", Integer::within(1, 4), &mut self.leak);
        v.optional("kod", Integer::within(0, 4), &mut self.kod);
        v.optional("ipv6_prefix", Integer::within(32, 128), &mut self.ipv6_prefix);
    }
}

/// One `[[security.access]]`: what clients of a network may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whose requests this is about. Has no default and must be written.
    pub network: Network,
    /// What they may. Has no default and must be written.
    pub permission: Permission,
}

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// `"allow"`: ask for the time.
    Allow,
    /// `"deny"`: nothing; its requests are not answered.
    Deny,
    /// `"query"`: ask for the time and make management queries.
    Query,
}

/// The words of `security.access[].permission`.
const PERMISSION: Choice<Permission> =
    Choice(&[("allow", Permission::Allow), ("deny", Permission::Deny), ("query", Permission::Query)]);

impl Section for Access {
    fn blank() -> Self {
        Self { network: Network::single(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), permission: Permission::Deny }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("network", Text::new(), &mut self.network);
        v.required("permission", PERMISSION, &mut self.permission);
    }
}
