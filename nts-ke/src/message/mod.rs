//! What client and server say to each other (RFC 8915 §4), and what they agree on: pure functions of bytes.
//!
//! ```text
//!  client                                        server
//!  Request::write ──────────────────────────▶ Request::parse ─▶ negotiate
//!  Response::parse ◀────────────────────────── Response::write ◀──┘
//!     └─▶ Response::agree: is it an answer to what was asked?
//! ```

mod negotiate;
mod request;
mod response;

pub use negotiate::{Agreement, Refused, negotiate};
pub use request::Request;
pub use response::{ErrorCode, Response};

use crate::record::{Malformed, Record, RecordType};

/// NTPv4 among the protocols (RFC 8915 §7.7).
pub const NTPV4: u16 = 0;
/// How many cookies are given and kept (RFC 8915 §5.7).
pub const COOKIES: usize = 8;
/// The longest cookie that is kept, in bytes: a request with it stays well below what an Ethernet frame carries.
pub const COOKIE_MAX: usize = 1_024;
/// The longest name in a Server Negotiation record, in bytes: that of a domain name (RFC 1035 §2.3.4), and some.
const SERVER_MAX: usize = 255;

/// Puts what may stand once into its place.
fn once<T>(place: &mut Option<T>, value: T, kind: RecordType) -> Result<(), Malformed> {
    if place.replace(value).is_some() { Err(Malformed::Duplicate(kind)) } else { Ok(()) }
}

/// A name or an address (§4.1.7), made of the characters that these are made of.
fn server_name(record: &Record<'_>) -> Result<String, Malformed> {
    if record.body.is_empty() || record.body.len() > SERVER_MAX {
        return Err(Malformed::BadLength(record.kind));
    }
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(byte);
    if !record.body.iter().all(allowed) {
        return Err(Malformed::BadValue(record.kind));
    }
    Ok(record.body.iter().map(|byte| char::from(*byte)).collect())
}

/// A UDP port (§4.1.8); there is none of number 0.
fn port(record: &Record<'_>) -> Result<u16, Malformed> {
    match record.number()? {
        0 => Err(Malformed::BadValue(record.kind)),
        port => Ok(port),
    }
}
