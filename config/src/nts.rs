//! `[sources.nts]` and `[security.nts]`: time that nobody on the way can change (RFC 8915).
//!
//! Files that are named here are looked at by those who use them: a certificate that is missing is a state of the
//! daemon, not a mistake of the configuration.

use std::path::PathBuf;

use ntp_proto::time::NtpDuration;

use crate::Host;
use crate::error::Complaint;
use crate::schema::{Boolean, Choice, Integer, Interval, Optional, Seconds, Section, Text, Visitor};

/// How a client and a server of NTS encrypt and authenticate (the registry of AEAD algorithms of RFC 5116).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AeadAlgorithm {
    /// `"AES-SIV-CMAC-256"`, 15: what everybody has.
    AesSivCmac256,
    /// `"AES-128-GCM-SIV"`, 30: shorter packets and less work.
    Aes128GcmSiv,
}

const AEAD: Choice<AeadAlgorithm> = Choice(&[
    ("AES-128-GCM-SIV", AeadAlgorithm::Aes128GcmSiv),
    ("AES-SIV-CMAC-256", AeadAlgorithm::AesSivCmac256),
]);

fn both() -> Vec<AeadAlgorithm> {
    vec![AeadAlgorithm::Aes128GcmSiv, AeadAlgorithm::AesSivCmac256]
}

fn check_aeads<V: Visitor>(aeads: &[AeadAlgorithm], v: &mut V) {
    if aeads.is_empty() {
        let complaint = Complaint::new("names no algorithm").expected("at least one");
        v.reject(&["aeads"], complaint.help("remove the key to allow both, the better one first"));
    }
}

/// `[sources.nts]`: how servers are believed that are asked with `nts = true`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientNts {
    /// The algorithms that are offered, the first one preferred. Default: both, AES-128-GCM-SIV first.
    pub aeads: Vec<AeadAlgorithm>,
    /// `[[sources.nts.trusted]]`: files and directories of certificates of authorities that are believed besides the
    /// system's. Default: none.
    pub trusted: Vec<TrustedCertificates>,
    /// Whether the authorities that the system trusts are believed. Default: true.
    pub systemcerts: bool,
    /// Until the clock was updated so often the dates of certificates are not looked at, 0 … 10⁹: for machines whose
    /// clock starts anywhere. They are looked at afterwards. Default: 0.
    pub nocerttimecheck: u32,
    /// New keys are fetched after so many seconds at the latest, 60 … 10⁹. Default: 2419200, four weeks.
    pub refresh: u32,
}

impl Default for ClientNts {
    fn default() -> Self {
        let (trusted, systemcerts) = (Vec::new(), true);
        Self { aeads: both(), trusted, systemcerts, nocerttimecheck: 0, refresh: 2_419_200 }
    }
}

impl Section for ClientNts {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.list("aeads", AEAD, &mut self.aeads);
        v.tables("trusted", &mut self.trusted);
        v.optional("systemcerts", Boolean, &mut self.systemcerts);
        v.optional("nocerttimecheck", Integer::within(0, 1_000_000_000), &mut self.nocerttimecheck);
        v.optional("refresh", Integer::within(60, 1_000_000_000), &mut self.refresh);
        check_aeads(&self.aeads, v);
    }
}

/// One `[[sources.nts.trusted]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedCertificates {
    /// A file of certificates (PEM), or a directory of such files. Has no default and must be written.
    pub path: PathBuf,
    /// The set that it belongs to, 0 … 255: sources name theirs by `certset`. The system's certificates are set 0.
    /// Default: 0.
    pub set: u8,
}

impl Section for TrustedCertificates {
    fn blank() -> Self {
        Self { path: PathBuf::new(), set: 0 }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("path", Text::new(), &mut self.path);
        v.optional("set", Integer::within(0, 255), &mut self.set);
    }
}

/// `[security.nts]`: who asks us may do so with NTS.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerNts {
    /// Whether it is offered. Default: false.
    pub enabled: bool,
    /// The certificate with its chain (PEM). Must be written, together with `key`, if `enabled` is true.
    /// Default: `None`.
    pub certificate: Option<PathBuf>,
    /// The private key of the certificate (PEM). Default: `None`.
    pub key: Option<PathBuf>,
    /// `[[security.nts.certificates]]`: more of them, chosen by the name that a client asks for. Default: none.
    pub certificates: Vec<ServerCertificate>,
    /// TCP port of the key establishment, 1 … 65535. Default: 4460.
    pub port: u16,
    /// The algorithms that are accepted, the first one preferred. Default: both, AES-128-GCM-SIV first.
    pub aeads: Vec<AeadAlgorithm>,
    /// The server that clients are sent to; `None`: the host that they asked. Default: `None`.
    pub ntpserver: Option<Host>,
    /// The UDP port that clients are sent to; `None`: `server.port`, told if it is not 123. Default: `None`.
    pub ntpport: Option<u16>,
    /// Where the keys of cookies survive a restart; `None`: the file `nts-keys` in the state directory. A file of
    /// chrony's, `ntskeys`, is taken over. Default: `None`.
    pub keyfile: Option<PathBuf>,
    /// A file with secrets that all servers of a fleet share, so that each accepts the cookies of all; `None`: keys are
    /// random and this server's own. Default: `None`.
    pub secret: Option<PathBuf>,
    /// The keys of cookies are changed after so many seconds, 600 … 10⁹; the one before stays valid as long. All servers
    /// of a fleet need the same value. Default: 604800, a week.
    pub rotate: u32,
    /// So many connections at a time, 1 … 100000. Default: 256.
    pub connections: u32,
    /// So many of them of one client (IPv6: of one `/64`), 1 … 100000. Default: 16.
    pub connections_per_client: u32,
    /// The time that a client has for all of the key establishment, 0.1 … 60 s. Default: 2 s.
    pub timeout: NtpDuration,
    /// How often a client may establish keys. Default: see [`KeyRateLimit`].
    pub ratelimit: KeyRateLimit,
}

