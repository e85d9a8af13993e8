//! The extension fields of NTS (RFC 8915 §5.3 to §5.6): where they are in a packet, and how they are written.
//!
//! ```text
//!  | header | unique identifier | cookie | placeholder … | authenticator | whatever |
//!  └────────────────── authenticated ────────────────────┘               └ ignored ┘
//! ```
//!
//! Called by `server.rs` for requests and by `client.rs` for replies. Only lengths are looked at here, and how
//! often a field is there; places are numbers, so that the packet can be changed while they are known.

use core::fmt;
use core::ops::Range;

use super::CipherError;
use super::aead::Key;
use crate::packet::{Extension, ExtensionType, FIELD_HEADER, HEADER_LEN, Reader};

/// The shortest unique identifier (RFC 8915 §5.3).
pub(super) const UNIQUE_ID_MIN: usize = 32;
/// The two lengths at the beginning of an authenticator.
const LENGTHS: usize = 4;
/// What an authenticator has before its nonce.
pub(super) const BEFORE_NONCE: usize = FIELD_HEADER + LENGTHS;

/// What is wrong with the fields of a packet. Small and without strings: strangers cause these at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum FieldError {
    /// A field has an impossible length.
    Malformed,
    /// There is no unique identifier.
    NoUniqueId,
    /// There is more than one unique identifier.
    ManyUniqueIds,
    /// The unique identifier has fewer than 32 bytes.
    ShortUniqueId,
    /// There is no cookie.
    NoCookie,
    /// There is more than one cookie.
    ManyCookies,
    /// A placeholder does not have the length of the cookie.
    Placeholder,
    /// There is no authenticator.
    NoAuthenticator,
    /// The parts of the authenticator do not fit into it.
    Authenticator,
    /// The request leaves no room for the nonce of a reply (RFC 8915 §5.6).
    Padding,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "an extension field has an impossible length",
            Self::NoUniqueId => "there is no unique identifier",
            Self::ManyUniqueIds => "there is more than one unique identifier",
            Self::ShortUniqueId => "the unique identifier is too short",
            Self::NoCookie => "there is no cookie",
            Self::ManyCookies => "there is more than one cookie",
            Self::Placeholder => "a placeholder is not as long as the cookie",
            Self::NoAuthenticator => "there is no authenticator",
            Self::Authenticator => "the authenticator's parts do not fit into it",
            Self::Padding => "the request leaves no room for a nonce",
        })
    }
}

impl core::error::Error for FieldError {}

/// Whether `datagram` has fields that only NTS has. A unique identifier alone is none: others may use it.
pub(super) fn uses_nts(datagram: &[u8]) -> bool {
    let of_nts = |kind| {
        matches!(
            kind,
            ExtensionType::NTS_COOKIE
                | ExtensionType::NTS_COOKIE_PLACEHOLDER
                | ExtensionType::NTS_AUTHENTICATOR
        )
    };
    Walk::new(datagram).map_while(Result::ok).any(|(_, field)| of_nts(field.kind))
}

/// The first unique identifier of `datagram`, whatever else is wrong with it.
pub(super) fn unique_id(datagram: &[u8]) -> Option<&[u8]> {
    let mut fields = Walk::new(datagram).map_while(Result::ok).map(|(_, field)| field);
    fields.find(|field| field.kind == ExtensionType::UNIQUE_ID).map(|field| field.value)
}

/// Extension fields with their places; nothing comes after one that has an impossible length.
struct Walk<'a> {
    len: usize,
    reader: Reader<'a>,
}

impl<'a> Walk<'a> {
    fn new(datagram: &'a [u8]) -> Self {
        Self { len: datagram.len(), reader: Reader::new(datagram.get(HEADER_LEN..).unwrap_or_default()) }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<(usize, Extension<'a>), FieldError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let at = self.len - self.reader.len();
        let field = Extension::parse(&mut self.reader);
        if field.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(field.map(|field| (at, field)).map_err(|_| FieldError::Malformed))
    }
}

/// Places of the fields of a packet up to its authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    /// The unique identifier, its head included.
    pub(super) unique_id: Range<usize>,
    /// The cookie, without its head.
    pub(super) cookie: Option<Range<usize>>,
    pub(super) placeholders: Placeholders,
    pub(super) authenticator: Authenticator,
}

impl Fields {
    /// Walks through `datagram`. What comes after the first authenticator is not authenticated by anything, and
    /// not looked at.
    ///
    /// # Errors
    /// When a field is missing, there too often or of an impossible length. A cookie may be missing.
    pub(super) fn find(datagram: &[u8]) -> Result<Self, FieldError> {
        let (mut unique_id, mut cookie, mut placeholders) = (None, None, Placeholders::default());
        for field in Walk::new(datagram) {
            let (at, Extension { kind, value }) = field?;
            let place = at + FIELD_HEADER..at + FIELD_HEADER + value.len();
            match kind {
                ExtensionType::UNIQUE_ID if unique_id.is_some() => return Err(FieldError::ManyUniqueIds),
                ExtensionType::UNIQUE_ID if value.len() < UNIQUE_ID_MIN => {
                    return Err(FieldError::ShortUniqueId);
                }
                ExtensionType::UNIQUE_ID => unique_id = Some(at..place.end),
                ExtensionType::NTS_COOKIE if cookie.is_some() => return Err(FieldError::ManyCookies),
                ExtensionType::NTS_COOKIE => cookie = Some(place),
                ExtensionType::NTS_COOKIE_PLACEHOLDER => placeholders.add(value.len())?,
                ExtensionType::NTS_AUTHENTICATOR => {
                    let unique_id = unique_id.ok_or(FieldError::NoUniqueId)?;
                    let authenticator = Authenticator::find(at, value)?;
                    return Ok(Self { unique_id, cookie, placeholders, authenticator });
                }
                _ => {}
            }
        }
        Err(FieldError::NoAuthenticator)
    }
}

