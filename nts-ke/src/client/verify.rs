//! The check of the server's certificate, with or without its dates.
//!
//! A machine without a clock that runs while it is off cannot judge dates before it has asked for the time. For it
//! there is [`Dates::Skip`]: signatures, names, uses and constraints are checked as always, but it is enough if
//! the chain was or will be valid as a whole at *some* moment. Once the clock is right, [`Chain::check`] makes up
//! for it.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime as TlsTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::{TlsFault, Trust};
use crate::certificate::{Certificate, Validity};
use crate::unix_time::UnixTime;

/// What is made of the dates in certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// They have to hold now.
    Check,
    /// The clock is not to be trusted; they only have to fit each other.
    Skip,
}

/// So many certificates of a chain are looked at for their dates.
const CHAIN_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    dates: Dates,
}

impl Verifier {
    pub(super) const fn new(inner: Arc<WebPkiServerVerifier>, dates: Dates) -> Self {
        Self { inner, dates }
    }
}

/// A chain that is valid at some moment is valid when the youngest of its certificates begins to be. That may be any
/// of them; most often it is the server's own.
fn verify_some_time(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    verify: impl Fn(TlsTime) -> Result<ServerCertVerified, Error>,
    now: TlsTime,
) -> Result<ServerCertVerified, Error> {
    let mut result = verify(now);
    let chain = std::iter::once(end_entity).chain(intermediates).take(CHAIN_MAX);
    for time in chain.filter_map(|der| Some(Certificate::read(der)?.valid.not_before)) {
        match result {
            Err(Error::InvalidCertificate(why)) if is_about_dates(&why) => result = verify(tls_time(time)),
            other => return other,
        }
    }
    result
}

const fn is_about_dates(error: &CertificateError) -> bool {
    use CertificateError as E;
    matches!(error, E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. })
}

/// Years before 1970 count as 1970.
pub(super) fn tls_time(time: UnixTime) -> TlsTime {
    TlsTime::since_unix_epoch(std::time::Duration::from_secs(time.0.try_into().unwrap_or(0)))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: TlsTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify =
            |now| self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match self.dates {
            Dates::Check => verify(now),
            Dates::Skip => verify_some_time(end_entity, intermediates, verify, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The certificates by which a server proved who it is.
#[derive(Clone, Debug)]
pub struct Chain {
    name: ServerName<'static>,
    certificates: Vec<CertificateDer<'static>>,
    summary: Certificate,
}

impl Chain {
    /// `None` if there is no certificate in it that can be read; TLS does not succeed then.
    pub(super) fn new(name: ServerName<'static>, certificates: &[CertificateDer<'_>]) -> Option<Self> {
        let certificates: Vec<_> = certificates.iter().map(|der| der.clone().into_owned()).collect();
        let summary = Certificate::read(certificates.first()?)?;
        Some(Self { name, certificates, summary })
    }

    /// The server's own certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.summary
    }

    /// When the server's own certificate is valid.
    #[must_use]
    pub const fn valid(&self) -> Validity {
        self.summary.valid
    }

    /// Checks everything again at this time, dates included: what [`Dates::Skip`] left out, when the clock is
    /// right; or whether keys of long ago would still be given.
    ///
    /// # Errors
    /// [`TlsFault`], as in the handshake.
    pub fn check(&self, trust: &Trust, at: UnixTime) -> Result<(), TlsFault> {
        let Some(verifier) = &trust.verifier else { return Err(TlsFault::UnknownIssuer) };
        let Some((own, intermediates)) = self.certificates.split_first() else {
            return Err(TlsFault::UnknownIssuer);
        };
        let verified = verifier.verify_server_cert(own, intermediates, &self.name, &[], tls_time(at));
        verified.map(|_| ()).map_err(|error| TlsFault::from(&error))
    }
}
