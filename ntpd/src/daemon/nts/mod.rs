//! NTS: keys for our requests, keys for those who ask us, and what survives a restart.
//!
//! | file | holds |
//! |---|---|
//! | `client.rs` | fetches keys from a server, in a thread |
//! | `saved.rs` | the cookies that are left, for the next run |
//! | `keyring.rs` | the keys of the cookies that we give |
//! | `server.rs` | those who want keys from us |

pub(super) mod client;
mod keyring;
pub(super) mod saved;
pub(super) mod server;
