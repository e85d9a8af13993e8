//! The two ciphers that protect packets and cookies, with their layouts on the wire.
//!
//! ```text
//!  AES-SIV-CMAC-256 (RFC 5297)    | tag | ciphertext |
//!  AES-128-GCM-SIV  (RFC 8452)    | ciphertext | tag |
//! ```

use core::fmt;
use core::ops::Range;

use aes::Aes128Enc;
use aes_gcm_siv::AesGcmSiv;
use aes_gcm_siv::aead::AeadInPlace;
use aes_siv::KeyInit;
use aes_siv::siv::Siv;
use zeroize::Zeroizing;

use super::cmac::Cmac;

/// An authenticated encryption algorithm (RFC 5116).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aead {
    /// `AEAD_AES_SIV_CMAC_256` (RFC 5297), which every NTS implementation has (RFC 8915 §5.1).
    AesSivCmac256,
    /// `AEAD_AES_128_GCM_SIV` (RFC 8452): shorter keys, so shorter cookies and packets.
    Aes128GcmSiv,
}

impl Aead {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::AesSivCmac256, Self::Aes128GcmSiv];
    /// What sealing adds to a text, in bytes.
    pub const TAG_LEN: usize = 16;
    /// The longest key, in bytes.
    pub const MAX_KEY_LEN: usize = 32;
    /// The longest nonce that we make, in bytes.
    pub const MAX_NONCE_LEN: usize = 16;

    /// From its number in IANA's registry of AEAD algorithms; `None`: not known here.
    #[must_use]
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            15 => Some(Self::AesSivCmac256),
            30 => Some(Self::Aes128GcmSiv),
            _ => None,
        }
    }

    /// Its number in IANA's registry.
    #[must_use]
    pub const fn id(self) -> u16 {
        match self {
            Self::AesSivCmac256 => 15,
            Self::Aes128GcmSiv => 30,
        }
    }

    /// How long its keys are, in bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesSivCmac256 => 32,
            Self::Aes128GcmSiv => 16,
        }
    }

    /// How long the nonces are that we make, in bytes.
    #[must_use]
    pub const fn nonce_len(self) -> usize {
        match self {
            Self::AesSivCmac256 => 16,
            Self::Aes128GcmSiv => 12,
        }
    }

    /// Whether others may use a nonce of so many bytes.
    #[must_use]
    pub const fn accepts_nonce(self, len: usize) -> bool {
        match self {
            Self::AesSivCmac256 => len >= 1,
            Self::Aes128GcmSiv => len == 12,
        }
    }
}

/// Its name as people know it.
impl fmt::Display for Aead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AesSivCmac256 => "AES-SIV-CMAC-256",
            Self::Aes128GcmSiv => "AES-128-GCM-SIV",
        })
    }
}

/// A key that does not have the length that its algorithm asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLength {
    /// The algorithm.
    pub aead: Aead,
    /// What the key has, in bytes.
    pub len: usize,
}

impl fmt::Display for KeyLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a key of {} has {} bytes, not {}", self.aead, self.aead.key_len(), self.len)
    }
}

impl core::error::Error for KeyLength {}

/// Why a text was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherError {
    /// The algorithm has no nonces of this length.
    Nonce,
    /// The buffer has no room for a tag.
    TooShort,
    /// The text, what goes with it or the tag is not what was sealed under this key.
    Forged,
}

impl fmt::Display for CipherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nonce => "the nonce has an impossible length",
            Self::TooShort => "there is no room for a tag",
            Self::Forged => "it was not sealed with this key",
        })
    }
}

impl core::error::Error for CipherError {}

/// An algorithm with a key, which is wiped when this is dropped.
///
/// The rounds of the block cipher are made from the key for each text: that costs less than three blocks, while
/// keeping them would make this twenty times as large, which costs more wherever it is moved.
pub struct Cipher {
    aead: Aead,
    key: Zeroizing<[u8; Aead::MAX_KEY_LEN]>,
}

impl Cipher {
    /// With `key`.
    ///
    /// # Errors
    /// When the algorithm's keys have another length.
    pub fn new(aead: Aead, key: &[u8]) -> Result<Self, KeyLength> {
        Key::new(aead, key)?;
        let mut padded = Zeroizing::new([0; Aead::MAX_KEY_LEN]);
        padded[..key.len()].copy_from_slice(key);
        Ok(Self { aead, key: padded })
    }

    /// Its algorithm.
    #[must_use]
    pub const fn aead(&self) -> Aead {
        self.aead
    }

    /// Seals the text that fills `buffer` but for the last [`Aead::TAG_LEN`] bytes; the result fills it
    /// entirely. `with` is not hidden, but cannot be changed by others either.
    ///
    /// # Errors
    /// When the nonce has a length that the algorithm does not accept, or there is no room for the tag.
    pub fn seal_in_place(&self, nonce: &[u8], with: &[u8], buffer: &mut [u8]) -> Result<(), CipherError> {
        self.key().seal(nonce, with, buffer)
    }

