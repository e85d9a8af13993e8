//! Time as types: what a number means, which clock it belongs to and what may be done with it.
//!
//! | type | is | on the wire |
//! |---|---|---|
//! | [`NtpTimestamp`] | 64 bits of a packet: seconds and fraction, era unknown (RFC 5905 §6) | yes |
//! | [`NtpShort`] | root delay and dispersion, 16.16 seconds, never negative | yes |
//! | [`Instant`] | a date on the NTP scale, all eras, read from one particular clock | no |
//! | [`Monotonic`] | reading of a clock that nobody steps; only for deadlines | no |
//! | [`NtpDuration`] | signed difference of two times, 2⁻³² s | no |
//! | [`Offset`] | how far a reference is *ahead of* us | no |
//! | [`Frequency`] | rate of change of an offset, dimensionless | no |
//! | [`Uncertainty`] | one standard deviation of a time | no |
//!
//! Which clock an [`Instant`] belongs to is part of its type: a [`RawTime`] minus an [`EstimatedTime`]
//! does not compile.

mod duration;
mod frequency;
mod instant;
mod monotonic;
mod offset;
mod short;
mod timestamp;
mod uncertainty;

pub use duration::NtpDuration;
pub use frequency::Frequency;
pub use instant::{Estimated, EstimatedTime, Free, FreeTime, Instant, Raw, RawTime};
pub use monotonic::Monotonic;
pub use offset::Offset;
pub use short::NtpShort;
pub use timestamp::NtpTimestamp;
pub use uncertainty::Uncertainty;

/// Units of 2⁻³² s in a second.
const TICKS_PER_SECOND: i64 = 1 << 32;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
