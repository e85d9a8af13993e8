//! The engine itself: its parts, and the doors through which everything comes and goes.
//!
//! | file | decides |
//! |---|---|
//! | `mod.rs` | which part an input belongs to |
//! | `pool.rs` | which servers stand for a name |
//! | `sources.rs` | who is asked, and what becomes of answers |
//! | `refclocks.rs` | what reference clocks show |
//! | `keys.rs` | who needs keys of NTS, and whose certificates are believed |
//! | `clock.rs` | who is believed, and what becomes of the clock |
//! | `leap.rs` | what becomes of leap seconds |
//! | `timers.rs` | what is due |
//! | `state.rs` | whether all of it makes sense, and other options for it |

mod clock;
mod keys;
mod leap;
mod pool;
mod refclocks;
mod sources;
mod state;
#[cfg(test)]
mod tests;
pub(crate) mod timers;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use ntp_clock::filter::UNKNOWN_SKEW;
use ntp_clock::{ClockEpoch, Ensemble, SourceFilter, Timeline};
use ntp_proto::packet::Leap;
use ntp_proto::time::{Frequency, Monotonic, NtpDuration};
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};

use crate::action::{Action, Drift};
use crate::directory::Directory;
use crate::discipline::{Discipline, SANE_RATE};
use crate::event::Event;
use crate::history::History;
use crate::input::{Command, Input, Now, Target};
use crate::options::{Entry, Host, Options, Origin};
use crate::reference::{Standing, Tracking};
use crate::snapshot::TimeSnapshot;
use crate::source::{Source, SourceId};
use pool::Replacements;
use timers::Timers;

/// The whole time service; see the [crate's description](crate).
///
/// Its form in a recording is all of it but for actions and events that nobody has polled yet. What is read from
/// there is refused unless it could have come about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Engine {
    pub(crate) options: Options,
    rng: ChaCha12Rng,
    started: Monotonic,
    /// What is believed of the clock before anything is measured.
    pub(crate) prior: Drift,
    /// Servers and pools; one that was deleted leaves a hole, so that numbers stay what they are.
    pub(crate) entries: Vec<Option<Entry>>,
    /// Who wants those that are not in the options.
    pub(crate) origins: BTreeMap<usize, Origin>,
    pub(crate) sources: Vec<Source>,
    replacements: Replacements,
    /// What an earlier run learnt, and by how much its free-running clock is behind ours.
    history: Option<(History, NtpDuration)>,
    next_source: u32,
    pub(crate) directory: Directory,
    pub(crate) discipline: Discipline,
    pub(crate) standing: Standing,
    pub(crate) tracking: Option<Tracking>,
    selected: Option<SourceId>,
    /// The leap second that the kernel was told of.
    armed: Leap,
    /// What all sources that are used say together.
    pub(crate) ensemble: Option<Ensemble>,
    pub(crate) timers: Timers,
    snapshot: TimeSnapshot,
    #[serde(skip)]
    actions: VecDeque<Action>,
    #[serde(skip)]
    events: VecDeque<Event>,
}

impl Engine {
    /// A service that starts `now`. `rng` has to be unpredictable: nonces come from it.
    #[must_use]
    pub fn new(options: Options, rng: ChaCha12Rng, now: Now) -> Self {
        let found = options.initial_rate;
        let prior = prior(&options);
        let discipline = Discipline::new(now, found, options.steering, options.adjust);
        let mut engine = Self {
            directory: Directory::new(options.entries.len(), options.refresh),
            entries: options.entries.iter().cloned().map(Some).collect(),
            origins: BTreeMap::new(),
            replacements: Replacements::default(),
            history: None,
            snapshot: clock::snapshot(&discipline, &options, Standing::Unsynchronised, None, now),
            options,
            rng,
            started: now.monotonic,
            prior,
            sources: Vec::new(),
            next_source: 0,
            discipline,
            standing: Standing::Unsynchronised,
            tracking: None,
            selected: None,
            armed: Leap::None,
            ensemble: None,
            timers: Timers::default(),
            actions: VecDeque::new(),
            events: VecDeque::new(),
        };
        engine.actions.extend(engine.discipline.rest_at(prior.frequency));
        engine.add_refclocks();
        engine.add_entries(now);
        engine.run_timers(now);
        engine
    }

