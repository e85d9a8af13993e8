//! A million datagrams through parser and responder: random ones, and valid packets with a few bytes changed.
//!
//! Oracle: [`deserves_reply`], written from RFC 5905 §7.3 and RFC 7822 §3 on bare bytes, says which are valid
//! client requests. Those and no others are answered, no reply is longer than its request, and nothing is
//! allocated on the way. Everything follows from [`SEED`].

mod counting;

use ntp_proto::packet::{HEADER_LEN, Leap, PacketView, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, respond};
use ntp_proto::time::{NtpShort, NtpTimestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

const SEED: u64 = 123;
const DATAGRAMS: u32 = 1_000_000;
const LONGEST: usize = 512;

const RECEIVED: NtpTimestamp = NtpTimestamp::from_bits(0xaaaa_aaaa_bbbb_bbbb);
const SENT: NtpTimestamp = NtpTimestamp::from_bits(0xaaaa_aaaa_cccc_cccc);
const VARS: SystemVars = SystemVars {
    leap: Leap::None,
    stratum: Stratum::new(2),
    precision: Precision::new(-24),
    root_delay: NtpShort::from_bits(0x100),
    root_dispersion: NtpShort::from_bits(0x200),
    ref_id: RefId::from_bits(0xc000_0201),
    reference: NtpTimestamp::from_bits(0xaaaa_aaaa_0000_0000),
};

#[test]
fn a_million_datagrams_are_answered_only_if_they_ask_and_cost_no_memory() {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let templates = templates();
    let (mut buffer, mut asked) = ([0; LONGEST], [0; LONGEST]);
    let mut answered = 0;
    let allocations = counting::allocations();
    for round in 0..DATAGRAMS {
        let len = draw(&mut rng, &templates, &mut buffer);
        asked[..len].copy_from_slice(&buffer[..len]);
        let (datagram, asked) = (&mut buffer[..len], &asked[..len]);
        parts_add_up(datagram, round);
        match respond(datagram, RECEIVED, &VARS) {
            Ok(reply) => {
                answered += 1;
                assert!(deserves_reply(asked), "datagram {round} asks for nothing: {asked:02x?}");
                assert_is_reply(reply.depart(SENT), asked);
            }
            Err(why) => {
                assert!(!deserves_reply(asked), "datagram {round} was refused ({why}): {asked:02x?}");
                assert!(datagram == asked, "datagram {round} was changed and not answered: {asked:02x?}");
            }
        }
    }
    assert_eq!(counting::allocations() - allocations, 0, "allocations");
    // Else the datagrams would show little.
    assert!((DATAGRAMS / 10..DATAGRAMS / 2).contains(&answered), "{answered} answered");
}

#[test]
fn the_templates_are_what_they_are_called() {
    let answered = |bytes: &[u8]| respond(&mut bytes.to_vec(), RECEIVED, &VARS).is_ok();
    let templates = templates();
    let (valid, others) = templates.split_at(VALID);
    assert!(valid.iter().all(|t| answered(t) && deserves_reply(t)));
    assert!(others.iter().all(|t| !answered(t) && !deserves_reply(t)));
}

/// The first so many templates are valid requests.
const VALID: usize = 6;

fn templates() -> Vec<Vec<u8>> {
    let packet = |version: u8, mode: u8, tail: &[&[u8]]| {
        let mut bytes: Vec<u8> = (0..HEADER_LEN as u8).collect();
        bytes[0] = version << 3 | mode;
        bytes.extend(tail.concat());
        bytes
    };
    let field = |kind: u16, len: u16| {
        let mut bytes = [kind.to_be_bytes(), len.to_be_bytes()].concat();
        bytes.resize(usize::from(len), 0x55);
        bytes
    };
    let (unique_id, cookie) = (field(0x0104, 36), field(0x0204, 104));
    let (md5, sha1) = ([&[0, 0, 0, 7][..], &[0xaa; 16]].concat(), [&[0, 0, 0, 8][..], &[0xbb; 20]].concat());
    let sha512 = [&[0, 0, 0, 9][..], &[0xcc; 64]].concat();
    vec![
        packet(4, 3, &[]),
        packet(3, 3, &[]),
        packet(2, 3, &[]),
        packet(1, 0, &[]),
        packet(4, 3, &[&unique_id]),
        packet(4, 3, &[&unique_id, &cookie]),
        packet(4, 3, &[&md5]),
        packet(3, 3, &[&md5]),
        packet(4, 3, &[&sha1]),
        packet(3, 3, &[&sha512]),
        packet(4, 3, &[&unique_id, &sha1]),
        packet(4, 4, &[]),
        packet(4, 4, &[&unique_id, &md5]),
        packet(4, 1, &[]),
        packet(3, 5, &[]),
        packet(2, 6, &[&[0; 12]]),
        packet(5, 3, &[]),
    ]
}

/// The next datagram; returns its length.
fn draw(rng: &mut ChaCha8Rng, templates: &[Vec<u8>], buffer: &mut [u8; LONGEST]) -> usize {
    let choice = rng.next_u32();
    if choice.is_multiple_of(4) {
        let len = below(rng, LONGEST);
        rng.fill_bytes(&mut buffer[..len]);
        return len;
    }
    let template = &templates[below(rng, templates.len())];
    let mut len = template.len();
    buffer[..len].copy_from_slice(template);
    for _ in 0..choice >> 8 & 3 {
        len = mutate(rng, buffer, len);
    }
    len
}

/// Changes one thing; returns the new length.
fn mutate(rng: &mut ChaCha8Rng, buffer: &mut [u8; LONGEST], len: usize) -> usize {
    if len == 0 {
        return 0;
    }
    let value = rng.next_u32();
    match below(rng, 7) {
        0 => buffer[below(rng, len)] ^= 1 << (value & 7),
        1 => buffer[below(rng, len)] = value as u8,
        2 => buffer[0] = value as u8,
        3 if len > HEADER_LEN + 4 => {
            // Where the length of an extension field may stand.
            let at = HEADER_LEN + below(rng, (len - HEADER_LEN) / 4) * 4;
            buffer[at + 2..at + 4].copy_from_slice(&(value as u16 & 0x3f).to_be_bytes());
        }
        4 => return below(rng, len + 1),
        5 => {
            let end = (len + below(rng, 80)).min(LONGEST);
            rng.fill_bytes(&mut buffer[len..end]);
            return end;
        }
        6 => {
            let end = (len + below(rng, 20) * 4).min(LONGEST);
            buffer[len..end].fill(value as u8);
            return end;
        }
        _ => {}
    }
    len
}

fn below(rng: &mut ChaCha8Rng, limit: usize) -> usize {
    rng.next_u32() as usize % limit
}

fn parts_add_up(datagram: &[u8], round: u32) {
    if let Ok(view) = PacketView::parse(datagram) {
        let fields: usize = view.extensions().map(|field| field.value.len() + 4).sum();
        let mac = view.mac().map_or(0, |mac| mac.digest.len() + 4);
        assert_eq!(HEADER_LEN + fields + mac, datagram.len(), "datagram {round}");
    }
}

/// From the definition: a client's packet of a version that exists, followed by nothing, or from version 4
/// on by extension fields alone. What is 24 bytes or shorter at the end is no field but a MAC, and nobody
/// here has its key.
fn deserves_reply(datagram: &[u8]) -> bool {
    let Some((&[first, ..], tail)) = datagram.split_first_chunk::<48>() else { return false };
    match (first >> 3 & 7, first & 7) {
        (1, 0) | (1..=3, 3) => tail.is_empty(),
        (4, 3) => are_fields(tail),
        _ => false,
    }
}

fn are_fields(bytes: &[u8]) -> bool {
    match *bytes {
        [] => true,
        [_, _, high, low, ..] if bytes.len() > 24 => {
            let len = usize::from(high) * 256 + usize::from(low);
            len >= 16 && len % 4 == 0 && bytes.get(len..).is_some_and(are_fields)
        }
        _ => false,
    }
}

fn assert_is_reply(reply: &[u8], request: &[u8]) {
    assert!(reply.len() <= request.len());
    assert_eq!(reply.len(), HEADER_LEN);
    assert_eq!(reply[0], request[0] & 0b0011_1000 | 4, "leap 0, the same version, mode 4");
    assert_eq!(reply[24..32], request[40..48], "origin is the request's transmit timestamp");
    assert_eq!(reply[32..40], RECEIVED.to_bits().to_be_bytes());
    assert_eq!(reply[40..48], SENT.to_bits().to_be_bytes());
}
