//! Cookies: how a server hands the keys of a session to its client instead of keeping them (RFC 8915 §6).
//!
//! ```text
//!  | key id, 4 bytes | nonce | sealed: client's key, server's key |
//! ```
//!
//! The same as chrony's, whose cookies therefore stay good when its keys are taken over. The session's algorithm
//! follows from the length of its keys. Made by the key exchange and the responder, opened by the responder.

use core::fmt;

use rand_core::RngCore;
use zeroize::{Zeroize, Zeroizing};

use super::aead::Key;
use super::{Aead, Cipher, KeyLength};

/// Where the nonce begins.
const ID_LEN: usize = 4;
/// What a cookie holds at most.
const MAX_TEXT_LEN: usize = 2 * Aead::MAX_KEY_LEN;

/// The two keys of a session (RFC 8915 §5.1). They are wiped when this is dropped.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "WrittenKeys", try_from = "WrittenKeys")
)]
pub struct SessionKeys {
    aead: Aead,
    /// The key of requests and then that of replies, followed by zeros.
    keys: Zeroizing<[u8; MAX_TEXT_LEN]>,
}

impl SessionKeys {
    /// `c2s` protects requests, `s2c` replies.
    ///
    /// # Errors
    /// When one of them does not have the length that `aead` asks for.
    pub fn new(aead: Aead, c2s: &[u8], s2c: &[u8]) -> Result<Self, KeyLength> {
        Key::new(aead, c2s).and(Key::new(aead, s2c))?;
        let mut keys = Zeroizing::new([0; MAX_TEXT_LEN]);
        keys[..c2s.len()].copy_from_slice(c2s);
        keys[c2s.len()..][..s2c.len()].copy_from_slice(s2c);
        Ok(Self { aead, keys })
    }

    /// The session's algorithm.
    #[must_use]
    pub const fn aead(&self) -> Aead {
        self.aead
    }

    /// The key of requests.
    #[must_use]
    pub fn c2s(&self) -> &[u8] {
        &self.keys[..self.aead.key_len()]
    }

    /// The key of replies.
    #[must_use]
    pub fn s2c(&self) -> &[u8] {
        &self.both()[self.aead.key_len()..]
    }

    pub(super) fn c2s_key(&self) -> Key<'_> {
        Key::of(self.aead, self.c2s())
    }

    pub(super) fn s2c_key(&self) -> Key<'_> {
        Key::of(self.aead, self.s2c())
    }

    fn both(&self) -> &[u8] {
        &self.keys[..2 * self.aead.key_len()]
    }
}

/// The number of the algorithm and both keys, as they stand in a recording of an engine.
#[cfg(feature = "serde")]
type WrittenKeys = (u16, Vec<u8>, Vec<u8>);

#[cfg(feature = "serde")]
impl From<SessionKeys> for WrittenKeys {
    fn from(keys: SessionKeys) -> Self {
        let [c2s, s2c] = [keys.c2s(), keys.s2c()].map(<[u8]>::to_vec);
        (keys.aead.id(), c2s, s2c)
    }
}

#[cfg(feature = "serde")]
impl TryFrom<WrittenKeys> for SessionKeys {
    type Error = String;

    fn try_from((id, c2s, s2c): WrittenKeys) -> Result<Self, String> {
        let aead = Aead::from_id(id).ok_or_else(|| format!("AEAD algorithm {id} is unknown"))?;
        Self::new(aead, &c2s, &s2c).map_err(|error| error.to_string())
    }
}

/// Shows the algorithm alone.
impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKeys").field("aead", &self.aead).finish_non_exhaustive()
    }
}

/// A cookie that we made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cookie {
    bytes: [u8; Self::MAX_LEN],
    len: usize,
}

impl Cookie {
    /// The longest that we make, in bytes.
    pub const MAX_LEN: usize = ID_LEN + Aead::MAX_NONCE_LEN + Aead::TAG_LEN + MAX_TEXT_LEN;

    /// How long a cookie is that is sealed with `key` for a session of `session`, in bytes; a multiple of 4.
    #[must_use]
    pub const fn len_for(key: Aead, session: Aead) -> usize {
        ID_LEN + key.nonce_len() + Aead::TAG_LEN + 2 * session.key_len()
    }
}

impl AsRef<[u8]> for Cookie {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Whoever has a cookie can be recognised by it, so it is not shown.
impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cookie({} bytes)", self.len)
    }
}

