//! What other options would have made of a recorded run, as far as the recording can tell.
//!
//! The free-running clock is the same, whatever is done to the system clock above it, so what was recorded is
//! taken down to it and up again to the system clock that other decisions would have given. A recorded exchange
//! answers the latest request to the same server that waits for an answer, as though that had left later than
//! it did. Polls that were not made cannot be answered.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ntp_clock::{Stamp, Timeline};
use ntp_engine::record::{self, Line};
use ntp_engine::{
    Action, AuthSelect, ClockCommand, ClockOutcome, Engine, Event, Input, LookupId, Now, Options, SourceId,
    StampQuality,
};
use ntp_proto::client::TxToken;
use ntp_proto::packet::{HEADER_LEN, PacketView};
use ntp_proto::time::{FreeTime, NtpDuration};

use super::exact::{Exact, Request};
use crate::clock::kernel_rate;

/// The place of the origin timestamp in a packet (RFC 5905 figure 8).
const ORIGIN: std::ops::Range<usize> = 24..32;
/// The place of the transmit timestamp.
const TRANSMIT: std::ops::Range<usize> = 40..48;

/// Another run in the same world.
#[derive(Debug)]
pub struct WhatIf {
    /// The engine as it ended.
    pub engine: Engine,
    /// The run as it was recorded.
    pub recorded: Exact,
    /// The time at the end, by the clock of the other run.
    pub now: Now,
    /// What the engine had to tell.
    pub diary: Vec<(Now, Event)>,
    /// Requests that the engine wanted to make …
    pub asked: u64,
    /// … and how many of them an exchange of the recording could answer.
    pub answered: u64,
    /// Replies in the recording.
    pub replies: u64,
    /// The free-running clock under the recorded one.
    below: Timeline,
    /// The same under the other one.
    above: Timeline,
    /// When and where the free-running clock was looked at last.
    last: (Now, FreeTime),
    waiting: BTreeMap<SocketAddr, Waiting>,
    names: BTreeMap<LookupId, Vec<IpAddr>>,
}

/// A request without an answer yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    source: SourceId,
    token: TxToken,
    bytes: [u8; HEADER_LEN],
    /// The recorded request whose place it takes.
    stands_for: Option<(SourceId, TxToken)>,
}

