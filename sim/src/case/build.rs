//! From what is written down to a world.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ntp_engine::{Entry, Host, Options, SourceKind, SourceOptions, StampQuality};
use ntp_proto::packet::{PollExp, Stratum};
use ntp_proto::time::{EstimatedTime, Frequency, NtpDuration};

use super::file::{Behaving, Event, Peer, Shared, Spikes, Way};
use super::{Case, Clock, Polling};
use crate::change::{Change, ServerChange};
use crate::delay::{Jitter, Queue, Shape};
use crate::network::{Direction, Path};
use crate::oscillator::{Quartz, Temperature};
use crate::refclock::DeviceChange;
use crate::server::{Behaviour, Server};
use crate::stamps::{Stamps, precision_of};
use crate::world::Scenario;

/// They all have to find an address in 192.0.2.0/24.
pub(super) const MOST_SERVERS: usize = 254;
/// Any time will do.
const START: i64 = 1_800_000_000;

impl Case {
    /// The world with this seed.
    #[must_use]
    pub fn scenario(&self, polling: Polling, seed: u64) -> Scenario {
        let peers = self.servers.iter().flat_map(|peer| std::iter::repeat_n(peer, peer.count));
        let servers: Vec<_> =
            peers.enumerate().map(|(index, peer)| (address(index), peer.server())).collect();
        Scenario {
            seed,
            start: EstimatedTime::from_unix(START, 0),
            quartz: self.quartz(),
            ahead: NtpDuration::from_seconds(self.offset_s),
            stamps: self.stamps(),
            options: self.options(polling, servers.len()),
            changes: self.changes(servers.len()),
            servers,
            refclocks: self.refclocks.iter().map(Clock::device).collect(),
            names: BTreeMap::new(),
        }
    }

    fn quartz(&self) -> Quartz {
        Quartz {
            error: Frequency::from_ppm(self.frequency_ppm),
            wander: Frequency::new(self.wander),
            noise: Frequency::from_ppm(self.white_fm_ppm),
            temperature: self.temperature.map(|cycle| Temperature {
                period: NtpDuration::from_seconds(cycle.period_s),
                amplitude: Frequency::from_ppm(cycle.amplitude_ppm),
                phase: cycle.phase,
            }),
        }
    }

    fn stamps(&self) -> Stamps {
        Stamps {
            quality: if self.stamps.user { StampQuality::User } else { StampQuality::Kernel },
            resolution: micros(self.stamps.resolution_us),
            latency: micros(self.stamps.latency_us),
            wakeup: micros(self.stamps.wakeup_us),
        }
    }

    fn options(&self, polling: Polling, servers: usize) -> Options {
        let mut source = SourceOptions::default();
        source.association.iburst = self.iburst;
        source.association.min_poll = PollExp::new(self.minpoll);
        source.association.max_poll = PollExp::new(match polling {
            Polling::Default => self.maxpoll,
            Polling::Equal => self.minpoll,
        });
        let entry = |index| {
            let address = address(index);
            let host = Host::Address(address.ip());
            Entry { host, port: address.port(), kind: SourceKind::Server, options: source }
        };
        let refclocks = self.refclocks.iter().map(Clock::options).collect();
        let entries = (0..servers).map(entry).collect();
        let mut options = Options { entries, refclocks, ..Options::default() };
        if let Some(precision) = precision_of(micros(self.stamps.resolution_us)) {
            options.precision = precision;
        }
        options
    }

    fn changes(&self, servers: usize) -> Vec<(NtpDuration, Change)> {
        let mut all = Vec::new();
        for event in &self.events {
            let changes = event.changes(servers, self.refclocks.len());
            let mut at = event.at_s;
            while at < self.seconds as f64 {
                all.extend(changes.iter().map(|change| (NtpDuration::from_seconds(at), *change)));
                if let Some(lasting) = event.for_s {
                    let end = NtpDuration::from_seconds(at + lasting);
                    all.extend(changes.iter().map(|change| (end, change.undone())));
                }
                at += event.every_s.unwrap_or(f64::INFINITY);
            }
        }
        all
    }
}

