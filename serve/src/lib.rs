//! What a server thread does with a packet, and what it shares with the rest of the daemon.
//!
//! ```text
//!  main thread                                  server threads, each alone with its clients
//!  TimePublisher ──── words, no lock ────▶ TimeReader ┐
//!  Handover<Policy> ─ when it changes ───▶ Policy     ├─▶ Responder: datagram ─▶ reply, in place
//!  reports ◀───────── atomics ──────────── Activity ◀─┘
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `responder.rs` | one datagram: may it ask, does it ask, not too often, what is the time |
//! | `nts.rs` | the same where NTS says who asks |
//! | `time.rs` | the snapshot as all threads see it, and how it changes for all of them at once |
//! | `published.rs` | words that one writes and many read |
//! | `handover.rs` | what changes seldom: access rules, limits, the keys of cookies |
//! | `limit.rs` | how often a client may ask |
//! | `clients/` | who asked: a table of bounded size |
//! | `counters.rs`, `interfaces.rs` | what happened, in all and by interface |
//!
//! No input, no output, no clock: those are arguments. Nothing is locked for a packet, and memory is asked for
//! only when a part of a table is used for the first time.

#![forbid(unsafe_code)]

mod clients;
mod counters;
mod handover;
mod interfaces;
mod limit;
mod nts;
mod published;
mod responder;
mod sync;
mod time;

pub use clients::{Client, ClientTable, Clients, Key, Seed, Tick};
pub use counters::{Count, Counters};
pub use handover::{Handover, Taker};
pub use interfaces::{InterfaceCount, InterfaceCounters, Interfaces};
pub use limit::{Limit, Limits};
pub use responder::{Activity, Arrival, Policy, Responder};
pub use time::{TimePublisher, TimeReader};
