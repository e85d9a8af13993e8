//! From request to reply.

use core::fmt;

use crate::packet::{
    HEADER_LEN, Header, Leap, Mode, PacketView, ParseError, PollExp, Precision, RefId, Stratum, TRANSMIT_AT,
};
use crate::time::{NtpShort, NtpTimestamp};

/// What a server tells of itself (RFC 5905 §11.1), as of the moment of the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemVars {
    /// Leap indicator.
    pub leap: Leap,
    /// Stratum; [`Stratum::UNSYNCHRONISED`] goes on the wire as 0 (RFC 5905 §7.3).
    pub stratum: Stratum,
    /// Precision of the clock.
    pub precision: Precision,
    /// Round-trip delay to the primary clock.
    pub root_delay: NtpShort,
    /// Dispersion with respect to the primary clock, grown to now.
    pub root_dispersion: NtpShort,
    /// What the clock is set by.
    pub ref_id: RefId,
    /// When the clock was last set.
    pub reference: NtpTimestamp,
}

/// Why a datagram gets no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// It is no packet.
    Malformed(ParseError),
    /// A version that does not exist or that we do not speak.
    Version(u8),
    /// It asks for nothing that a time server answers.
    Mode(Mode),
    /// It carries a MAC of a key that we do not have. An unauthenticated reply would be of no use to
    /// the client, and a crypto-NAK only invites forgery.
    UnknownKey(u32),
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Version(version) => write!(f, "version {version} is not spoken here"),
            Self::Mode(mode) => write!(f, "mode {} asks for nothing", mode.to_bits()),
            Self::UnknownKey(id) => write!(f, "key {id} is unknown"),
        }
    }
}

/// A datagram that asks for the time; it lives in the buffer that it was received into.
#[derive(Debug)]
pub struct Request<'b> {
    header: &'b mut [u8; HEADER_LEN],
}

impl<'b> Request<'b> {
    /// Looks whether `datagram` is a request that is answered here.
    ///
    /// # Errors
    /// Says why not. The buffer is unchanged either way.
    pub fn accept(datagram: &'b mut [u8]) -> Result<Self, Ignored> {
        let view = PacketView::parse(datagram).map_err(Ignored::Malformed)?;
        check(&view)?;
        let header = datagram.first_chunk_mut().ok_or(Ignored::Malformed(ParseError::TooShort))?;
        Ok(Self { header })
    }

    /// Version number, 1 … 4.
    #[must_use]
    pub const fn version(&self) -> u8 {
        (self.header[0] >> 3) & 7
    }

    /// Mode: a client's, or none in version 1.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        Mode::from_bits(self.header[0])
    }

    /// Becomes the reply that `template` holds; it was received at `receive` by the estimated time.
    ///
    /// Extension fields of the request are not understood here and not echoed, so the reply is a bare header.
    pub fn reply(self, receive: NtpTimestamp, template: &Template) -> Reply<'b> {
        template.fill(self.header, receive);
        Reply { bytes: self.header }
    }

    /// Becomes a kiss-o'-death (RFC 5905 §7.4) that asks for at most one request in `interval`.
    pub fn kiss(self, code: RefId, interval: PollExp, receive: NtpTimestamp) -> Reply<'b> {
        kiss(self.header, code, interval, receive);
        Reply { bytes: self.header }
    }
}

/// All of a reply that does not depend on its request: the header up to the reference timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template([u8; ORIGIN_AT]);

impl Template {
    /// What `vars` say. It ages as they do.
    #[must_use]
    pub fn new(vars: &SystemVars) -> Self {
        let header = Header {
            leap: vars.leap,
            version: 0,
            mode: Mode::Server,
            stratum: wire_stratum(vars.stratum),
            poll: PollExp::new(0),
            precision: vars.precision,
            root_delay: vars.root_delay,
            root_dispersion: vars.root_dispersion,
            ref_id: vars.ref_id,
            reference: vars.reference,
            origin: NtpTimestamp::ZERO,
            receive: NtpTimestamp::ZERO,
            transmit: NtpTimestamp::ZERO,
        };
        let mut bytes = [0; ORIGIN_AT];
        bytes.copy_from_slice(&header.to_bytes()[..ORIGIN_AT]);
        Self(bytes)
    }

