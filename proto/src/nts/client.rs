//! The client's side of a session: each request spends a cookie, each reply brings new ones (RFC 8915 §5.7).
//!
//! ```text
//!  NtsSession::request ─▶ datagram ─▶ server ─▶ datagram ─▶ NtsSession::accept ─▶ Association::handle_reply
//! ```
//!
//! Called by whoever has the association; that the header of a reply makes sense is for the association to say.

use core::fmt;
use std::collections::VecDeque;

use rand_core::RngCore;

use super::fields::{self, BEFORE_NONCE, FieldError, Fields, UNIQUE_ID_MIN};
use super::{Aead, CipherError, SessionKeys};
use crate::packet::{ExtensionType, FIELD_HEADER, HEADER_LEN, KissCode, PacketView, Stratum};

/// So many cookies are kept (RFC 8915 §5.7).
const MAX_COOKIES: usize = 8;
/// Cookies outside of this are no server's that means well, in bytes.
const COOKIE_LENGTHS: core::ops::RangeInclusive<usize> = 16..=1024;
/// What goes through every network of IPv6 in one piece, in bytes: 1280 less the heads of IPv6 and UDP.
const MAX_REQUEST_LEN: usize = 1280 - 48;

type UniqueId = [u8; UNIQUE_ID_MIN];

/// The keys and the cookies that a key exchange gave to a client.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NtsSession {
    keys: SessionKeys,
    /// The oldest first; each is used once, so that nobody on the way can tell that two requests are of one client.
    cookies: VecDeque<Vec<u8>>,
    /// Of the request that was answered last: a reply that comes again would bring its cookies again.
    answered: Option<UniqueId>,
}

/// A request that waits for its reply. To be dropped when the next one is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pending {
    unique_id: UniqueId,
}

#[cfg(test)]
impl Pending {
    /// For a request that somebody else made.
    pub(super) fn of(request: &[u8]) -> Self {
        let unique_id = fields::unique_id(request).and_then(<[u8]>::first_chunk);
        Self { unique_id: *unique_id.expect("it has one") }
    }
}

/// There is no cookie left: new ones have to come from the key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCookies;

impl fmt::Display for NoCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no NTS cookie is left")
    }
}

impl core::error::Error for NoCookies {}

/// A reply that its server made for this request, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// How many cookies it brought that were kept.
    pub cookies: usize,
}

/// Why a datagram is not taken for the reply. An outcome and no fault of ours; the caller counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum NtsDiscard {
    /// It does not have the request's unique identifier.
    NotOurs,
    /// The reply was accepted before.
    Duplicate,
    /// The server says that it cannot open the cookie (NTSN). Nothing vouches for that, so that it is reason to
    /// ask for new cookies only if no true reply comes.
    Nak,
    /// Its fields are not as they have to be.
    Fields(FieldError),
    /// It was changed on its way, or is not the server's.
    Forged,
    /// What was sealed is not what may be there.
    Sealed(FieldError),
}

impl fmt::Display for NtsDiscard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => f.write_str("reply does not have the unique identifier of the request"),
            Self::Duplicate => f.write_str("the same reply came twice"),
            Self::Nak => f.write_str("server cannot open the NTS cookie (NTSN)"),
            Self::Fields(error) => error.fmt(f),
            Self::Forged => f.write_str("reply was not made with the key of the session"),
            Self::Sealed(error) => write!(f, "in the sealed fields: {error}"),
        }
    }
}

impl NtsSession {
    /// As the key exchange left it. Of the cookies the first eight of a sane length are kept.
    #[must_use]
    pub fn new(keys: SessionKeys, cookies: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let sane = cookies.into_iter().filter(|cookie| is_sane(cookie));
        Self { keys, cookies: sane.take(MAX_COOKIES).collect(), answered: None }
    }

    /// The session's algorithm.
    #[must_use]
    pub const fn aead(&self) -> Aead {
        self.keys.aead()
    }

    /// How many cookies are left.
    #[must_use]
    pub fn cookies(&self) -> usize {
        self.cookies.len()
    }

    /// How long the cookie of the next request is, in bytes; 0 if there is none.
    #[must_use]
    pub fn cookie_len(&self) -> usize {
        self.cookies.front().map_or(0, Vec::len)
    }