/// Where the parts of an authenticator are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authenticator {
    /// Where the field begins: all before it is authenticated.
    pub(super) at: usize,
    pub(super) nonce: Range<usize>,
    /// The nonce with what fills it up to a multiple of four, in bytes.
    pub(super) nonce_room: usize,
    pub(super) sealed: Range<usize>,
    /// What is there only to make the field longer, in bytes.
    pub(super) padding: usize,
}

impl Authenticator {
    /// In the field that begins `at` and has this `value`.
    fn find(at: usize, value: &[u8]) -> Result<Self, FieldError> {
        let wrong = |_| FieldError::Authenticator;
        let mut reader = Reader::new(value);
        let nonce_len = usize::from(reader.take_u16().map_err(wrong)?);
        let sealed_len = usize::from(reader.take_u16().map_err(wrong)?);
        let [nonce_room, sealed_room] = [nonce_len, sealed_len].map(|len| len.next_multiple_of(4));
        reader.take(nonce_room).and_then(|_| reader.take(sealed_room)).map_err(wrong)?;
        let nonce = at + BEFORE_NONCE;
        let sealed = nonce + nonce_room;
        Ok(Self {
            at,
            nonce: nonce..nonce + nonce_len,
            nonce_room,
            sealed: sealed..sealed + sealed_len,
            padding: reader.len(),
        })
    }
}

impl Authenticator {
    /// Opens what is sealed in `datagram`, if nothing before the authenticator was changed.
    pub(super) fn open<'d>(&self, datagram: &'d mut [u8], key: Key<'_>) -> Result<&'d mut [u8], CipherError> {
        let (before, rest) = datagram.split_at_mut(self.sealed.start);
        let (with, nonce) = (&before[..self.at], &before[self.nonce.clone()]);
        let sealed = &mut rest[..self.sealed.len()];
        let place = key.open(nonce, with, sealed)?;
        Ok(&mut sealed[place])
    }
}

/// Seals `datagram`, whose authenticator begins `at`, is the last field and has a nonce of `nonce_len` bytes.
pub(super) fn seal(
    datagram: &mut [u8],
    at: usize,
    nonce_len: usize,
    key: Key<'_>,
) -> Result<(), CipherError> {
    let (before, sealed) = datagram.split_at_mut(at + BEFORE_NONCE + nonce_len);
    let (with, nonce) = (&before[..at], &before[at + BEFORE_NONCE..]);
    key.seal(nonce, with, sealed)
}

/// Placeholders, which all have the same length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Placeholders {
    pub(super) count: usize,
    len: usize,
}

impl Placeholders {
    /// One more, whose value has `len` bytes.
    pub(super) const fn add(&mut self, len: usize) -> Result<(), FieldError> {
        if self.count > 0 && self.len != len {
            return Err(FieldError::Placeholder);
        }
        (self.count, self.len) = (self.count + 1, len);
        Ok(())
    }

    /// Whether they are as long as a cookie of `len` bytes.
    pub(super) const fn stand_for(self, len: usize) -> bool {
        self.count == 0 || self.len == len
    }
}

/// The extension fields in what was sealed (RFC 8915 §5.6), which must be nothing but fields.
pub(super) fn sealed_fields(text: &[u8]) -> impl Iterator<Item = Result<Extension<'_>, FieldError>> {
    Walk { len: text.len(), reader: Reader::new(text) }.map(|field| field.map(|(_, field)| field))
}

/// The head of a field whose value has `len` bytes.
pub(super) const fn head(kind: ExtensionType, len: usize) -> [u8; FIELD_HEADER] {
    let [[k0, k1], [l0, l1]] = [kind.0.to_be_bytes(), ((FIELD_HEADER + len) as u16).to_be_bytes()];
    [k0, k1, l0, l1]
}

/// What an authenticator begins with whose parts have these lengths, both multiples of four.
pub(super) const fn authenticator_head(nonce: usize, sealed: usize) -> [u8; BEFORE_NONCE] {
    let [f0, f1, f2, f3] = head(ExtensionType::NTS_AUTHENTICATOR, LENGTHS + nonce + sealed);
    let [[n0, n1], [s0, s1]] = [(nonce as u16).to_be_bytes(), (sealed as u16).to_be_bytes()];
    [f0, f1, f2, f3, n0, n1, s0, s1]
}
