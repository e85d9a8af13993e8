//! What a reference clock of this machine shows: a receiver, a pulse, the clock of a network card.

use ntp_proto::packet::Leap;
use ntp_proto::time::{EstimatedTime, NtpDuration, RawTime};

/// What a reference clock showed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reading {
    /// What the system clock showed at that moment.
    pub at: RawTime,
    /// What the reference clock showed.
    pub shows: Shows,
    /// What it says of the end of the day; `None`: it knows nothing of leap seconds. With [`Leap::Unsynchronised`] it
    /// says that it is not to be believed.
    pub leap: Option<Leap>,
    /// How coarsely the two were read together: the larger of what each stamp can tell apart and of what the driver
    /// knows to be uncertain about their simultaneity. Never negative.
    pub resolution: NtpDuration,
}

/// What a reference clock can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Shows {
    /// Date and time, of UTC, or of TAI for those that keep that.
    Time(EstimatedTime),
    /// That an interval began, a second or a part of it; not which.
    Pulse,
}
