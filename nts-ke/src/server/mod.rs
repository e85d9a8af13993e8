//! The server of key establishment (RFC 8915 §4), on a thread of its own: a storm of handshakes takes no time from
//! those who keep and serve the time.
//!
//! ```text
//!  client ─▶ listen ─ access, rate, a place ─▶ conversation ─ TLS 1.3, request ─▶ 8 cookies
//!                                                   ▲ certificate by name    ▲ keys to seal them
//!                                            certificates                Handle::replace_cookie_keys
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `config.rs` | what the server is told |
//! | `handle.rs` | the thread, and how others speak to it |
//! | `listen.rs` | a port, and who is let in |
//! | `limit.rs` | how often an address may connect |
//! | `slots.rs` | who is connected, and who has to go for a newcomer |
//! | `conversation.rs` | one connection |
//! | `certificates.rs` | certificates by name, read again when they change |
//! | `counters.rs` | what became of connections |
//! | `shared.rs` | what these have in common |
//!
//! A connection that does nothing costs a place until its time is over or a newcomer needs it. Nothing is logged
//! of connections; they are counted.

mod certificates;
mod config;
mod conversation;
mod counters;
mod handle;
mod limit;
mod listen;
mod shared;
mod slots;

pub use certificates::CertificateState;
pub use config::{Access, CertificateFiles, Config, Limits};
pub use counters::{Count, Counters};
pub use handle::{Handle, start};
pub use limit::RateLimit;
pub use shared::{Listening, PortState};
