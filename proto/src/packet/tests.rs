//! Round trips, and where extension fields end and a MAC begins.

use super::*;
use crate::time::{NtpShort, NtpTimestamp};
use proptest::prelude::*;

prop_compose! {
    fn any_header()(
        bits in any::<[u8; 4]>(), delay: u32, dispersion: u32, ref_id: u32, stamps in any::<[u64; 4]>(),
    ) -> Header {
        Header {
            leap: Leap::from_bits(bits[0] >> 6),
            version: bits[0] >> 3 & 7,
            mode: Mode::from_bits(bits[0]),
            stratum: Stratum::new(bits[1]),
            poll: PollExp::new(bits[2] as i8),
            precision: Precision::new(bits[3] as i8),
            root_delay: NtpShort::from_bits(delay),
            root_dispersion: NtpShort::from_bits(dispersion),
            ref_id: RefId::from_bits(ref_id),
            reference: NtpTimestamp::from_bits(stamps[0]),
            origin: NtpTimestamp::from_bits(stamps[1]),
            receive: NtpTimestamp::from_bits(stamps[2]),
            transmit: NtpTimestamp::from_bits(stamps[3]),
        }
    }
}

fn packet(version: u8, tail: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN];
    bytes[0] = version << 3 | 3;
    bytes.extend(tail.concat());
    bytes
}

fn field(kind: u16, len: u16) -> Vec<u8> {
    let mut bytes = [kind.to_be_bytes(), len.to_be_bytes()].concat();
    bytes.resize(usize::from(len), 7);
    bytes
}

#[test]
fn a_mac_follows_the_last_extension_field() {
    let mac = [&[0, 0, 0, 9][..], &[0xaa; 16]].concat();
    let bytes = packet(4, &[&field(0x0104, 36), &field(0x2005, 16), &mac]);
    let view = PacketView::parse(&bytes).unwrap();
    let kinds: Vec<_> = view.extensions().map(|e| (e.kind.0, e.value.len())).collect();
    assert_eq!(kinds, [(0x0104, 32), (0x2005, 12)]);
    assert_eq!(view.mac().unwrap().key_id, 9);
    assert_eq!(view.mac().unwrap().digest, [0xaa; 16]);
}

#[test]
fn version_3_has_no_extension_fields() {
    let bytes = packet(3, &[&field(0x0104, 36)]);
    let view = PacketView::parse(&bytes).unwrap();
    assert_eq!(view.extensions().count(), 0);
    assert_eq!(view.mac().unwrap().digest.len(), 32);
}

#[test]
fn a_digest_longer_than_an_extension_field_is_still_a_mac() {
    let mac = [&[0, 0, 0, 1][..], &[0xff; 64]].concat();
    let bytes = packet(4, &[&mac]);
    // Key 1 reads as extension type 0 of length 1, which is impossible.
    assert_eq!(PacketView::parse(&bytes).unwrap().mac().unwrap().digest.len(), 64);
}

#[test]
fn impossible_lengths_are_errors() {
    assert_eq!(PacketView::parse(&[0; 47]).unwrap_err(), ParseError::TooShort);
    assert_eq!(PacketView::parse(&packet(4, &[&[0; 3]])).unwrap_err(), ParseError::BadMac);
    assert_eq!(PacketView::parse(&packet(4, &[&[0; 100]])).unwrap_err(), ParseError::BadExtension);
    assert_eq!(
        PacketView::parse(&packet(4, &[&field(1, 400)[..300]])).unwrap_err(),
        ParseError::BadExtension
    );
}

proptest! {
    #[test]
    fn header_survives_the_wire(header in any_header()) {
        let bytes = header.to_bytes();
        prop_assert_eq!(PacketView::parse(&bytes).unwrap().header(), header);
    }

    #[test]
    fn emitting_what_was_parsed_gives_the_same_bytes(bytes in any::<[u8; 32]>(), more in any::<[u8; 16]>()) {
        let bytes = [&bytes[..], &more[..]].concat();
        prop_assert_eq!(&PacketView::parse(&bytes).unwrap().header().to_bytes()[..], &bytes[..]);
    }

    #[test]
    fn parts_never_exceed_the_packet(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(view) = PacketView::parse(&bytes) {
            let fields: usize = view.extensions().map(|e| e.value.len() + 4).sum();
            let mac = view.mac().map_or(0, |m| m.digest.len() + 4);
            prop_assert_eq!(HEADER_LEN + fields + mac, bytes.len());
        }
    }
}
