//! Bytes that are no packet.

use core::fmt;

/// Why bytes could not be read as a packet. Small and without strings: strangers cause these at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum ParseError {
    /// Fewer bytes than the part that was read needs.
    TooShort,
    /// An extension field whose length is impossible.
    BadExtension,
    /// Left-over bytes that cannot be a MAC.
    BadMac,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "packet is too short",
            Self::BadExtension => "extension field has an impossible length",
            Self::BadMac => "bytes after the last field are no MAC",
        })
    }
}

impl core::error::Error for ParseError {}
