//! NTP packets (RFC 5905 §7).
mod fields;

pub use fields::{KissCode, Leap, Mode, PollExp, Precision, RefId, Stratum};
