//! Control messages (`man 3 cmsg`): what the kernel says about a datagram besides its bytes.
//!
//! ```text
//!  │◀──────────── cmsg_len ───────────▶│
//!  ├────────────────┬──────────────────┼─────────┬────────────────┬──
//!  │ cmsghdr        │ payload          │ padding │ cmsghdr        │ …
//!  ├────────────────┴──────────────────┴─────────┴────────────────┴──
//!  a word's multiple                             a word's multiple
//! ```
//!
//! The walk trusts no length: what does not fit ends it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::raw::c_int;

use ntp_proto::time::RawTime;
use ntp_refclock::phc::PhcTime;

use super::clock::raw_time;
use super::plain::{Solid, read, write, zeroed};

/// Room for the control messages of one datagram, or those of one to send.
///
/// What is asked for takes less than 150 bytes on any machine; the rest is for what others may add.
#[repr(C, align(16))]
pub(super) struct ControlBuffer<const ROOM: usize = 512> {
    bytes: [u8; ROOM],
    length: usize,
}

/// Room for what says where a datagram leaves from.
pub(super) const SOURCE: usize = 64;

impl<const ROOM: usize> ControlBuffer<ROOM> {
    /// Nothing in it.
    pub(super) const fn empty() -> Self {
        Self { bytes: [0; ROOM], length: 0 }
    }

    /// With the one message that makes a datagram leave from the address `source`. The interface is left to
    /// the routing table: the way back need not be the way that the request came.
    pub(super) fn with_source(source: IpAddr) -> Self {
        match source {
            IpAddr::V4(v4) => Self::of(libc::IPPROTO_IP, libc::IP_PKTINFO, in_pktinfo(v4)),
            IpAddr::V6(v6) => Self::of(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, in6_pktinfo(v6)),
        }
    }

    /// The messages, in the order in which the kernel put them.
    pub(super) fn messages(&self) -> Messages<'_> {
        Messages::of(self.bytes.get(..self.length).unwrap_or_default())
    }

    /// The bytes in use.
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    /// For a call that may write [`capacity`](Self::capacity) bytes, to be followed by
    /// [`set_len`](Self::set_len).
    pub(super) const fn as_mut_ptr(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    /// For a call that reads [`len`](Self::len) bytes.
    pub(super) const fn as_ptr(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    pub(super) const fn capacity(&self) -> usize {
        ROOM
    }

    /// What the kernel says it has written.
    pub(super) const fn set_len(&mut self, length: usize) {
        self.length = if length < ROOM { length } else { ROOM };
    }

    fn of<T: Solid>(level: c_int, kind: c_int, payload: T) -> Self {
        let mut header = zeroed::<libc::cmsghdr>();
        header.cmsg_len = (PAYLOAD_AT + size_of::<T>()) as _;
        header.cmsg_level = level;
        header.cmsg_type = kind;
        let mut buffer = Self::empty();
        let written = write(&mut buffer.bytes, header).and(write(&mut buffer.bytes[PAYLOAD_AT..], payload));
        debug_assert!(written.is_some(), "one message fits");
        buffer.length = align(PAYLOAD_AT + size_of::<T>());
        buffer
    }
}

/// One control message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// When the kernel had the datagram in its hands, and when it was on the wire by the clock of the interface; not
    /// neither.
    Stamp {
        /// By the system clock.
        system: Option<RawTime>,
        /// By the clock of the interface.
        hardware: Option<PhcTime>,
    },
    /// What the stamp of the interface belongs to.
    Frame {
        /// The index of the interface that made it.
        interface: u32,
        /// How long the frame is, in bytes, with its header and without its check sequence.
        length: u32,
    },
    /// Where the datagram came in.
    PacketInfo {
        /// The address to answer from: the one that was asked, or with an IPv4 broadcast the one of the
        /// interface.
        local: IpAddr,
        /// The index of the interface.
        interface: u32,
    },
    /// Of another kind, too short for its kind, or without a value.
    Other,
}

/// Walks over control messages.
pub(super) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// In `bytes` as the kernel wrote them.
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl Iterator for Messages<'_> {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let header: libc::cmsghdr = read(self.rest)?;
        let length: usize = header.cmsg_len as _;
        let payload = self.rest.get(PAYLOAD_AT..length)?;
        let message = interpret(header.cmsg_level, header.cmsg_type, payload);
        // The last message need not be padded.
        self.rest = self.rest.get(align(length)..).unwrap_or_default();
        Some(message)
    }
}

