//! `[security]`: who is served.
//!
//! Decides what can be said; the longest prefix wins, and among equal prefixes the last, is carried out by
//! the server.

use std::net::{IpAddr, Ipv4Addr};

use crate::Network;
use crate::schema::{Choice, Section, Text, Visitor};

/// `[security]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Security {
    /// `[[security.access]]` in the order of the file. Default: empty, so nobody is served.
    pub access: Vec<Access>,
}

impl Section for Security {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.tables("access", &mut self.access);
        v.not_yet("nts");
        v.not_yet("authentication");
        v.not_yet("ratelimit");
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
