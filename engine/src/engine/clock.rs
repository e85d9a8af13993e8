//! Who is believed, and what becomes of the clock.

use ntp_clock::select::{self, Candidate, Case, State};
use ntp_clock::{Ensemble, Estimate, Learnt, Observation, Voice, disagreement};
use ntp_proto::packet::{Leap, RefId, Stratum};
use ntp_proto::time::{Frequency, NtpDuration, Uncertainty};

use super::Engine;
use crate::action::{Action, ClockCommand, ClockStatus};
use crate::auth_policy::AuthPolicy;
use crate::discipline::Discipline;
use crate::event::Event;
use crate::input::{ClockOutcome, Now};
use crate::options::Options;
use crate::reference::{Standing, Tracking};
use crate::snapshot::{ReferenceTime, TimeSnapshot};
use crate::source::{Kind, Source, SourceId};

/// A snapshot is believed for so long; it is renewed long before.
pub(super) const VALIDITY: NtpDuration = NtpDuration::from_secs(3_600);
/// The kernel itself takes a clock with a larger error for unsynchronised.
const KERNEL_MAX_ERROR: NtpDuration = NtpDuration::from_secs(16);
/// How well the size of a foreign step is known: two clocks cannot be read at the same instant.
const FOREIGN_STEP: NtpDuration = NtpDuration::from_nanos(20_000);
/// How well a machine knows how long it slept.
const SLEEP: NtpDuration = NtpDuration::from_secs(2);
/// How uncertain it is when a new rate takes hold: the kernel accounts for it from one of its ticks on, and
/// those are up to 4 ms apart. After a slew at full speed that is tens of microseconds.
const RATE_LATENCY: NtpDuration = NtpDuration::from_millis(1);
/// Nobody is waited for any longer than this after the start, be it a server or a resolver.
const SETTLING: NtpDuration = NtpDuration::from_secs(10);
/// So many sources teach the ensemble; more would not make it better, but slow.
const MAX_VOICES: usize = 16;
/// A correction of the clock is spread over this time at most, however rarely its sources are asked.
const LONGEST_PACE: NtpDuration = NtpDuration::from_secs(384);
/// A foreign rate was in force for about so long before it was noticed.
const FOREIGN_RATE_FOR: NtpDuration = NtpDuration::from_secs(64);

impl Engine {
    /// Sources changed: looks again who is believed. If the change was a new sample of a source that is
    /// used, the clock is updated. Says what all sources together learnt from the sample.
    pub(super) fn reselect(&mut self, now: Now, sampled: Option<(SourceId, &Observation)>) -> Option<Learnt> {
        let Case { candidates, current, limits } = self.case(now);
        let selection = select::select(&candidates, current, &limits);
        self.tell_states(&selection.states);
        if self.is_settling(now) {
            return None;
        }
        let chosen = selection.selected.map(|i| self.sources[i].id);
        self.tell_selection(chosen);
        let selected = chosen?;
        let sampled = sampled.filter(|(id, _)| self.sources.iter().any(|s| s.id == *id && s.state.is_used()));
        let learnt = self.assemble(now, &candidates, sampled);
        // A clock that is not set takes what came in while it waited.
        let is_unset = self.standing != Standing::Synchronised && self.tracking.is_none();
        if is_unset || sampled.is_some() {
            self.update_clock(now, selected, sampled.map(|(id, _)| id));
        }
        learnt
    }

    /// What selection goes by at `now`.
    pub(crate) fn case(&self, now: Now) -> Case {
        let free = self.discipline.timeline.free_now(now.raw);
        let policy = AuthPolicy::of(self.options.auth_select, &self.sources);
        Case {
            candidates: self
                .sources
                .iter()
                .map(|s| s.candidate(free, policy.flags(s), self.clock_error(now, s)))
                .collect(),
            current: self.selected.and_then(|id| self.sources.iter().position(|s| s.id == id)),
            limits: self.options.selection,
        }
    }

    /// The first update waits until all names and servers that answer quickly have answered: the fastest need
    /// not be right.
    pub(crate) fn is_settling(&self, now: Now) -> bool {
        if now.monotonic - self.started >= SETTLING {
            return false;
        }
        let anyone = || self.sources.iter().any(|s| s.is_settling(now.monotonic, self.started));
        self.discipline.updates() == 0 && (self.directory.is_settling(now.monotonic) || anyone())
    }

