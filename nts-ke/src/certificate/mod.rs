//! What a certificate says about itself (RFC 5280 §4.1): for people, for expiry, and for the choice by name.
//!
//! Nothing here decides whom to trust; rustls does that with the same bytes.

mod der;

use core::fmt::Write as _;
use core::net::IpAddr;

use der::{Der, tag};
use rustls::pki_types::CertificateDer;

use crate::unix_time::UnixTime;

/// The longest name that is shown, in bytes.
const SHOWN_MAX: usize = 256;
/// The most names that are looked at.
const NAMES_MAX: usize = 1_000;

/// When a certificate is valid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: UnixTime,
    /// The last second.
    pub not_after: UnixTime,
}

impl Validity {
    /// Whether it is valid then.
    #[must_use]
    pub fn holds_at(&self, time: UnixTime) -> bool {
        (self.not_before..=self.not_after).contains(&time)
    }
}

/// A summary of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it is about, as `CN=a.example, O=Example`; without control characters, cut when long.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// When it is valid.
    pub valid: Validity,
    /// The host names it is for, in lower case, some beginning with `*.`.
    pub dns_names: Vec<String>,
    /// The addresses it is for.
    pub addresses: Vec<IpAddr>,
}

impl Certificate {
    /// Reads it; `None` if it is none.
    #[must_use]
    pub fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        let mut tbs = Der::new(certificate).enter(tag::SEQUENCE)?.enter(tag::SEQUENCE)?;
        tbs.optional(tag::VERSION);
        let _serial_number = tbs.any()?;
        let _signature = tbs.expect(tag::SEQUENCE)?;
        let issuer = shown(tbs.enter(tag::SEQUENCE)?);
        let mut dates = tbs.enter(tag::SEQUENCE)?;
        let valid = Validity { not_before: time(&mut dates)?, not_after: time(&mut dates)? };
        let subject = shown(tbs.enter(tag::SEQUENCE)?);
        let _public_key = tbs.expect(tag::SEQUENCE)?;
        let mut read = Self { subject, issuer, valid, dns_names: Vec::new(), addresses: Vec::new() };
        while !tbs.is_empty() {
            if let (tag::EXTENSIONS, extensions) = tbs.any()? {
                read.extensions(Der::new(extensions).enter(tag::SEQUENCE)?)?;
            }
        }
        Some(read)
    }

    fn extensions(&mut self, mut extensions: Der<'_>) -> Option<()> {
        /// 2.5.29.17
        const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
        while !extensions.is_empty() {
            let mut extension = extensions.enter(tag::SEQUENCE)?;
            let kind = extension.expect(tag::OBJECT_IDENTIFIER)?;
            extension.optional(tag::BOOLEAN);
            let mut value = extension.enter(tag::OCTET_STRING)?;
            if kind == SUBJECT_ALT_NAME {
                self.alternative_names(value.enter(tag::SEQUENCE)?)?;
            }
        }
        Some(())
    }

    fn alternative_names(&mut self, mut names: Der<'_>) -> Option<()> {
        while !names.is_empty() && self.dns_names.len() + self.addresses.len() < NAMES_MAX {
            match names.any()? {
                (tag::DNS_NAME, name) if name.is_ascii() => {
                    self.dns_names.push(String::from_utf8_lossy(name).to_ascii_lowercase());
                }
                (tag::IP_ADDRESS, address) => self.addresses.extend(ip_address(address)),
                _ => {}
            }
        }
        Some(())
    }

    /// Whether it is for this host name, which is in lower case. A `*` stands for exactly one label, the first
    /// (RFC 9525 §6.3).
    #[must_use]
    pub fn is_for(&self, name: &str) -> bool {
        self.dns_names.iter().any(|own| match own.strip_prefix("*.") {
            Some(domain) => {
                name.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == domain)
            }
            None => own == name,
        })
    }
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Time (RFC 5280 §4.1.2.5): `YYMMDDHHMMSSZ` until 2049 and `YYYYMMDDHHMMSSZ`.
fn time(dates: &mut Der<'_>) -> Option<UnixTime> {
    let (kind, text) = dates.any()?;
    let (year, rest) = match kind {
        tag::UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year = number(year)?;
            (year + if year < 50 { 2_000 } else { 1_900 }, rest)
        }
        tag::GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    let digits = rest.strip_suffix(b"Z").filter(|digits| digits.len() == 10)?;
    let mut fields = digits.chunks(2).map(number);
    let mut field =
        |range: core::ops::RangeInclusive<u32>| fields.next()?.filter(|field| range.contains(field));
    let (month, day) = (field(1..=12)?, field(1..=31)?);
    let second = field(0..=23)? * 3_600 + field(0..=59)? * 60 + field(0..=59)?;
    Some(UnixTime::from_civil(year.cast_signed(), u8::try_from(month).ok()?, u8::try_from(day).ok()?, second))
}