/// Goes through a recording with options changed by `change`, up to where the program was started anew or lines are
/// missing, if that is so. Where the recording begins with an engine that runs already, requests that were on their
/// way then are not answered.
///
/// `None` if the recording begins with no engine, or `change` gives other servers to one that runs already.
#[must_use]
pub fn what_if(lines: &[Line<'_>], change: impl FnOnce(&mut Options)) -> Option<WhatIf> {
    let (first, rest) = lines.split_first()?;
    let mut run = WhatIf::begin(first, lines, change)?;
    for line in rest {
        match line {
            Line::Input { now, input } => run.go_on(line, *now, input),
            Line::State { engine, .. } if **engine != run.recorded.engine => break,
            Line::State { .. } | Line::Action(_) => run.recorded.go_on(line),
            Line::Start { .. } => break,
        }
    }
    Some(run)
}

impl WhatIf {
    fn begin(first: &Line<'_>, lines: &[Line<'_>], change: impl FnOnce(&mut Options)) -> Option<Self> {
        let recorded = Exact::begin(first)?;
        let (now, engine) = first.engine()?;
        let mut options = engine.options().clone();
        change(&mut options);
        believe_everybody(&mut options);
        let timeline = engine.timeline().clone();
        let mut run = Self {
            engine: begun_otherwise(first, options)?,
            recorded,
            now,
            diary: Vec::new(),
            asked: 0,
            answered: 0,
            replies: 0,
            below: timeline.clone(),
            above: timeline.clone(),
            last: (now, timeline.free_now(now.raw)),
            waiting: BTreeMap::new(),
            names: names(lines),
        };
        run.act();
        Some(run)
    }

    /// How far its clock is ahead of the recorded one at the end.
    #[must_use]
    pub fn ahead(&self) -> NtpDuration {
        self.now.raw - self.recorded.now.raw
    }

    /// How far the time it would have served is ahead of the one that was.
    #[must_use]
    pub fn served_ahead(&self) -> NtpDuration {
        let recorded = &self.recorded;
        self.engine.snapshot().estimate(self.now.raw) - recorded.engine.snapshot().estimate(recorded.now.raw)
    }

    fn go_on(&mut self, line: &Line<'_>, now: Now, input: &Input<'_>) {
        self.run_to(now, input);
        self.recorded.go_on(line);
        self.relay(now, input);
    }

    /// Time goes on to that of a line, with a tick whenever the engine wants one.
    fn run_to(&mut self, to: Now, input: &Input<'_>) {
        // A step that is told belongs after the time at which it is told.
        let stepped = if let Input::SteppedByOther { by } = input { *by } else { NtpDuration::ZERO };
        let end = self.below.free_now(to.raw + -stepped);
        let (from, begin) = self.last;
        let span = (to.monotonic - from.monotonic).to_seconds();
        let mut latest = from.monotonic;
        loop {
            let due = self.engine.next_wakeup(self.now).max(latest + NtpDuration::from_nanos(1));
            if due >= to.monotonic {
                break;
            }
            let share = (due - from.monotonic).to_seconds() / span;
            let free = begin + (end - begin).scaled(share);
            self.now = Now { monotonic: due, raw: self.above.to_raw(free) };
            latest = due;
            self.tell(Input::Tick);
        }
        self.now = Now { monotonic: to.monotonic, raw: self.above.to_raw(end) };
        self.last = (to, end);
    }

    /// What a recorded input means for the other run.
    fn relay(&mut self, now: Now, input: &Input<'_>) {
        match input {
            Input::Departed { source, token, at, quality, .. } => {
                self.departed((*source, *token), self.below.to_free(*at, now.raw), *quality);
            }
            Input::Datagram { source, token, at, quality, bytes } => {
                self.replies += 1;
                self.arrived((*source, *token), self.below.to_free(*at, now.raw), *quality, bytes);
            }
            Input::Reading { source, at, reading } => {
                if let Some(at) = self.stamp(self.below.to_free(*at, now.raw)) {
                    self.tell(Input::Reading { source: *source, at, reading: *reading });
                }
            }
            Input::Clock(ClockOutcome::RateSet { at, rate }) => self.below.change_rate(*at, *rate),
            Input::Clock(ClockOutcome::Stepped { at, by }) => self.below.step(*at, *by),
            Input::SteppedByOther { by } => {
                self.below.step(now.raw - *by, *by);
                self.above.step(self.now.raw, *by);
                self.now.raw = self.now.raw + *by;
                self.tell(Input::SteppedByOther { by: *by });
            }
            Input::Resumed { asleep } => self.tell(Input::Resumed { asleep: *asleep }),
            Input::Command(command) => self.tell(Input::Command(command.clone())),
            Input::Recall(history) => self.tell(Input::Recall(history.clone())),
            Input::Shutdown => self.tell(Input::Shutdown),
            Input::RateChangedByOther { rate } => self.below.change_rate(now.raw, *rate),
            Input::Clock(ClockOutcome::Denied)
            | Input::Tick
            | Input::Resolved { .. }
            | Input::KeysEstablished { .. } => {}
        }
    }

    fn departed(&mut self, recorded: (SourceId, TxToken), at: Option<FreeTime>, quality: StampQuality) {
        let remote = self.recorded.requests.get(&recorded).map(|request| request.remote);
        let Some(waiting) = remote.and_then(|remote| self.waiting.get_mut(&remote)) else { return };
        waiting.stands_for = Some(recorded);
        let (source, token) = (waiting.source, waiting.token);
        if let Some(at) = self.stamp(at) {
            self.tell(Input::Departed { source, token, at, quality, local: None });
        }
    }

    fn arrived(
        &mut self,
        recorded: (SourceId, TxToken),
        at: Option<FreeTime>,
        quality: StampQuality,
        bytes: &[u8],
    ) {
        let Some(request) = self.recorded.requests.get(&recorded).copied() else { return };
        let Some(waiting) = self.waiting.get(&request.remote).copied() else { return };
        let (Some(at), true) = (self.stamp(at), waiting.stands_for == Some(recorded)) else { return };
        self.answered += 1;
        self.waiting.remove(&request.remote);
        let bytes = Cow::Owned(readdressed(bytes, &request, &waiting.bytes));
        self.tell(Input::Datagram { source: waiting.source, token: waiting.token, at, quality, bytes });
    }

    fn stamp(&self, at: Option<FreeTime>) -> Option<Stamp> {
        Some(Stamp { time: self.above.to_raw(at?), epoch: self.engine.epoch() })
    }

    fn tell(&mut self, input: Input<'static>) {
        self.engine.handle(self.now, input);
        self.act();
    }

    fn act(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.diary.push((self.now, event));
        }
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Send { source, token, remote, bytes } => {
                    self.asked += 1;
                    if let Some(bytes) = bytes.first_chunk().copied() {
                        self.waiting.insert(remote, Waiting { source, token, bytes, stands_for: None });
                    }
                }
                Action::Clock(ClockCommand::SetRate(rate)) => {
                    let (at, rate) = (self.now.raw, kernel_rate(rate));
                    self.above.change_rate(at, rate);
                    self.tell(Input::Clock(ClockOutcome::RateSet { at, rate }));
                }
                Action::Clock(ClockCommand::Step(by)) => {
                    let at = self.now.raw;
                    self.above.step(at, by);
                    self.now.raw = at + by;
                    self.tell(Input::Clock(ClockOutcome::Stepped { at, by }));
                }
                Action::Resolve { lookup, .. } => {
                    let addresses = self.names.get(&lookup).cloned().unwrap_or_default();
                    self.tell(Input::Resolved { lookup, addresses });
                }
                // No source wants keys here.
                Action::EstablishKeys { .. } => {}
                Action::Forget { source } => self.waiting.retain(|_, waiting| waiting.source != source),
                Action::Clock(ClockCommand::SetStatus(_)) | Action::Save(_) => {}
            }
        }
    }
}

