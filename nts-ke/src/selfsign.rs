//! A certificate signed by itself, for laboratories and tests: those who ask have to be given the certificate by
//! another way, and trust it as an authority.

use std::net::IpAddr;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType};
use zeroize::Zeroizing;

/// A certificate and its key, both in PEM format.
pub struct SelfSigned {
    /// The certificate.
    pub certificate: String,
    /// The private key (PKCS #8); keep the file to its owner.
    pub key: Zeroizing<String>,
}

impl std::fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SelfSigned").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Makes a certificate for these host names and addresses, without an end: a machine of a laboratory may believe
/// that it is any year.
///
/// # Errors
/// A name that is none.
pub fn make(names: &[String]) -> Result<SelfSigned, rcgen::Error> {
    let mut params = CertificateParams::default();
    for name in names {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into()?),
        });
    }
    let key = KeyPair::generate()?;
    let common_name = names.first().map_or("ntpd", String::as_str);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    params.not_before = rcgen::date_time_ymd(1970, 1, 1);
    params.not_after = rcgen::date_time_ymd(9999, 12, 31);
    let certificate = params.self_signed(&key)?.pem();
    Ok(SelfSigned { certificate, key: Zeroizing::new(key.serialize_pem()) })
}
