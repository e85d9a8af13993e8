//! Client and server against each other, and both against what chrony sent.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::testing::{CHRONY_C2S, CHRONY_KEY, CHRONY_KEY_ID, CHRONY_REPLY, CHRONY_REQUEST, CHRONY_S2C, hex};
use super::*;
use crate::packet::{Leap, PacketView, PollExp, Precision, RefId, Stratum};
use crate::server::{SystemVars, Template};
use crate::time::{NtpShort, NtpTimestamp};

const RECEIVED: NtpTimestamp = NtpTimestamp::from_bits(5 << 32);
const SENT: NtpTimestamp = NtpTimestamp::from_bits(6 << 32);
/// Where the unique identifier of our requests begins, and where it ends.
const UID: [usize; 2] = [48, 84];

fn template() -> Template {
    Template::new(&SystemVars {
        leap: Leap::None,
        stratum: Stratum::new(3),
        precision: Precision::new(-25),
        root_delay: NtpShort::from_bits(0x100),
        root_dispersion: NtpShort::from_bits(0x200),
        ref_id: RefId::from_bits(0xc000_0201),
        reference: NtpTimestamp::from_bits(1 << 32),
    })
}

fn header() -> [u8; 48] {
    let mut header = [0; 48];
    (header[0], header[40]) = (0x23, 0x5a);
    header
}

fn cookie_keys(id: u32, aead: Aead) -> CookieKeys {
    CookieKeys::new(CookieKey::new(id, aead, &vec![id as u8; aead.key_len()]).unwrap(), [])
}

/// A session with `cookies` of the server's, as a key exchange would leave it.
fn session(aead: Aead, keys: &CookieKeys, cookies: usize, rng: &mut ChaCha8Rng) -> NtsSession {
    let (c2s, s2c) = (vec![1; aead.key_len()], vec![2; aead.key_len()]);
    let session = SessionKeys::new(aead, &c2s, &s2c).unwrap();
    let cookies: Vec<_> = (0..cookies).map(|_| keys.seal(&session, rng).as_ref().to_vec()).collect();
    NtsSession::new(session, cookies)
}

/// The server's whole work; `None`: silence.
fn serve(request: &[u8], keys: &CookieKeys, rng: &mut ChaCha8Rng) -> Result<Vec<u8>, NtsIgnored> {
    let mut buffer = request.to_vec();
    match Opening::new(&mut buffer, keys) {
        Opening::Opened(opened) => {
            Ok(opened.reply(RECEIVED, &template(), keys, rng).depart(SENT).unwrap().to_vec())
        }
        Opening::Unknown(nak) => Ok(nak.reply(RECEIVED, SENT).to_vec()),
        Opening::Ignored(why) => Err(why),
        Opening::Plain(_) => panic!("taken for a plain request"),
    }
}

/// Everything that most tests begin with.
struct Pair {
    keys: CookieKeys,
    session: NtsSession,
    rng: ChaCha8Rng,
}

impl Pair {
    fn new(sealing: Aead, aead: Aead, cookies: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let keys = cookie_keys(7, sealing);
        let session = session(aead, &keys, cookies, &mut rng);
        Self { keys, session, rng }
    }

    fn siv(cookies: usize) -> Self {
        Self::new(Aead::AesSivCmac256, Aead::AesSivCmac256, cookies)
    }

    fn request(&mut self, placeholders: usize) -> (Pending, Vec<u8>) {
        let mut out = vec![9; 3];
        let pending = self.session.request(&header(), placeholders, &mut self.rng, &mut out).unwrap();
        (pending, out)
    }

    fn serve(&mut self, request: &[u8]) -> Result<Vec<u8>, NtsIgnored> {
        serve(request, &self.keys, &mut self.rng)
    }
}

#[test]
fn a_reply_brings_as_many_cookies_as_are_missing() {
    for sealing in Aead::ALL {
        for aead in Aead::ALL {
            let mut pair = Pair::new(sealing, aead, 3);
            let (pending, request) = pair.request(7);
            assert_eq!(pair.session.cookies(), 2);
            let reply = pair.serve(&request).unwrap();
            assert_eq!(reply.len(), request.len());
            assert_eq!(pair.session.accept(&pending, &reply), Ok(Accepted { cookies: 6 }));
            let view = PacketView::parse(&reply).unwrap();
            assert_eq!((view.receive(), view.transmit()), (RECEIVED, SENT));
            assert_eq!((view.stratum(), view.origin().to_bits()), (Stratum::new(3), 0x5a << 56));
            assert_eq!(reply[UID[0]..UID[1]], request[UID[0]..UID[1]]);
            // Full again, it asks for one; so do those that asked for few.
            let (pending, request) = pair.request(7);
            assert_eq!(
                request.len(),
                48 + 36 + 4 + Cookie::len_for(sealing, aead) + 8 + aead.nonce_len() + 16
            );
            let reply = pair.serve(&request).unwrap();
            assert_eq!(pair.session.accept(&pending, &reply), Ok(Accepted { cookies: 1 }));
        }
    }
}