/// The same number on all machines but SPARC and PA-RISC, which have no such cards.
const SCM_TIMESTAMPING_PKTINFO: c_int = 58;

/// Where the payload starts.
const PAYLOAD_AT: usize = align(size_of::<libc::cmsghdr>());

/// Messages and payloads start at multiples of a machine word (`CMSG_ALIGN`).
const fn align(length: usize) -> usize {
    length.next_multiple_of(size_of::<usize>())
}

fn interpret(level: c_int, kind: c_int, payload: &[u8]) -> Message {
    match (level, kind) {
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => stamps(payload),
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => stamp(payload, 0).map(system_stamp),
        (libc::SOL_SOCKET, SCM_TIMESTAMPING_PKTINFO) => frame(payload),
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => packet_info_v4(payload),
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => packet_info_v6(payload),
        _ => None,
    }
    .unwrap_or(Message::Other)
}

/// Of three times the first is the system clock's and the last that of the interface; the other is not used any more.
fn stamps(payload: &[u8]) -> Option<Message> {
    const HARDWARE: usize = 2;
    let (system, hardware) = (stamp(payload, 0), stamp(payload, HARDWARE).map(RawTime::reinterpret));
    (system.is_some() || hardware.is_some()).then_some(Message::Stamp { system, hardware })
}

const fn system_stamp(time: RawTime) -> Message {
    Message::Stamp { system: Some(time), hardware: None }
}

/// One of several times. All zeros stand for "no stamp".
fn stamp(payload: &[u8], place: usize) -> Option<RawTime> {
    let time: libc::timespec = read(payload.get(place * size_of::<libc::timespec>()..)?)?;
    if time.tv_sec == 0 && time.tv_nsec == 0 {
        return None;
    }
    raw_time(&time)
}

/// `struct scm_ts_pktinfo`: two words, and two that are reserved.
fn frame(payload: &[u8]) -> Option<Message> {
    let word = |place: usize| payload.get(place..place + 4)?.try_into().ok().map(u32::from_ne_bytes);
    Some(Message::Frame { interface: word(0)?, length: word(4)? })
}

fn packet_info_v4(payload: &[u8]) -> Option<Message> {
    let info: libc::in_pktinfo = read(payload)?;
    let local = Ipv4Addr::from_bits(u32::from_be(info.ipi_spec_dst.s_addr));
    Some(Message::PacketInfo { local: local.into(), interface: u32::try_from(info.ipi_ifindex).ok()? })
}

fn packet_info_v6(payload: &[u8]) -> Option<Message> {
    let info: libc::in6_pktinfo = read(payload)?;
    let local = Ipv6Addr::from(info.ipi6_addr.s6_addr);
    Some(Message::PacketInfo { local: local.into(), interface: info.ipi6_ifindex })
}

fn in_pktinfo(source: Ipv4Addr) -> libc::in_pktinfo {
    let mut info = zeroed::<libc::in_pktinfo>();
    info.ipi_spec_dst.s_addr = source.to_bits().to_be();
    info
}

