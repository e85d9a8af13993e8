//! Clock, network and servers together, driving one engine through true time.

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, SocketAddr};

use ntp_clock::{Reading, Shows, Stamp};
use ntp_engine::record::{Line, Seed, start};
use ntp_engine::{Action, ClockCommand, ClockOutcome, Engine, Input, KeyFailure, Now, Options, SourceId};
use ntp_proto::client::TxToken;
use ntp_proto::time::{EstimatedTime, NtpDuration};

use crate::change::Change;
use crate::clock::VirtualClock;
use crate::network::Wire;
use crate::oscillator::{Oscillator, Quartz};
use crate::random::Random;
use crate::refclock::{Device, Ticking};
use crate::server::Server;
use crate::stamps::{Stamps, coarse};

/// What a world is made from.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Everything random follows from it.
    pub seed: u64,
    /// True time at the start.
    pub start: EstimatedTime,
    /// The client's oscillator.
    pub quartz: Quartz,
    /// How far the client's clock is ahead at the start.
    pub ahead: NtpDuration,
    /// How well the client stamps its packets.
    pub stamps: Stamps,
    /// The servers, by the address that the client asks.
    pub servers: Vec<(SocketAddr, Server)>,
    /// The reference clocks of the client's machine, in the order of the client's options.
    pub refclocks: Vec<Device>,
    /// What happens, and how long after the start.
    pub changes: Vec<(NtpDuration, Change)>,
    /// What the client's resolver knows; other names have no address.
    pub names: BTreeMap<String, Vec<IpAddr>>,
    /// The client.
    pub options: Options,
}

/// The part of the random numbers that the first reference clock has; servers have those before.
const REFCLOCKS: u64 = 1 << 16;

/// Something on its way.
#[derive(Clone, Debug)]
enum Packet {
    Request { server: usize, source: SourceId, token: TxToken, bytes: Vec<u8> },
    Reply { source: SourceId, token: TxToken, bytes: Vec<u8> },
    Stamped { source: SourceId, token: TxToken, bytes: Vec<u8>, at: Stamp },
    Beat { refclock: usize, shows: Shows },
    Reading { refclock: usize, at: Stamp, reading: Reading },
}

/// Ordered by time of arrival, then by departure, so that runs repeat.
#[derive(Clone, Debug)]
struct Arrival {
    at: EstimatedTime,
    order: u64,
    packet: Packet,
}

impl Arrival {
    const fn key(&self) -> (EstimatedTime, u64) {
        (self.at, self.order)
    }
}

impl PartialEq for Arrival {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Arrival {}

impl PartialOrd for Arrival {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Arrival {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// A server and the two directions of the way to it.
#[derive(Debug)]
struct Peer {
    address: SocketAddr,
    server: Server,
    out: Wire,
    back: Wire,
}

/// A client, its servers, and everything between them.
#[derive(Debug)]
pub struct World {
    now: EstimatedTime,
    clock: VirtualClock,
    engine: Engine,
    stamps: Stamps,
    peers: Vec<Peer>,
    refclocks: Vec<Ticking>,
    names: BTreeMap<String, Vec<IpAddr>>,
    /// What is still to happen, the next thing last.
    changes: Vec<(EstimatedTime, Change)>,
    /// Up to when the servers' clocks are right.
    served: EstimatedTime,
    host: Random,
    packets: BinaryHeap<Reverse<Arrival>>,
    posted: u64,
    /// The open sockets of the client, one for each request.
    sockets: Vec<(SourceId, TxToken)>,
    sent: u64,
    recording: Option<Vec<Line<'static>>>,
}

impl World {
    /// The beginning of the scenario.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Self::build(scenario, false)
    }

    /// The same, with everything that reaches the engine written down.
    #[must_use]
    pub fn recorded(scenario: &Scenario) -> Self {
        Self::build(scenario, true)
    }

    fn build(scenario: &Scenario, record: bool) -> Self {
        let random = |part| Random::new(scenario.seed, part);
        let clock =
            VirtualClock::new(Oscillator::new(scenario.quartz, random(1)), scenario.start, scenario.ahead);
        let now = Now { monotonic: clock.monotonic(), raw: clock.raw() };
        let seed: Seed = random(2).seed();
        let options = scenario.options.clone();
        let first = Line::Start { now, seed, options: Box::new(options.clone()) };
        let peers = scenario.servers.iter().zip(0..).map(|((address, server), index)| Peer {
            address: *address,
            server: *server,
            out: Wire::new(random(16 + 2 * index), scenario.start),
            back: Wire::new(random(17 + 2 * index), scenario.start),
        });
        let refclocks = scenario
            .refclocks
            .iter()
            .zip(REFCLOCKS..)
            .map(|(device, part)| Ticking::new(*device, random(part), scenario.start));
        let mut world = Self {
            now: scenario.start,
            clock,
            engine: start(options, seed, now),
            stamps: scenario.stamps,
            peers: peers.collect(),
            refclocks: refclocks.collect(),
            names: scenario.names.clone(),
            changes: in_order(scenario),
            served: scenario.start,
            host: random(3),
            packets: BinaryHeap::new(),
            posted: 0,
            sockets: Vec::new(),
            sent: 0,
            recording: record.then(|| vec![first]),
        };
        (0..world.refclocks.len()).for_each(|refclock| world.await_beat(refclock));
        world.act();
        world
    }

