//! The clock of a network card, or another that the kernel shows as `/dev/ptpN`.
//!
//! ```text
//!  reader ─▶ Bracket (both clocks at one moment) ─┬─▶ gait: does it go as clocks do? ─▶ Reading
//!                                                 └─▶ track: what its stamps mean ────▶ pulses; packets of ntpd
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `driver.rs` | the reference clock |
//! | `status.rs` | how it is, for people |
//! | `reader.rs` | reading it, in the best way that it offers |
//! | `bracket.rs` | one moment on both clocks |
//! | `gait.rs` | whether it stands still, races or jumps |
//! | `track.rs` | from its stamps to the system clock's |
//! | `tracked.rs` | all three together |
//! | `pulses.rs` | external signals that it stamps |
//! | `device.rs` | which clock an interface has |
//!
//! Whether it keeps UTC or TAI is not the driver's to know.

mod bracket;
mod device;
mod driver;
mod gait;
mod pulses;
mod reader;
mod status;
mod track;
mod tracked;

use std::time::Duration;

pub use bracket::{Bracket, Phc, PhcTime};
pub use device::{InterfaceStamping, link_speed, phc_of_interface, stamping_of_interface};
pub use driver::HardwareClock;
pub use gait::Gait;
pub use reader::{Abilities, Method, PhcReader};
pub use status::{PulseStatus, Status};
pub use track::{PhcLine, PhcTrack};
pub use tracked::TrackedPhc;

/// How a hardware clock is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `/dev/ptpN`, or the name of an interface: its clock.
    pub device: String,
    /// Whether cross timestamps are left out though the clock has them.
    pub nocrossts: bool,
    /// Pulses that come in by a pin of it are the reference; what the clock itself shows is not.
    pub extpps: Option<ExternalPulses>,
    /// Between two looks at the clock.
    pub interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            device: "/dev/ptp0".to_owned(),
            nocrossts: false,
            extpps: None,
            interval: Duration::from_secs(1),
        }
    }
}

/// Pulses that the clock stamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExternalPulses {
    /// The pin that they come in by. Clocks without pins that could be led anywhere ignore it.
    pub pin: u32,
    /// The channel that stamps them.
    pub channel: u32,
    /// Which end of a pulse counts.
    pub edge: Edge,
}

/// An end of a pulse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edge {
    /// Where the signal rises.
    #[default]
    Rising,
    /// Where it falls.
    Falling,
}