    /// The ensemble learns what a source that is used says. It begins anew if somebody taught it who turned out to be
    /// false, or if nobody who taught it is used any more.
    fn assemble(
        &mut self,
        now: Now,
        candidates: &[Candidate],
        sampled: Option<(SourceId, &Observation)>,
    ) -> Option<Learnt> {
        let free = self.discipline.timeline.free_now(now.raw);
        let heard = self.ensemble.take().filter(|ensemble| !is_misled(ensemble, &self.sources));
        let voices = voices(&self.sources, candidates, heard.as_ref());
        let (ensemble, learnt) = match heard {
            Some(mut ensemble) => {
                ensemble.listen_to(&voices);
                let learnt = sampled.and_then(|(id, observation)| ensemble.update(id.number(), observation));
                (Some(ensemble), learnt)
            }
            None => (None, None),
        };
        self.ensemble = match ensemble {
            Some(ensemble) if !ensemble.is_lost() => Some(ensemble),
            _ => Ensemble::of(free, &voices),
        };
        learnt
    }

    pub(super) fn clock_changed(&mut self, now: Now, outcome: ClockOutcome) {
        match outcome {
            ClockOutcome::RateSet { at, rate } => {
                let change = (rate - self.discipline.timeline.correction()).abs();
                self.discipline.timeline.change_rate(at, rate);
                self.disturb(change * RATE_LATENCY);
                if std::mem::take(&mut self.timers.was_denied) {
                    self.events.push_back(Event::ClockAllowed);
                }
            }
            ClockOutcome::Stepped { at, by } => {
                self.discipline.stepped(at, by);
                self.events.push_back(Event::Stepped { by });
                // A step makes the kernel forget how good its clock is.
                self.tell_kernel(now);
            }
            ClockOutcome::Denied => {
                self.discipline.deny(now);
                if !std::mem::replace(&mut self.timers.was_denied, true) {
                    self.events.push_back(Event::ClockDenied);
                }
            }
        }
        self.publish(now);
    }

    pub(super) fn stepped_by_other(&mut self, now: Now, by: NtpDuration) {
        if self.is_leap(now, by) {
            self.count_anew(now, by);
            return;
        }
        self.discipline.stepped(now.raw - by, by);
        self.events.push_back(Event::SteppedByOther { by });
        self.disturb(FOREIGN_STEP);
        self.correct(now);
        self.verify(now);
    }

    pub(super) fn resumed(&mut self, now: Now, asleep: NtpDuration) {
        self.events.push_back(Event::Resumed { asleep });
        // The kernel knew nothing of a slew while it slept.
        if let Some(frequency) = self.estimate(now).map(|e| e.frequency) {
            let rate = self.discipline.timeline.correction();
            self.discipline.timeline.change_rate(now.raw - asleep, frequency);
            self.discipline.timeline.change_rate(now.raw, rate);
        }
        self.disturb(SLEEP);
        self.publish(now);
        self.verify(now);
    }

    pub(super) fn rate_changed_by_other(&mut self, now: Now, rate: Frequency) {
        let change = (rate - self.discipline.timeline.correction()).abs();
        self.discipline.timeline.change_rate(now.raw, rate);
        self.events.push_back(Event::RateChangedByOther { rate });
        self.disturb(change * FOREIGN_RATE_FOR);
        self.correct(now);
    }

    pub(super) fn step_on_request(&mut self, now: Now) {
        if let Some(estimate) = self.estimate(now) {
            let actions = self.discipline.step_now(&estimate, now);
            self.actions.extend(actions);
        }
    }

    /// A slew that nobody ends would run the clock away.
    pub(super) fn shut_down(&mut self, now: Now) {
        let frequency = self.estimate(now).map_or(self.prior.frequency, |e| e.frequency);
        self.actions.extend(self.discipline.rest_at(frequency));
    }

    /// Works off what is left between the system clock and the estimate.
    pub(super) fn correct(&mut self, now: Now) {
        if let Some(estimate) = self.estimate(now) {
            let actions = self.discipline.correct(&estimate, now);
            self.actions.extend(actions);
        }
        self.publish(now);
    }

    /// Tells workers what holds from now on.
    pub(super) fn publish(&mut self, now: Now) {
        self.snapshot = snapshot(&self.discipline, &self.options, self.standing, self.tracking.as_ref(), now);
        self.timers.published(now.monotonic);
    }