/// The engine of a recording's first line with other options.
fn begun_otherwise(first: &Line<'_>, options: Options) -> Option<Engine> {
    match first {
        Line::Start { now, seed, .. } => Some(record::start(options, *seed, *now)),
        _ => {
            let (_, mut engine) = first.engine()?;
            engine.change_options(options).then_some(engine)
        }
    }
}

/// What was authenticated is asked without: a recorded reply proves nothing about another request than its own.
fn believe_everybody(options: &mut Options) {
    options.auth_select = AuthSelect::Ignore;
    options.entries.iter_mut().for_each(|entry| entry.options.nts = None);
}

/// What names stood for at the time.
fn names(lines: &[Line<'_>]) -> BTreeMap<LookupId, Vec<IpAddr>> {
    let resolved = lines.iter().filter_map(|line| match line {
        Line::Input { input: Input::Resolved { lookup, addresses }, .. } if !addresses.is_empty() => {
            Some((*lookup, addresses.clone()))
        }
        _ => None,
    });
    resolved.collect()
}

/// A reply to one request made a reply to another, if it was one.
fn readdressed(reply: &[u8], request: &Request, to: &[u8; HEADER_LEN]) -> Vec<u8> {
    let mut bytes = reply.to_vec();
    let fits = PacketView::parse(reply).is_ok() && reply[ORIGIN] == request.bytes[TRANSMIT];
    if fits {
        bytes[ORIGIN].copy_from_slice(&to[TRANSMIT]);
    }
    bytes
}
