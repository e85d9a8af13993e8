//! What people are shown of a receiver.

use ntp_proto::time::EstimatedTime;
use serde::{Deserialize, Serialize};

/// How a receiver and its line are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Bits a second that the line was set to.
    pub baud: u32,
    /// What comes over it.
    pub signal: Signal,
    /// Since the last byte; `None`: there was none since the line was opened.
    pub silent_s: Option<f64>,
    /// What could be wrong, and what to do about it.
    pub advice: Option<String>,
    /// What the receiver says of its fix; `None`: nothing lately.
    pub fix: Option<Fix>,
    /// Satellites that the fix is made of.
    pub satellites_used: Option<u16>,
    /// Satellites of all systems that the receiver says are above the horizon.
    pub satellites_in_view: Option<u16>,
    /// Horizontal dilution of precision, a factor.
    pub hdop: Option<f32>,
    /// Where it is, if that was asked for.
    pub position: Option<Position>,
    /// Which systems speak lately: GP, GL, GA, GB …, or GN for several together.
    pub talkers: Vec<String>,
    /// The time of the last reading.
    pub last_time: Option<EstimatedTime>,
    /// Since the beginning of the burst that said so.
    pub last_time_age_s: Option<f64>,
    /// Weeks that were added to the last date because the receiver has lost them; a multiple of 1024.
    pub weeks_repaired: u16,
    /// Readings since the line was opened.
    pub readings: u64,
    /// Bursts that made none.
    pub withheld: WithheldCounts,
    /// Sentences with the right checksum.
    pub sentences: SentenceCounts,
    /// Lines that are none.
    pub refused: RefusedCounts,
}

/// What comes over the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Nothing for some seconds.
    Silent,
    /// Too little to say.
    Starting,
    /// Bytes without sentences.
    Garbage,
    /// More than the line can carry.
    Flood,
    /// Sentences.
    Sentences,
}

/// What a receiver says of its fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// No fix, and so no time.
    None,
    /// A fix; of how many dimensions is not said.
    Autonomous,
    /// A fix without height.
    #[serde(rename = "2d")]
    TwoD,
    /// A fix with height.
    #[serde(rename = "3d")]
    ThreeD,
    /// Corrected by reference stations, such as those of SBAS.
    Differential,
    /// By the military code.
    Precise,
    /// Real-time kinematic, whole numbers of waves known.
    Rtk,
    /// Real-time kinematic, whole numbers not known.
    RtkFloat,
    /// Dead reckoning: no time.
    Estimated,
    /// A position entered by hand: no time.
    Manual,
    /// A simulation: no time.
    Simulated,
}

impl Fix {
    /// Whether the time comes from satellites with it.
    #[must_use]
    pub const fn gives_time(self) -> bool {
        !matches!(self, Self::None | Self::Estimated | Self::Manual | Self::Simulated)
    }
}

/// Where the antenna is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// North is positive.
    pub latitude_deg: f64,
    /// East is positive.
    pub longitude_deg: f64,
    /// Above the mean sea.
    pub altitude_m: Option<f32>,
}

/// Sentences by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentenceCounts {
    /// Time, date and validity.
    pub rmc: u64,
    /// Time and date with a full year.
    pub zda: u64,
    /// Fix.
    pub gga: u64,
    /// Satellites used.
    pub gsa: u64,
    /// Satellites in view.
    pub gsv: u64,
    /// Of a maker's own.
    pub vendor: u64,
    /// All others.
    pub other: u64,
}

/// Lines that are no sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedCounts {
    /// Without a checksum, or cut off.
    pub no_checksum: u64,
    /// Changed on the way.
    pub bad_checksum: u64,
    /// Longer than any sentence.
    pub too_long: u64,
    /// With the right checksum, but not what the standard says.
    pub malformed: u64,
}

/// Bursts that made no reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithheldCounts {
    /// The receiver says that its time is not to be relied on.
    pub no_fix: u64,
    /// The sentences do not mean the same instant.
    pub contradictory: u64,
    /// There was a time, but no date.
    pub undated: u64,
    /// The time had been said before: the receiver paused, or its clock stands.
    pub repeated: u64,
    /// The beginning was missed.
    pub unstarted: u64,
    /// Someone set the system clock meanwhile.
    pub clock_set: u64,
}
