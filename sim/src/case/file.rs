//! The parts of a scenario as they are written down.

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::delay::Shape;

/// How the client stamps its packets.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stamping {
    /// By the program and not by the kernel.
    pub user: bool,
    /// Stamps are multiples of so many microseconds.
    pub resolution_us: f64,
    /// Mean time between stamp and wire, in microseconds.
    pub latency_us: f64,
    /// Mean time from a reply's stamp until the engine hears of it, in microseconds.
    pub wakeup_us: f64,
}

/// A cycle of temperature.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cycle {
    /// How long it takes.
    pub period_s: f64,
    /// By how much the oscillator is fast at its height.
    pub amplitude_ppm: f64,
    /// Where in the cycle the run begins, 0 … 1.
    #[serde(default)]
    pub phase: f64,
}

/// One or more servers alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Peer {
    /// How many.
    pub count: usize,
    /// Both directions of the way.
    pub way: Way,
    /// What is different on the way there.
    pub out: Way,
    /// What is different on the way back.
    pub back: Way,
    /// How far its clock is ahead at the start.
    pub ahead_s: f64,
    /// How fast it gains on true time.
    pub drift_ppm: f64,
    /// What it makes of a request.
    pub behaviour: Behaving,
    /// The stratum that it tells.
    pub stratum: u8,
    /// The root delay that it tells.
    pub root_delay_us: f64,
    /// The root dispersion that it tells.
    pub root_dispersion_us: f64,
    /// Its stamps are multiples of so many microseconds.
    pub resolution_us: f64,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            count: 1,
            way: Way::default(),
            out: Way::default(),
            back: Way::default(),
            ahead_s: 0.0,
            drift_ppm: 0.0,
            behaviour: Behaving::Answers,
            stratum: 1,
            root_delay_us: 0.0,
            root_dispersion_us: 0.0,
            resolution_us: 0.0,
        }
    }
}

impl Peer {
    pub(super) fn check(&self) -> Result<()> {
        for way in [&self.way, &self.out, &self.back] {
            if let Some(queue) = &way.queue {
                ensure!(queue.memory_s > 0.0, "a queue's memory_s has to be above 0");
            }
            way.shape.map_or(Ok(()), Shape::check)?;
        }
        Ok(())
    }
}

impl Shape {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Pareto(tail) => ensure!(tail > 1.0, "pareto: {tail} is not above 1"),
            Self::Gamma(k) => ensure!(k > 0, "gamma: 0 is not above 0"),
            _ => {}
        }
        Ok(())
    }
}

/// One direction; what is left out is taken from the server's `way`, or else from a LAN.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Way {
    /// The delay of every packet.
    pub base_us: Option<f64>,
    /// The scale of each packet's own delay.
    pub jitter_us: Option<f64>,
    /// How that is distributed.
    pub shape: Option<Shape>,
    /// Packets whose own delay is a multiple.
    pub spikes: Option<Spikes>,
    /// Standard deviation of a normal delay on top.
    pub noise_us: Option<f64>,
    /// A delay that packets share.
    pub queue: Option<Shared>,
    /// The share of packets lost.
    pub loss: Option<f64>,
    /// The share of packets that arrive twice.
    pub duplication: Option<f64>,
}

impl Way {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            base_us: self.base_us.or(other.base_us),
            jitter_us: self.jitter_us.or(other.jitter_us),
            shape: self.shape.or(other.shape),
            spikes: self.spikes.or(other.spikes),
            noise_us: self.noise_us.or(other.noise_us),
            queue: self.queue.or(other.queue),
            loss: self.loss.or(other.loss),
            duplication: self.duplication.or(other.duplication),
        }
    }
}

/// Packets whose own delay is a multiple of the others'.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spikes {
    /// The share of packets.
    pub share: f64,
    /// How many times as long.
    pub factor: f64,
}

/// A delay that packets share.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// Its mean.
    pub mean_us: f64,
    /// How long it is remembered.
    pub memory_s: f64,
    /// Bursts in bursts.
    #[serde(default)]
    pub self_similar: bool,
}

/// What a server makes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaving {
    /// It answers.
    Answers,
    /// It is not there.
    Silent,
    /// It says that its time is not to be used.
    Unsynchronised,
}

/// Something that happens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// How long after the start.
    pub at_s: f64,
    /// After this it is taken back; otherwise it is for good.
    pub for_s: Option<f64>,
    /// It comes again each time so much later.
    pub every_s: Option<f64>,
    /// To which servers, counted from 0; to all if left out.
    pub servers: Option<Vec<usize>>,
    /// The client's oscillator runs faster by this.
    pub frequency_ppm: Option<f64>,
    /// Somebody else sets the client's clock forward.
    pub step_s: Option<f64>,
    /// The way there becomes longer.
    pub route_out_us: Option<f64>,
    /// The way back becomes longer.
    pub route_back_us: Option<f64>,
    /// Others cause an exponential delay of this mean on the way there.
    pub congestion_out_us: Option<f64>,
    /// The same on the way back.
    pub congestion_back_us: Option<f64>,
    /// Nothing passes.
    #[serde(default)]
    pub cut: bool,
    /// The server's clock is set forward.
    pub server_step_s: Option<f64>,
    /// The server's clock runs faster by this.
    pub server_drift_ppm: Option<f64>,
    /// The server behaves differently.
    pub behaviour: Option<Behaving>,
    /// To which reference clocks, counted from 0; to all if left out.
    pub refclocks: Option<Vec<usize>>,
    /// The reference clock gives nothing.
    #[serde(default)]
    pub silent: bool,
    /// What the reference clock gives comes later by this.
    pub displaced_us: Option<f64>,
}

impl Event {
    pub(super) fn check(&self, servers: usize, refclocks: usize) -> Result<()> {
        let wrong = self.servers.iter().flatten().find(|index| **index >= servers);
        ensure!(wrong.is_none(), "an event is for server {wrong:?} of {servers}, counted from 0");
        let wrong = self.refclocks.iter().flatten().find(|index| **index >= refclocks);
        ensure!(wrong.is_none(), "an event is for reference clock {wrong:?} of {refclocks}, counted from 0");
        ensure!(self.every_s.is_none_or(|every| every >= 1.0), "every_s has to be 1 or more");
        Ok(())
    }
}

pub(super) fn tenth() -> f64 {
    0.1
}

pub(super) fn ten<T: From<i8>>() -> T {
    T::from(10)
}

pub(super) fn six() -> i8 {
    6
}

pub(super) fn wander() -> f64 {
    1e-9
}

pub(super) fn half() -> f64 {
    0.5
}

pub(super) fn three_fifths() -> f64 {
    0.6
}

pub(super) fn two() -> f64 {
    2.0
}

pub(super) fn almost_always() -> f64 {
    0.999
}

pub(super) fn yes() -> bool {
    true
}