    /// Makes the request in `header` the reply to itself, but for the transmit timestamp.
    pub(crate) fn fill(&self, header: &mut [u8; HEADER_LEN], receive: NtpTimestamp) {
        let (version, poll) = (header[0] & VERSION_BITS, header[POLL_AT]);
        header.copy_within(TRANSMIT_AT.., ORIGIN_AT);
        header[..ORIGIN_AT].copy_from_slice(&self.0);
        header[0] |= version;
        header[POLL_AT] = poll;
        header[RECEIVE_AT..TRANSMIT_AT].copy_from_slice(&receive.to_bits().to_be_bytes());
    }

    fn kiss(code: RefId) -> Self {
        Self::new(&SystemVars {
            leap: Leap::Unsynchronised,
            stratum: Stratum::UNSPECIFIED,
            precision: Precision::new(0),
            root_delay: NtpShort::from_bits(0),
            root_dispersion: NtpShort::from_bits(0),
            ref_id: code,
            reference: NtpTimestamp::ZERO,
        })
    }
}

/// Makes the request in `header` a kiss-o'-death that asks for at most one request in `interval`, but for the
/// transmit timestamp.
pub(crate) fn kiss(header: &mut [u8; HEADER_LEN], code: RefId, interval: PollExp, receive: NtpTimestamp) {
    let poll = PollExp::new(header[POLL_AT] as i8).max(interval);
    header[POLL_AT] = poll.get() as u8;
    Template::kiss(code).fill(header, receive);
}

/// Where fields stand in the header (RFC 5905 §7.3, figure 8).
const POLL_AT: usize = 2;
const ORIGIN_AT: usize = 24;
const RECEIVE_AT: usize = 32;
/// The version within the first byte.
const VERSION_BITS: u8 = 0b0011_1000;

/// A reply that only lacks its transmit timestamp; it lives in the request's buffer.
#[derive(Debug)]
#[must_use = "a reply that does not depart was worked for in vain"]
pub struct Reply<'b> {
    bytes: &'b mut [u8; HEADER_LEN],
}

impl<'b> Reply<'b> {
    /// Writes the transmit timestamp (T3). Call it as close to the sending as possible.
    pub fn depart(self, transmit: NtpTimestamp) -> &'b [u8] {
        self.bytes[TRANSMIT_AT..].copy_from_slice(&transmit.to_bits().to_be_bytes());
        self.bytes
    }
}

/// Turns the request in `datagram`, received at `receive` by the estimated time, into its reply.
///
/// # Errors
/// Says why there is no reply; the buffer is then unchanged.
pub fn respond<'b>(
    datagram: &'b mut [u8],
    receive: NtpTimestamp,
    vars: &SystemVars,
) -> Result<Reply<'b>, Ignored> {
    Request::accept(datagram).map(|request| request.reply(receive, &Template::new(vars)))
}

fn check(request: &PacketView<'_>) -> Result<(), Ignored> {
    match (request.version(), request.mode()) {
        // RFC 1059 clients have no mode.
        (1..=4, Mode::Client) | (1, Mode::Reserved) => {}
        (1..=4, mode) => return Err(Ignored::Mode(mode)),
        (version, _) => return Err(Ignored::Version(version)),
    }
    match request.mac() {
        Some(mac) => Err(Ignored::UnknownKey(mac.key_id)),
        None => Ok(()),
    }
}

