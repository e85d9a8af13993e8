//! A time server with a clock of known error. It answers by the production responder.

use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, respond};
use ntp_proto::time::{EstimatedTime, Frequency, NtpDuration, NtpShort};

use crate::network::Path;
use crate::stamps::precision_of;

/// What a server makes of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// It answers.
    #[default]
    Answers,
    /// It is not there.
    Silent,
    /// It sends this kiss-o'-death instead of the time.
    Kisses([u8; 4]),
    /// It says that its time is not to be used.
    Unsynchronised,
}

/// A server and the way to it.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// The way to it.
    pub path: Path,
    /// How far its clock is ahead of true time.
    pub ahead: NtpDuration,
    /// How fast it gains on true time.
    pub drift: Frequency,
    /// What it makes of a request.
    pub behaviour: Behaviour,
    /// The stratum that it tells.
    pub stratum: Stratum,
    /// The round trip to its own reference that it tells.
    pub root_delay: NtpDuration,
    /// The dispersion against its own reference that it tells.
    pub root_dispersion: NtpDuration,
    /// Its stamps are multiples of this; zero: as fine as can be.
    pub resolution: NtpDuration,
}

impl Server {
    /// A server whose clock is right.
    #[must_use]
    pub const fn perfect(path: Path) -> Self {
        Self {
            path,
            ahead: NtpDuration::ZERO,
            drift: Frequency::ZERO,
            behaviour: Behaviour::Answers,
            stratum: Stratum::PRIMARY,
            root_delay: NtpDuration::ZERO,
            root_dispersion: NtpDuration::ZERO,
            resolution: NtpDuration::ZERO,
        }
    }

    /// The same server with a clock that is ahead of true time.
    #[must_use]
    pub const fn lying_by(mut self, ahead: NtpDuration) -> Self {
        self.ahead = ahead;
        self
    }

    /// The same server, behaving like this.
    #[must_use]
    pub const fn that(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = behaviour;
        self
    }

    /// The reply to a request that arrives at `now`, true time; `None` if there is none.
    #[must_use]
    pub fn answer(&self, request: &[u8], now: EstimatedTime) -> Option<Vec<u8>> {
        let time = crate::stamps::coarse(now + self.ahead, self.resolution).to_wire();
        let (leap, stratum, ref_id) = match self.behaviour {
            Behaviour::Answers => (Leap::None, self.stratum, *b"SIM\0"),
            Behaviour::Kisses(code) => (Leap::Unsynchronised, Stratum::UNSPECIFIED, code),
            Behaviour::Unsynchronised => (Leap::Unsynchronised, Stratum::UNSYNCHRONISED, *b"INIT"),
            Behaviour::Silent => return None,
        };
        let vars = SystemVars {
            leap,
            stratum,
            precision: precision_of(self.resolution).unwrap_or(Precision::new(-30)),
            root_delay: NtpShort::at_least(self.root_delay),
            root_dispersion: NtpShort::at_least(self.root_dispersion),
            ref_id: RefId::from_ascii(ref_id),
            reference: time,
        };
        let mut buffer = request.to_vec();
        Some(respond(&mut buffer, time, &vars).ok()?.depart(time).to_vec())
    }
}
