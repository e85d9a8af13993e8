//! Extension fields (RFC 7822).

use super::{ParseError, Reader};

/// Type and length.
pub(crate) const FIELD_HEADER: usize = 4;
/// The shortest field (RFC 7822 §3), its own header included.
const FIELD_MIN: usize = 16;

/// The type of an extension field. Unknown types survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtensionType(pub u16);

impl ExtensionType {
    /// Unique identifier (RFC 8915 §5.3).
    pub const UNIQUE_ID: Self = Self(0x0104);
    /// NTS cookie (RFC 8915 §5.4).
    pub const NTS_COOKIE: Self = Self(0x0204);
    /// NTS cookie placeholder (RFC 8915 §5.5).
    pub const NTS_COOKIE_PLACEHOLDER: Self = Self(0x0304);
    /// NTS authenticator and encrypted fields (RFC 8915 §5.6).
    pub const NTS_AUTHENTICATOR: Self = Self(0x0404);
}

/// One extension field, borrowed from the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// What the field is.
    pub kind: ExtensionType,
    /// Its value, padding included.
    pub value: &'a [u8],
}

impl<'a> Extension<'a> {
    pub(crate) fn parse(reader: &mut Reader<'a>) -> Result<Self, ParseError> {
        let mut ahead = *reader;
        let kind = ExtensionType(ahead.take_u16()?);
        let len = usize::from(ahead.take_u16()?);
        if len < FIELD_MIN || !len.is_multiple_of(4) {
            return Err(ParseError::BadExtension);
        }
        let value = ahead.take(len - FIELD_HEADER).map_err(|_| ParseError::BadExtension)?;
        *reader = ahead;
        Ok(Self { kind, value })
    }
}

/// The extension fields of a packet in their order.
#[derive(Clone, Copy, Debug)]
pub struct Extensions<'a> {
    fields: Reader<'a>,
}

impl<'a> Extensions<'a> {
    /// `checked`: bytes that [`super::PacketView::parse`] has walked through once.
    pub(super) const fn new(checked: &'a [u8]) -> Self {
        Self { fields: Reader::new(checked) }
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;
    fn next(&mut self) -> Option<Extension<'a>> {
        Extension::parse(&mut self.fields).ok()
    }
}
