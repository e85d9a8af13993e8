//! What an engine wants done.

use std::net::SocketAddr;

use ntp_proto::client::TxToken;
use ntp_proto::packet::{HEADER_LEN, Leap};
use ntp_proto::time::{Frequency, NtpDuration};
use serde::{Deserialize, Serialize};

use crate::directory::LookupId;
use crate::options::Family;
use crate::source::SourceId;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Send a request from a fresh socket with a random port; the socket of the source's last request may
    /// be closed. Answer with [`crate::Input::Departed`] and [`crate::Input::Datagram`].
    Send {
        /// Whose request.
        source: SourceId,
        /// Which one.
        token: TxToken,
        /// Where to.
        remote: SocketAddr,
        /// What.
        #[serde(with = "crate::hex::packet")]
        bytes: [u8; HEADER_LEN],
    },
    /// Forget the sockets of a source.
    Forget {
        /// Which source.
        source: SourceId,
    },
    /// Change the clock. Answer [`ClockCommand::SetRate`] and [`ClockCommand::Step`] with
    /// [`crate::Input::Clock`] before anything else.
    Clock(ClockCommand),
    /// Look up a name, away from the main loop. Answer with [`crate::Input::Resolved`].
    Resolve {
        /// To be handed back.
        lookup: LookupId,
        /// The name.
        name: String,
        /// Only addresses of this family.
        family: Option<Family>,
    },
    /// Keep this for the next start.
    Save(Drift),
}

/// A change of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockCommand {
    /// Run faster than the free-running clock by this much.
    SetRate(Frequency),
    /// Set forward, or back if negative.
    Step(NtpDuration),
    /// Tell the kernel how good the clock is.
    SetStatus(ClockStatus),
}

/// How good the clock is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockStatus {
    /// Whether it is set by a source.
    pub synchronised: bool,
    /// What happens at the end of the day.
    pub leap: Leap,
    /// A bound of its error.
    pub max_error: NtpDuration,
    /// One standard deviation of its error.
    pub est_error: NtpDuration,
}

/// What one run of the service learns about the clock for the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The correction that makes the clock keep step.
    pub frequency: Frequency,
    /// One standard deviation of it.
    pub skew: Frequency,
}