    /// Opens what fills `buffer` and returns where in it the text is.
    ///
    /// # Errors
    /// As [`seal_in_place`](Self::seal_in_place), and when anything was not sealed so. The buffer is then as it
    /// was.
    pub fn open_in_place<'b>(
        &self,
        nonce: &[u8],
        with: &[u8],
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], CipherError> {
        let place = self.key().open(nonce, with, buffer)?;
        Ok(&mut buffer[place])
    }

    fn key(&self) -> Key<'_> {
        Key::of(self.aead, &self.key[..self.aead.key_len()])
    }
}

/// Shows the algorithm alone.
impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cipher").field(&self.aead()).finish()
    }
}

/// A key that somebody else keeps, as long as its algorithm asks for.
#[derive(Clone, Copy)]
pub(super) struct Key<'k> {
    aead: Aead,
    bytes: &'k [u8],
}

impl<'k> Key<'k> {
    pub(super) const fn new(aead: Aead, bytes: &'k [u8]) -> Result<Self, KeyLength> {
        let len = bytes.len();
        if len == aead.key_len() { Ok(Self { aead, bytes }) } else { Err(KeyLength { aead, len }) }
    }

    /// Of `bytes` that are known to be as long as that.
    pub(super) const fn of(aead: Aead, bytes: &'k [u8]) -> Self {
        debug_assert!(bytes.len() == aead.key_len());
        Self { aead, bytes }
    }

    /// As [`Cipher::seal_in_place`].
    pub(super) fn seal(self, nonce: &[u8], with: &[u8], buffer: &mut [u8]) -> Result<(), CipherError> {
        let len = self.text_len(nonce, buffer)?;
        let (place, sealed) = match self.aead {
            Aead::AesSivCmac256 => {
                buffer.copy_within(..len, Aead::TAG_LEN);
                let text = &mut buffer[Aead::TAG_LEN..];
                (0, self.siv().encrypt_in_place_detached([with, nonce], text))
            }
            Aead::Aes128GcmSiv => {
                (len, self.gcm_siv().encrypt_in_place_detached(nonce.into(), with, &mut buffer[..len]))
            }
        };
        let tag = sealed.map_err(|_| CipherError::Forged)?;
        buffer[place..place + Aead::TAG_LEN].copy_from_slice(&tag);
        Ok(())
    }

    /// As [`Cipher::open_in_place`], with the place of the text.
    pub(super) fn open(
        self,
        nonce: &[u8],
        with: &[u8],
        buffer: &mut [u8],
    ) -> Result<Range<usize>, CipherError> {
        let len = self.text_len(nonce, buffer)?;
        let (place, opened) = match self.aead {
            Aead::AesSivCmac256 => {
                let (tag, text) = buffer.split_at_mut(Aead::TAG_LEN);
                let opened = self.siv().decrypt_in_place_detached([with, nonce], text, (&*tag).into());
                (Aead::TAG_LEN..buffer.len(), opened)
            }
            Aead::Aes128GcmSiv => {
                let (text, tag) = buffer.split_at_mut(len);
                let cipher = self.gcm_siv();
                (0..len, cipher.decrypt_in_place_detached(nonce.into(), with, text, (&*tag).into()))
            }
        };
        opened.map(|()| place).map_err(|_| CipherError::Forged)
    }

    /// How much of `buffer` is text.
    fn text_len(self, nonce: &[u8], buffer: &[u8]) -> Result<usize, CipherError> {
        let len = buffer.len().checked_sub(Aead::TAG_LEN).ok_or(CipherError::TooShort)?;
        self.aead.accepts_nonce(nonce.len()).then_some(len).ok_or(CipherError::Nonce)
    }

    fn siv(self) -> Siv<Aes128Enc, Cmac> {
        Siv::new(self.bytes.into())
    }

