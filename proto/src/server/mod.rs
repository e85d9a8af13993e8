//! The server half: a request becomes its reply in the same buffer (RFC 5905 §9.2, mode 3 to mode 4).
//!
//! ```text
//!  datagram ─▶ access list ─▶ Request ─▶ Reply ─▶ depart(transmit stamp) ─▶ socket
//!                  │             │  ▲
//!                  │             │  └── Template: what all replies have in common
//!                  └── counted ──┴── Ignored
//! ```
//!
//! The reply is finished in two steps, so that the transmit timestamp is taken as late as the caller can.
//! No state is kept for a client, nothing is allocated, and a reply is never longer than its request.

mod access;
mod respond;

pub use access::{AccessList, AccessRule, Permission, Prefix, PrefixError};
pub(crate) use respond::kiss;
pub use respond::{Ignored, Reply, Request, SystemVars, Template, respond};
