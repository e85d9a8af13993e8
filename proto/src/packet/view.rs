//! A packet as borrowed bytes: lengths are checked once, after that nothing can fail.
//!
//! ```text
//!  0      48                                   len
//!  | header | extension field | … | MAC (key id, digest) |
//! ```
//!
//! Extension fields and MAC are told apart by their lengths (RFC 7822 §3): what is left after the header
//! is a MAC when it is no longer than 24 bytes, else it starts with an extension field. Up to version 3
//! there are no extension fields.

use super::extension::{Extension, Extensions};
use super::{Header, Leap, Mode, ParseError, Precision, Reader, RefId, Stratum};
use crate::packet::PollExp;
use crate::time::{NtpShort, NtpTimestamp};

/// Length of the header, and of most packets.
pub const HEADER_LEN: usize = 48;
/// The longest MAC that may follow an extension field (RFC 7822 §3).
const MAC_MAX_V4: usize = 24;
/// Key identifier plus the longest digest in use, SHA-512.
const MAC_MAX: usize = 68;
const KEY_ID_LEN: usize = 4;

/// What follows the last extension field: a key identifier and a digest over all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacView<'a> {
    /// Which key was used.
    pub key_id: u32,
    /// The digest; empty in a crypto-NAK.
    pub digest: &'a [u8],
}

/// A packet of at least [`HEADER_LEN`] bytes whose extension fields add up.
#[derive(Clone, Copy, Debug)]
pub struct PacketView<'a> {
    header: &'a [u8; HEADER_LEN],
    extensions: &'a [u8],
    mac: &'a [u8],
}

impl<'a> PacketView<'a> {
    /// Checks the lengths of `bytes`. Meanings (version, mode, stratum …) are for the caller.
    ///
    /// # Errors
    /// Says which part does not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let header: &[u8; HEADER_LEN] = reader.take_array()?;
        let body = reader.rest();
        if version_of(header) >= 4 {
            while reader.len() > MAC_MAX_V4 {
                if Extension::parse(&mut reader).is_err() {
                    break;
                }
            }
        }
        let mac = reader.rest();
        let extensions = &body[..body.len() - mac.len()];
        match mac.len() {
            0 => {}
            len if len.is_multiple_of(4) && len <= MAC_MAX => {}
            len if len > MAC_MAX => return Err(ParseError::BadExtension),
            _ => return Err(ParseError::BadMac),
        }
        Ok(Self { header, extensions, mac })
    }

    /// Leap indicator.
    #[must_use]
    pub const fn leap(&self) -> Leap {
        Leap::from_bits(self.header[0] >> 6)
    }

    /// Version number, 0 … 7.
    #[must_use]
    pub const fn version(&self) -> u8 {
        version_of(self.header)
    }

    /// Mode.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        Mode::from_bits(self.header[0])
    }

    /// Stratum as sent; 0 is [`Stratum::UNSPECIFIED`].
    #[must_use]
    pub const fn stratum(&self) -> Stratum {
        Stratum::new(self.header[1])
    }

    /// Poll exponent as sent.
    #[must_use]
    pub const fn poll(&self) -> PollExp {
        PollExp::new(self.header[2] as i8)
    }

    /// Precision as sent.
    #[must_use]
    pub const fn precision(&self) -> Precision {
        Precision::new(self.header[3] as i8)
    }

    /// Round-trip delay from the sender to its primary clock.
    #[must_use]
    pub fn root_delay(&self) -> NtpShort {
        NtpShort::from_bits(self.u32_at::<4>())
    }

    /// Dispersion of the sender with respect to its primary clock.
    #[must_use]
    pub fn root_dispersion(&self) -> NtpShort {
        NtpShort::from_bits(self.u32_at::<8>())
    }

    /// Reference identifier, or the kiss code at stratum 0.
    #[must_use]
    pub fn ref_id(&self) -> RefId {
        RefId::from_bits(self.u32_at::<12>())
    }

    /// When the sender's clock was last set.
    #[must_use]
    pub fn reference(&self) -> NtpTimestamp {
        self.timestamp_at::<16>()
    }

    /// In a reply: the request's transmit timestamp.
    #[must_use]
    pub fn origin(&self) -> NtpTimestamp {
        self.timestamp_at::<24>()
    }

    /// In a reply: when the request arrived.
    #[must_use]
    pub fn receive(&self) -> NtpTimestamp {
        self.timestamp_at::<32>()
    }

    /// When the packet was sent.
    #[must_use]
    pub fn transmit(&self) -> NtpTimestamp {
        self.timestamp_at::<40>()
    }

    /// The extension fields.
    #[must_use]
    pub const fn extensions(&self) -> Extensions<'a> {
        Extensions::new(self.extensions)
    }

    /// The MAC, if there is one.
    #[must_use]
    pub fn mac(&self) -> Option<MacView<'a>> {
        let (key_id, digest) = self.mac.split_first_chunk::<KEY_ID_LEN>()?;
        Some(MacView { key_id: u32::from_be_bytes(*key_id), digest })
    }

    /// All fields of the header as one value.
    #[must_use]
    pub fn header(&self) -> Header {
        Header {
            leap: self.leap(),
            version: self.version(),
            mode: self.mode(),
            stratum: self.stratum(),
            poll: self.poll(),
            precision: self.precision(),
            root_delay: self.root_delay(),
            root_dispersion: self.root_dispersion(),
            ref_id: self.ref_id(),
            reference: self.reference(),
            origin: self.origin(),
            receive: self.receive(),
            transmit: self.transmit(),
        }
    }

    fn u32_at<const AT: usize>(&self) -> u32 {
        const { assert!(AT + 4 <= HEADER_LEN) };
        let h = self.header;
        u32::from_be_bytes([h[AT], h[AT + 1], h[AT + 2], h[AT + 3]])
    }

    fn timestamp_at<const AT: usize>(&self) -> NtpTimestamp {
        const { assert!(AT + 8 <= HEADER_LEN) };
        let h = self.header;
        let bits = [h[AT], h[AT + 1], h[AT + 2], h[AT + 3], h[AT + 4], h[AT + 5], h[AT + 6], h[AT + 7]];
        NtpTimestamp::from_bits(u64::from_be_bytes(bits))
    }
}

const fn version_of(header: &[u8; HEADER_LEN]) -> u8 {
    (header[0] >> 3) & 7
}
