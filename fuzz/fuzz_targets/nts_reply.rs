//! Replies to a client with NTS: any fields, sealed with the true key, then changed, cut or sent again.
//!
//! Oracle: what is accepted has the request's unique identifier and comes once; there are never more than eight
//! cookies, all of a sane length, so that the next request can be made and is not too long.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use ntp_proto::nts::{Aead, Cipher, NtsDiscard, NtsSession, SessionKeys};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

#[derive(Debug, Arbitrary)]
enum Field {
    UniqueId,
    Cookie(u8),
    Cookies(u16),
    Other(u16, Vec<u8>),
}

#[derive(Debug, Arbitrary)]
struct Reply {
    header: [u8; 48],
    nak: bool,
    sealed: bool,
    fields: Vec<Field>,
    text: Vec<Field>,
    changes: Vec<(u16, u8)>,
    cut: Option<u16>,
}

fn put(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let len = (4 + value.len()).next_multiple_of(4);
    out.extend(kind.to_be_bytes());
    out.extend((len as u16).to_be_bytes());
    out.extend(value);
    out.resize(out.len() + len - 4 - value.len(), 0);
}

fn write(out: &mut Vec<u8>, fields: &[Field], unique_id: &[u8]) {
    for field in fields.iter().take(20) {
        match field {
            Field::UniqueId => put(out, 0x0104, unique_id),
            Field::Cookie(len) => put(out, 0x0204, &vec![1; usize::from(*len)]),
            Field::Cookies(len) => put(out, 0x0204, &vec![2; usize::from(*len) % 2_000]),
            Field::Other(kind, value) => put(out, *kind, &value[..value.len().min(300)]),
        }
    }
}

fuzz_target!(|case: (bool, Vec<Reply>)| {
    let (siv, replies) = case;
    let aead = Aead::ALL[usize::from(siv)];
    let [c2s, s2c] = [[1; 32], [2; 32]];
    let keys = SessionKeys::new(aead, &c2s[..aead.key_len()], &s2c[..aead.key_len()]).unwrap();
    let cipher = Cipher::new(aead, keys.s2c()).unwrap();
    let mut session = NtsSession::new(keys, (0..4).map(|_| vec![7; 100]));
    let (mut rng, mut request) = (ChaCha8Rng::seed_from_u64(1), Vec::new());
    for reply in replies {
        let before = session.cookies();
        let Ok(pending) = session.request(&[0x23; 48], 7, &mut rng, &mut request) else {
            assert_eq!(before, 0);
            return;
        };
        assert!(request.len() <= 1_232 && session.cookies() == before - 1);
        let bytes = make(&reply, &request[52..84], &cipher);
        let left = session.cookies();
        match session.accept(&pending, &bytes) {
            Ok(accepted) => {
                assert!(bytes.windows(32).any(|part| *part == request[52..84]));
                assert_eq!(session.cookies(), left + accepted.cookies);
                assert_eq!(session.accept(&pending, &bytes), Err(NtsDiscard::Duplicate));
            }
            Err(_) => assert_eq!(session.cookies(), left),
        }
        assert!(session.cookies() <= 8 && session.cookie_len() <= 1_024);
    }
});

fn make(reply: &Reply, unique_id: &[u8], cipher: &Cipher) -> Vec<u8> {
    let mut bytes = reply.header.to_vec();
    bytes[0] = 0x24;
    if reply.nak {
        bytes[1] = 0;
        bytes[12..16].copy_from_slice(b"NTSN");
    }
    write(&mut bytes, &reply.fields, unique_id);
    if reply.sealed {
        let mut text = Vec::new();
        write(&mut text, &reply.text, unique_id);
        text.resize(text.len() + Aead::TAG_LEN, 0);
        let nonce = vec![5; cipher.aead().nonce_len()];
        cipher.seal_in_place(&nonce, &bytes, &mut text).unwrap();
        let lengths = [(nonce.len() as u16).to_be_bytes(), (text.len() as u16).to_be_bytes()].concat();
        put(&mut bytes, 0x0404, &[lengths, nonce, text].concat());
    }
    for (at, value) in &reply.changes {
        let at = usize::from(*at) % bytes.len();
        bytes[at] = *value;
    }
    if let Some(cut) = reply.cut {
        bytes.truncate(usize::from(cut));
    }
    bytes
}
