//! The header as a value: what we build and send.

use super::{HEADER_LEN, Leap, Mode, PollExp, Precision, RefId, Stratum};
use crate::time::{NtpShort, NtpTimestamp};

/// The 48-byte header (RFC 5905 §7.3, figure 8), fields in wire order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Leap indicator.
    pub leap: Leap,
    /// Version number; the three low bits count.
    pub version: u8,
    /// Mode.
    pub mode: Mode,
    /// Stratum.
    pub stratum: Stratum,
    /// Poll exponent.
    pub poll: PollExp,
    /// Precision.
    pub precision: Precision,
    /// Root delay.
    pub root_delay: NtpShort,
    /// Root dispersion.
    pub root_dispersion: NtpShort,
    /// Reference identifier.
    pub ref_id: RefId,
    /// Reference timestamp.
    pub reference: NtpTimestamp,
    /// Origin timestamp (T1 in a reply).
    pub origin: NtpTimestamp,
    /// Receive timestamp (T2 in a reply).
    pub receive: NtpTimestamp,
    /// Transmit timestamp (T3 in a reply).
    pub transmit: NtpTimestamp,
}

/// Where the transmit timestamp stands, for those who stamp late.
pub(crate) const TRANSMIT_AT: usize = 40;

impl Header {
    /// The header as it goes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = self.leap.to_bits() << 6 | (self.version & 7) << 3 | self.mode.to_bits();
        bytes[1] = self.stratum.get();
        bytes[2] = self.poll.get() as u8;
        bytes[3] = self.precision.get() as u8;
        bytes[4..8].copy_from_slice(&self.root_delay.to_bits().to_be_bytes());
        bytes[8..12].copy_from_slice(&self.root_dispersion.to_bits().to_be_bytes());
        bytes[12..16].copy_from_slice(&self.ref_id.to_bits().to_be_bytes());
        bytes[16..24].copy_from_slice(&self.reference.to_bits().to_be_bytes());
        bytes[24..32].copy_from_slice(&self.origin.to_bits().to_be_bytes());
        bytes[32..40].copy_from_slice(&self.receive.to_bits().to_be_bytes());
        bytes[TRANSMIT_AT..].copy_from_slice(&self.transmit.to_bits().to_be_bytes());
        bytes
    }
}
