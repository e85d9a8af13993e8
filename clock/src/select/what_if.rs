//! What would change a verdict: selection is asked again in a world that differs in one thing.
//!
//! Which things are tried follows from the state; what would come of them is not reasoned but selected, so that
//! no promise is made that a later test would break.

use std::mem::discriminant;

use ntp_proto::packet::Stratum;
use ntp_proto::time::{Frequency, NtpDuration, Offset, Uncertainty};

use super::{Candidate, Examination, Flags, Limits, State, examine, score};

/// More sources than this are not invented to make a majority.
const MOST_SUPPORTERS: usize = 16;

/// All that selection goes by.
#[derive(Clone, Debug)]
pub struct Case {
    /// The sources.
    pub candidates: Vec<Candidate>,
    /// Which of them is selected so far.
    pub current: Option<usize>,
    /// Limits and preferences.
    pub limits: Limits,
}

/// One thing that could be otherwise, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What would have to be.
    pub condition: Condition,
    /// What the source is now.
    pub before: State,
    /// What the source would be then.
    pub state: State,
    /// Who would be selected then.
    pub selected: Option<usize>,
}

/// How the world would differ. Sources are numbered as in the [`Case`]; "it" is the source that is asked about.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// It is not marked `noselect`.
    Wanted,
    /// It answers again.
    Answering,
    /// It gives so many more samples.
    Samples(u64),
    /// The limits include this stratum, which is too high or too low.
    Strata {
        /// Its stratum.
        stratum: Stratum,
        /// Whether it is above the highest, and not below the lowest, that is wanted.
        above: bool,
    },
    /// The limit of the root distance is this.
    MaxDistance(NtpDuration),
    /// Its root distance is so much smaller.
    Closer(NtpDuration),
    /// The limit of the jitter is this.
    MaxJitter(Uncertainty),
    /// Its jitter is this.
    Calmer(Uncertainty),
    /// Its offset is more by this.
    Moved(NtpDuration),
    /// So many more sources say the same as it.
    Supported(usize),
    /// Its clock gains less by this.
    Slower(Frequency),
    /// So many truechimers are enough.
    MinSources(usize),
    /// One of these, which are required, can be used.
    Required(Vec<usize>),
    /// These do not answer any more.
    Silent(Vec<usize>),
    /// It is marked `prefer`.
    Preferred,
    /// Sources are combined up to this many times the distance of the selected one.
    CombineLimit(f64),
    /// It has been silent for as long as it may be.
    GivenUp,
}

impl Case {
    /// What selection finds in it.
    #[must_use]
    pub fn examine(&self) -> Examination {
        examine(&self.candidates, self.current, &self.limits)
    }

    /// What would change the verdict about source `of`, by selection itself. Empty if nothing is known that would.
    #[must_use]
    pub fn changes(&self, of: usize) -> Vec<Change> {
        let found = self.examine();
        let now = found.trials[of].state();
        let tried = self.ideas(of, &found).into_iter().map(|condition| {
            let then = self.examine_if(of, &condition);
            Change { condition, before: now, state: then.trials[of].state(), selected: then.selected }
        });
        let changes: Vec<Change> =
            tried.filter(|change| discriminant(&change.state) != discriminant(&now)).collect();
        // What leads to the next hurdle is of interest only if nothing leads beyond the last.
        let helps = |change: &&Change| change.state.is_used() != now.is_used() || change.state.is_selected();
        let helping: Vec<Change> = changes.iter().filter(helps).cloned().collect();
        if helping.is_empty() { changes } else { helping }
    }

    fn examine_if(&self, of: usize, condition: &Condition) -> Examination {
        let mut case = self.clone();
        condition.apply(&mut case, of);
        case.examine()
    }

