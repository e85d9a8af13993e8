//! The client of key establishment (RFC 8915 §4): asks one server, on a thread that may wait.
//!
//! ```text
//!  Trust (whom to believe) ┐
//!  Question (what to ask)  ┴─▶ establish ──TLS 1.3──▶ server
//!                                 └─▶ Outcome: algorithm, keys, cookies, where to ask for time
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `trust.rs` | the authorities that are believed |
//! | `verify.rs` | the check of the server's certificate, with or without its dates |
//! | `exchange.rs` | the conversation, which ends by its deadline whatever the server does |
//! | `error.rs` | why there are no keys, in words |
//!
//! Called by the daemon, which looks names up, chooses when to ask again, and knows whether the clock can be
//! believed.

mod error;
mod exchange;
mod trust;
mod verify;

pub use error::{KeError, Stage, TlsFault};
pub use exchange::{Outcome, Question, establish, establish_over};
pub use trust::{Places, Trust, TrustProblem};
pub use verify::{Chain, Dates};
