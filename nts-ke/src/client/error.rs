//! Why there are no keys.

use std::fmt;
use std::io;

use rustls::CertificateError;

use crate::message::Refused;
use crate::record::Malformed;
use crate::unix_time::UnixTime;

/// What the client was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// Request and response.
    Exchange,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "TCP connection",
            Self::Handshake => "TLS handshake",
            Self::Exchange => "response",
        })
    }
}

/// Why there are no keys.
#[derive(Debug)]
pub enum KeError {
    /// What is asked for is neither a host name nor an address.
    BadName,
    /// There is no address to connect to.
    NoAddress,
    /// No TCP connection.
    Connect(io::Error),
    /// The time was over.
    Timeout(Stage),
    /// The connection ended or broke.
    Lost(Stage, io::Error),
    /// TLS failed, mostly because of the certificate.
    Tls(TlsFault),
    /// The server speaks TLS, but does not say that it speaks NTS (RFC 8915 §4: ALPN `ntske/1`).
    NoAlpn,
    /// The server sent more than a conversation can have.
    TooMuch,
    /// The response makes no sense.
    Malformed(Malformed),
    /// The response makes sense and is of no use.
    Refused(Refused),
}

impl fmt::Display for KeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName => f.write_str("neither a host name nor an address"),
            Self::NoAddress => f.write_str("no address"),
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Timeout(stage) => write!(f, "{stage} timed out"),
            Self::Lost(stage, error) => write!(f, "{stage} failed: {error}"),
            Self::Tls(fault) => write!(f, "TLS: {fault}"),
            Self::NoAlpn => f.write_str("TLS: server does not speak ntske/1"),
            Self::TooMuch => f.write_str("server sends without end"),
            Self::Malformed(why) => write!(f, "bad response: {why}"),
            Self::Refused(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for KeError {}

/// What TLS complains of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// A certificate of the chain was valid until then.
    Expired(Option<UnixTime>),
    /// A certificate of the chain is valid from then on.
    NotYetValid(Option<UnixTime>),
    /// Nobody who is trusted has signed it.
    UnknownIssuer,
    /// It is for others: these.
    WrongName(Vec<String>),
    /// Something else is wrong with the certificate.
    BadCertificate(String),
    /// The server gave up and says why.
    Alert(String),
    /// Anything else.
    Other(String),
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(Some(time)) => write!(f, "certificate expired at {time}"),
            Self::Expired(None) => f.write_str("certificate expired"),
            Self::NotYetValid(Some(time)) => write!(f, "certificate is not valid before {time}"),
            Self::NotYetValid(None) => f.write_str("certificate is not valid yet"),
            Self::UnknownIssuer => f.write_str("certificate is signed by nobody who is trusted"),
            Self::WrongName(names) if names.is_empty() => f.write_str("certificate is for another name"),
            Self::WrongName(names) => write!(f, "certificate is for {} only", names.join(", ")),
            Self::BadCertificate(why) => write!(f, "bad certificate: {why}"),
            Self::Alert(why) => write!(f, "server gives up: {why}"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

/// A certificate may hold any number of names; so many are shown.
const NAMES_SHOWN: usize = 8;

impl From<&rustls::Error> for TlsFault {
    fn from(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(why) => Self::from(why),
            rustls::Error::AlertReceived(alert) => Self::Alert(format!("{alert:?}")),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<&CertificateError> for TlsFault {
    fn from(error: &CertificateError) -> Self {
        let when = |time: &rustls::pki_types::UnixTime| time.as_secs().try_into().ok().map(UnixTime);
        match error {
            CertificateError::Expired => Self::Expired(None),
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired(when(not_after)),
            CertificateError::NotValidYet => Self::NotYetValid(None),
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYetValid(when(not_before)),
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::NotValidForName => Self::WrongName(Vec::new()),
            CertificateError::NotValidForNameContext { presented, .. } => {
                Self::WrongName(presented.iter().take(NAMES_SHOWN).cloned().collect())
            }
            other => Self::BadCertificate(other.to_string()),
        }
    }
}