    /// Something happened at `now`.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Tick => {}
            Input::Departed { source, token, at, quality, local } => {
                self.departed(now, source, token, at, quality, local);
            }
            Input::Datagram { source, token, at, quality, bytes } => {
                self.datagram(now, source, token, at, quality, &bytes);
            }
            Input::Reading { source, at, reading } => self.reading(now, source, at, &reading),
            Input::Resolved { lookup, addresses } => self.resolved(now, lookup, &addresses),
            Input::KeysEstablished { source, dates, result } => {
                self.keys_established(now, source, dates, result);
            }
            Input::Clock(outcome) => self.clock_changed(now, outcome),
            Input::SteppedByOther { by } => self.stepped_by_other(now, by),
            Input::Resumed { asleep } => self.resumed(now, asleep),
            Input::RateChangedByOther { rate } => self.rate_changed_by_other(now, rate),
            Input::Command(command) => self.obey(now, command),
            Input::Recall(history) => self.recall(now, *history),
            Input::Shutdown => {
                self.shut_down(now);
                return;
            }
        }
        self.run_timers(now);
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next entry of the diary.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to come back with [`Input::Tick`] if nothing happens before.
    #[must_use]
    pub fn next_wakeup(&self, now: Now) -> Monotonic {
        let requests = self.sources.iter().filter_map(Source::next_wakeup);
        let rest = [self.directory.next_wakeup(), self.discipline.slew_ends(now), self.timers.next_wakeup()];
        requests.chain(rest.into_iter().flatten()).min().unwrap_or(Monotonic::MAX)
    }

    /// What servers need for every packet.
    #[must_use]
    pub const fn snapshot(&self) -> &TimeSnapshot {
        &self.snapshot
    }

    /// What it was made from.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// How the system clock was corrected.
    #[must_use]
    pub const fn timeline(&self) -> &Timeline {
        &self.discipline.timeline
    }

    /// What the sources have taught, for the next run.
    #[must_use]
    pub fn history(&self, now: Now) -> History {
        let timeline = &self.discipline.timeline;
        let learnt = self.sources.iter().filter(|s| s.filter.samples() > 0);
        History {
            raw: now.raw,
            monotonic: now.monotonic,
            free: timeline.free_now(now.raw),
            rate: timeline.correction(),
            sources: learnt.filter_map(|s| Some((s.asked()?.address, s.filter.clone()))).collect(),
        }
    }

    /// Why a command would come to nothing; `None` if it would not.
    #[must_use]
    pub fn objection(&self, command: &Command) -> Option<String> {
        let configured = |host: &Host| self.entries.iter().flatten().any(|entry| entry.host == *host);
        match command {
            Command::Online(Target::Host(host))
            | Command::Offline(Target::Host(host))
            | Command::Burst { whom: Target::Host(host), .. } => self.objection_to_asking(host),
            Command::Delete(host) if !configured(host) => self.objection_to_asking(host),
            Command::Add(entry) if configured(&entry.host) => {
                Some(format!("{} is a source already", entry.host))
            }
            Command::Add(entry) => {
                let Host::Address(address) = entry.host else { return None };
                let holder = self.holder_of(SocketAddr::new(address, entry.port))?;
                Some(format!("{address} is asked already, as {}", holder.name))
            }
            Command::Step if !self.discipline.may_adjust() => {
                Some("the clock may not be adjusted; nothing was stepped".to_owned())
            }
            Command::Step if self.tracking.is_none() => {
                Some("nothing is known of the clock yet; nothing was stepped".to_owned())
            }
            _ => None,
        }
    }

    /// Why `host` is nobody who is asked for the time; `None` if it is.
    fn objection_to_asking(&self, host: &Host) -> Option<String> {
        let whom = Target::Host(host.clone());
        let mut sources = self.sources.iter().filter(|source| whom.includes(source)).peekable();
        if sources.peek().is_none() {
            return Some(format!("there is no source {host}"));
        }
        sources.all(|source| source.refclock().is_some()).then(|| {
            format!(
                "{host} is a reference clock of this machine, which nobody asks: it gives the time by itself for as \
                 long as it is configured"
            )
        })
    }

    /// The epoch that stamps read now belong to.
    #[must_use]
    pub const fn epoch(&self) -> ClockEpoch {
        self.discipline.timeline.epoch()
    }

    /// What the next run should know about the clock; `None` while too little is known.
    #[must_use]
    pub fn drift(&self) -> Option<Drift> {
        let estimate = &self.tracking.as_ref()?.estimate;
        let skew = estimate.frequency_uncertainty();
        timers::is_worth_saving(skew).then_some(Drift { frequency: estimate.frequency, skew })
    }

    fn obey(&mut self, now: Now, command: Command) {
        match command {
            Command::Step => self.step_on_request(now),
            Command::Refresh => self.refresh(now),
            Command::Online(whom) => self.go_online(now, &whom),
            Command::Offline(whom) => self.go_offline(now, &whom),
            Command::Burst { whom, replies, requests } => self.burst(now, &whom, replies, requests),
            Command::Add(entry) => self.add_entry(now, *entry, Origin::Operator),
            Command::Delete(host) => self.delete(now, &host),
            Command::SourceFiles(entries) => self.take_files(now, entries),
        }
    }

    /// Takes over what an earlier run learnt from the sources that are still asked, unless the clock was set in
    /// between, so that it says nothing any more.
    fn recall(&mut self, now: Now, history: History) {
        let Some(shift) = history.shift(now) else {
            self.events.push_back(Event::HistoryNotUsed);
            return;
        };
        self.history = Some((history, shift));
        for index in 0..self.sources.len() {
            let address = self.sources[index].asked().map(|asked| asked.address);
            if let Some(filter) = address.and_then(|address| self.recalled(address)) {
                self.sources[index].filter = filter;
            }
        }
        self.events.push_back(Event::HistoryRecalled);
    }

    fn recalled(&mut self, address: SocketAddr) -> Option<SourceFilter> {
        let (history, shift) = self.history.as_mut()?;
        history.take(address, *shift)
    }

    fn source(&mut self, id: SourceId) -> Option<&mut Source> {
        // Identities are handed out in rising order and sources are never reordered.
        let at = self.sources.binary_search_by_key(&id, |s| s.id).ok()?;
        self.sources.get_mut(at)
    }
}

/// The drift file's word, or the rate that the clock was found with, unless somebody was killed in a slew.
fn prior(options: &Options) -> Drift {
    match options.drift {
        Some(drift) => {
            let skew = if drift.skew < Drift::LEAST_SKEW { Drift::LEAST_SKEW } else { drift.skew };
            Drift { frequency: drift.frequency.clamped(SANE_RATE), skew }
        }
        None if options.initial_rate.abs() <= SANE_RATE => {
            Drift { frequency: options.initial_rate, skew: UNKNOWN_SKEW }
        }
        None => Drift { frequency: Frequency::ZERO, skew: UNKNOWN_SKEW },
    }
}
