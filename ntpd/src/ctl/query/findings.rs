//! What a series of requests finds, as figures. The JSON that is printed has this shape.

use std::net::SocketAddr;

use ntp_engine::StampQuality;
use ntp_proto::Exchange;
use ntp_proto::packet::{Header, Leap, Stratum};
use ntp_proto::time::RawTime;
use serde::Serialize;

use super::exchange::Attempt;

/// The outcome of a query.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Findings {
    /// Who was asked.
    pub(super) server: SocketAddr,
    /// What came of each request, in their order.
    pub(super) attempts: Vec<Attempt>,
    /// Which of them had the shortest round trip, counted from 1.
    best: Option<usize>,
}

impl Findings {
    pub(super) fn new(server: SocketAddr, attempts: Vec<Attempt>) -> Self {
        let delays = attempts.iter().enumerate().filter_map(|(i, a)| Some((i, a.measured()?.delay_s)));
        let best = delays.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(i, _)| i + 1);
        Self { server, attempts, best }
    }

    /// The measurement with the shortest round trip: whatever delays a packet on one way only makes the
    /// offset wrong by half of that, and the bound larger.
    pub(super) fn best(&self) -> Option<&Measured> {
        self.attempts.get(self.best?.checked_sub(1)?)?.measured()
    }

    /// What the server says of itself: with the best measurement, or else the last that it said.
    pub(super) fn about_server(&self) -> Option<&ServerVars> {
        let last = || self.attempts.iter().rev().find_map(Attempt::about_server);
        self.best().map(|best| &best.about).or_else(last)
    }
}

/// A valid exchange.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Measured {
    /// Server minus our system clock: positive means that our clock is slow.
    pub(super) offset_s: f64,
    /// Round trip, without the time that the server took.
    pub(super) delay_s: f64,
    /// The offset is not further from the truth than this, if the server is right about itself: half of the
    /// delay and its root distance.
    pub(super) error_bound_s: f64,
    /// Who made our stamps, transmit and receive.
    pub(super) stamps: (StampQuality, StampQuality),
    /// What the server says of itself.
    pub(super) about: ServerVars,
}

impl Measured {
    pub(super) fn new(exchange: &Exchange, stamps: (StampQuality, StampQuality), about: ServerVars) -> Self {
        let delay_s = exchange.delay().to_seconds();
        Self {
            offset_s: exchange.offset().to_seconds(),
            delay_s,
            error_bound_s: delay_s.max(0.0) / 2.0 + about.root_distance_s(),
            stamps,
            about,
        }
    }
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct ServerVars {
    /// 0 for "not known" and for a kiss-o'-death.
    pub(super) stratum: u8,
    /// What happens at the end of the day.
    pub(super) leap: Leap,
    /// What it is set by: letters up to stratum 1, else eight hexadecimal digits.
    pub(super) ref_id: String,
    /// Round trip to its primary clock.
    pub(super) root_delay_s: f64,
    /// Dispersion with respect to it.
    pub(super) root_dispersion_s: f64,
    /// Of its clock.
    pub(super) precision_s: f64,
    /// When its clock was last set, as Unix time.
    pub(super) reference_time_unix: Option<f64>,
}

impl ServerVars {
    /// The fields of a packet. `now` tells the era of its dates.
    pub(super) fn of(reply: &Header, now: RawTime) -> Self {
        let letters = (reply.stratum <= Stratum::PRIMARY).then(|| reply.ref_id.to_ascii()).flatten();
        let reference = (!reply.reference.is_zero()).then(|| RawTime::from_wire(reply.reference, now));
        Self {
            stratum: reply.stratum.get(),
            leap: reply.leap,
            ref_id: letters.unwrap_or_else(|| reply.ref_id.to_string()),
            root_delay_s: reply.root_delay.to_duration().to_seconds(),
            root_dispersion_s: reply.root_dispersion.to_duration().to_seconds(),
            precision_s: reply.precision.to_duration().to_seconds(),
            reference_time_unix: reference.map(RawTime::to_unix_seconds),
        }
    }

    /// How far it may be from its primary clock.
    pub(super) fn root_distance_s(&self) -> f64 {
        self.root_delay_s / 2.0 + self.root_dispersion_s
    }
}
