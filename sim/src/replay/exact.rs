//! The decisions of a recorded run, made again and compared.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use ntp_engine::record::Line;
use ntp_engine::{Action, Engine, Event, Now, SourceId};
use ntp_proto::client::TxToken;
use ntp_proto::packet::HEADER_LEN;

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
    /// Decisions in the recording so far.
    pub decisions: u64,
    /// What the engine had to tell, with the time of the input that made it do so.
    pub diary: Vec<(Now, Event)>,
    /// Where the recording shows another decision than was made now. All that follow the first may follow from it.
    pub differences: Vec<(Now, String)>,
    /// How many states of the engine were not what was reached: lines before them are missing, or they follow from a
    /// difference.
    pub gaps: u64,
    pub(super) requests: BTreeMap<(SourceId, TxToken), Request>,
    /// Decisions that were made now and that the recording has not shown yet.
    made: VecDeque<Action>,
}

/// Goes through a recording; `None` if it begins with no engine.
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
        let (now, engine) = first.engine()?;
        let mut exact = Self {
            engine,
            now,
            inputs: 0,
            decisions: 0,
            diary: Vec::new(),
            differences: Vec::new(),
            gaps: 0,
            requests: BTreeMap::new(),
            made: VecDeque::new(),
        };
        exact.drain();
        Some(exact)
    }

    pub(super) fn go_on(&mut self, line: &Line<'_>) {
        match line {
            Line::State { engine, .. } if **engine == self.engine => {}
            Line::Start { .. } | Line::State { .. } => {
                self.gaps += u64::from(matches!(line, Line::State { .. }));
                self.take_over(line);
            }
            Line::Input { now, input } => {
                self.now = *now;
                self.inputs += 1;
                self.engine.handle(*now, input.clone());
            }
            Line::Action(recorded) => self.compare(recorded),
        }
        self.drain();
    }

    /// Goes on with the engine that a line brings.
    fn take_over(&mut self, line: &Line<'_>) {
        if let Some((now, engine)) = line.engine() {
            (self.now, self.engine) = (now, engine);
            self.requests.clear();
            self.made.clear();
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.diary.push((self.now, event));
        }
        while let Some(action) = self.engine.poll_action() {
            if let Action::Send { source, token, remote, bytes } = &action {
                let (source, token, remote) = (*source, *token, *remote);
                let header = bytes.first_chunk().copied();
                self.requests.extend(header.map(|bytes| ((source, token), Request { remote, bytes })));
            }
            self.made.push_back(action);
        }
    }

    fn compare(&mut self, recorded: &Action) {
        self.decisions += 1;
        let made = self.made.pop_front();
        if made.as_ref() != Some(recorded) {
            let made = made.map_or("nothing".to_owned(), |made| words(&made));
            self.differences.push((self.now, format!("{} was wanted, now {made} is", words(recorded))));
        }
    }
}

/// A decision, as short as can be told apart.
fn words(action: &Action) -> String {
    match action {
        Action::Send { source, token, remote, bytes } => {
            let nonce: String =
                bytes.iter().skip(HEADER_LEN - 8).take(8).map(|byte| format!("{byte:02x}")).collect();
            let (source, token) = (source.number(), token.number());
            format!("request {token} of source {source} to {remote} with nonce {nonce}")
        }
        Action::Clock(command) => format!("{command:?}"),
        other => format!("{other:?}"),
    }
}
