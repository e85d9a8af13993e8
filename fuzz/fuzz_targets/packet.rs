//! Any bytes as a packet.
//!
//! Oracle: header, extension fields and MAC add up to the datagram, and a header that is written again gives
//! the bytes that it was read from.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ntp_proto::packet::{HEADER_LEN, PacketView};

fuzz_target!(|datagram: &[u8]| {
    let Ok(view) = PacketView::parse(datagram) else { return };
    let fields: usize = view.extensions().map(|field| field.value.len() + 4).sum();
    let mac = view.mac().map_or(0, |mac| mac.digest.len() + 4);
    assert_eq!(HEADER_LEN + fields + mac, datagram.len());
    assert_eq!(view.header().to_bytes(), datagram[..HEADER_LEN]);
});
