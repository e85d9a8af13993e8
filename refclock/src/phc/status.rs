//! How a hardware clock is, for people.

use serde::{Deserialize, Serialize};

use super::gait::Gait;
use super::reader::{Abilities, Method};

/// How a hardware clock is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The device, as `/dev/ptp0`.
    pub device: String,
    /// The interface by whose name it was asked for.
    pub interface: Option<String>,
    /// Its number, N of `/dev/ptpN`.
    pub clock: Option<u32>,
    /// How it is read together with the system clock.
    pub method: Method,
    /// Why it is not read in a better way that was tried.
    pub fallback: Option<String>,
    /// How long the latest reading took, in seconds.
    pub window_s: Option<f64>,
    /// How long ago that was, in seconds.
    pub age_s: Option<f64>,
    /// Whether it goes as clocks do.
    pub gait: Gait,
    /// How often it was looked at.
    pub looks: u64,
    /// At how many of these it stood still, raced or jumped.
    pub faults: u64,
    /// How often it could not be read.
    pub failures: u64,
    /// How much faster it runs than the system clock, in parts per million.
    pub rate_ppm: Option<f64>,
    /// What it can do.
    pub abilities: Abilities,
    /// Of those whose external pulses are used.
    pub pulses: Option<PulseStatus>,
}

/// How the pulses are that it stamps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PulseStatus {
    /// The channel that stamps them.
    pub channel: u32,
    /// Whether only the edge that was asked for is stamped; else the other may be as well.
    pub edge_is_sure: bool,
    /// How many there were.
    pub pulses: u64,
    /// How many of these could not be placed on the system clock: the clock was not known well enough yet, did not go
    /// well, or they were old.
    pub not_placed: u64,
    /// How long ago the latest was, in seconds.
    pub age_s: Option<f64>,
}