#[test]
fn each_cookie_is_spent_once_and_in_order() {
    let mut pair = Pair::siv(2);
    let (_, first) = pair.request(0);
    let (_, second) = pair.request(0);
    assert_eq!(first.len(), second.len());
    assert_ne!(first[UID[1]..][..104], second[UID[1]..][..104]);
    let mut out = vec![1];
    assert_eq!(pair.session.request(&header(), 7, &mut pair.rng, &mut out), Err(NoCookies));
    assert_eq!(out, [1]);
}

#[test]
fn requests_fit_through_every_network() {
    let mut pair = Pair::siv(0);
    let keys = SessionKeys::new(Aead::AesSivCmac256, &[1; 32], &[2; 32]).unwrap();
    for (len, fields) in [(100, 8), (400, 2), (1024, 1)] {
        pair.session = NtsSession::new(keys.clone(), [vec![0; len]]);
        let (_, request) = pair.request(7);
        assert_eq!(request.len(), 48 + 36 + fields * (4 + len) + 40);
        assert!(request.len() <= 1232);
    }
}

#[test]
fn cookies_of_impossible_length_are_not_kept() {
    let keys = SessionKeys::new(Aead::AesSivCmac256, &[1; 32], &[2; 32]).unwrap();
    let cookies =
        |lens: &[usize]| NtsSession::new(keys.clone(), lens.iter().map(|len| vec![0; *len])).cookies();
    assert_eq!(cookies(&[0, 12, 15, 17, 1028, 65_536]), 0);
    assert_eq!(cookies(&[16; 9]), 8);
}

#[test]
fn a_reply_counts_once_and_only_for_its_request() {
    let mut pair = Pair::siv(4);
    let (first, request) = pair.request(0);
    let reply = pair.serve(&request).unwrap();
    let (second, _) = pair.request(0);
    assert_eq!(pair.session.accept(&second, &reply), Err(NtsDiscard::NotOurs));
    assert_eq!(pair.session.accept(&first, &reply), Ok(Accepted { cookies: 1 }));
    assert_eq!(pair.session.accept(&first, &reply), Err(NtsDiscard::Duplicate));
    assert_eq!(pair.session.cookies(), 3);
}

#[test]
fn who_cannot_open_the_cookie_says_so() {
    let mut pair = Pair::siv(4);
    let (pending, request) = pair.request(2);
    let (_, other) = pair.request(2);
    let nak = serve(&request, &cookie_keys(8, Aead::AesSivCmac256), &mut pair.rng).unwrap();
    assert_eq!(nak.len(), UID[1]);
    let view = PacketView::parse(&nak).unwrap();
    assert_eq!((view.stratum(), view.ref_id().to_ascii().as_deref()), (Stratum::UNSPECIFIED, Some("NTSN")));
    assert_eq!((view.origin().to_bits(), view.transmit()), (0x5a << 56, SENT));
    assert_eq!(pair.session.accept(&pending, &nak), Err(NtsDiscard::Nak));
    let for_another = serve(&other, &cookie_keys(8, Aead::AesSivCmac256), &mut pair.rng).unwrap();
    assert_eq!(pair.session.accept(&pending, &for_another), Err(NtsDiscard::NotOurs));
    // The true reply may still come.
    let reply = pair.serve(&request).unwrap();
    assert!(pair.session.accept(&pending, &reply).is_ok());
}

#[test]
fn a_kiss_is_authenticated_and_brings_cookies() {
    let mut pair = Pair::siv(8);
    let (pending, mut request) = pair.request(7);
    let Opening::Opened(opened) = Opening::new(&mut request, &pair.keys) else { panic!("not opened") };
    let rate = RefId::from_ascii(*b"RATE");
    let kiss = opened.kiss(rate, PollExp::new(10), RECEIVED, &pair.keys, &mut pair.rng).depart(SENT).unwrap();
    let view = PacketView::parse(kiss).unwrap();
    assert_eq!((view.ref_id(), view.poll(), view.stratum()), (rate, PollExp::new(10), Stratum::UNSPECIFIED));
    assert_eq!(pair.session.accept(&pending, kiss), Ok(Accepted { cookies: 1 }));
}

