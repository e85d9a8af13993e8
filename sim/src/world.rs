//! Clock, network and servers together, driving one engine through true time.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::{IpAddr, SocketAddr};

use ntp_clock::Stamp;
use ntp_engine::record::{Line, Seed, start};
use ntp_engine::{Action, ClockCommand, ClockOutcome, Engine, Input, Now, Options, SourceId, StampQuality};
use ntp_proto::client::TxToken;
use ntp_proto::time::{EstimatedTime, Frequency, NtpDuration};

use crate::clock::VirtualClock;
use crate::oscillator::Oscillator;
use crate::random::Random;
use crate::server::Server;

/// What a world is made from.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Everything random follows from it.
    pub seed: u64,
    /// True time at the start.
    pub start: EstimatedTime,
    /// By how much the client's oscillator runs fast.
    pub frequency_error: Frequency,
    /// Its random walk per √s.
    pub wander: Frequency,
    /// How far the client's clock is ahead at the start.
    pub ahead: NtpDuration,
    /// The servers, by the address that the client asks.
    pub servers: Vec<(SocketAddr, Server)>,
    /// What the client's resolver knows; other names have no address.
    pub names: BTreeMap<String, Vec<IpAddr>>,
    /// The client.
    pub options: Options,
}

/// Something on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Packet {
    Request { server: usize, source: u32, token: u64 },
    Reply { source: u32, token: u64, bytes: Vec<u8> },
}

/// Ordered by time of arrival, then by departure, so that runs repeat.
type Arrival = Reverse<(EstimatedTime, u64, Packet)>;

/// A client, its servers, and everything between them.
#[derive(Debug)]
pub struct World {
    now: EstimatedTime,
    clock: VirtualClock,
    engine: Engine,
    servers: Vec<(SocketAddr, Server)>,
    names: BTreeMap<String, Vec<IpAddr>>,
    network: Random,
    packets: BinaryHeap<Arrival>,
    requests: Vec<((SourceId, TxToken), Vec<u8>)>,
    sent: u64,
    recording: Option<Vec<Line<'static>>>,
    actions: Vec<Action>,
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
        let oscillator = Oscillator::new(scenario.frequency_error, scenario.wander, random(1));
        let clock = VirtualClock::new(oscillator, scenario.start, scenario.ahead);
        let now = Now { monotonic: clock.monotonic(), raw: clock.raw() };
        let seed: Seed = random(2).seed();
        let options = scenario.options.clone();
        let first = Line::Start { now, seed, options: Box::new(options.clone()) };
        let mut world = Self {
            now: scenario.start,
            clock,
            engine: start(options, seed, now),
            servers: scenario.servers.clone(),
            names: scenario.names.clone(),
            network: random(3),
            packets: BinaryHeap::new(),
            requests: Vec::new(),
            sent: 0,
            recording: record.then(|| vec![first]),
            actions: Vec::new(),
        };
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
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The server at this place in the scenario, to change its ways.
    pub fn server(&mut self, index: usize) -> &mut Server {
        &mut self.servers[index].1
    }

    /// The client's program ends and starts again at once, with or without the knowledge of its last run. Its
    /// clock runs on.
    pub fn restart(&mut self, mut options: Options, recall: bool) {
        self.tell(Input::Shutdown);
        let now = self.client_now();
        let history = self.engine.history(now);
        options.initial_rate = self.clock.rate();
        self.requests.clear();
        self.engine = start(options, self.network.seed(), now);
        if recall {
            self.engine.recall(now, history);
        }
        self.act();
    }

    /// True time goes on by `span`.
    pub fn run_for(&mut self, span: NtpDuration) {
        let end = self.now + span;
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.advance(next);
            match self.packets.peek() {
                Some(Reverse((at, ..))) if *at <= self.now => self.deliver(),
                _ => self.tell(Input::Tick),
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
        let arrival = self.packets.peek().map(|Reverse((at, ..))| *at);
        Some(arrival.map_or(timer, |arrival| arrival.min(timer)))
    }

    fn advance(&mut self, to: EstimatedTime) {
        self.now = self.now.max(to);
        self.clock.advance(self.now);
    }

    fn deliver(&mut self) {
        let Some(Reverse((_, order, packet))) = self.packets.pop() else { return };
        match packet {
            Packet::Request { server, source, token } => self.serve(order, server, source, token),
            Packet::Reply { source, token, bytes } => {
                let Some(at) =
                    self.requests.iter().position(|((s, t), _)| s.number() == source && t.number() == token)
                else {
                    return;
                };
                let ((source, token), _) = self.requests.swap_remove(at);
                let at = self.stamp();
                let bytes = Cow::Owned(bytes);
                self.tell(Input::Datagram { source, token, at, quality: StampQuality::Kernel, bytes });
            }
        }
    }

    fn serve(&mut self, order: u64, server: usize, source: u32, token: u64) {
        let known = self.requests.iter().find(|((s, t), _)| s.number() == source && t.number() == token);
        let (Some((_, request)), (_, server)) = (known, self.servers[server]) else { return };
        let reply = server.answer(request, self.now);
        let delay = server.path.back.cross(&mut self.network);
        if let (Some(bytes), Some(delay)) = (reply, delay) {
            self.packets.push(Reverse((self.now + delay, order, Packet::Reply { source, token, bytes })));
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
            if self.recording.is_some() {
                self.actions.push(action.clone());
            }
            match action {
                Action::Send { source, token, remote, bytes } => {
                    self.send(source, token, remote, bytes.to_vec());
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
                Action::Clock(ClockCommand::SetStatus(_)) | Action::Save(_) | Action::Forget { .. } => {}
            }
        }
    }

    fn send(&mut self, source: SourceId, token: TxToken, remote: SocketAddr, bytes: Vec<u8>) {
        self.sent += 1;
        self.requests.retain(|((s, _), _)| *s != source);
        self.requests.push(((source, token), bytes));
        let at = self.stamp();
        self.tell(Input::Departed { source, token, at, quality: StampQuality::Kernel, local: None });
        let Some(server) = self.servers.iter().position(|(address, _)| *address == remote) else { return };
        if let Some(delay) = self.servers[server].1.path.out.cross(&mut self.network) {
            let packet = Packet::Request { server, source: source.number(), token: token.number() };
            self.packets.push(Reverse((self.now + delay, self.sent, packet)));
        }
    }

    fn stamp(&self) -> Stamp {
        Stamp { time: self.clock.raw(), epoch: self.engine.epoch() }
    }
}
