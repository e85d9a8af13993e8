//! NTP as bytes and rules, with no clock, no socket and no random source of its own.
//!
//! Time, arrivals and randomness are arguments; what is to be sent comes back as a value. Reading order:
//!
//! | module | holds | RFC |
//! |---|---|---|
//! | [`time`] | what a number of seconds means | 5905 §6 |
//! | [`packet`] | headers, extension fields and MACs as borrowed views | 5905 §7, 7822 |
//! | [`exchange`] | offset and delay of four timestamps | 5905 §8 |
//! | [`client`] | one association: when to ask, which replies to believe | 5905 §9, §13; 9109; 8633 |
//! | [`server`] | who may ask, and the reply | 5905 §9.2 |
//! | [`nts`] | both with proof of who sent what | 8915 §5, §6 |

#![forbid(unsafe_code)]

pub mod client;
pub mod exchange;
pub mod nts;
pub mod packet;
pub mod server;
pub mod time;

pub use exchange::Exchange;