#[test]
fn what_others_do_not_use_is_plain() {
    let pair = Pair::siv(1);
    let unique_id = [&header()[..], &[1, 4, 0, 36], &[7; 32]].concat();
    let reply = [&[0x24][..], &hex(CHRONY_REPLY)[1..]].concat();
    for plain in [&header()[..], &unique_id, &reply, &[], &[0x23]] {
        let mut buffer = plain.to_vec();
        assert!(matches!(Opening::new(&mut buffer, &pair.keys), Opening::Plain(same) if *same == *plain));
    }
}

/// Fields of a request: unique identifier, cookie, placeholder, authenticator, in all the wrong ways.
#[test]
fn each_violation_has_its_own_reason() {
    let mut pair = Pair::siv(6);
    let (_, request) = pair.request(1);
    let (head, unique_id) = (&request[..UID[0]], &request[UID[0]..UID[1]]);
    let (cookie, placeholder) = (&request[UID[1]..][..104], &request[UID[1] + 104..][..104]);
    let seal = &request[UID[1] + 208..];
    let short_id = [&[1, 4, 0, 32][..], &[7; 28]].concat();
    let short_placeholder = [&[3, 4, 0, 100][..], &[0; 96]].concat();
    let stray = [[0x20, 5, 0, 16], [0; 4], [0; 4], [0; 4]].concat();
    let broken = [0x20, 5, 0, 15];
    let long_nonce = [&seal[..4], &[0, 20], &seal[6..]].concat();
    let short_nonce = [&[4, 4, 0, 32, 0, 8, 0, 16][..], &[0; 24]].concat();
    for (error, fields) in [
        (FieldError::NoUniqueId, &[cookie, seal][..]),
        (FieldError::ManyUniqueIds, &[unique_id, unique_id, cookie, seal]),
        (FieldError::ShortUniqueId, &[&short_id, cookie, seal]),
        (FieldError::NoCookie, &[unique_id, placeholder, seal]),
        (FieldError::ManyCookies, &[unique_id, cookie, cookie, seal]),
        (FieldError::Placeholder, &[unique_id, cookie, &short_placeholder, seal]),
        (FieldError::Placeholder, &[unique_id, placeholder, &short_placeholder, cookie, seal]),
        (FieldError::NoAuthenticator, &[unique_id, cookie, placeholder]),
        (FieldError::Malformed, &[unique_id, cookie, &broken, seal]),
        (FieldError::Malformed, &[unique_id, cookie, &seal[..30]]),
        (FieldError::Authenticator, &[unique_id, cookie, &long_nonce]),
        (FieldError::Padding, &[unique_id, cookie, &short_nonce]),
    ] {
        let datagram = [&[head][..], fields].concat().concat();
        assert_eq!(pair.serve(&datagram), Err(NtsIgnored::Fields(error)), "{error:?}");
    }
    let rearranged = [head, unique_id, cookie, &stray, placeholder, seal].concat();
    assert_eq!(pair.serve(&rearranged), Err(NtsIgnored::Forged));
    // What comes after the authenticator does not count, be it a second one or nonsense.
    for after in [seal, &broken, cookie, &[1; 24]] {
        let reply = pair.serve(&[&request, after].concat()).unwrap();
        assert_eq!(reply.len(), request.len());
    }
}

/// A client's own nonce may be shorter than ours if it leaves room for ours; placeholders may be sealed.
#[test]
fn unusual_requests_are_answered_within_their_length() {
    let mut pair = Pair::siv(1);
    let cipher = Cipher::new(Aead::AesSivCmac256, &[1; 32]).unwrap();
    let (_, plain) = pair.request(0);
    let placeholder = [&[3, 4, 0, 104][..], &[0; 100]].concat();
    for (nonce, text, padding, cookies) in [
        (&[9; 5][..], &[][..], 8, 1),
        (&[9; 32], &[], 0, 1),
        (&[9; 16], &placeholder, 0, 2),
        (&[9; 16], &placeholder, 200, 2),
    ] {
        let mut request = plain[..UID[1] + 104].to_vec();
        let mut sealed = [text, &[0; 16]].concat();
        cipher.seal_in_place(nonce, &request, &mut sealed).unwrap();
        let nonce_room = nonce.len().next_multiple_of(4);
        let len = 8 + nonce_room + sealed.len() + padding;
        request.extend([4, 4, (len >> 8) as u8, len as u8, 0, nonce.len() as u8, 0, sealed.len() as u8]);
        request.extend([nonce, &vec![0; nonce_room - nonce.len()], &sealed, &vec![0; padding]].concat());
        let reply = pair.serve(&request).unwrap();
        assert_eq!(reply.len(), UID[1] + 24 + 16 + cookies * 104);
        assert!(reply.len() <= request.len());
    }
    let mut request = plain[..UID[1] + 104].to_vec();
    let mut sealed = [&placeholder[..7], &[0; 16]].concat();
    cipher.seal_in_place(&[9; 16], &request, &mut sealed).unwrap();
    request.extend([4, 4, 0, 48, 0, 16, 0, 23]);
    request.extend([&[9; 16], &sealed[..], &[0]].concat());
    assert_eq!(pair.serve(&request), Err(NtsIgnored::Sealed(FieldError::Malformed)));
}

