//! What all the sources that are used say of the clock together.
//!
//! The sources share one clock, so one bank learns from all their samples: its wander is learnt once, and not once
//! for each source with errors that are then taken for independent. Each source also keeps a filter of its own, by
//! which it is judged; when one turns out to be false, the ensemble begins anew from the filters of the others.

use ntp_proto::time::{FreeTime, Uncertainty};

use super::SourceFilter;
use super::bank::{Bank, Reading, Via};
use super::belief::{Belief, Beliefs, KINDS};
use super::path::{PathId, Turn};
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
}

/// The bank of all used sources, which are named by numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    bank: Bank,
    members: Vec<u32>,
    poll: PollAdvice,
}

impl Ensemble {
    /// Begins with what the filters of these sources know at `at`; `None` if that is nothing.
    #[must_use]
    pub fn of(at: FreeTime, sources: &[(u32, &SourceFilter)]) -> Option<Self> {
        let known =
            || sources.iter().filter_map(|(source, filter)| Some((*source, *filter, filter.estimate(at)?)));
        let (first, filter, _) = known().min_by(|a, b| a.2.covariance.xx.total_cmp(&b.2.covariance.xx))?;
        let mut bank = filter.bank.clone()?;
        bank.belongs_to(first);
        for (_, _, estimate) in known().filter(|(source, ..)| *source != first) {
            // Not the sample of a path, but all that a filter knows.
            let belief = Belief::Normal { mean: 0.0, variance: estimate.covariance.xx };
            let via = Via { source: first, path: PathId::FIRST };
            bank.update(&Reading { at, offset: estimate.offset, beliefs: &[belief; KINDS.len()], via });
        }
        let members = known().map(|(source, ..)| source).collect();
        Some(Self { bank, members, poll: filter.poll })
    }

    /// A source that is used gave a sample.
    pub fn update(&mut self, source: u32, observation: &Observation) {
        let Observation { sample, beliefs, path, turn } = observation;
        if !self.members.contains(&source) {
            self.members.push(source);
        }
        let via = Via { source, path: *path };
        match turn {
            Turn::None if *path != PathId::FIRST && !self.bank.knows(via) => {
                // It changed its path while nobody listened to it.
                let by = sample.delay.to_seconds();
                self.bank.turn(via, Turn::New { from: PathId::FIRST, by, forgotten: None });
            }
            turn => self.bank.turn(via, *turn),
        }
        let reading = Reading { at: sample.at, offset: sample.offset, beliefs, via };
        if let Some(learnt) = self.bank.update(&reading) {
            self.poll.learn(&learnt, self.bank.wander());
        }
    }

    /// Those are not used any more; what they taught is kept.
    pub fn retain(&mut self, is_used: impl Fn(u32) -> bool) {
        self.members.retain(|source| is_used(*source));
    }

    /// The sources that it learns from.
    #[must_use]
    pub fn members(&self) -> &[u32] {
        &self.members
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
}
