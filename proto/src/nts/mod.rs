//! Network time security for time packets (RFC 8915 §5 and §6): who may be believed, and who asked.

mod aead;
mod cmac;
mod cookie;
#[cfg(test)]
mod testing;

pub use aead::{Aead, Cipher, CipherError, KeyLength};
pub use cookie::{Cookie, CookieError, CookieKey, CookieKeys, SessionKeys};
