//! The decisions of a recorded run, made again and compared.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use ntp_engine::record::{Line, start};
use ntp_engine::{Action, ClockCommand, ClockOutcome, Engine, Event, Input, Now, SourceId};
use ntp_proto::client::TxToken;
use ntp_proto::packet::HEADER_LEN;
use ntp_proto::time::{Frequency, NtpDuration};

/// The kernel rounds what it is told; rates that differ by less were the same command.
const SAME_RATE: Frequency = Frequency::from_ppm(0.001);
/// The same for steps.
const SAME_STEP: NtpDuration = NtpDuration::from_nanos(1_000);

/// A request as the engine made it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) remote: SocketAddr,
    pub(super) bytes: [u8; HEADER_LEN],
}

/// A recorded run, gone through once more.
#[derive(Debug)]
pub struct Exact {
    /// The engine as it ended.
    pub engine: Engine,
    /// The time of the last line.
    pub now: Now,
    /// Inputs so far.
    pub inputs: u64,
    /// What the engine had to tell, with the time of the input that made it do so.
    pub diary: Vec<(Now, Event)>,
    /// Where the recording shows another decision than was made now.
    pub differences: Vec<(Now, String)>,
    pub(super) requests: BTreeMap<(SourceId, TxToken), Request>,
    commands: VecDeque<ClockCommand>,
}

/// Goes through a recording; `None` if it does not begin with a start.
#[must_use]
pub fn replay(lines: &[Line<'_>]) -> Option<Exact> {
    let (first, rest) = lines.split_first()?;
    let mut exact = Exact::begin(first)?;
    for line in rest {
        exact.go_on(line);
    }
    Some(exact)
}

impl Exact {
    pub(super) fn begin(first: &Line<'_>) -> Option<Self> {
        let Line::Start { now, seed, options } = first else { return None };
        let mut exact = Self {
            engine: start((**options).clone(), *seed, *now),
            now: *now,
            inputs: 0,
            diary: Vec::new(),
            differences: Vec::new(),
            requests: BTreeMap::new(),
            commands: VecDeque::new(),
        };
        exact.drain();
        Some(exact)
    }

    pub(super) fn go_on(&mut self, line: &Line<'_>) {
        match line {
            Line::Start { now, seed, options } => {
                self.now = *now;
                self.engine = start((**options).clone(), *seed, *now);
                self.requests.clear();
                self.commands.clear();
            }
            Line::Input { now, input } => {
                self.now = *now;
                self.inputs += 1;
                self.compare(input);
                self.engine.handle(*now, input.clone());
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.diary.push((self.now, event));
        }
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Send { source, token, remote, bytes } => {
                    self.requests.insert((source, token), Request { remote, bytes });
                }
                Action::Clock(command @ (ClockCommand::SetRate(_) | ClockCommand::Step(_))) => {
                    self.commands.push_back(command);
                }
                _ => {}
            }
        }
    }

    /// An input that is the effect of a decision tells which.
    fn compare(&mut self, input: &Input<'_>) {
        let difference = match input {
            Input::Departed { source, token, .. } => {
                let asked = self.requests.contains_key(&(*source, *token));
                (!asked).then(|| format!("request {} of source {} departed", token.number(), source.number()))
            }
            Input::Clock(outcome) => self.compare_clock(*outcome),
            _ => None,
        };
        if let Some(difference) = difference {
            self.differences.push((self.now, difference));
        }
    }

    fn compare_clock(&mut self, outcome: ClockOutcome) -> Option<String> {
        let wanted = self.commands.pop_front();
        let same = match (wanted, outcome) {
            (Some(ClockCommand::SetRate(wanted)), ClockOutcome::RateSet { rate, .. }) => {
                (wanted - rate).abs() < SAME_RATE
            }
            (Some(ClockCommand::Step(wanted)), ClockOutcome::Stepped { by, .. }) => {
                (wanted - by).abs() < SAME_STEP
            }
            (Some(_), ClockOutcome::Denied) => true,
            _ => false,
        };
        let wanted = || wanted.map_or("nothing".to_owned(), |wanted| format!("{wanted:?}"));
        (!same).then(|| format!("{outcome:?}, but {} is asked for now", wanted()))
    }
}
