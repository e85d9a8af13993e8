//! Requests as raw frames: Ethernet, IPv4, UDP, NTP.

use std::net::Ipv4Addr;

/// Length of a frame with a request of 48 bytes.
pub(crate) const FRAME: usize = 14 + 20 + 8 + 48;
/// Where the parts begin.
const IP: usize = 14;
const UDP: usize = IP + 20;
/// Where the request begins, and in frames that come back the reply.
pub(crate) const NTP: usize = UDP + 8;

/// A hardware address.
pub(crate) type Mac = [u8; 6];
/// A frame.
pub(crate) type Frame = [u8; FRAME];

/// The header of every request: a client's, version 4.
pub(crate) const HEADER: [u8; 48] = {
    let mut header = [0; 48];
    header[0] = 0xe3;
    let mut at = 40;
    while at < header.len() {
        header[at] = 0x5a;
        at += 1;
    }
    header
};

/// A client's request for the time.
pub(crate) fn request(from: Mac, to: Mac, client: Ipv4Addr, server: Ipv4Addr, port: u16) -> Frame {
    let mut frame = [0; FRAME];
    frame[..6].copy_from_slice(&to);
    frame[6..12].copy_from_slice(&from);
    frame[12..14].copy_from_slice(&0x0800u16.to_be_bytes());
    // Version 4, five words of header, don't fragment, 64 hops, UDP.
    frame[IP..IP + 10].copy_from_slice(&[0x45, 0, 0, 76, 0, 0, 0x40, 0, 64, 17]);
    frame[IP + 16..UDP].copy_from_slice(&server.octets());
    frame[UDP..UDP + 2].copy_from_slice(&port.to_be_bytes());
    frame[UDP + 2..UDP + 4].copy_from_slice(&123u16.to_be_bytes());
    // Without a checksum, which IPv4 allows.
    frame[UDP + 4..UDP + 6].copy_from_slice(&56u16.to_be_bytes());
    frame[NTP..].copy_from_slice(&HEADER);
    comes_from(&mut frame, client);
    frame
}

/// Makes room for `more` bytes after the frame, which are not part of it.
pub(crate) fn lengthen(frame: &mut Frame, client: Ipv4Addr, more: u16) {
    for at in [IP + 2, UDP + 4] {
        let length = u16::from_be_bytes([frame[at], frame[at + 1]]) + more;
        frame[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
    comes_from(frame, client);
}

/// Makes the frame another client's.
pub(crate) fn comes_from(frame: &mut Frame, client: Ipv4Addr) {
    frame[IP + 12..IP + 16].copy_from_slice(&client.octets());
    frame[IP + 10..IP + 12].copy_from_slice(&[0, 0]);
    let words = frame[IP..UDP].chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum = words.sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    frame[IP + 10..IP + 12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

/// Of a frame with a reply: whom it is for, and its receive and transmit timestamps.
pub(crate) fn reply(frame: &[u8]) -> Option<(Ipv4Addr, u64, u64)> {
    let frame: &Frame = frame.first_chunk()?;
    let is_reply = frame[12..14] == [8, 0] && frame[UDP..UDP + 2] == [0, 123] && frame[NTP] & 7 == 4;
    let client = Ipv4Addr::new(frame[IP + 16], frame[IP + 17], frame[IP + 18], frame[IP + 19]);
    let word = |at: usize| frame[NTP + at..].first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
    is_reply.then_some((client, word(32)?, word(40)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_adds_up_whoever_asks() {
        let mut frame = request([1; 6], [2; 6], [10, 1, 2, 3].into(), [10, 99, 0, 1].into(), 4711);
        for (client, more) in [([10, 1, 2, 3], 0), ([255, 255, 255, 255], 180), ([0, 0, 0, 0], 1_000)] {
            lengthen(&mut frame, client.into(), more);
            let words = frame[IP..UDP].chunks_exact(2).map(|p| u32::from(p[0]) << 8 | u32::from(p[1]));
            let sum = words.sum::<u32>();
            assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        }
        assert_eq!(reply(&frame), None);
        assert_eq!([&frame[IP + 2..IP + 4], &frame[UDP + 4..UDP + 6]], [[4, 232], [4, 212]]);
    }
}
