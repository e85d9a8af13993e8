//! Requests that use NTS, made with true keys but of any fields in any order: behind the cipher too.
//!
//! Oracle: no reply is longer than its request; it has the request's unique identifier and transmit timestamp;
//! its client can open it. What is answered is authenticated, or has a cookie that cannot be opened.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use ntp_proto::nts::{Aead, Cipher, CookieKey, CookieKeys, Opening, SessionKeys};
use ntp_proto::packet::{Leap, PacketView, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, Template};
use ntp_proto::time::{NtpShort, NtpTimestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

#[derive(Debug, Arbitrary)]
enum Field {
    UniqueId(u8),
    Cookie,
    /// One that nobody has the key for.
    Stranger(u8),
    Placeholder(Option<u8>),
    /// Any type, any value, and what its length says beyond the truth.
    Other(u16, Vec<u8>, i8),
}

#[derive(Debug, Arbitrary)]
struct Case {
    siv: [bool; 2],
    header: [u8; 48],
    fields: Vec<Field>,
    sealed: Vec<Field>,
    /// Lengths of the nonce and of what is behind the ciphertext.
    nonce: u8,
    padding: u8,
    /// Changes after everything is sealed.
    changes: Vec<(u16, u8)>,
    after: Vec<u8>,
}

fn put(out: &mut Vec<u8>, kind: u16, value: &[u8], lie: i8) {
    let len = (4 + value.len()).next_multiple_of(4);
    out.extend(kind.to_be_bytes());
    out.extend((len as u16).wrapping_add_signed(i16::from(lie) / 4).to_be_bytes());
    out.extend(value);
    out.resize(out.len() + len - 4 - value.len(), 0);
}

fn write(out: &mut Vec<u8>, fields: &[Field], cookie: &[u8]) {
    for field in fields.iter().take(12) {
        match field {
            Field::UniqueId(len) => put(out, 0x0104, &vec![*len; 24 + usize::from(*len) % 24], 0),
            Field::Cookie => put(out, 0x0204, cookie, 0),
            Field::Stranger(len) => put(out, 0x0204, &vec![*len; usize::from(*len)], 0),
            Field::Placeholder(None) => put(out, 0x0304, &vec![0; cookie.len()], 0),
            Field::Placeholder(Some(len)) => put(out, 0x0304, &vec![0; usize::from(*len)], 0),
            Field::Other(kind, value, lie) => put(out, *kind, &value[..value.len().min(200)], *lie),
        }
    }
}

fuzz_target!(|case: Case| {
    let [sealing, aead] = case.siv.map(|siv| Aead::ALL[usize::from(siv)]);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let keys = CookieKeys::new(CookieKey::new(1, sealing, &[9; 32][..sealing.key_len()]).unwrap(), []);
    let [c2s, s2c] = [[1; 32], [2; 32]];
    let session = SessionKeys::new(aead, &c2s[..aead.key_len()], &s2c[..aead.key_len()]).unwrap();
    let cookie = keys.seal(&session, &mut rng);

    let mut request = case.header.to_vec();
    request[0] = 0x23;
    write(&mut request, &case.fields, cookie.as_ref());
    let mut text = Vec::new();
    write(&mut text, &case.sealed, cookie.as_ref());
    text.resize(text.len() + Aead::TAG_LEN, 0);
    let nonce = if aead == Aead::AesSivCmac256 { vec![3; usize::from(case.nonce) % 40] } else { vec![3; 12] };
    let is_sealed =
        Cipher::new(aead, session.c2s()).unwrap().seal_in_place(&nonce, &request, &mut text).is_ok();
    let mut value = [(nonce.len() as u16).to_be_bytes(), (text.len() as u16).to_be_bytes()].concat();
    value.extend(&nonce);
    value.resize(value.len().next_multiple_of(4), 0);
    value.extend(&text);
    value.resize(value.len().next_multiple_of(4) + usize::from(case.padding), 0);
    put(&mut request, 0x0404, &value, 0);
    request.extend(&case.after);
    for (at, value) in &case.changes {
        let at = usize::from(*at) % request.len();
        request[at] = *value;
    }
    let untouched = case.changes.is_empty() && is_sealed;

    let mut buffer = request.clone();
    match Opening::new(&mut buffer, &keys) {
        Opening::Plain(same) => assert_eq!(same, request),
        Opening::Ignored(_) => {}
        Opening::Unknown(nak) => {
            let reply = nak.reply(NtpTimestamp::ZERO, NtpTimestamp::ZERO);
            check(&request, reply);
            assert_eq!(&reply[12..16], b"NTSN");
        }
        Opening::Opened(opened) => {
            // The header alone may be other than what was sealed, if it was changed back.
            assert!(untouched || !case.changes.is_empty());
            let reply = opened.reply(NtpTimestamp::ZERO, &template(), &keys, &mut rng);
            let reply = reply.depart(NtpTimestamp::ZERO).unwrap();
            check(&request, reply);
            check_seal(reply, &session);
        }
    }
});

fn template() -> Template {
    Template::new(&SystemVars {
        leap: Leap::None,
        stratum: Stratum::new(3),
        precision: Precision::new(-25),
        root_delay: NtpShort::default(),
        root_dispersion: NtpShort::default(),
        ref_id: RefId::LOCAL,
        reference: NtpTimestamp::ZERO,
    })
}

fn check(request: &[u8], reply: &[u8]) {
    assert!(reply.len() <= request.len());
    assert_eq!(reply[24..32], request[40..48]);
    assert_eq!(reply[0] & 0x3f, 0x24);
    let id = &reply[48..][..usize::from(u16::from_be_bytes([reply[50], reply[51]]))];
    assert!(id.len() >= 36 && request.windows(id.len()).any(|bytes| bytes == id));
}

/// Opens the reply as its client would, by the places that our server uses.
fn check_seal(reply: &[u8], session: &SessionKeys) {
    let view = PacketView::parse(reply).unwrap();
    let authenticator = view.extensions().last().unwrap();
    assert_eq!(authenticator.kind.0, 0x0404);
    let (at, nonce_len) = (reply.len() - authenticator.value.len() - 4, session.aead().nonce_len());
    let mut sealed = authenticator.value[4 + nonce_len..].to_vec();
    let cipher = Cipher::new(session.aead(), session.s2c()).unwrap();
    let nonce = &authenticator.value[4..][..nonce_len];
    let text = cipher.open_in_place(nonce, &reply[..at], &mut sealed).unwrap();
    assert!(text.len().is_multiple_of(4) && text.len() <= 8 * 104);
}
