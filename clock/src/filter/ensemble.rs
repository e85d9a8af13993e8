//! What all the sources that are used say of the clock together.
//!
//! The sources share one clock, so one bank learns from all their samples: its wander is learnt once, and not once
//! for each source with errors that are then taken for independent. Each source also keeps a filter of its own, by
//! which it is judged; when one turns out to be false, the ensemble begins anew from the filters of the others.

use ntp_proto::time::{FreeTime, NtpDuration, Uncertainty};

use super::SourceFilter;
use super::bank::{Bank, Learnt, Reading, Via};
use super::belief::{Belief, Beliefs, KINDS};
use super::path::{PathId, Turn};
use super::strain::Strain;
use crate::estimate::Estimate;
use crate::poll::PollAdvice;
use crate::sample::Sample;

/// What one sample of a source says, with what is known of its path.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    pub(super) sample: Sample,
    pub(super) beliefs: Beliefs,
    pub(super) path: PathId,
    pub(super) turn: Turn,
    /// By the source's own filter.
    pub(super) learnt: Option<Learnt>,
}

/// How quickly the weight of a source follows its distance, as a share at each sample: distances fluctuate, and
/// each change of the weights moves what all say together.
const REWEIGH: f64 = 0.02;
/// Shares add up to one but for this.
const ROUNDING: f64 = 1e-9;

/// The bank of all used sources, which are named by numbers.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ensemble {
    bank: Bank,
    members: Vec<Member>,
    poll: PollAdvice,
}

/// A source that is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voice<'a> {
    /// Its number.
    pub source: u32,
    /// What it has taught.
    pub filter: &'a SourceFilter,
    /// How far it can mislead.
    pub distance: NtpDuration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Member {
    source: u32,
    /// The path whose bias counts; what later paths add is no news of the clock.
    home: PathId,
    /// Its share, with those of all members one.
    weight: f64,
    strain: Strain,
    /// Whether its latest sample was beyond all expectation.
    surprised: bool,
}

impl Member {
    /// It has no say yet.
    fn new(source: u32, home: PathId) -> Self {
        Self { source, home, weight: 0.0, strain: Strain::default(), surprised: false }
    }
}

impl Ensemble {
    /// Begins with what the filters of these sources know at `at`; `None` if that is nothing.
    #[must_use]
    pub fn of(at: FreeTime, voices: &[Voice<'_>]) -> Option<Self> {
        let known = || voices.iter().filter_map(|voice| Some((voice, voice.filter.estimate(at)?)));
        let (first, _) = known().min_by(|a, b| a.1.covariance.xx.total_cmp(&b.1.covariance.xx))?;
        let mut bank = first.filter.bank.clone()?;
        bank.belongs_to(first.source);
        let mut ensemble = Self { bank, members: Vec::new(), poll: first.filter.poll };
        ensemble.members.push(Member::new(first.source, PathId::FIRST));
        for (voice, estimate) in known().filter(|(voice, _)| voice.source != first.source) {
            let home = voice.filter.path().id;
            let via = Via { source: voice.source, path: home };
            let delay = voice.filter.path().delays.min();
            ensemble.bank.open(via, None, delay, delay);
            // Not the sample of a path, but all that a filter knows.
            let belief = Belief::Normal { mean: 0.0, variance: estimate.covariance.xx };
            let reading = Reading { at, offset: estimate.offset, beliefs: &[belief; KINDS.len()], via };
            ensemble.bank.update(&reading, None);
            ensemble.members.push(Member::new(voice.source, home));
        }
        ensemble.weigh(voices, 1.0);
        Some(ensemble)
    }

    /// A source gave a sample; says what was learnt from it: nothing if it is not listened to.
    pub fn update(&mut self, source: u32, observation: &Observation) -> Option<Learnt> {
        let among_others = self.members.len() > 1;
        let place = self.members.iter().position(|member| member.source == source)?;
        let Observation { sample, beliefs, path, turn, .. } = observation;
        let (via, delay) = (Via { source, path: *path }, sample.delay.to_seconds());
        match turn {
            Turn::New { from, .. } if self.knows(Via { path: *from, ..via }) => {
                self.bank.turn(via, *turn, delay);
            }
            _ if self.knows(via) => {}
            // New here, or it changed its path while nobody listened to it: nothing is known of this one.
            _ => self.bank.open(via, None, delay, delay),
        }
        let member = &mut self.members[place];
        let reading = Reading { at: sample.at, offset: sample.offset, beliefs, via };
        let learnt = self.bank.update(&reading, among_others.then_some(&mut member.strain))?;
        member.surprised = learnt.is_surprise;
        self.poll.learn(&learnt, self.bank.wander());
        Some(learnt)
    }

    /// These are the sources that are used. The weight of each goes with the inverse of its distance: a source
    /// counts by what is possible on its path and not by how quiet it seems.
    pub fn listen_to(&mut self, voices: &[Voice<'_>]) {
        self.members.retain(|member| voices.iter().any(|voice| voice.source == member.source));
        for voice in voices {
            if !self.members.iter().any(|member| member.source == voice.source) {
                self.members.push(Member::new(voice.source, voice.filter.path().id));
            }
        }
        self.weigh(voices, REWEIGH);
    }

    /// Whether most of the sources said something beyond all expectation: then it is the clock that changed.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        let surprised = self.members.iter().filter(|member| member.surprised).count();
        self.members.len() > 1 && surprised * 2 >= self.members.len()
    }

    /// The numbers of the sources that it learns from.
    pub fn members(&self) -> impl ExactSizeIterator<Item = u32> + Clone + '_ {
        self.members.iter().map(|member| member.source)
    }