/// Why a cookie was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieError {
    /// No cookie of ours has this length.
    Length,
    /// The key with this number is not, or no longer, among ours.
    UnknownKey(u32),
    /// It was not sealed with the key that it names.
    Forged,
}

impl fmt::Display for CookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("the cookie has an impossible length"),
            Self::UnknownKey(id) => write!(f, "the cookie's key {id:08x} is unknown"),
            Self::Forged => f.write_str("the cookie was not made here"),
        }
    }
}

impl core::error::Error for CookieError {}

/// A key that cookies are sealed with, and its number.
#[derive(Debug)]
pub struct CookieKey {
    id: u32,
    cipher: Cipher,
}

impl CookieKey {
    /// `id` is what cookies name it by.
    ///
    /// # Errors
    /// When the key does not have the length that `aead` asks for.
    pub fn new(id: u32, aead: Aead, key: &[u8]) -> Result<Self, KeyLength> {
        Cipher::new(aead, key).map(|cipher| Self { id, cipher })
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Its algorithm, which need not be that of the sessions.
    #[must_use]
    pub const fn aead(&self) -> Aead {
        self.cipher.aead()
    }

    fn seal(&self, session: &SessionKeys, rng: &mut impl RngCore) -> Cookie {
        let len = Cookie::len_for(self.aead(), session.aead);
        let mut cookie = Cookie { bytes: [0; Cookie::MAX_LEN], len };
        let (id, rest) = cookie.bytes[..len].split_at_mut(ID_LEN);
        let (nonce, sealed) = rest.split_at_mut(self.aead().nonce_len());
        id.copy_from_slice(&self.id.to_be_bytes());
        rng.fill_bytes(nonce);
        sealed[..2 * session.aead.key_len()].copy_from_slice(session.both());
        if self.cipher.seal_in_place(nonce, &[], sealed).is_err() {
            // All lengths are right, so it does not come to this; but keys must not leave in the clear.
            sealed.zeroize();
        }
        cookie
    }

    /// `rest`: what follows the number.
    fn open(&self, rest: &[u8]) -> Result<SessionKeys, CookieError> {
        let (nonce, sealed) = rest.split_at_checked(self.aead().nonce_len()).ok_or(CookieError::Length)?;
        let aead = Aead::ALL.into_iter().find(|aead| sealed.len() == Aead::TAG_LEN + 2 * aead.key_len());
        let aead = aead.ok_or(CookieError::Length)?;
        let mut buffer = Zeroizing::new([0; Aead::TAG_LEN + MAX_TEXT_LEN]);
        let buffer = &mut buffer[..sealed.len()];
        buffer.copy_from_slice(sealed);
        let text = self.cipher.open_in_place(nonce, &[], buffer).map_err(|_| CookieError::Forged)?;
        let (c2s, s2c) = text.split_at(aead.key_len());
        SessionKeys::new(aead, c2s, s2c).map_err(|_| CookieError::Length)
    }
}

/// The keys whose cookies a server accepts; one of them seals new ones.
#[derive(Debug)]
pub struct CookieKeys {
    /// The one that seals comes first, as most cookies are from it.
    keys: Vec<CookieKey>,
}

impl CookieKeys {
    /// New cookies are sealed with `sealing`; those of `others` are opened too. Should two have the same number,
    /// the first counts. Each cookie may cost a comparison for each key, so that there should be few.
    #[must_use]
    pub fn new(sealing: CookieKey, others: impl IntoIterator<Item = CookieKey>) -> Self {
        Self { keys: core::iter::once(sealing).chain(others).collect() }
    }

    /// The key that seals.
    #[must_use]
    pub fn sealing(&self) -> &CookieKey {
        &self.keys[0]
    }

    /// A cookie for a client. `rng` makes its nonce, which must never repeat for a key: it has to be a
    /// cryptographic generator, though repeats would only show which cookies are of one session.
    #[must_use]
    pub fn seal(&self, session: &SessionKeys, rng: &mut impl RngCore) -> Cookie {
        self.sealing().seal(session, rng)
    }