fn in6_pktinfo(source: Ipv6Addr) -> libc::in6_pktinfo {
    let mut info = zeroed::<libc::in6_pktinfo>();
    info.ipi6_addr.s6_addr = source.octets();
    info
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message as the kernel would write it, padded.
    fn message(level: c_int, kind: c_int, payload: &[u8]) -> Vec<u8> {
        let mut header = zeroed::<libc::cmsghdr>();
        header.cmsg_len = (PAYLOAD_AT + payload.len()) as _;
        header.cmsg_level = level;
        header.cmsg_type = kind;
        let mut bytes = vec![0; align(PAYLOAD_AT + payload.len())];
        write(&mut bytes, header).unwrap();
        bytes[PAYLOAD_AT..][..payload.len()].copy_from_slice(payload);
        bytes
    }

    /// A `timespec`'s bytes; its fields are laid out here by hand because the structure may have padding.
    fn timespec(seconds: i64, nanos: i64) -> Vec<u8> {
        let mut bytes = vec![0; size_of::<libc::timespec>()];
        let word = bytes.len() / 2;
        for (place, value) in bytes.chunks_mut(word).zip([seconds, nanos]) {
            match word {
                4 => place.copy_from_slice(&(value as i32).to_ne_bytes()),
                _ => place.copy_from_slice(&value.to_ne_bytes()),
            }
        }
        bytes
    }

    fn walk(bytes: &[u8]) -> Vec<Message> {
        Messages { rest: bytes }.collect()
    }

    #[test]
    fn stamps_of_both_kinds_are_read() {
        let no_time = timespec(0, 0);
        let time = timespec(1_700_000_000, 5);
        let stamp = system_stamp(RawTime::from_unix(1_700_000_000, 5));
        let three = [time.clone(), no_time.clone(), no_time].concat();
        let mut bytes = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, &three);
        bytes.extend(message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &time));
        assert_eq!(walk(&bytes), [stamp, stamp]);
    }

    #[test]
    fn the_clock_of_the_interface_is_another() {
        let three = |first, last| [timespec(first, 0), timespec(7, 7), timespec(last, 9 * last)].concat();
        let read =
            |first, last| walk(&message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, &three(first, last)));
        let hardware = Some(PhcTime::from_unix(9, 81));
        assert_eq!(read(0, 9), [Message::Stamp { system: None, hardware }]);
        let system = Some(RawTime::from_unix(5, 0));
        assert_eq!(read(5, 9), [Message::Stamp { system, hardware }]);
        assert_eq!(read(5, 0), [Message::Stamp { system, hardware: None }]);
        assert_eq!(read(0, 0), [Message::Other]);
        let short = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, &timespec(5, 0));
        assert_eq!(walk(&short), [Message::Stamp { system, hardware: None }]);
    }

    #[test]
    fn frames_are_told_with_their_interface() {
        let words: Vec<u8> = [3u32, 90, 0, 0].iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut bytes = message(libc::SOL_SOCKET, SCM_TIMESTAMPING_PKTINFO, &words);
        bytes.extend(message(libc::SOL_SOCKET, SCM_TIMESTAMPING_PKTINFO, &words[..7]));
        assert_eq!(walk(&bytes), [Message::Frame { interface: 3, length: 90 }, Message::Other]);
    }

    #[test]
    fn a_fraction_below_zero_is_no_stamp() {
        let bytes = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &timespec(9, -1));
        assert_eq!(walk(&bytes), [Message::Other]);
    }

    #[test]
    fn a_source_address_is_written_as_it_is_read() {
        for text in ["127.0.0.2", "2001:db8::7"] {
            let local: IpAddr = text.parse().unwrap();
            let control = ControlBuffer::<SOURCE>::with_source(local);
            let messages: Vec<_> = control.messages().collect();
            assert_eq!(messages, [Message::PacketInfo { local, interface: 0 }]);
        }
    }

    #[test]
    fn unknown_kinds_and_short_payloads_are_stepped_over() {
        let mut bytes = message(libc::SOL_SOCKET, 4711, &[1, 2, 3]);
        bytes.extend(message(libc::IPPROTO_IP, libc::IP_PKTINFO, &[0; 11]));
        bytes.extend(message(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &[]));
        bytes.extend(message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &timespec(1, 0)));
        let stamp = system_stamp(RawTime::from_unix(1, 0));
        assert_eq!(walk(&bytes), [Message::Other, Message::Other, Message::Other, stamp]);
    }

    #[test]
    fn a_length_that_overruns_or_falls_short_ends_the_walk() {
        let good = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &timespec(1, 0));
        assert_eq!(walk(&good[..good.len() - 1]).len(), 0);
        for length in [0, 1, PAYLOAD_AT - 1, usize::MAX, usize::MAX - PAYLOAD_AT] {
            let mut header: libc::cmsghdr = read(&good).unwrap();
            header.cmsg_len = length as _;
            let mut bad = good.clone();
            write(&mut bad, header).unwrap();
            assert_eq!(walk(&bad).len(), 0, "length {length}");
        }
    }

    #[test]
    fn a_length_beyond_the_buffer_is_limited() {
        let mut control = ControlBuffer::<512>::empty();
        control.set_len(usize::MAX);
        assert_eq!(control.len(), control.capacity());
        // Zeroed headers have the length 0.
        assert_eq!(control.messages().count(), 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_to_an_end(
            bytes in proptest::collection::vec(prop_oneof![Just(0u8), 0..48u8, any::<u8>()], 0..256),
        ) {
            prop_assert!(walk(&bytes).len() <= bytes.len() / PAYLOAD_AT);
        }
    }
}
