//! One key.

use core::fmt;

use ntp_proto::nts::{Aead, CookieKey, KeyLength};
use rand_core::RngCore;
use zeroize::Zeroizing;

/// A key with its number, in a form that can be written down; wiped when dropped, shown without its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey {
    id: u32,
    aead: Aead,
    secret: Zeroizing<Vec<u8>>,
}

impl SealingKey {
    /// `id` is what cookies name it by.
    ///
    /// # Errors
    /// The secret does not have the length that `aead` asks for.
    pub fn new(id: u32, aead: Aead, secret: Zeroizing<Vec<u8>>) -> Result<Self, KeyLength> {
        if secret.len() == aead.key_len() {
            Ok(Self { id, aead, secret })
        } else {
            Err(KeyLength { aead, len: secret.len() })
        }
    }

    /// A key that nobody else has, with a number that none of `others` has. It is one of AES-SIV-CMAC-256, which
    /// forgives a nonce that repeats.
    pub(super) fn random<'a>(rng: &mut impl RngCore, others: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let aead = Aead::AesSivCmac256;
        let mut secret = Zeroizing::new(vec![0; aead.key_len()]);
        rng.fill_bytes(&mut secret);
        let mut id = rng.next_u32();
        while others.clone().any(|other| other.id == id) {
            id = id.wrapping_add(1);
        }
        Self { id, aead, secret }
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Its algorithm.
    #[must_use]
    pub const fn aead(&self) -> Aead {
        self.aead
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// Ready for use. The length was checked when the key was made.
    pub(super) fn ready(&self) -> Option<CookieKey> {
        CookieKey::new(self.id, self.aead, &self.secret).ok()
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({:08x}, {})", self.id, self.aead)
    }
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It opens cookies, and will seal them after the next change.
    Next,
    /// It seals and opens.
    Current,
    /// It opens what it sealed.
    Previous,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Previous => "previous",
        })
    }
}

/// What is told of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its number.
    pub id: u32,
    /// Its algorithm.
    pub aead: Aead,
    /// What it does.
    pub role: Role,
    /// For how many seconds it has been current, or since; negative: so long before it will be.
    pub age_s: i64,
}