    /// What is worth trying.
    fn ideas(&self, of: usize, found: &Examination) -> Vec<Condition> {
        let selected: Vec<usize> = found.selected.into_iter().collect();
        match found.trials[of].state() {
            State::New | State::NoSamples => Vec::new(),
            State::NotSelectable => vec![Condition::Wanted],
            State::Unreachable => vec![Condition::Answering],
            State::TooFewSamples { samples, needed } => vec![Condition::Samples(needed - samples)],
            State::StratumOutside { stratum, max, .. } => {
                vec![Condition::Strata { stratum, above: stratum > max }]
            }
            State::TooDistant { distance, limit } => {
                vec![Condition::MaxDistance(distance), Condition::Closer(distance - limit)]
            }
            State::TooJittery { jitter, limit } => {
                vec![Condition::MaxJitter(jitter), Condition::Calmer(limit)]
            }
            State::Coarse { distance, clock } => vec![Condition::Closer(distance - clock)],
            State::Falseticker { misses_by } => {
                let moved = Condition::Moved(-misses_by);
                [moved].into_iter().chain(self.support(of)).collect()
            }
            State::Drifting { by, .. } => vec![Condition::Slower(by)],
            State::NoMajority { .. } => {
                let nearest = self.to_nearest(of, found).map(Condition::Moved);
                self.support(of).into_iter().chain(nearest).collect()
            }
            State::Waiting { truechimers, .. } => {
                let few = self.support(of).into_iter().chain([Condition::MinSources(truechimers)]);
                few.chain([Condition::Required(self.those(|c| c.flags.require))]).collect()
            }
            State::NotPreferred => {
                let preferred = |i: &usize| self.candidates[*i].flags.prefer && found.trials[*i].is_passed();
                let preferred = (0..self.candidates.len()).filter(preferred).collect();
                vec![Condition::Silent(preferred), Condition::Preferred]
            }
            State::Outclassed { distance, limit } => {
                let factor = self.limits.combine_limit * (distance.to_seconds() / limit.to_seconds());
                let wider = (self.limits.combine_limit > 0.0).then_some(Condition::CombineLimit(factor));
                let ideas = [Condition::Closer(distance - limit), Condition::Silent(selected)];
                ideas.into_iter().chain(wider).collect()
            }
            State::Combined => {
                let closer = self.to_be_best(of, found).map(Condition::Closer);
                closer.into_iter().chain([Condition::Silent(selected)]).collect()
            }
            State::Selected => vec![Condition::Silent(selected)],
            State::Kept => vec![Condition::Answering, Condition::GivenUp],
        }
    }

    /// How many more sources would have to say the same for it to be used.
    fn support(&self, of: usize) -> Option<Condition> {
        let would_do =
            |more: &usize| self.examine_if(of, &Condition::Supported(*more)).trials[of].state().is_used();
        (1..=MOST_SUPPORTERS).find(would_do).map(Condition::Supported)
    }

    /// By how much its offset would have to be more for its claim to touch the nearest of the others that are
    /// usable.
    fn to_nearest(&self, of: usize, found: &Examination) -> Option<NtpDuration> {
        let (low, high) = self.candidates[of].claim()?;
        let usable = |i: &usize| matches!(found.trials[*i].state(), State::NoMajority { .. });
        let others = (0..self.candidates.len()).filter(|i| *i != of).filter(usable);
        let gaps = others.filter_map(|i| {
            let (from, to) = self.candidates[i].claim()?;
            if from > high { Some(from - high) } else { (to < low).then(|| to - low) }
        });
        gaps.min_by_key(|gap| gap.abs())
    }

    /// How much smaller its distance would have to be for it to be selected.
    fn to_be_best(&self, of: usize, found: &Examination) -> Option<NtpDuration> {
        let score = |i| score(&self.candidates, i, self.current, &self.limits);
        let by = score(of) - score(found.selected?) + NtpDuration::from_ticks(1);
        (by < self.candidates[of].root_distance).then_some(by)
    }

    fn those(&self, hold: impl Fn(&Candidate) -> bool) -> Vec<usize> {
        (0..self.candidates.len()).filter(|i| hold(&self.candidates[*i])).collect()
    }
}