    /// True time.
    #[must_use]
    pub fn now(&self) -> EstimatedTime {
        self.now
    }

    /// The client's clock.
    #[must_use]
    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// The client.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Both clocks of the client, as it reads them.
    #[must_use]
    pub fn client_now(&self) -> Now {
        Now { monotonic: self.clock.monotonic(), raw: self.clock.raw() }
    }

    /// How far the time that the client serves is ahead of true time.
    #[must_use]
    pub fn served_error(&self) -> NtpDuration {
        self.engine.snapshot().estimate(self.clock.raw()) - self.now
    }

    /// Packets that the client sent.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.sent
    }

    /// What reached the engine so far, if it is written down.
    #[must_use]
    pub fn recording(&self) -> &[Line<'static>] {
        self.recording.as_deref().unwrap_or(&[])
    }

    /// What the engine wanted done so far, if the run is written down.
    #[must_use]
    pub fn actions(&self) -> Vec<Action> {
        let action =
            |line: &Line<'_>| if let Line::Action(action) = line { Some(action.clone()) } else { None };
        self.recording().iter().filter_map(action).collect()
    }

    /// The server at this place in the scenario, to change its ways.
    pub fn server(&mut self, index: usize) -> &mut Server {
        &mut self.peers[index].server
    }

    /// The client's program ends and starts again at once, with or without the knowledge of its last run. Its
    /// clock runs on.
    pub fn restart(&mut self, mut options: Options, recall: bool) {
        self.tell(Input::Shutdown);
        let now = self.client_now();
        let history = self.engine.history(now);
        options.initial_rate = self.clock.rate();
        self.sockets.clear();
        self.engine = start(options, self.host.seed(), now);
        if recall {
            self.engine.handle(now, Input::Recall(Box::new(history)));
        }
        self.act();
    }

    /// True time goes on by `span`.
    pub fn run_for(&mut self, span: NtpDuration) {
        let end = self.now + span;
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.advance(next);
            if self.changes.last().is_some_and(|(at, _)| *at <= self.now) {
                self.change();
            } else if self.packets.peek().is_some_and(|Reverse(arrival)| arrival.at <= self.now) {
                self.deliver();
            } else {
                self.tell(Input::Tick);
            }
        }
        self.advance(end);
    }

    /// Somebody else on the client's host sets the clock.
    pub fn step_by_other(&mut self, by: NtpDuration) {
        self.clock.step(by);
        self.tell(Input::SteppedByOther { by });
    }

    fn next_event(&self) -> Option<EstimatedTime> {
        let wait = self.engine.next_wakeup(self.client_now()) - self.clock.monotonic();
        // A tick that comes a little early is repeated; rounding up keeps that from going on for ever.
        let timer = self.now + self.clock.true_span(wait) + NtpDuration::from_nanos(100);
        let arrival = self.packets.peek().map(|Reverse(arrival)| arrival.at);
        let change = self.changes.last().map(|(at, _)| *at);
        [Some(timer), arrival, change].into_iter().flatten().min()
    }

    fn advance(&mut self, to: EstimatedTime) {
        self.now = self.now.max(to);
        self.clock.advance(self.now);
    }

    fn change(&mut self) {
        self.run_servers();
        match self.changes.pop() {
            Some((_, Change::Frequency(by))) => self.clock.jump(by),
            Some((_, Change::Step(by))) => self.step_by_other(by),
            Some((_, Change::Server(index, change))) => change.apply(&mut self.peers[index].server),
            Some((_, Change::Refclock(index, change))) => change.apply(&mut self.refclocks[index].device),
            None => {}
        }
    }

    /// The servers' clocks go on to now.
    fn run_servers(&mut self) {
        let elapsed = self.now - self.served;
        self.served = self.now;
        for peer in &mut self.peers {
            peer.server.ahead += peer.server.drift * elapsed;
        }
    }

    fn post(&mut self, at: EstimatedTime, packet: Packet) {
        self.posted += 1;
        self.packets.push(Reverse(Arrival { at, order: self.posted, packet }));
    }

    fn deliver(&mut self) {
        let Some(Reverse(arrival)) = self.packets.pop() else { return };
        match arrival.packet {
            Packet::Request { server, source, token, bytes } => self.serve(server, source, token, &bytes),
            Packet::Reply { source, token, bytes } => {
                let at = self.stamp();
                let heard = self.now + self.delayed(self.stamps.wakeup);
                self.post(heard, Packet::Stamped { source, token, bytes, at });
            }
            Packet::Stamped { source, token, bytes, at } => {
                if self.sockets.contains(&(source, token)) {
                    let (quality, bytes) = (self.stamps.quality, Cow::Owned(bytes));
                    self.tell(Input::Datagram { source, token, at, quality, bytes });
                }
            }
            Packet::Beat { refclock, shows } => {
                self.read(refclock, shows);
                self.await_beat(refclock);
            }
            Packet::Reading { refclock, at, reading } => {
                self.tell(Input::Reading { source: SourceId::refclock(refclock), at, reading });
            }
        }
    }

