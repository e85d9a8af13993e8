//! The client half of an association (RFC 5905 §8, §9, §13).
//!
//! ```text
//!           next_request() is due
//!  [Idle] ─────── poll_request ───────▶ [Waiting] ── handle_reply: Ok ──▶ Measurement
//!    ▲                                     │  │
//!    │            handle_departure (T1) ◀──┘  │ nothing came: the next request, reach shifts
//!    └────────────────────────────────────────┘
//!                                          │ DENY, RSTR
//!                                          ▼
//!                                      [Refused]  until resumed
//! ```
//!
//! An [`Association`] decides when to ask and which replies to believe. It knows nothing of sockets, of other
//! associations, of selection or of the system clock: its two timestamps are in the free-running clock.
//!
//! Contract: after any `handle_*`, ask [`Association::next_request`] when to come back. Coming early is
//! harmless: [`Association::poll_request`] then answers `None`.

mod association;
mod discard;
mod reach;
mod schedule;
#[cfg(test)]
mod tests;

pub use association::{Association, Measurement, Params, Request, Standing, TxToken};
pub use discard::{Discard, DiscardCounters};
pub use reach::Reach;
