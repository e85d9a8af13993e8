//! Any bytes as a cookie, half of them with a key of ours, and cookies of ours that were changed.
//!
//! Oracle: what was sealed is opened to the same keys, under the key that seals now and under one that did; one
//! changed bit, or another length, and it is not.

#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use ntp_proto::nts::{Aead, CookieKey, CookieKeys, SessionKeys};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

#[derive(Debug)]
struct Case {
    sealing: Aead,
    session: Aead,
    keys: [u8; 96],
    seed: u64,
    /// Which bit to change, and how much to cut off.
    change: (u16, u8),
    stranger: Vec<u8>,
}

impl Arbitrary<'_> for Case {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        Ok(Self {
            sealing: *u.choose(&Aead::ALL)?,
            session: *u.choose(&Aead::ALL)?,
            keys: u.arbitrary()?,
            seed: u.arbitrary()?,
            change: u.arbitrary()?,
            stranger: u.bytes(u.len())?.to_vec(),
        })
    }
}

fuzz_target!(|case: Case| {
    let key = |id| CookieKey::new(id, case.sealing, &case.keys[..case.sealing.key_len()]).unwrap();
    let (len, rest) = (case.session.key_len(), &case.keys[32..]);
    let session = SessionKeys::new(case.session, &rest[..len], &rest[32..][..len]).unwrap();
    let cookie = CookieKeys::new(key(1), []).seal(&session, &mut ChaCha8Rng::seed_from_u64(case.seed));
    let keys = CookieKeys::new(key(2), [key(1)]);
    assert_eq!(keys.open(cookie.as_ref()), Ok(session));

    let mut changed = cookie.as_ref().to_vec();
    let at = usize::from(case.change.0) % (changed.len() * 8);
    changed[at / 8] ^= 1 << (at % 8);
    // The last bit of the number makes it another key's, which seals with the same bytes here.
    let is_number = at / 8 < 4 && changed[..4] == 2u32.to_be_bytes();
    assert!(keys.open(&changed).is_err() || is_number);
    let cut = usize::from(case.change.1) % cookie.as_ref().len();
    assert!(keys.open(&cookie.as_ref()[..cut]).is_err());

    let mut stranger = case.stranger;
    assert!(keys.open(&stranger).is_err());
    if let Some(id) = stranger.first_chunk_mut() {
        *id = 1u32.to_be_bytes();
        assert!(keys.open(&stranger).is_err());
    }
});
