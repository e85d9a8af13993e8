//! A time server with a clock of known error. It answers by the production responder.

use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, respond};
use ntp_proto::time::{EstimatedTime, NtpDuration, NtpShort};

use crate::network::Path;

/// A server and the way to it.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// The way to it.
    pub path: Path,
    /// How far its clock is ahead of true time.
    pub ahead: NtpDuration,
}

impl Server {
    /// A server whose clock is right.
    #[must_use]
    pub const fn perfect(path: Path) -> Self {
        Self { path, ahead: NtpDuration::ZERO }
    }

    /// The reply to a request that arrives at `now`, true time; `None` if there is none.
    #[must_use]
    pub fn answer(&self, request: &[u8], now: EstimatedTime) -> Option<Vec<u8>> {
        let time = (now + self.ahead).to_wire();
        let vars = SystemVars {
            leap: Leap::None,
            stratum: Stratum::PRIMARY,
            precision: Precision::new(-30),
            root_delay: NtpShort::default(),
            root_dispersion: NtpShort::default(),
            ref_id: RefId::from_ascii(*b"SIM\0"),
            reference: time,
        };
        let mut buffer = request.to_vec();
        Some(respond(&mut buffer, time, &vars).ok()?.depart(time).to_vec())
    }
}