impl Peer {
    fn server(&self) -> Server {
        let (out, back) = (self.out.or(self.way).direction(), self.back.or(self.way).direction());
        Server {
            ahead: NtpDuration::from_seconds(self.ahead_s),
            drift: Frequency::from_ppm(self.drift_ppm),
            behaviour: self.behaviour.into(),
            stratum: Stratum::new(self.stratum),
            root_delay: micros(self.root_delay_us),
            root_dispersion: micros(self.root_dispersion_us),
            resolution: micros(self.resolution_us),
            ..Server::perfect(Path { out, back, cuts: 0 })
        }
    }
}

impl Way {
    fn direction(&self) -> Direction {
        let spikes = self.spikes.unwrap_or(Spikes { share: 0.0, factor: 1.0 });
        Direction {
            base: micros(self.base_us.unwrap_or(100.0)),
            jitter: Jitter {
                scale: micros(self.jitter_us.unwrap_or(10.0)),
                shape: self.shape.unwrap_or(Shape::Exponential),
                spike_share: spikes.share,
                spike_factor: spikes.factor,
            },
            noise: Jitter {
                shape: Shape::Normal,
                ..Jitter::exponential(micros(self.noise_us.unwrap_or(0.0)))
            },
            congestion: NtpDuration::ZERO,
            queue: self.queue.map(Queue::from),
            loss: self.loss.unwrap_or(0.0),
            duplication: self.duplication.unwrap_or(0.0),
        }
    }
}

impl From<Shared> for Queue {
    fn from(shared: Shared) -> Self {
        Self {
            mean: micros(shared.mean_us),
            memory: NtpDuration::from_seconds(shared.memory_s),
            self_similar: shared.self_similar,
        }
    }
}

impl From<Behaving> for Behaviour {
    fn from(behaving: Behaving) -> Self {
        match behaving {
            Behaving::Answers => Self::Answers,
            Behaving::Silent => Self::Silent,
            Behaving::Unsynchronised => Self::Unsynchronised,
        }
    }
}

impl Event {
    fn changes(&self, servers: usize, refclocks: usize) -> Vec<Change> {
        let frequency = self.frequency_ppm.map(|ppm| Change::Frequency(Frequency::from_ppm(ppm)));
        let step = self.step_s.map(|by| Change::Step(NtpDuration::from_seconds(by)));
        let whom = self.servers.clone().unwrap_or_else(|| (0..servers).collect());
        let to_servers = whom
            .into_iter()
            .flat_map(|index| self.server_changes().map(move |change| Change::Server(index, change)));
        let clocks = self.refclocks.clone().unwrap_or_else(|| (0..refclocks).collect());
        let to_refclocks = clocks
            .into_iter()
            .flat_map(|index| self.refclock_changes().map(move |change| Change::Refclock(index, change)));
        frequency.into_iter().chain(step).chain(to_servers).chain(to_refclocks).collect()
    }

    fn refclock_changes(&self) -> impl Iterator<Item = DeviceChange> {
        let displaced = self.displaced_us.map(|by| DeviceChange::Displace(micros(by)));
        self.silent.then_some(DeviceChange::Silence).into_iter().chain(displaced)
    }

    fn server_changes(&self) -> impl Iterator<Item = ServerChange> {
        let both = |out: Option<f64>, back: Option<f64>| {
            let some = out.is_some() || back.is_some();
            some.then(|| (micros(out.unwrap_or(0.0)), micros(back.unwrap_or(0.0))))
        };
        let route = both(self.route_out_us, self.route_back_us);
        let congestion = both(self.congestion_out_us, self.congestion_back_us);
        [
            route.map(|(out, back)| ServerChange::Route(out, back)),
            congestion.map(|(out, back)| ServerChange::Congestion(out, back)),
            self.cut.then_some(ServerChange::Cut),
            self.server_step_s.map(|by| ServerChange::Step(NtpDuration::from_seconds(by))),
            self.server_drift_ppm.map(|ppm| ServerChange::Drift(Frequency::from_ppm(ppm))),
            self.behaviour.map(|behaving| ServerChange::Behave(behaving.into())),
        ]
        .into_iter()
        .flatten()
    }
}

fn address(index: usize) -> SocketAddr {
    ([192, 0, 2, 1 + index as u8], 123).into()
}

pub(super) fn micros(us: f64) -> NtpDuration {
    NtpDuration::from_seconds(us * 1e-6)
}
