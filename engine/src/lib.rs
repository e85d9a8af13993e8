//! The time service as one value.
//!
//! An [`Engine`] is told what happened ([`Input`], each with the time at which it did) and answers with what
//! is to be done ([`Action`]). It reads no clock, socket, file or random source, so a daemon, a simulator and
//! a replay drive it alike, and the same inputs give the same actions.
//!
//! ```text
//!  Input ──▶ Engine::handle ──▶ poll_action ─▶ Action   datagrams, clock commands, names to look up
//!  (Now)         │        └───▶ poll_event  ─▶ Event    what an operator would want in a diary
//!                │        └───▶ next_wakeup ─▶ deadline
//!                ├──▶ snapshot()  what a server worker needs for every packet
//!                ├──▶ report()    everything there is to show, built on demand
//!                └──▶ explain()   why, with every figure that was looked at, and what would change it
//! ```
//!
//! Contract: after each [`Engine::handle`], carry out every action and event until both run dry, then come
//! back with the next input or, at [`Engine::next_wakeup`], with [`Input::Tick`]. Coming early is harmless.
//! The outcome of a [`ClockCommand`] goes in before any other input.

#![forbid(unsafe_code)]

mod action;
mod address;
mod asked;
mod auth_policy;
mod directory;
mod discipline;
mod engine;
pub mod event;
pub mod explain;
mod hex;
mod history;
mod input;
mod keys;
mod options;
pub mod record;
mod refclock;
mod reference;
pub mod report;
mod snapshot;
mod source;

pub use action::{Action, CertificateDates, ClockCommand, ClockStatus, Drift};
pub use address::SourceAddress;
pub use directory::LookupId;
pub use engine::Engine;
pub use event::Event;
pub use explain::Explanation;
pub use history::History;
pub use input::{ClockOutcome, Command, Input, KeyExchange, KeyFailure, Now, StampQuality, Target};
pub use ntp_clock::ClockEpoch;
pub use options::{
    AuthSelect, Entry, Family, FromFile, Host, Local, NtsOptions, NtsPolicy, Options, SavedKeys, SourceKind,
    SourceOptions,
};
pub use refclock::{PulseOptions, RefclockOptions};
pub use report::Report;
pub use snapshot::{ReferenceTime, SNAPSHOT_WORDS, TimeSnapshot};
pub use source::SourceId;