    /// Tells the kernel how good its clock is.
    pub(super) fn tell_kernel(&mut self, now: Now) {
        self.timers.told_kernel(now.monotonic);
        if !self.discipline.may_adjust() {
            return;
        }
        let status = self.kernel_status(now).unwrap_or(ClockStatus {
            synchronised: false,
            leap: Leap::Unsynchronised,
            max_error: KERNEL_MAX_ERROR,
            est_error: KERNEL_MAX_ERROR,
        });
        self.armed = status.leap;
        self.actions.push_back(Action::Clock(ClockCommand::SetStatus(status)));
    }

    /// The best that is known of the clock, as of now.
    pub(crate) fn estimate(&self, now: Now) -> Option<Estimate> {
        let free = self.discipline.timeline.free_now(now.raw);
        self.tracking.as_ref().map(|tracking| tracking.estimate.advanced(free))
    }

    /// Whether the clock is still what it is said to be.
    pub(super) fn review_standing(&mut self, now: Now) {
        let free = self.discipline.timeline.free_now(now.raw);
        let may_be_local = self.is_alone() && !self.is_settling(now) && self.options.local.is_some();
        let known = (self.standing == Standing::Synchronised).then_some(self.tracking.as_ref()).flatten();
        let next = match known {
            Some(t) if may_be_local && t.is_worse_than_local(free) => Standing::Local,
            Some(t) if t.is_lost(free) => Standing::Unsynchronised,
            None if may_be_local => Standing::Local,
            _ => self.standing,
        };
        if next == self.standing {
            return;
        }
        self.standing = next;
        let is_local = next == Standing::Local;
        self.events.push_back(if is_local { Event::LocalReference } else { Event::Unsynchronised });
        self.publish(now);
        self.tell_kernel(now);
    }

    /// Whether nobody who answers sets the clock.
    pub(super) fn is_alone(&self) -> bool {
        let selected = |s: &&Source| Some(s.id) == self.selected;
        self.sources.iter().find(selected).is_none_or(|s| s.state == State::Kept)
    }

    fn kernel_status(&self, now: Now) -> Option<ClockStatus> {
        let tracking = self.tracking.as_ref().filter(|_| self.standing == Standing::Synchronised)?;
        let estimate = self.estimate(now)?;
        let remaining = self.discipline.phase(&estimate, now).abs();
        let max_error = remaining + tracking.root_distance(estimate.at);
        Some(ClockStatus {
            synchronised: max_error < KERNEL_MAX_ERROR,
            leap: self.leap_of_today(now),
            max_error,
            est_error: remaining + NtpDuration::from_seconds(estimate.uncertainty().to_seconds()),
        })
    }

    fn update_clock(&mut self, now: Now, selected: SourceId, sampled: Option<SourceId>) {
        let free = self.discipline.timeline.free_now(now.raw);
        let Some(estimate) = self.ensemble.as_ref().map(|e| e.estimate(free)) else { return };
        let used = self.sources.iter().filter(|s| s.state.is_used());
        let each: Vec<Estimate> = used.filter_map(|s| s.filter.estimate(free)).collect();
        let estimate = estimate.disturbed(disagreement(&estimate, &each));
        let Some(tracking) = self.track(now, selected, estimate) else { return };
        if self.standing != Standing::Synchronised {
            self.standing = Standing::Synchronised;
            let (offset, frequency) = (tracking.last_offset, estimate.frequency);
            self.events.push_back(Event::Synchronised { offset, frequency });
        }
        self.tracking = Some(tracking);
        let actions = self.discipline.update(&estimate, self.pace(sampled, each.len()), now);
        self.actions.extend(actions);
        self.tell_kernel(now);
        self.publish(now);
        self.timers.learnt(now.monotonic, estimate.frequency_uncertainty());
        self.judge_certificates(now);
    }

    /// How long a correction may take: one source alone gives the next one when it is asked again, several before.
    fn pace(&self, sampled: Option<SourceId>, servers: usize) -> NtpDuration {
        let source = sampled.and_then(|id| self.sources.iter().find(|s| s.id == id));
        let spacing = source.map_or(NtpDuration::ZERO, |s| s.spacing);
        let pace = if servers > 1 { spacing.scaled(1.25) } else { spacing.half() };
        pace.clamp(NtpDuration::ZERO, LONGEST_PACE)
    }