    /// The keys in a cookie that a client sent.
    ///
    /// # Errors
    /// When it is not one of ours, or too old.
    pub fn open(&self, cookie: &[u8]) -> Result<SessionKeys, CookieError> {
        let (id, rest) = cookie.split_first_chunk().ok_or(CookieError::Length)?;
        let id = u32::from_be_bytes(*id);
        let key = self.keys.iter().find(|key| key.id == id).ok_or(CookieError::UnknownKey(id))?;
        key.open(rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::nts::testing::{CHRONY_C2S, CHRONY_KEY, CHRONY_KEY_ID, CHRONY_REQUEST, CHRONY_S2C, hex};

    fn session(aead: Aead, byte: u8) -> SessionKeys {
        let len = aead.key_len();
        SessionKeys::new(aead, &vec![byte; len], &vec![!byte; len]).unwrap()
    }

    fn key(id: u32, aead: Aead) -> CookieKey {
        CookieKey::new(id, aead, &vec![id as u8; aead.key_len()]).unwrap()
    }

    #[test]
    fn cookies_of_all_sorts_are_opened_by_those_who_have_the_key() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for (sealing, of, len) in [
            (Aead::AesSivCmac256, Aead::AesSivCmac256, Cookie::MAX_LEN),
            (Aead::AesSivCmac256, Aead::Aes128GcmSiv, 68),
            (Aead::Aes128GcmSiv, Aead::AesSivCmac256, 96),
            (Aead::Aes128GcmSiv, Aead::Aes128GcmSiv, 64),
        ] {
            let old = CookieKeys::new(key(7, sealing), []);
            let cookie = old.seal(&session(of, 3), &mut rng);
            assert_eq!((cookie.as_ref().len(), Cookie::len_for(sealing, of)), (len, len));
            assert_ne!(cookie, old.seal(&session(of, 3), &mut rng));
            let new = CookieKeys::new(key(8, Aead::AesSivCmac256), [key(7, sealing)]);
            assert_eq!(new.open(cookie.as_ref()), Ok(session(of, 3)));
            let newest = CookieKeys::new(key(9, sealing), [key(8, sealing)]);
            assert_eq!(newest.open(cookie.as_ref()), Err(CookieError::UnknownKey(7)));
        }
    }

    #[test]
    fn a_cookie_that_chrony_made_is_opened() {
        let key = CookieKey::new(CHRONY_KEY_ID, Aead::AesSivCmac256, &hex(CHRONY_KEY)).unwrap();
        // After the header, the unique identifier and the head of the field.
        let cookie = &hex(CHRONY_REQUEST)[48 + 36 + 4..][..Cookie::MAX_LEN];
        let session = CookieKeys::new(key, []).open(cookie).unwrap();
        let expected = SessionKeys::new(Aead::AesSivCmac256, &hex(CHRONY_C2S), &hex(CHRONY_S2C));
        assert_eq!(session, expected.unwrap());
    }

    #[test]
    fn secrets_are_not_shown() {
        let keys = CookieKeys::new(key(0xab, Aead::Aes128GcmSiv), []);
        let cookie = keys.seal(&session(Aead::AesSivCmac256, 0xab), &mut ChaCha8Rng::seed_from_u64(1));
        let shown = format!("{keys:?} {cookie:?} {:?}", session(Aead::AesSivCmac256, 0xab));
        let expected = "CookieKeys { keys: [CookieKey { id: 171, cipher: Cipher(Aes128GcmSiv) }] } \
             Cookie(96 bytes) SessionKeys { aead: AesSivCmac256, .. }";
        assert_eq!(shown, expected);
    }

    proptest! {
        #[test]
        fn a_changed_cookie_is_refused(sealing: bool, of: bool, flip in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>()) {
            let [sealing, of] = [sealing, of].map(|second| Aead::ALL[usize::from(second)]);
            let keys = CookieKeys::new(key(1, sealing), [key(2, sealing)]);
            let cookie = keys.seal(&session(of, 9), &mut ChaCha8Rng::seed_from_u64(2));
            let mut bytes = cookie.as_ref().to_vec();
            prop_assert!(keys.open(&bytes[..cut.index(bytes.len())]).is_err());
            bytes[flip.index(cookie.as_ref().len())] ^= 1 << bit;
            prop_assert!(keys.open(&bytes).is_err());
        }

        #[test]
        fn whatever_comes_as_a_cookie_is_looked_at(mut bytes in prop::collection::vec(any::<u8>(), 0..120), ours: bool) {
            if let (true, Some(id)) = (ours, bytes.first_chunk_mut()) {
                *id = 1u32.to_be_bytes();
            }
            let keys = CookieKeys::new(key(1, Aead::AesSivCmac256), []);
            prop_assert!(keys.open(&bytes).is_err());
        }
    }
}