#[test]
fn what_chrony_sent_is_understood() {
    let key = CookieKey::new(CHRONY_KEY_ID, Aead::AesSivCmac256, &hex(CHRONY_KEY)).unwrap();
    let keys = CookieKeys::new(key, []);
    let reply = serve(&hex(CHRONY_REQUEST), &keys, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    assert_eq!(reply.len(), hex(CHRONY_REPLY).len());
    let session = SessionKeys::new(Aead::AesSivCmac256, &hex(CHRONY_C2S), &hex(CHRONY_S2C)).unwrap();
    let pending = Pending::of(&hex(CHRONY_REQUEST));
    for reply in [reply, hex(CHRONY_REPLY)] {
        let mut session = NtsSession::new(session.clone(), []);
        assert_eq!(session.accept(&pending, &reply), Ok(Accepted { cookies: 1 }));
        assert_eq!(session.cookie_len(), Cookie::MAX_LEN);
    }
}

proptest! {
    #[test]
    fn no_flipped_bit_and_no_cut_gets_through(
        first: bool, second: bool, placeholders in 0usize..4, flip in any::<prop::sample::Index>(), bit in 0u8..8,
        cut in any::<prop::sample::Index>(),
    ) {
        let [sealing, aead] = [first, second].map(|second| Aead::ALL[usize::from(second)]);
        let mut pair = Pair::new(sealing, aead, 5);
        let (pending, request) = pair.request(placeholders);
        let reply = pair.serve(&request).unwrap();
        let mut changed = request.clone();
        changed[flip.index(request.len())] ^= 1 << bit;
        if changed[0] & 0x3f == 0x23 && super::fields::uses_nts(&changed) {
            // A changed cookie is unknown; everything else is not answered.
            prop_assert!(pair.serve(&changed).is_ok_and(|nak| nak.len() < 200) || pair.serve(&changed).is_err());
            let answered = pair.serve(&changed).unwrap_or_default();
            prop_assert!(pair.session.accept(&pending, &answered).is_err());
        }
        let short = &request[..cut.index(request.len())];
        if super::fields::uses_nts(short) {
            prop_assert!(pair.serve(short).is_err());
        }
        let mut changed = reply.clone();
        changed[flip.index(reply.len())] ^= 1 << bit;
        prop_assert!(pair.session.accept(&pending, &changed).is_err());
        prop_assert!(pair.session.accept(&pending, &reply[..cut.index(reply.len())]).is_err());
        prop_assert!(pair.session.accept(&pending, &reply).is_ok());
    }

    #[test]
    fn no_reply_is_longer_than_its_request(mut tail in prop::collection::vec(any::<u8>(), 0..300), kinds in any::<[prop::sample::Index; 4]>()) {
        // Fields with true heads, but anything in them.
        let mut at = 0;
        for kind in kinds {
            let len = 16 + tail.get(at).map_or(0, |len| usize::from(*len) / 8 * 4);
            let Some(place) = tail.get_mut(at..at + 4) else { break };
            place.copy_from_slice(&[[0x01, 0x02, 0x03, 0x04][kind.index(4)], 0x04, 0, len as u8]);
            at += len;
        }
        let request = [&header()[..], &tail].concat();
        let mut pair = Pair::siv(0);
        let mut buffer = request.clone();
        if !matches!(Opening::new(&mut buffer, &pair.keys), Opening::Plain(_)) {
            let answered = pair.serve(&request).unwrap_or_default();
            prop_assert!(answered.len() <= request.len());
        }
    }
}

#[cfg(feature = "serde")]
#[test]
fn a_session_survives_being_written_down() {
    let pair = Pair::siv(3);
    let written = serde_json::to_string(&pair.session).unwrap();
    assert_eq!(serde_json::from_str::<NtsSession>(&written).unwrap(), pair.session);
    let wrong = written.replacen("15", "16", 1);
    assert!(serde_json::from_str::<NtsSession>(&wrong).is_err());
}