    fn await_beat(&mut self, refclock: usize) {
        let beat = self.refclocks[refclock].next_beat();
        // One that jitters more than an interval does not overtake the one before it.
        self.post(beat.at.max(self.now), Packet::Beat { refclock, shows: beat.shows });
    }

    /// The client reads a reference clock, if it is not silent.
    fn read(&mut self, refclock: usize, shows: Shows) {
        let device = self.refclocks[refclock].device;
        if device.silences > 0 {
            return;
        }
        let time = coarse(self.clock.raw(), device.resolution);
        let at = Stamp { time, epoch: self.engine.epoch() };
        let reading = Reading { at: time, shows, leap: None, resolution: device.resolution };
        self.post(self.now + device.heard_after, Packet::Reading { refclock, at, reading });
    }

    fn serve(&mut self, server: usize, source: SourceId, token: TxToken, request: &[u8]) {
        self.run_servers();
        let peer = &mut self.peers[server];
        let Some(bytes) = peer.server.answer(request, self.now) else { return };
        let path = peer.server.path;
        let delays: Vec<_> = peer.back.cross(&path.back, self.now).filter(|_| path.cuts == 0).collect();
        for delay in delays {
            let at = self.now + delay + self.delayed(self.stamps.latency);
            self.post(at, Packet::Reply { source, token, bytes: bytes.clone() });
        }
    }

    fn tell(&mut self, input: Input<'static>) {
        let now = self.client_now();
        if let Some(recording) = &mut self.recording {
            recording.push(Line::Input { now, input: input.clone() });
        }
        self.engine.handle(now, input);
        self.act();
    }

    fn act(&mut self) {
        while self.engine.poll_event().is_some() {}
        while let Some(action) = self.engine.poll_action() {
            if let Some(recording) = &mut self.recording {
                recording.push(Line::Action(action.clone()));
            }
            match action {
                Action::Send { source, token, remote, bytes } => {
                    self.send(source, token, remote, &bytes);
                }
                Action::Clock(ClockCommand::SetRate(rate)) => {
                    let at = self.clock.raw();
                    let rate = self.clock.set_rate(rate);
                    self.tell(Input::Clock(ClockOutcome::RateSet { at, rate }));
                }
                Action::Clock(ClockCommand::Step(by)) => {
                    let at = self.clock.raw();
                    self.clock.step(by);
                    self.tell(Input::Clock(ClockOutcome::Stepped { at, by }));
                }
                Action::Resolve { lookup, name, .. } => {
                    let addresses = self.names.get(&name).cloned().unwrap_or_default();
                    self.tell(Input::Resolved { lookup, addresses });
                }
                Action::EstablishKeys { source, dates, .. } => {
                    let words = "servers of simulated worlds have no keys".to_owned();
                    let result = Err(KeyFailure { is_refusal: true, words });
                    self.tell(Input::KeysEstablished { source, dates, result });
                }
                Action::Forget { source } => self.close(source),
                Action::Clock(ClockCommand::SetStatus(_)) | Action::Save(_) => {}
            }
        }
    }

    fn send(&mut self, source: SourceId, token: TxToken, remote: SocketAddr, bytes: &[u8]) {
        self.sent += 1;
        self.close(source);
        self.sockets.push((source, token));
        let at = self.stamp();
        self.tell(Input::Departed { source, token, at, quality: self.stamps.quality, local: None });
        let Some(server) = self.peers.iter().position(|peer| peer.address == remote) else { return };
        let departs = self.now + self.delayed(self.stamps.latency);
        let peer = &mut self.peers[server];
        let path = peer.server.path;
        let delays: Vec<_> = peer.out.cross(&path.out, departs).filter(|_| path.cuts == 0).collect();
        for delay in delays {
            self.post(departs + delay, Packet::Request { server, source, token, bytes: bytes.to_vec() });
        }
    }

    fn close(&mut self, source: SourceId) {
        self.sockets.retain(|(owner, _)| *owner != source);
    }

    /// An exponential deviate of this mean; nothing is drawn if it is zero.
    fn delayed(&mut self, mean: NtpDuration) -> NtpDuration {
        if mean > NtpDuration::ZERO { mean.scaled(self.host.exponential()) } else { NtpDuration::ZERO }
    }

    fn stamp(&self) -> Stamp {
        Stamp { time: coarse(self.clock.raw(), self.stamps.resolution), epoch: self.engine.epoch() }
    }
}

/// The latest first. Those of one time happen in the order of the scenario.
fn in_order(scenario: &Scenario) -> Vec<(EstimatedTime, Change)> {
    let mut changes: Vec<_> = scenario.changes.iter().map(|(at, c)| (scenario.start + *at, *c)).collect();
    changes.sort_by_key(|(at, _)| *at);
    changes.reverse();
    changes
}