    fn track(&self, now: Now, selected: SourceId, estimate: Estimate) -> Option<Tracking> {
        let source = self.sources.iter().find(|s| s.id == selected)?;
        let server = source.server?;
        // The selected source vouches for what it says itself; what all say together is so far from it.
        let own = source.filter.estimate(estimate.at)?.offset.as_duration();
        let beyond = (estimate.offset.as_duration() - own).abs();
        let offset = self.discipline.phase(&estimate, now);
        let (rms_offset, update_interval) = match &self.tracking {
            Some(last) => {
                let mean_square = 0.75 * last.rms_offset * last.rms_offset
                    + 0.25 * offset.to_seconds() * offset.to_seconds();
                (mean_square.sqrt(), estimate.at - last.updated)
            }
            None => (offset.to_seconds().abs(), NtpDuration::ZERO),
        };
        let (stratum, ref_id) = if source.asked().is_some_and(|asked| asked.options.copy) {
            (server.stratum, server.ref_id)
        } else {
            (server.stratum.next(), source.ref_id())
        };
        Some(Tracking {
            source: selected,
            ref_id,
            stratum,
            leap: self.leap(),
            updated: estimate.at,
            estimate,
            root_delay: source.root_delay(),
            source_dispersion: server.root_dispersion + beyond,
            reference_time: (now.raw + offset.as_duration()).reinterpret(),
            last_offset: offset,
            rms_offset,
            update_interval,
        })
    }

    /// What more than half of those announce that know of leap seconds and agree with the majority, be they good enough
    /// to set the clock or not. If they know nothing, those are asked that number pulses.
    fn leap(&self) -> Leap {
        let said_by = |asked: fn(State) -> bool| -> Vec<Leap> {
            self.sources.iter().filter(|s| asked(s.state)).filter_map(Source::announces).collect()
        };
        let mut announced = said_by(State::agrees);
        if announced.is_empty() {
            announced = said_by(|state| matches!(state, State::Coarse { .. }));
        }
        let majority = |leap| announced.iter().filter(|l| **l == leap).count() * 2 > announced.len();
        [Leap::Insert, Leap::Delete].into_iter().find(|l| majority(*l)).unwrap_or(Leap::None)
    }

    fn disturb(&mut self, by: NtpDuration) {
        let by = Uncertainty::from_seconds(by.to_seconds());
        for source in &mut self.sources {
            source.filter.disturb(by);
        }
        if let Some(ensemble) = &mut self.ensemble {
            ensemble.disturb(by);
        }
        if let Some(tracking) = &mut self.tracking {
            tracking.estimate = tracking.estimate.disturbed(by);
        }
    }

    /// Asks everybody soon: what we believe of the clock has become doubtful.
    fn verify(&mut self, now: Now) {
        self.tell_kernel(now);
        if self.timers.may_verify(now.monotonic) {
            for source in &mut self.sources {
                match &mut source.kind {
                    Kind::Server(asked) => asked.association.recheck(now.monotonic),
                    Kind::Refclock(refclock) => refclock.restart(now.monotonic),
                }
            }
        }
    }

    fn tell_states(&mut self, states: &[State]) {
        for (source, state) in self.sources.iter_mut().zip(states) {
            if state.is_false() && !source.state.is_false() {
                let (source, address, state) = (source.id, source.address(), *state);
                self.events.push_back(Event::Falseticker { source, address, state });
            }
            if *state == State::Kept && source.state != State::Kept {
                self.events.push_back(Event::SourceKept { source: source.id, address: source.address() });
            }
            source.state = *state;
        }
    }

    fn tell_selection(&mut self, chosen: Option<SourceId>) {
        if chosen == self.selected && !(chosen.is_none() && self.timers.first_verdict()) {
            return;
        }
        self.selected = chosen;
        let source = chosen.and_then(|id| self.sources.iter().find(|s| s.id == id));
        self.events.push_back(match source {
            Some(source) => Event::Selected { source: source.id, address: source.address() },
            None => Event::NoSelection {
                sources: self.sources.len(),
                why: self.sources.iter().map(|s| s.state).max_by_key(|s| how_far(*s)),
            },
        });
    }
}