    fn gcm_siv(self) -> AesGcmSiv<Aes128Enc> {
        AesGcmSiv::new(self.bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::nts::testing::hex;

    fn seal(aead: Aead, key: &str, nonce: &str, with: &str, text: &str) -> Vec<u8> {
        let mut buffer = hex(text);
        buffer.resize(buffer.len() + Aead::TAG_LEN, 0);
        let cipher = Cipher::new(aead, &hex(key)).unwrap();
        cipher.seal_in_place(&hex(nonce), &hex(with), &mut buffer).unwrap();
        buffer
    }

    /// The example with a nonce has two strings of associated data, more than packets need; the other has one
    /// and no nonce, so that its only string stands where ours is.
    #[test]
    fn the_examples_of_rfc_5297() {
        let key = hex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
        let with = hex("101112131415161718191a1b1c1d1e1f2021222324252627");
        let mut text = hex("112233445566778899aabbccddee");
        let tag = Key::new(Aead::AesSivCmac256, &key)
            .unwrap()
            .siv()
            .encrypt_in_place_detached([&with], &mut text)
            .unwrap();
        assert_eq!(tag.to_vec(), hex("85632d07c6e8f37f950acd320a2ecc93"));
        assert_eq!(text, hex("40c02b9690c4dc04daef7f6afe5c"));

        let key = hex("7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f");
        let first = hex("00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100");
        let (second, nonce) = (hex("102030405060708090a0"), hex("09f911029d74e35bd84156c5635688c0"));
        let mut text = b"this is some plaintext to encrypt using SIV-AES".to_vec();
        let strings = [&first, &second, &nonce];
        let tag = Key::new(Aead::AesSivCmac256, &key)
            .unwrap()
            .siv()
            .encrypt_in_place_detached(strings, &mut text)
            .unwrap();
        assert_eq!(tag.to_vec(), hex("7bdb6e3b432667eb06f4d14bff2fbd0f"));
        let expected = hex(
            "cb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d",
        );
        assert_eq!(text, expected);
    }

    /// Appendix C.1, without and with both kinds of data.
    #[test]
    fn the_examples_of_rfc_8452() {
        let key = "01000000000000000000000000000000";
        let nonce = "030000000000000000000000";
        let sealed = |with, text| seal(Aead::Aes128GcmSiv, key, nonce, with, text);
        assert_eq!(sealed("", ""), hex("dc20e2d83f25705bb49e439eca56de25"));
        assert_eq!(sealed("01", "0200000000000000"), hex("1e6daba35669f4273b0a1a2560969cdf790d99759abd1508"));
        assert_eq!(
            sealed(
                "",
                "010000000000000000000000000000000200000000000000000000000000000003000000000000000000000000000000"
            ),
            hex(
                "3fd24ce1f5a67b75bf2351f181a475c7b800a5b4d3dcf70106b1eea82fa1d64df42bf7226122fa92e17a40eeaac1201b5e6e311dbf395d35b0fe39c2714388f8"
            )
        );
    }

    /// Sealed with OpenSSL's AES-SIV: the tag comes first, and the nonce is the last string before the text.
    #[test]
    fn what_others_sealed_is_the_same() {
        let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let nonce = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
        let sealed = seal(Aead::AesSivCmac256, key, nonce, "23000000", "0123456789abcdef0123456789abcdef01");
        assert_eq!(sealed, hex("25e252881f9063ed3190f3b4b6ec6b61fae29bb75daf8d8088c027dc0ce29f8849"));
    }

    #[test]
    fn numbers_and_names_are_those_of_the_registry() {
        for aead in Aead::ALL {
            assert_eq!(Aead::from_id(aead.id()), Some(aead));
            assert!(aead.accepts_nonce(aead.nonce_len()) && !aead.accepts_nonce(0));
            let wrong = vec![0; aead.key_len() + 1];
            assert_eq!(Cipher::new(aead, &wrong).unwrap_err(), KeyLength { aead, len: wrong.len() });
        }
        assert_eq!((Aead::from_id(15), Aead::from_id(16)), (Some(Aead::AesSivCmac256), None));
        assert_eq!(Aead::Aes128GcmSiv.to_string(), "AES-128-GCM-SIV");
    }

    #[test]
    fn a_cipher_shows_no_key() {
        let cipher = Cipher::new(Aead::AesSivCmac256, &[0xab; 32]).unwrap();
        assert_eq!(format!("{cipher:?}"), "Cipher(AesSivCmac256)");
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened_and_nothing_else(
            second: bool, key: [u8; 32], nonce: [u8; 16], with in prop::collection::vec(any::<u8>(), 0..80),
            text in prop::collection::vec(any::<u8>(), 0..80), flip in any::<prop::sample::Index>(), bit in 0u8..8,
        ) {
            let aead = Aead::ALL[usize::from(second)];
            let cipher = Cipher::new(aead, &key[..aead.key_len()]).unwrap();
            let nonce = &nonce[..aead.nonce_len()];
            let mut buffer = [&text[..], &[0; Aead::TAG_LEN]].concat();
            cipher.seal_in_place(nonce, &with, &mut buffer).unwrap();
            let mut changed = buffer.clone();
            changed[flip.index(buffer.len())] ^= 1 << bit;
            let before = changed.clone();
            prop_assert_eq!(cipher.open_in_place(nonce, &with, &mut changed), Err(CipherError::Forged));
            prop_assert_eq!(changed, before);
            let more = [&with[..], &[0]].concat();
            prop_assert_eq!(cipher.open_in_place(nonce, &more, &mut buffer), Err(CipherError::Forged));
            prop_assert_eq!(cipher.open_in_place(nonce, &with, &mut buffer), Ok(&mut text.clone()[..]));
        }

        #[test]
        fn impossible_lengths_are_refused(second: bool, nonce in prop::collection::vec(any::<u8>(), 0..20), mut buffer in prop::collection::vec(any::<u8>(), 0..40)) {
            let aead = Aead::ALL[usize::from(second)];
            let cipher = Cipher::new(aead, &[1; 32][..aead.key_len()]).unwrap();
            let expected = match () {
                () if buffer.len() < Aead::TAG_LEN => CipherError::TooShort,
                () if !aead.accepts_nonce(nonce.len()) => CipherError::Nonce,
                () => CipherError::Forged,
            };
            prop_assert_eq!(cipher.open_in_place(&nonce, &[], &mut buffer), Err(expected));
            let sealed = cipher.seal_in_place(&nonce, &[], &mut buffer);
            prop_assert_eq!(sealed.is_ok(), expected == CipherError::Forged);
        }
    }
}
