//! Network time security for time packets (RFC 8915 §5 and §6): who may be believed, and who asked.
//!
//! | file | holds |
//! |---|---|
//! | `aead.rs`, `cmac.rs` | the ciphers |
//! | `cookie.rs` | the keys of a session, and how a server has its clients keep them |
//! | `fields.rs` | the extension fields of a packet |
//! | `client.rs` | asks with cookies, and takes in replies |
//! | `server.rs` | opens requests, and makes replies |
//!
//! How a client comes to its keys and first cookies (§4) is not here.

mod aead;
mod client;
mod cmac;
mod cookie;
mod fields;
mod server;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use aead::{Aead, Cipher, CipherError, KeyLength};
pub use client::{Accepted, NoCookies, NtsDiscard, NtsSession, Pending};
pub use cookie::{Cookie, CookieError, CookieKey, CookieKeys, SessionKeys};
pub use fields::FieldError;
pub use server::{NtsIgnored, NtsNak, NtsReply, NtsRequest, Opening};
