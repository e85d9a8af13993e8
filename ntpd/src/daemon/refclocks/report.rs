//! What there is to show of the devices behind reference clocks; what the engine makes of them is in its own report.

use ntp_refclock::{nmea, phc, pps, rtc, shm, sock};
use serde::{Deserialize, Serialize};

/// A device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// The number of its source.
    pub source: u32,
    /// Where it stands in the configuration.
    pub table: String,
    /// Its kind, as in the configuration.
    pub driver: String,
    /// Its path or number.
    pub device: String,
    /// Whether it is open.
    pub open: bool,
    /// Why it is not.
    pub trouble: Option<String>,
    /// What it says of itself while it is.
    pub status: Option<DeviceStatus>,
}

/// What a device says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    /// A receiver on a serial line.
    Nmea(Box<nmea::Status>),
    /// Pulses.
    Pps(pps::Status),
    /// Shared memory.
    Shm(shm::Status),
    /// A socket.
    Sock(sock::Status),
    /// The clock of a network card.
    Phc(Box<phc::Status>),
    /// The clock that runs while the machine is off.
    Rtc(rtc::Status),
}
