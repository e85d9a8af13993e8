//! NTS key establishment (RFC 8915 §4): how a client gets the keys and cookies that its packets to a time server
//! are protected with.
//!
//! ```text
//!  client::establish ──TLS 1.3, port 4460──▶ server ─ seals cookies with ─▶ cookie_keys
//!        ▲ Request, Response (message) of records (record) ▲
//!        └──────────── both take the keys from TLS (keys) ─┘
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`record`] | the frame of messages |
//! | [`message`] | request and response, and what they agree on |
//! | [`keys`] | the keys of a session, out of TLS |
//! | [`client`] | asks one server, and says in words why it failed |
//! | [`server`] | answers, on a thread of its own |
//! | [`cookie_keys`] | how the keys of cookies come and go, for one server or a fleet |
//! | [`certificate`] | what a certificate says about itself |
//! | [`selfsign`] | a certificate for laboratories |
//!
//! Cookies and the keys in them are `ntp_proto::nts`'s. Records, messages, negotiation and the rotation of keys are
//! pure; [`client::establish`] waits on a thread of its caller.

#![forbid(unsafe_code)]

pub mod certificate;
pub mod client;
pub mod cookie_keys;
pub mod keys;
pub mod message;
mod pem;
pub mod record;
pub mod selfsign;
pub mod server;
mod unix_time;

pub use pem::FileError;
pub use unix_time::UnixTime;

/// What NTS calls itself among the protocols over TLS (RFC 8915 §4).
pub const ALPN: &[u8] = b"ntske/1";
/// The TCP port (RFC 8915 §7.1).
pub const PORT: u16 = 4460;
