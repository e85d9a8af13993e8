//! External signals that a hardware clock stamps.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::bracket::{PhcTime, instant};
use super::status::PulseStatus;
use super::{Edge, ExternalPulses};
use crate::sys::ptp;

/// So many times events are fetched in one look; more would be no pulses of a second.
const FETCHES: usize = 4;

/// A channel that stamps, for as long as it lives.
#[derive(Debug)]
pub(super) struct Pulses {
    channel: u32,
    edge_is_sure: bool,
    pulses: u64,
    pub(super) not_placed: u64,
    /// On the clock that nobody steers.
    latest: Option<Duration>,
}

impl Pulses {
    /// Begins to stamp.
    pub(super) fn start(clock: BorrowedFd<'_>, wanted: &ExternalPulses, pins: u32) -> io::Result<Self> {
        let channel = wanted.channel;
        if pins > 0 {
            let led = ptp::lead_pin(clock, wanted.pin, channel);
            led.map_err(|error| explain(&error, &format!("pin {} cannot be used for pulses", wanted.pin)))?;
        }
        let edge = match wanted.edge {
            Edge::Rising => ptp::RISING_EDGE,
            Edge::Falling => ptp::FALLING_EDGE,
        };
        let strictly = ptp::request_strictly(clock, channel, ptp::ENABLE | edge);
        let edge_is_sure = strictly.is_ok();
        if !edge_is_sure {
            // There are cards that stamp both edges whatever they are asked for.
            let stamped = ptp::request(clock, channel, ptp::ENABLE | edge);
            stamped.map_err(|error| explain(&error, &format!("channel {channel} does not stamp pulses")))?;
        }
        Ok(Self { channel, edge_is_sure, pulses: 0, not_placed: 0, latest: None })
    }

    /// Stamps no more.
    pub(super) fn stop(&self, clock: BorrowedFd<'_>) {
        // A clock that is gone stamps nothing anyway.
        let _ = ptp::request(clock, self.channel, 0);
    }

    /// The pulses that came since the last call, by the hardware clock. `now`: of the clock that nobody steers.
    pub(super) fn fetch(&mut self, clock: BorrowedFd<'_>, now: Duration) -> io::Result<Vec<PhcTime>> {
        let mut stamps = Vec::new();
        for _ in 0..FETCHES {
            if !ptp::has_events(clock)? {
                break;
            }
            let events = ptp::events(clock)?;
            stamps.extend(events.iter().filter(|e| e.channel == self.channel).filter_map(|e| instant(&e.at)));
        }
        if !stamps.is_empty() {
            self.pulses += stamps.len() as u64;
            self.latest = Some(now);
        }
        Ok(stamps)
    }

    pub(super) fn status(&self, now: Duration) -> PulseStatus {
        PulseStatus {
            channel: self.channel,
            edge_is_sure: self.edge_is_sure,
            pulses: self.pulses,
            not_placed: self.not_placed,
            age_s: self.latest.map(|latest| now.saturating_sub(latest).as_secs_f64()),
        }
    }
}

fn explain(error: &io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
