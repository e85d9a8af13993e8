//! A time server with a clock of known error. It answers by the production responder.

use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, respond};
use ntp_proto::time::{EstimatedTime, NtpDuration, NtpShort};

use crate::network::Path;

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
}

/// A server and the way to it.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// The way to it.
    pub path: Path,
    /// How far its clock is ahead of true time.
    pub ahead: NtpDuration,
    /// What it makes of a request.
    pub behaviour: Behaviour,
}

impl Server {
    /// A server whose clock is right.
    #[must_use]
    pub const fn perfect(path: Path) -> Self {
        Self { path, ahead: NtpDuration::ZERO, behaviour: Behaviour::Answers }
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
        let time = (now + self.ahead).to_wire();
        let (leap, stratum, ref_id) = match self.behaviour {
            Behaviour::Answers => (Leap::None, Stratum::PRIMARY, *b"SIM\0"),
            Behaviour::Kisses(code) => (Leap::Unsynchronised, Stratum::UNSPECIFIED, code),
            Behaviour::Silent => return None,
        };
        let vars = SystemVars {
            leap,
            stratum,
            precision: Precision::new(-30),
            root_delay: NtpShort::default(),
            root_dispersion: NtpShort::default(),
            ref_id: RefId::from_ascii(ref_id),
            reference: time,
        };
        let mut buffer = request.to_vec();
        Some(respond(&mut buffer, time, &vars).ok()?.depart(time).to_vec())
    }
}
