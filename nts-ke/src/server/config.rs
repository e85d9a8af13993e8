//! What the server is told.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ntp_proto::nts::Aead;

use super::limit::RateLimit;

/// A certificate with its chain, and its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateFiles {
    /// PEM: the server's own certificate first, then those that lead to an authority.
    pub certificate: PathBuf,
    /// PEM: the private key.
    pub key: PathBuf,
}

/// What may be going on at once, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections of one IPv4 address or IPv6 network of 64 bits.
    pub connections_per_address: usize,
    /// How often one of these may connect; `None`: as often as it likes.
    pub rate: Option<RateLimit>,
    /// The time for handshake, request and response together.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let patience = Duration::from_secs(2);
        Self { connections: 100, connections_per_address: 16, rate: None, patience }
    }
}

/// Whether an address may connect.
pub type Access = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// All that the server is told.
#[derive(Clone)]
pub struct Config {
    /// Where it listens; usually port 4460 (RFC 8915 §4). One that cannot be had is tried again.
    pub addresses: Vec<SocketAddr>,
    /// At least one; the first is shown to clients that ask for no name, or one that no certificate has.
    pub certificates: Vec<CertificateFiles>,
    /// The algorithms that will do.
    pub aeads: Vec<Aead>,
    /// The time server that clients are sent to, by name or address; `None`: this machine.
    pub ntp_server: Option<String>,
    /// Its UDP port; `None`: 123.
    pub ntp_port: Option<u16>,
    /// Limits.
    pub limits: Limits,
    /// Who may connect. Called on the server's thread for each connection.
    pub access: Access,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("addresses", &self.addresses)
            .field("certificates", &self.certificates)
            .field("aeads", &self.aeads)
            .field("ntp_server", &self.ntp_server)
            .field("ntp_port", &self.ntp_port)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
