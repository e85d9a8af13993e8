//! NTS key establishment.
#![forbid(unsafe_code)]
pub mod certificate;
pub mod client;
pub mod cookie_keys;
pub mod keys;
pub mod message;
mod pem;
pub mod record;
pub mod selfsign;
mod unix_time;
pub use pem::FileError;
pub use unix_time::UnixTime;
/// What NTS calls itself among the protocols over TLS (RFC 8915 §4).
pub const ALPN: &[u8] = b"ntske/1";
