//! The server's side: a request is opened and becomes its reply in the same buffer (RFC 8915 §5.7).
//!
//! ```text
//!  datagram ─▶ Opening ─┬─▶ Plain: it has nothing to do with NTS
//!                       ├─▶ Opened ─▶ reply, kiss ─▶ NtsReply ─▶ depart(transmit stamp) ─▶ socket
//!                       ├─▶ Unknown cookie ─▶ NtsNak ──────────▶ depart(transmit stamp) ─▶ socket
//!                       └─▶ Ignored: counted
//! ```
//!
//! The transmit timestamp is authenticated, so that the reply can only be sealed after the clock was read. All
//! else is done before: what takes time after the reading is one sealing, which the caller can measure and add.
//! Nothing is kept for a client, nothing is allocated, and no reply is longer than its request.

use core::fmt;
use core::ops::Range;

use rand_core::RngCore;

use super::fields::{self, BEFORE_NONCE, FieldError, Fields, Placeholders};
use super::{Aead, CipherError, Cookie, CookieKeys, SessionKeys};
use crate::packet::{ExtensionType, FIELD_HEADER, HEADER_LEN, Mode, PollExp, RefId, TRANSMIT_AT};
use crate::server::{Template, kiss};
use crate::time::NtpTimestamp;

/// The most cookies in a reply, so that a client that has none left is full again (RFC 8915 §5.7).
const MAX_COOKIES: usize = 8;
/// Version 4 and mode 3, in the first byte without the leap indicator.
const REQUEST: u8 = 4 << 3 | Mode::Client.to_bits();
/// All bits of that byte but those of the leap indicator.
const VERSION_AND_MODE: u8 = 0x3f;
/// Kiss code for a cookie that cannot be opened (RFC 8915 §5.7).
const NTSN: RefId = RefId::from_ascii(*b"NTSN");

/// Why a request that uses NTS gets no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NtsIgnored {
    /// Its fields are not as they have to be.
    Fields(FieldError),
    /// It was changed on its way, or its client does not have the key.
    Forged,
    /// What was sealed is not what may be there.
    Sealed(FieldError),
}

impl fmt::Display for NtsIgnored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fields(error) => error.fmt(f),
            Self::Forged => f.write_str("the request was not made with the key in its cookie"),
            Self::Sealed(error) => write!(f, "in the sealed fields: {error}"),
        }
    }
}

/// What a datagram is to a server that has NTS.
#[derive(Debug)]
pub enum Opening<'b> {
    /// It does not use NTS. Unchanged.
    Plain(&'b mut [u8]),
    /// A true request of a client that has our cookies.
    Opened(NtsRequest<'b>),
    /// A request with a cookie that we cannot open: made with a key that is gone, by another server, or by
    /// nobody.
    Unknown(NtsNak<'b>),
    /// There is nothing to say.
    Ignored(NtsIgnored),
}

impl<'b> Opening<'b> {
    /// Looks at `datagram`.
    #[must_use]
    pub fn new(datagram: &'b mut [u8], keys: &CookieKeys) -> Self {
        let is_request = datagram.first().is_some_and(|first| first & VERSION_AND_MODE == REQUEST);
        if !is_request || !fields::uses_nts(datagram) {
            return Self::Plain(datagram);
        }
        match Fields::find(datagram) {
            Ok(fields) => open(datagram, fields, keys),
            Err(error) => Self::Ignored(NtsIgnored::Fields(error)),
        }
    }
}

fn open<'b>(datagram: &'b mut [u8], fields: Fields, keys: &CookieKeys) -> Opening<'b> {
    let Fields { unique_id, cookie, mut placeholders, authenticator } = fields;
    let ignored = |error| Opening::Ignored(NtsIgnored::Fields(error));
    let Some(cookie) = cookie else { return ignored(FieldError::NoCookie) };
    let cookie_len = cookie.len();
    if !placeholders.stand_for(cookie_len) {
        return ignored(FieldError::Placeholder);
    }
    let Ok(session) = keys.open(&datagram[cookie]) else {
        return Opening::Unknown(NtsNak { datagram, unique_id });
    };
    if authenticator.nonce_room + authenticator.padding < session.aead().nonce_len() {
        return ignored(FieldError::Padding);
    }
    let Ok(text) = authenticator.open(datagram, session.c2s_key()) else {
        return Opening::Ignored(NtsIgnored::Forged);
    };
    if let Err(error) = count_placeholders(text, cookie_len, &mut placeholders) {
        return Opening::Ignored(NtsIgnored::Sealed(error));
    }
    Opening::Opened(NtsRequest { datagram, unique_id, wanted: 1 + placeholders.count, session })
}

/// Placeholders may be sealed too (RFC 8915 §5.7); other fields there say nothing to us.
fn count_placeholders(
    text: &[u8],
    cookie_len: usize,
    placeholders: &mut Placeholders,
) -> Result<(), FieldError> {
    for field in fields::sealed_fields(text) {
        let field = field?;
        if field.kind == ExtensionType::NTS_COOKIE_PLACEHOLDER {
            placeholders.add(field.value.len())?;
        }
    }
    placeholders.stand_for(cookie_len).then_some(()).ok_or(FieldError::Placeholder)
}

