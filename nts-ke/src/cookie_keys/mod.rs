//! The keys that cookies are sealed with (RFC 8915 §6): how they come, age and go.
//!
//! ```text
//!  next ──interval──▶ current ──interval──▶ previous ──▶ previous ──▶ gone
//!  opens              seals and opens       opens        opens
//! ```
//!
//! A key opens cookies one interval before it seals any, so that no thread meets a cookie whose key it does not
//! know. A client that asks at least once in two intervals never loses its session.
//!
//! | file | holds |
//! |---|---|
//! | `key.rs` | one key, and what is told of it |
//! | `rotation.rs` | the keys of one server, which makes them by chance |
//! | `fleet.rs` | the keys of many servers, which compute the same ones from a secret |
//! | `format.rs`, `chrony.rs` | the file in which keys outlive a restart, and chrony's |
//! | `store.rs` | reading and writing it |
//!
//! All but `store.rs` are pure: time and randomness are arguments.

mod chrony;
mod fleet;
mod format;
mod hex;
mod key;
mod rotation;
mod store;

pub use chrony::read_chrony;
pub use fleet::{Fleet, FleetError};
pub use format::{FormatError, read, write};
pub use key::{KeyInfo, Role, SealingKey};
pub use rotation::{Rotation, Slots};
pub use store::{StoreError, load, load_fleet, save};

/// How long a key seals cookies unless said otherwise, in seconds: a week.
pub const INTERVAL_S: i64 = 604_800;