fn number(digits: &[u8]) -> Option<u32> {
    let value = |sum: u32, digit: &u8| Some(sum * 10 + char::from(*digit).to_digit(10)?);
    digits.iter().try_fold(0, value)
}

/// A distinguished name for people. What cannot be read is left out.
fn shown(mut name: Der<'_>) -> String {
    let mut text = String::new();
    while let Some(mut set) = name.enter(tag::SET) {
        while let Some(mut attribute) = set.enter(tag::SEQUENCE) {
            let kind = attribute.expect(tag::OBJECT_IDENTIFIER).and_then(attribute_name);
            if let (Some(kind), Some(value)) =
                (kind, attribute.any().and_then(|(tag, value)| words(tag, value)))
            {
                let comma = if text.is_empty() { "" } else { ", " };
                // Writing to a string does not fail.
                let _ = write!(text, "{comma}{kind}={value}");
            }
        }
    }
    let cut = (0..=SHOWN_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(cut.unwrap_or(0));
    text
}

/// The short forms of RFC 4514 §3.
const fn attribute_name(identifier: &[u8]) -> Option<&'static str> {
    match identifier {
        [0x55, 0x04, 0x03] => Some("CN"),
        [0x55, 0x04, 0x06] => Some("C"),
        [0x55, 0x04, 0x07] => Some("L"),
        [0x55, 0x04, 0x08] => Some("ST"),
        [0x55, 0x04, 0x0a] => Some("O"),
        [0x55, 0x04, 0x0b] => Some("OU"),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => Some("DC"),
        _ => None,
    }
}

fn words(tag: u8, value: &[u8]) -> Option<String> {
    if !matches!(tag, tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING) {
        return None;
    }
    let text = String::from_utf8_lossy(value);
    Some(text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, date_time_ymd};

    use super::*;

    fn made(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "a\nb");
        params.distinguished_name.push(DnType::OrganizationName, "Zeit");
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_is_read() {
        let der = made(|params| {
            params.not_before = date_time_ymd(2026, 2, 28);
            params.not_after = date_time_ymd(2055, 1, 1);
            params.subject_alt_names = vec![
                SanType::DnsName("Ntp.Example.com".try_into().unwrap()),
                SanType::DnsName("*.wild.example".try_into().unwrap()),
                SanType::IpAddress("192.0.2.1".parse().unwrap()),
                SanType::IpAddress("2001:db8::1".parse().unwrap()),
            ];
        });
        let read = Certificate::read(&der.into()).unwrap();
        assert!(
            read.subject.contains("CN=a\u{fffd}b") && read.subject.contains("O=Zeit"),
            "{}",
            read.subject
        );
        assert_eq!(read.issuer, read.subject);
        assert_eq!(read.valid.not_before.to_string(), "2026-02-28 00:00:00 UTC");
        assert_eq!(read.valid.not_after.to_string(), "2055-01-01 00:00:00 UTC");
        assert_eq!(read.dns_names, ["ntp.example.com", "*.wild.example"]);
        assert_eq!(read.addresses, ["192.0.2.1", "2001:db8::1"].map(|a| a.parse::<IpAddr>().unwrap()));
    }

    #[test]
    fn a_star_stands_for_one_label() {
        let der = made(|params| {
            params.subject_alt_names = vec![SanType::DnsName("*.example.com".try_into().unwrap())];
        });
        let read = Certificate::read(&der.into()).unwrap();
        assert!(read.is_for("a.example.com"));
        for other in ["example.com", "a.b.example.com", ".example.com", "a.example.org", "com"] {
            assert!(!read.is_for(other), "{other}");
        }
    }

    #[test]
    fn the_ends_of_validity_are_valid() {
        let valid = Validity { not_before: UnixTime(10), not_after: UnixTime(20) };
        let at = |time| valid.holds_at(UnixTime(time));
        assert_eq!([at(9), at(10), at(20), at(21)], [false, true, true, false]);
    }

    proptest! {
        #[test]
        fn changed_and_cut_certificates_do_no_harm(at in 0..400_usize, byte: u8, cut in 0..800_usize) {
            let mut der = made(|_| {});
            if let Some(place) = der.get_mut(at) {
                *place = byte;
            }
            der.truncate(cut);
            if let Some(read) = Certificate::read(&der.into()) {
                prop_assert!(read.subject.len() <= SHOWN_MAX);
            }
        }
    }
}