    /// The share of a source in what all say together, of one; `None` if it does not learn from it.
    #[must_use]
    pub fn weight(&self, source: u32) -> Option<f64> {
        self.members.iter().find(|member| member.source == source).map(|member| member.weight)
    }

    /// What is known at `at`.
    #[must_use]
    pub fn estimate(&self, at: FreeTime) -> Estimate {
        self.bank.estimate().advanced(at)
    }

    /// How often asking is worth it.
    #[must_use]
    pub const fn poll(&self) -> &PollAdvice {
        &self.poll
    }

    /// The offset became less certain, for a reason that no sample shows.
    pub fn disturb(&mut self, by: Uncertainty) {
        self.bank.disturb(by);
    }

    /// All offsets are more by this from now on: a leap second changed the count of seconds, and not the clock.
    pub fn renumber(&mut self, by: NtpDuration) {
        self.bank.renumber(by);
    }

    /// Whether every figure is one. What came from a file need not be.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let member = |m: &Member| m.strain.is_sound() && (0.0..=1.0 + ROUNDING).contains(&m.weight);
        self.bank.is_sound() && self.poll.is_sound() && self.members.iter().all(member)
    }

    /// Whether the bias of this path is known, or biases are relative to it.
    fn knows(&self, via: Via) -> bool {
        let is_reference = via.path == PathId::FIRST && self.bank.reference() == via.source;
        is_reference || self.bank.knows(via)
    }

    fn weigh(&mut self, voices: &[Voice<'_>], share: f64) {
        let wanted = |source| {
            let distance =
                voices.iter().find(|v| v.source == source).map_or(1.0, |v| v.distance.to_seconds());
            1.0 / distance.max(1e-9)
        };
        let total: f64 = self.members.iter().map(|member| wanted(member.source)).sum();
        for member in &mut self.members {
            member.weight += share * (wanted(member.source) / total - member.weight);
        }
        let total: f64 = self.members.iter().map(|member| member.weight).sum();
        if total > 0.0 {
            self.members.iter_mut().for_each(|member| member.weight /= total);
        }
        let members = &self.members;
        self.bank.set_weights(|via| {
            let is_home = |member: &&Member| member.source == via.source && member.home == via.path;
            members.iter().find(is_home).map_or(0.0, |member| member.weight)
        });
    }
}