/// A true request; it lives in the buffer that it was received into.
#[derive(Debug)]
pub struct NtsRequest<'b> {
    datagram: &'b mut [u8],
    unique_id: Range<usize>,
    /// How many cookies its client would like.
    wanted: usize,
    session: SessionKeys,
}

impl<'b> NtsRequest<'b> {
    /// Becomes the reply that `template` holds; it was received at `receive` by the estimated time. Fresh
    /// cookies go with it, as many as were asked for and fit. `rng` has to be a cryptographic generator.
    pub fn reply(
        self,
        receive: NtpTimestamp,
        template: &Template,
        keys: &CookieKeys,
        rng: &mut impl RngCore,
    ) -> NtsReply<'b> {
        if let Some(header) = self.datagram.first_chunk_mut() {
            template.fill(header, receive);
        }
        self.fill(keys, rng)
    }

    /// Becomes a kiss-o'-death (RFC 5905 §7.4) that asks for at most one request in `interval`. It is
    /// authenticated, so that the client may obey, and brings cookies as any reply.
    pub fn kiss(
        self,
        code: RefId,
        interval: PollExp,
        receive: NtpTimestamp,
        keys: &CookieKeys,
        rng: &mut impl RngCore,
    ) -> NtsReply<'b> {
        if let Some(header) = self.datagram.first_chunk_mut() {
            kiss(header, code, interval, receive);
        }
        self.fill(keys, rng)
    }

    /// Everything after the header but for what takes the transmit timestamp.
    fn fill(self, keys: &CookieKeys, rng: &mut impl RngCore) -> NtsReply<'b> {
        let Self { datagram, unique_id, wanted, session } = self;
        let nonce_len = session.aead().nonce_len();
        let at = echo(datagram, unique_id);
        let begin = at + BEFORE_NONCE + nonce_len;
        let cookie_len = Cookie::len_for(keys.sealing().aead(), session.aead());
        let field_len = FIELD_HEADER + cookie_len;
        let room = datagram.len().saturating_sub(begin + Aead::TAG_LEN);
        let text_len = field_len * wanted.min(MAX_COOKIES).min(room / field_len);
        let head = fields::authenticator_head(nonce_len, text_len + Aead::TAG_LEN);
        datagram[at..at + BEFORE_NONCE].copy_from_slice(&head);
        rng.fill_bytes(&mut datagram[at + BEFORE_NONCE..begin]);
        for field in datagram[begin..begin + text_len].chunks_exact_mut(field_len) {
            let (head, value) = field.split_at_mut(FIELD_HEADER);
            head.copy_from_slice(&fields::head(ExtensionType::NTS_COOKIE, cookie_len));
            value.copy_from_slice(keys.seal(&session, rng).as_ref());
        }
        let bytes = &mut datagram[..begin + text_len + Aead::TAG_LEN];
        NtsReply { bytes, authenticator: at, session }
    }
}

/// A reply that lacks its transmit timestamp and its seal; it lives in the request's buffer.
#[derive(Debug)]
#[must_use = "a reply that does not depart was worked for in vain"]
pub struct NtsReply<'b> {
    bytes: &'b mut [u8],
    /// Where its authenticator begins.
    authenticator: usize,
    session: SessionKeys,
}

impl<'b> NtsReply<'b> {
    /// Writes the transmit timestamp (T3), which should be when this will have ended, and seals the reply.
    ///
    /// # Errors
    /// When the cipher fails, which nobody can bring about from outside.
    pub fn depart(self, transmit: NtpTimestamp) -> Result<&'b [u8], CipherError> {
        let Self { bytes, authenticator, session } = self;
        stamp(bytes, transmit);
        fields::seal(bytes, authenticator, session.aead().nonce_len(), session.s2c_key())?;
        Ok(bytes)
    }
}

/// A request whose cookie cannot be opened. All that can be told its client is that it needs new ones.
#[derive(Debug)]
pub struct NtsNak<'b> {
    datagram: &'b mut [u8],
    unique_id: Range<usize>,
}

impl<'b> NtsNak<'b> {
    /// Becomes a kiss-o'-death that says so (RFC 8915 §5.7). Nothing vouches for it but the request's unique
    /// identifier.
    pub fn reply(self, receive: NtpTimestamp, transmit: NtpTimestamp) -> &'b [u8] {
        let Self { datagram, unique_id } = self;
        if let Some(header) = datagram.first_chunk_mut() {
            // It says nothing of how often to ask.
            kiss(header, NTSN, PollExp::MIN, receive);
        }
        let len = echo(datagram, unique_id);
        stamp(datagram, transmit);
        &datagram[..len]
    }
}

/// Brings the unique identifier to where it stands in a reply, and returns where it ends.
fn echo(datagram: &mut [u8], unique_id: Range<usize>) -> usize {
    let end = HEADER_LEN + unique_id.len();
    datagram.copy_within(unique_id, HEADER_LEN);
    end
}

fn stamp(datagram: &mut [u8], transmit: NtpTimestamp) {
    datagram[TRANSMIT_AT..HEADER_LEN].copy_from_slice(&transmit.to_bits().to_be_bytes());
}