impl Default for ServerNts {
    fn default() -> Self {
        Self {
            enabled: false,
            certificate: None,
            key: None,
            certificates: Vec::new(),
            port: 4460,
            aeads: both(),
            ntpserver: None,
            ntpport: None,
            keyfile: None,
            secret: None,
            rotate: 604_800,
            connections: 256,
            connections_per_client: 16,
            timeout: NtpDuration::from_secs(2),
            ratelimit: KeyRateLimit::default(),
        }
    }
}

const PORT: Integer<u16> = Integer::within(1, 65535);
const CONNECTIONS: Integer<u32> = Integer::within(1, 100_000);

impl Section for ServerNts {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("enabled", Boolean, &mut self.enabled);
        v.optional("certificate", Optional(Text::new()), &mut self.certificate);
        v.optional("key", Optional(Text::new()), &mut self.key);
        v.tables("certificates", &mut self.certificates);
        v.optional("port", PORT, &mut self.port);
        v.list("aeads", AEAD, &mut self.aeads);
        v.optional("ntpserver", Optional(Text::new()), &mut self.ntpserver);
        v.optional("ntpport", Optional(PORT), &mut self.ntpport);
        v.optional("keyfile", Optional(Text::new()), &mut self.keyfile);
        v.optional("secret", Optional(Text::new()), &mut self.secret);
        v.optional("rotate", Integer::within(600, 1_000_000_000), &mut self.rotate);
        v.optional("connections", CONNECTIONS, &mut self.connections);
        v.optional("connections_per_client", CONNECTIONS, &mut self.connections_per_client);
        v.optional("timeout", Seconds(Interval::within(0.1, 60.0)), &mut self.timeout);
        v.table("ratelimit", &mut self.ratelimit);
        check_aeads(&self.aeads, v);
        self.check_certificate(v);
    }
}

impl ServerNts {
    /// The certificates with their keys, the first one for clients that name none of them.
    pub fn pairs(&self) -> impl Iterator<Item = (&PathBuf, &PathBuf)> {
        let first = self.certificate.as_ref().zip(self.key.as_ref());
        first.into_iter().chain(self.certificates.iter().map(|pair| (&pair.certificate, &pair.key)))
    }

    fn check_certificate<V: Visitor>(&self, v: &mut V) {
        let help = "write both; `ntpctl nts selfsign` makes a pair for a laboratory";
        match (&self.certificate, &self.key) {
            (Some(_), None) => {
                v.reject(&["certificate"], Complaint::new("there is no key for the certificate").help(help));
            }
            (None, Some(_)) => {
                v.reject(&["key"], Complaint::new("there is no certificate for the key").help(help));
            }
            (None, None) if self.enabled && self.certificates.is_empty() => {
                let complaint = Complaint::new("NTS is enabled, but there is neither certificate nor key");
                v.reject(&["enabled"], complaint.help(help));
            }
            _ => {}
        }
    }
}

/// One `[[security.nts.certificates]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerCertificate {
    /// The certificate with its chain (PEM). Has no default and must be written.
    pub certificate: PathBuf,
    /// Its private key (PEM). Has no default and must be written.
    pub key: PathBuf,
}

impl Section for ServerCertificate {
    fn blank() -> Self {
        Self { certificate: PathBuf::new(), key: PathBuf::new() }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("certificate", Text::new(), &mut self.certificate);
        v.required("key", Text::new(), &mut self.key);
    }
}

/// `[security.nts.ratelimit]`: how often a client may establish keys; beyond that it is mostly turned away.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRateLimit {
    /// Whether there is a limit. Default: false.
    pub enabled: bool,
    /// Time between connections that are always accepted, above 0 s and at most 524288 s. Default: 64 s.
    pub interval: NtpDuration,
    /// So many connections in a row are accepted before that, 1 … 255. Default: 8.
    pub burst: u8,
    /// Of the connections beyond the limit one in 2^leak is accepted, 1 … 4. Default: 2.
    pub leak: u8,
}

impl Default for KeyRateLimit {
    fn default() -> Self {
        Self { enabled: false, interval: NtpDuration::from_secs(64), burst: 8, leak: 2 }
    }
}

impl Section for KeyRateLimit {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("enabled", Boolean, &mut self.enabled);
        v.optional("interval", Seconds(Interval::above(0.0, 524_288.0)), &mut self.interval);
        v.optional("burst", Integer::within(1, 255), &mut self.burst);
        v.optional("leak", Integer::within(1, 4), &mut self.leak);
    }
}
