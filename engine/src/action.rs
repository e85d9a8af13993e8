//! What an engine wants done.

use std::borrow::Cow;
use std::net::SocketAddr;

use ntp_proto::client::TxToken;
use ntp_proto::packet::Leap;
use ntp_proto::time::{Frequency, NtpDuration};
use serde::{Deserialize, Serialize};

use crate::directory::LookupId;
use crate::options::{Family, Host};
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
        #[serde(with = "crate::hex::datagram")]
        bytes: Cow<'static, [u8]>,
    },
    /// Establish keys with a server (RFC 8915 §4), away from the main loop. Answer with
    /// [`crate::Input::KeysEstablished`].
    EstablishKeys {
        /// For which source.
        source: SourceId,
        /// What the server's certificate has to be for.
        host: Host,
        /// Whom to connect to.
        server: SocketAddr,
        /// The set of certificates that are trusted.
        cert_set: u8,
        /// By what time their dates are judged.
        dates: CertificateDates,
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

/// By what time the dates of a certificate are judged. Times are Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateDates {
    /// It is this time.
    At(i64),
    /// Nobody knows what time it is, only that it is not before this: what has expired by then has expired.
    NotBefore(i64),
    /// Not at all.
    Unchecked,
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