fn wire_stratum(stratum: Stratum) -> Stratum {
    if stratum.is_synchronised() { stratum } else { Stratum::UNSPECIFIED }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VARS: SystemVars = SystemVars {
        leap: Leap::None,
        stratum: Stratum::new(3),
        precision: Precision::new(-25),
        root_delay: NtpShort::from_bits(0x100),
        root_dispersion: NtpShort::from_bits(0x200),
        ref_id: RefId::from_bits(0xc000_0201),
        reference: NtpTimestamp::from_bits(1 << 40),
    };

    fn request(version: u8, mode: Mode) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = version << 3 | mode.to_bits();
        bytes[2] = 7;
        bytes[TRANSMIT_AT..].copy_from_slice(&0x0123_4567_89ab_cdefu64.to_be_bytes());
        bytes
    }

    #[test]
    fn a_reply_echoes_what_the_client_needs_and_tells_the_rest() {
        let mut buffer = request(3, Mode::Client);
        let receive = NtpTimestamp::from_bits(5);
        let bytes = respond(&mut buffer, receive, &VARS).unwrap().depart(NtpTimestamp::from_bits(6));
        let reply = PacketView::parse(bytes).unwrap().header();
        assert_eq!((reply.version, reply.mode, reply.poll), (3, Mode::Server, PollExp::new(7)));
        assert_eq!(reply.origin.to_bits(), 0x0123_4567_89ab_cdef);
        assert_eq!((reply.receive.to_bits(), reply.transmit.to_bits()), (5, 6));
        assert_eq!((reply.stratum, reply.ref_id, reply.leap), (VARS.stratum, VARS.ref_id, VARS.leap));
    }

    #[test]
    fn an_unset_clock_shows_as_stratum_0_and_leap_3() {
        let vars = SystemVars { leap: Leap::Unsynchronised, stratum: Stratum::UNSYNCHRONISED, ..VARS };
        let mut buffer = request(4, Mode::Client);
        let bytes = respond(&mut buffer, NtpTimestamp::ZERO, &vars).unwrap().depart(NtpTimestamp::ZERO);
        let reply = PacketView::parse(bytes).unwrap();
        assert_eq!((reply.stratum(), reply.leap()), (Stratum::UNSPECIFIED, Leap::Unsynchronised));
    }

    #[test]
    fn only_client_requests_are_answered() {
        for version in 0..8 {
            for mode in 0..8 {
                let mut buffer = request(version, Mode::from_bits(mode));
                let answered = respond(&mut buffer, NtpTimestamp::ZERO, &VARS).is_ok();
                let valid = (1..=4).contains(&version) && mode == 3 || version == 1 && mode == 0;
                assert_eq!(answered, valid, "version {version} mode {mode}");
            }
        }
    }

    #[test]
    fn a_kiss_slows_the_client_down_and_tells_no_time() {
        let kiss = |interval| {
            let mut buffer = request(4, Mode::Client);
            let request = Request::accept(&mut buffer).unwrap();
            let rate = RefId::from_ascii(*b"RATE");
            let reply = request.kiss(rate, PollExp::new(interval), NtpTimestamp::from_bits(5));
            PacketView::parse(reply.depart(NtpTimestamp::from_bits(6))).unwrap().header()
        };
        let header = kiss(10);
        assert_eq!((header.stratum, header.leap), (Stratum::UNSPECIFIED, Leap::Unsynchronised));
        assert_eq!(header.ref_id.to_ascii().as_deref(), Some("RATE"));
        assert_eq!(header.origin.to_bits(), 0x0123_4567_89ab_cdef);
        assert_eq!(
            (header.mode, header.poll, kiss(3).poll),
            (Mode::Server, PollExp::new(10), PollExp::new(7))
        );
    }

    #[test]
    fn a_request_with_an_unknown_key_is_left_alone() {
        let mut buffer = request(4, Mode::Client).to_vec();
        buffer.extend([0, 0, 0, 7]);
        buffer.extend([0; 16]);
        assert_eq!(respond(&mut buffer, NtpTimestamp::ZERO, &VARS).unwrap_err(), Ignored::UnknownKey(7));
    }

    proptest! {
        #[test]
        fn no_reply_is_longer_than_its_request(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let asked = bytes.len();
            if let Ok(reply) = respond(&mut bytes, NtpTimestamp::ZERO, &VARS) {
                prop_assert!(reply.depart(NtpTimestamp::ZERO).len() <= asked);
            }
        }
    }
}
