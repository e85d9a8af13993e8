//! Why each source is used or not, with every figure that was looked at, and what would change it.
//!
//! Built when somebody asks, from what selection finds at that moment. Field names carry their units; offsets are
//! reference − system clock, so positive means that our clock is slow.

mod build;
mod verdict;

use serde::{Deserialize, Serialize};

use crate::address::SourceAddress;
use crate::report::Duplicate;

/// The clock, and the sources that were asked about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Of the clock.
    pub clock: ClockExplanation,
    /// Of the sources, in the order in which they were added.
    pub sources: Vec<SourceExplanation>,
    /// Names that have no address yet.
    pub unresolved: Vec<String>,
    /// What comes to nothing because another source has its address.
    pub duplicates: Vec<Duplicate>,
}

/// Who sets the clock, and who agrees with whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockExplanation {
    /// Who sets it, or why nobody does, in a sentence.
    pub verdict: String,
    /// What most of those who have a say agree upon; none if nobody has.
    pub majority: Option<MajorityReport>,
    /// Between which offsets each source says that the truth is.
    pub claims: Vec<Claim>,
    /// By how much the free-running clock's rate is believed to wander, as one standard deviation after a second;
    /// it grows with the square root of the time.
    pub wander_ppm: Option<f64>,
    /// One standard deviation of what that makes of the clock in an hour without samples.
    pub hour_without_samples_s: Option<f64>,
}

/// What most sources agree upon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MajorityReport {
    /// How many agree with each other.
    pub agreeing: usize,
    /// How many have a say.
    pub of: usize,
    /// Whether only trusted sources have a say.
    pub trusted: bool,
    /// The least offset that all who agree allow.
    pub low_s: f64,
    /// The largest.
    pub high_s: f64,
}

/// What one source says of the clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// As configured.
    pub name: String,
    /// Its address.
    pub address: SourceAddress,
    /// One word.
    pub state: String,
    /// The least that our clock is slow by.
    pub low_s: f64,
    /// The most.
    pub high_s: f64,
}

/// Why one source is used or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceExplanation {
    /// As configured.
    pub name: String,
    /// Its address.
    pub address: SourceAddress,
    /// One word.
    pub state: String,
    /// Whether the clock is set by it.
    pub used: bool,
    /// Whether it is the selected one.
    pub selected: bool,
    /// Why, in words.
    pub reason: String,
    /// The tests that were made, in their order; the first that failed decides.
    pub tests: Vec<TestReport>,
    /// How the root distance is made up.
    pub distance: Option<DistanceReport>,
    /// Its share in what all sources that are used say together, of one.
    pub weight: Option<f64>,
    /// What is believed of the way to it; none of a reference clock.
    pub path: Option<PathReport>,
    /// Why it is asked as often as it is; none of a reference clock.
    pub poll: Option<PollReport>,
    /// What would change the verdict, each a sentence about the source.
    pub changes: Vec<String>,
}

/// One test of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// One word.
    pub name: String,
    /// Whether it was passed.
    pub passed: bool,
    /// The figure and its limit, in words.
    pub words: String,
    /// What was measured, if anything.
    pub value: Option<f64>,
    /// The least that passes.
    pub at_least: Option<f64>,
    /// The most that passes.
    pub at_most: Option<f64>,
    /// Of these three: `s`, `ppm`, `samples`, `sources` or `stratum`.
    pub unit: Option<String>,
}

/// How far the truth may be from what a source says: the sum of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DistanceReport {
    /// All of it.
    pub total_s: f64,
    /// Half of the way from the server to its primary clock and back.
    pub half_root_delay_s: f64,
    /// What the server says of its own error.
    pub root_dispersion_s: f64,
    /// Half of the way to the server and back.
    pub half_path_delay_s: f64,
    /// Three standard deviations of what its samples say.
    pub own_dispersion_s: f64,
    /// What the clock may have gone wrong since its latest sample.
    pub aged_s: f64,
}

/// What is believed of the way to a source.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathReport {
    /// Share of the belief that an offset may be wrong by anything up to half of its excess delay.
    pub noise_interval: f64,
    /// That it is wrong in proportion to the excess delay.
    pub noise_proportional: f64,
    /// That all samples are alike.
    pub noise_alike: f64,
    /// Mean error of an offset as a share of the excess delay, −½ … ½.
    pub asymmetry: f64,
    /// Shortest round trip.
    pub shortest_s: f64,
    /// By how much a typical round trip exceeds it.
    pub typical_excess_s: f64,
    /// How many round trips the present path is known by.
    pub round_trips: u64,
    /// How many paths are remembered, the present one included.
    pub paths: usize,
    /// What the present path adds to offsets against the first one; absent on the first one.
    pub bias_s: Option<f64>,
    /// One standard deviation of that.
    pub bias_stddev_s: Option<f64>,
}

/// Why a source is asked as often as it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PollReport {
    /// Whether it is asked in quick succession for the moment, whatever the interval.
    pub in_burst: bool,
    /// Seconds between requests now.
    pub interval_s: f64,
    /// What its samples are worth, whatever the limits; absent before there are enough to tell.
    pub wanted_s: Option<f64>,
    /// What would be changed to at its next sample.
    pub next_s: f64,
    /// At least.
    pub shortest_s: f64,
    /// At most.
    pub longest_s: f64,
    /// How many servers set the clock together with it.
    pub servers: usize,
    /// Why `next_s` is what it is.
    pub why: Why,
}

/// Why a source is asked as often as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It is new: it is asked as often as may be.
    New {
        /// Requests so far.
        requests: u64,
        /// Until there were so many.
        until: u64,
    },
    /// The clock is known much worse than it could be: it is asked as often as may be.
    Unsettled {
        /// For so many more requests at most.
        credit: u32,
    },
    /// What its samples are worth.
    Regular,
}
