//! Who asked: how often, how fast, and what became of it.
//!
//! | file | holds |
//! |---|---|
//! | `client.rs` | what is known of one client |
//! | `slot.rs` | the same as words that one thread writes and others read |
//! | `table.rs` | a bounded number of slots, and who has to make room |
//! | `key.rs` | whom a record is about: an address, or a network of IPv6 |

mod client;
mod key;
mod slot;
mod table;

pub use client::{Client, Tick};
pub use key::Key;
pub use table::{ClientTable, Clients, Seed};