    /// Makes a request with this `header` in `out`, whatever was there before. It spends the oldest cookie and
    /// asks for as many as are missing then, though for no more than `placeholders` beside the one that it
    /// spends: some networks drop long time packets, so that who gets no replies should ask for fewer. `rng` has
    /// to be a cryptographic generator.
    ///
    /// # Errors
    /// When there is no cookie left; `out` is then unchanged.
    pub fn request(
        &mut self,
        header: &[u8; HEADER_LEN],
        placeholders: usize,
        rng: &mut impl RngCore,
        out: &mut Vec<u8>,
    ) -> Result<Pending, NoCookies> {
        let cookie = self.cookies.pop_front().ok_or(NoCookies)?;
        let mut unique_id = [0; UNIQUE_ID_MIN];
        rng.fill_bytes(&mut unique_id);
        out.clear();
        out.extend_from_slice(header);
        put(out, ExtensionType::UNIQUE_ID, &unique_id);
        put(out, ExtensionType::NTS_COOKIE, &cookie);
        let nonce_len = self.aead().nonce_len();
        let rest = BEFORE_NONCE + nonce_len + Aead::TAG_LEN;
        let missing = MAX_COOKIES - 1 - self.cookies.len();
        let fit = MAX_REQUEST_LEN.saturating_sub(out.len() + rest) / (FIELD_HEADER + cookie.len());
        let nothing = vec![0; cookie.len()];
        for _ in 0..missing.min(placeholders).min(fit) {
            put(out, ExtensionType::NTS_COOKIE_PLACEHOLDER, &nothing);
        }
        self.seal(out, nonce_len, rng);
        Ok(Pending { unique_id })
    }

    /// Looks whether `datagram` is the reply to the request, and takes in the cookies that it brings.
    ///
    /// # Errors
    /// Says which test it failed; nothing is taken from it then.
    pub fn accept(&mut self, pending: &Pending, datagram: &[u8]) -> Result<Accepted, NtsDiscard> {
        if fields::unique_id(datagram) != Some(&pending.unique_id) {
            return Err(NtsDiscard::NotOurs);
        }
        if self.answered == Some(pending.unique_id) {
            return Err(NtsDiscard::Duplicate);
        }
        let places = match Fields::find(datagram) {
            Err(FieldError::NoAuthenticator) if is_nak(datagram) => return Err(NtsDiscard::Nak),
            places => places.map_err(NtsDiscard::Fields)?,
        };
        let mut copy = datagram.to_vec();
        let text = places.authenticator.open(&mut copy, self.keys.s2c_key());
        let cookies = cookies(text.map_err(|_| NtsDiscard::Forged)?).map_err(NtsDiscard::Sealed)?;
        let room = MAX_COOKIES - self.cookies.len();
        let before = self.cookies.len();
        self.cookies.extend(cookies.into_iter().take(room).map(<[u8]>::to_vec));
        self.answered = Some(pending.unique_id);
        Ok(Accepted { cookies: self.cookies.len() - before })
    }

    fn seal(&self, out: &mut Vec<u8>, nonce_len: usize, rng: &mut impl RngCore) {
        let at = out.len();
        out.extend_from_slice(&fields::authenticator_head(nonce_len, Aead::TAG_LEN));
        out.resize(at + BEFORE_NONCE + nonce_len + Aead::TAG_LEN, 0);
        rng.fill_bytes(&mut out[at + BEFORE_NONCE..][..nonce_len]);
        let sealed: Result<(), CipherError> = fields::seal(out, at, nonce_len, self.keys.c2s_key());
        debug_assert_eq!(sealed, Ok(()), "all lengths are the algorithm's own");
    }
}

/// Shows how many cookies there are, and nothing secret.
impl fmt::Debug for NtsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cookies = self.cookies.len();
        f.debug_struct("NtsSession")
            .field("keys", &self.keys)
            .field("cookies", &cookies)
            .finish_non_exhaustive()
    }
}

fn put(out: &mut Vec<u8>, kind: ExtensionType, value: &[u8]) {
    out.extend_from_slice(&fields::head(kind, value.len()));
    out.extend_from_slice(value);
}

/// The cookies among the fields of `text`.
fn cookies(text: &[u8]) -> Result<Vec<&[u8]>, FieldError> {
    let mut found = Vec::new();
    for field in fields::sealed_fields(text) {
        let field = field?;
        if field.kind == ExtensionType::NTS_COOKIE && is_sane(field.value) {
            found.push(field.value);
        }
    }
    Ok(found)
}

/// Whether a server may have made it, going by its length.
fn is_sane(cookie: &[u8]) -> bool {
    COOKIE_LENGTHS.contains(&cookie.len()) && cookie.len().is_multiple_of(4)
}

fn is_nak(datagram: &[u8]) -> bool {
    PacketView::parse(datagram).is_ok_and(|reply| {
        let code = KissCode::from_ref_id(reply.ref_id());
        reply.stratum() == Stratum::UNSPECIFIED && code == KissCode::NtsNak
    })
}
