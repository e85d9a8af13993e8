//! What one measurement of a source says.

use ntp_proto::time::{FreeTime, NtpDuration, Offset};

/// One measurement of a source, of whatever kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was made.
    pub at: FreeTime,
    /// How far the source was ahead of the free-running clock.
    pub offset: Offset,
    /// Round trip to the source; zero for a source without a path. The offset is wrong by at most half.
    pub delay: NtpDuration,
    /// How coarsely both clocks were read.
    pub resolution: NtpDuration,
}