/// The sources that are used, those first that are heard already, then the best, with the distance of their ways alone:
/// that of their samples fluctuates. Who is heard stays, since whoever comes new has to be got to know.
fn voices<'a>(sources: &'a [Source], candidates: &[Candidate], heard: Option<&Ensemble>) -> Vec<Voice<'a>> {
    let is_heard = |source: &Source| heard.is_some_and(|e| e.members().any(|id| id == source.id.number()));
    let used = sources.iter().zip(candidates).filter(|(source, _)| source.state.is_used());
    let mut used: Vec<_> =
        used.map(|(source, candidate)| ((!is_heard(source), candidate.root_distance), source)).collect();
    used.sort_by_key(|(rank, source)| (*rank, source.id));
    let voice = |(_, source): &((bool, NtpDuration), &'a Source)| Voice {
        source: source.id.number(),
        filter: &source.filter,
        distance: source.way(),
    };
    used.iter().take(MAX_VOICES).map(voice).collect()
}

/// Whether somebody taught the ensemble who turned out to be false, or nobody who taught it is used any more.
fn is_misled(ensemble: &Ensemble, sources: &[Source]) -> bool {
    // Sources are in the order of their numbers.
    let state = |id: u32| {
        let at = sources.binary_search_by_key(&id, |s| s.id.number()).ok()?;
        Some(sources[at].state)
    };
    let mut members = ensemble.members();
    let is_false = |id| state(id).is_some_and(State::is_false);
    members.clone().any(is_false) || !members.any(|id| state(id).is_some_and(State::is_used))
}

/// How many tests a source passed.
fn how_far(state: State) -> u8 {
    match state {
        State::New | State::NotSelectable | State::NoSamples => 0,
        State::Unreachable | State::TooFewSamples { .. } => 1,
        State::StratumOutside { .. } | State::TooDistant { .. } | State::TooJittery { .. } => 2,
        State::NoMajority { .. } | State::Falseticker { .. } | State::Drifting { .. } => 3,
        _ => 4,
    }
}

/// What servers are told, from the parts of an engine.
pub(super) fn snapshot(
    discipline: &Discipline,
    options: &Options,
    standing: Standing,
    tracking: Option<&Tracking>,
    now: Now,
) -> TimeSnapshot {
    let bare = uncorrected(discipline, options, now);
    let free = discipline.timeline.free_now(now.raw);
    let known = tracking.map_or(bare, |tracking| {
        let estimate = tracking.estimate.advanced(free);
        let correction = discipline.timeline.correction().as_ratio();
        // Estimated time gains f per free second, raw time c; seen from raw time their distance gains this.
        let rate = (estimate.frequency.as_ratio() - correction) / (1.0 + correction);
        let offset = discipline.phase(&estimate, now).as_duration();
        TimeSnapshot { offset, rate: Frequency::new(rate), ..bare }
    });
    match (standing, tracking) {
        (Standing::Synchronised, Some(tracking)) => TimeSnapshot {
            leap: tracking.leap,
            stratum: tracking.stratum.max(options.best_stratum),
            ref_id: tracking.ref_id,
            reference: ReferenceTime::At(tracking.reference_time),
            root_delay: tracking.root_delay,
            root_dispersion: tracking.root_dispersion(free),
            dispersion_rate: tracking.dispersion_rate(),
            ..known
        },
        (Standing::Local, _) => TimeSnapshot {
            leap: Leap::None,
            stratum: options.local.map_or(known.stratum, |local| local.stratum.max(options.best_stratum)),
            ref_id: RefId::LOCAL,
            reference: ReferenceTime::Now,
            root_dispersion: NtpDuration::ZERO,
            ..known
        },
        _ => known,
    }
}

/// A clock of which nothing is known but what it shows.
fn uncorrected(discipline: &Discipline, options: &Options, now: Now) -> TimeSnapshot {
    TimeSnapshot {
        epoch: discipline.timeline.epoch(),
        anchor: now.raw,
        offset: NtpDuration::ZERO,
        rate: Frequency::ZERO,
        leap: Leap::Unsynchronised,
        stratum: Stratum::UNSYNCHRONISED,
        precision: options.precision,
        ref_id: RefId::NONE,
        reference: ReferenceTime::Never,
        root_delay: NtpDuration::ZERO,
        root_dispersion: KERNEL_MAX_ERROR,
        dispersion_rate: Frequency::ZERO,
        valid_until: now.raw + VALIDITY,
    }
}