impl Condition {
    /// Makes it so.
    fn apply(&self, case: &mut Case, of: usize) {
        let it = &mut case.candidates[of];
        match self {
            Self::Wanted => it.flags.noselect = false,
            Self::Answering => it.reachable = true,
            Self::Samples(more) => it.samples += more,
            Self::Strata { stratum, .. } => {
                let (min, max) = case.limits.strata;
                case.limits.strata = (min.min(*stratum), max.max(*stratum));
            }
            Self::MaxDistance(limit) => case.limits.max_distance = *limit,
            Self::Closer(by) => it.root_distance -= *by,
            Self::MaxJitter(limit) => case.limits.max_jitter = *limit,
            Self::Calmer(jitter) => it.jitter = *jitter,
            Self::Moved(by) => {
                if let Some(estimate) = &mut it.estimate {
                    estimate.offset = Offset::reference_ahead_by(estimate.offset.as_duration() + *by);
                }
            }
            Self::Supported(more) => {
                let like = Candidate { flags: Flags::default(), ..*it };
                case.candidates.extend(std::iter::repeat_n(like, *more));
            }
            Self::Slower(by) => {
                if let Some(estimate) = &mut it.estimate {
                    estimate.frequency = estimate.frequency - *by;
                }
            }
            Self::MinSources(enough) => case.limits.min_sources = *enough,
            Self::Required(_) => case.candidates.iter_mut().for_each(|c| c.flags.require = false),
            Self::Silent(sources) => sources.iter().for_each(|i| case.candidates[*i].reachable = false),
            Self::Preferred => it.flags.prefer = true,
            Self::CombineLimit(factor) => case.limits.combine_limit = *factor,
            Self::GivenUp => it.may_be_kept = false,
        }
    }

    /// As in "it would be used if …". `name` tells what a source is called.
    #[must_use]
    pub fn words(&self, name: &dyn Fn(usize) -> String) -> String {
        let names = |sources: &[usize]| sources.iter().map(|i| name(*i)).collect::<Vec<_>>().join(", ");
        match self {
            Self::Wanted => "it were not marked noselect".to_owned(),
            Self::Answering => "it answered again".to_owned(),
            Self::Samples(1) => "it gave one more sample".to_owned(),
            Self::Samples(more) => format!("it gave {more} more samples"),
            Self::Strata { stratum, above: true } => format!("maxstratum were {stratum} or more"),
            Self::Strata { stratum, .. } => format!("minstratum were {stratum} or less"),
            Self::MaxDistance(limit) => format!("maxdistance were above {limit}"),
            Self::Closer(by) => format!("its distance were {by} smaller"),
            Self::MaxJitter(limit) => format!("maxjitter were above {limit}"),
            Self::Calmer(jitter) => format!("its samples scattered by less than {jitter}"),
            Self::Moved(by) if by.is_negative() => format!("its time were {} earlier", by.abs()),
            Self::Moved(by) => format!("its time were {by} later"),
            Self::Supported(1) => "one more source agreed with it".to_owned(),
            Self::Supported(more) => format!("{more} more sources agreed with it"),
            Self::Slower(by) => {
                let less = if by.as_ratio() < 0.0 { "lost" } else { "gained" };
                format!("its clock {less} {:.3} ppm less", by.to_ppm().abs())
            }
            Self::MinSources(enough) => format!("minsources were {enough}"),
            Self::Required(sources) => format!("one with require could be used: {}", names(sources)),
            Self::Silent(sources) => {
                format!("eight requests in a row were not answered by {}", names(sources))
            }
            Self::Preferred => "it were marked prefer".to_owned(),
            Self::CombineLimit(factor) => format!("combinelimit were above {factor:.2}"),
            Self::GivenUp => "it stayed silent for more than maxunreach polls".to_owned(),
        }
    }
}

impl Change {
    /// A sentence about the source, without its name at the beginning. `name` tells what a source is called.
    #[must_use]
    pub fn words(&self, name: &dyn Fn(usize) -> String) -> String {
        let condition = self.condition.words(name);
        let (state, kind) = (self.state, self.state.name());
        let outcome = match (self.before, state, self.selected) {
            (_, State::Selected, _) => "would be the selected source".to_owned(),
            (_, State::Combined, _) => "would be used, combined with the selected source,".to_owned(),
            (_, State::Kept, _) => "would be kept, since no other could be used,".to_owned(),
            (State::Selected | State::Kept, _, Some(other)) => {
                format!("would be replaced by {}", name(other))
            }
            (State::Selected | State::Kept, _, None) => "would be lost, with nobody in its place,".to_owned(),
            (State::Combined, ..) => format!("would not be used any more ({kind}: {state}),"),
            _ => format!("would get further, but not be used ({kind}: {state}),"),
        };
        format!("{outcome} if {condition}")
    }
}

#[cfg(test)]
mod tests;
