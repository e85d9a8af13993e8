//! Which sources tell the truth, and which of those are used (RFC 5905 §11.2).
//!
//! Every source claims that the truth lies in an interval: its offset ± its root distance. The claims of a
//! majority that overlap in one point define the truechimers; the rest are falsetickers. Among the
//! truechimers one is selected by distance, and those that are about as good are combined with it. Each
//! source leaves with a [`State`] that says which of these tests it failed, with the numbers.

use std::fmt;

use ntp_proto::packet::Stratum;
use ntp_proto::time::{Frequency, NtpDuration, Uncertainty};

use crate::estimate::Estimate;

/// Limits and preferences.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Limits {
    /// So many truechimers are needed before the clock is touched.
    pub min_sources: usize,
    /// So many samples are needed before a source is considered, unless [`Candidate::min_samples`] says
    /// otherwise.
    pub min_samples: u64,
    /// The lowest and the highest stratum that are considered.
    pub strata: (Stratum, Stratum),
    /// The largest root distance that is considered.
    pub max_distance: NtpDuration,
    /// The largest jitter that is considered.
    pub max_jitter: Uncertainty,
    /// Sources up to this many times the distance of the selected one are combined with it; 0: none.
    pub combine_limit: f64,
    /// Added to the distance of sources that are not selected yet, against flapping.
    pub reselect_distance: NtpDuration,
    /// Added to the distance for each stratum.
    pub stratum_weight: NtpDuration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            min_sources: 1,
            min_samples: 1,
            strata: (Stratum::UNSPECIFIED, Stratum::new(15)),
            max_distance: NtpDuration::from_secs(3),
            max_jitter: Uncertainty::from_seconds(1.0),
            combine_limit: 3.0,
            reselect_distance: NtpDuration::from_nanos(100_000),
            stratum_weight: NtpDuration::from_millis(1),
        }
    }
}

/// What the operator says of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Flags {
    /// Used before all that are not preferred.
    pub prefer: bool,
    /// Measured, never used.
    pub noselect: bool,
    /// Tells the truth: the others have to agree with it.
    pub trust: bool,
    /// The clock is only touched if one such source is usable.
    pub require: bool,
}

/// A source as selection sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// What it knows now; `None` without samples.
    pub estimate: Option<Estimate>,
    /// How far the truth may be from its offset.
    pub root_distance: NtpDuration,
    /// Spread of its samples.
    pub jitter: Uncertainty,
    /// Whether its clock was found to drift until now.
    pub was_drifting: bool,
    /// Its stratum.
    pub stratum: Stratum,
    /// How many samples it gave.
    pub samples: u64,
    /// How many it takes to consider it; `None`: what the limits say.
    pub min_samples: Option<u64>,
    /// Whether it answered lately.
    pub reachable: bool,
    /// Whether it may stay selected though it did not, if nobody else can be.
    pub may_be_kept: bool,
    /// What the operator says of it.
    pub flags: Flags,
}

/// Why a source is used or not. In the order of the tests.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum State {
    /// It was not examined yet.
    New,
    /// The operator does not want it used.
    NotSelectable,
    /// It has no sample yet.
    NoSamples,
    /// None of the last eight requests was answered.
    Unreachable,
    /// It has to give more samples before it is considered.
    TooFewSamples {
        /// How many it gave.
        samples: u64,
        /// How many it takes.
        needed: u64,
    },
    /// Its stratum is not among those that are wanted.
    StratumOutside {
        /// What it is.
        stratum: Stratum,
        /// The lowest that is wanted.
        min: Stratum,
        /// The highest that is wanted.
        max: Stratum,
    },
    /// Its root distance exceeds the limit.
    TooDistant {
        /// What it is.
        distance: NtpDuration,
        /// What it may be.
        limit: NtpDuration,
    },
    /// Its samples scatter more than the limit.
    TooJittery {
        /// What the jitter is.
        jitter: Uncertainty,
        /// What it may be.
        limit: Uncertainty,
    },
    /// Its claim does not overlap with that of the majority.
    Falseticker {
        /// By how much it would have to move, positive if it is ahead of the majority.
        misses_by: NtpDuration,
    },
    /// Its clock does not run at the rate of the majority's.
    Drifting {
        /// By how much its clock gains on theirs.
        by: Frequency,
        /// How much that may be, as well as it is known.
        limit: Frequency,
    },
    /// No majority agrees, so nobody can tell who is right.
    NoMajority {
        /// How many agree with each other.
        agreeing: usize,
        /// How many there are.
        of: usize,
    },
    /// Too few truechimers, or none of those that are required.
    Waiting {
        /// How many there are.
        truechimers: usize,
        /// How many there have to be.
        needed: usize,
    },
    /// It would do, but a preferred source is used.
    NotPreferred,
    /// It would do, but is not good enough to be combined with the selected source.
    Outclassed {
        /// Its distance.
        distance: NtpDuration,
        /// Up to where sources are combined.
        limit: NtpDuration,
    },
    /// It was selected when it fell silent, and nobody else can be.
    Kept,
    /// It is combined with the selected source.
    Combined,
    /// It is the selected source.
    Selected,
}

impl State {
    /// Whether the clock is set by it.
    #[must_use]
    pub const fn is_used(self) -> bool {
        matches!(self, Self::Combined) || self.is_selected()
    }

    /// Whether it is the one whose stratum and identity are passed on.
    #[must_use]
    pub const fn is_selected(self) -> bool {
        matches!(self, Self::Selected | Self::Kept)
    }

    /// Whether it contradicts the majority.
    #[must_use]
    pub const fn is_false(self) -> bool {
        matches!(self, Self::Falseticker { .. } | Self::Drifting { .. })
    }

    /// One word for tables and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::NotSelectable => "noselect",
            Self::NoSamples => "no samples",
            Self::Unreachable | Self::Kept => "unreachable",
            Self::TooFewSamples { .. } => "few samples",
            Self::StratumOutside { .. } => "stratum",
            Self::TooDistant { .. } => "distant",
            Self::TooJittery { .. } => "jittery",
            Self::Falseticker { .. } => "falseticker",
            Self::Drifting { .. } => "drifting",
            Self::NoMajority { .. } => "no majority",
            Self::Waiting { .. } => "waiting",
            Self::NotPreferred => "spare",
            Self::Outclassed { .. } => "outclassed",
            Self::Combined => "combined",
            Self::Selected => "selected",
        }
    }
}

/// The reason, as one would say it.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("not examined yet"),
            Self::NotSelectable => f.write_str("measured only, as configured (noselect)"),
            Self::NoSamples => f.write_str("has not given a usable sample yet"),
            Self::Unreachable => f.write_str("did not answer the last eight requests"),
            Self::TooFewSamples { samples, needed } => {
                write!(f, "has given {samples} of the {needed} samples that minsamples asks for")
            }
            Self::StratumOutside { stratum, min, .. } if stratum < min => {
                write!(f, "has stratum {stratum}, below minstratum {min}")
            }
            Self::StratumOutside { stratum, max, .. } => {
                write!(f, "has stratum {stratum}, above maxstratum {max}")
            }
            Self::TooDistant { distance, limit } => {
                write!(f, "could be wrong by {distance}, more than maxdistance {limit}")
            }
            Self::TooJittery { jitter, limit } => {
                write!(f, "samples scatter by {jitter}, more than maxjitter {limit}")
            }
            Self::Falseticker { misses_by } => {
                let side = if misses_by.is_negative() { "behind" } else { "ahead of" };
                write!(f, "contradicts the majority: {} {side} anything they allow", misses_by.abs())
            }
            Self::Drifting { by, limit } => {
                let verb = if by.as_ratio() < 0.0 { "loses" } else { "gains" };
                let (by, limit) = (by.to_ppm().abs(), limit.to_ppm());
                write!(
                    f,
                    "its clock {verb} {by:.3} ppm on the majority's, where {limit:.3} would be in doubt"
                )
            }
            Self::NoMajority { agreeing, of } => {
                write!(f, "only {agreeing} of {of} sources agree: nobody can tell who is right")
            }
            Self::Waiting { truechimers, needed } if truechimers < needed => {
                write!(f, "good, but only {truechimers} of {needed} needed sources are")
            }
            Self::Waiting { .. } => f.write_str("good, but no source with `require` is usable"),
            Self::NotPreferred => f.write_str("good, but a preferred source is used"),
            Self::Outclassed { distance, limit } => {
                write!(f, "good, but its error bound {distance} exceeds {limit} for combining")
            }
            Self::Kept => {
                f.write_str("did not answer the last eight requests; kept, since no other can be used")
            }
            Self::Combined => f.write_str("used, combined with the selected source"),
            Self::Selected => f.write_str("used, the best source"),
        }
    }
}

/// What selection found.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// One for each candidate, in their order.
    pub states: Vec<State>,
    /// The candidate that is selected.
    pub selected: Option<usize>,
}

/// Selects among `candidates`, of which `current` is selected so far.
#[must_use]
pub fn select(candidates: &[Candidate], current: Option<usize>, limits: &Limits) -> Selection {
    let mut states: Vec<State> = candidates.iter().map(|c| usable(c, limits)).collect();
    if let Some(kept) = current.filter(|i| !states.contains(&State::New) && is_kept(&candidates[*i], limits))
    {
        states[kept] = State::Kept;
        return Selection { states, selected: Some(kept) };
    }
    let claims = claims(candidates, &states);
    let selected = match truechimers(&claims, &mut states) {
        Some(chimers) => {
            let steady = steady(candidates, chimers, &mut states);
            choose(candidates, &steady, current, limits, &mut states)
        }
        None => None,
    };
    Selection { states, selected }
}

/// The tests that a source passes or fails on its own. `New` stands for "passed".
fn usable(c: &Candidate, limits: &Limits) -> State {
    if c.flags.noselect {
        State::NotSelectable
    } else if c.estimate.is_none() {
        State::NoSamples
    } else if !c.reachable {
        State::Unreachable
    } else {
        acceptable(c, limits)
    }
}

/// Whether a silent source is the best there is.
fn is_kept(c: &Candidate, limits: &Limits) -> bool {
    c.may_be_kept && usable(c, limits) == State::Unreachable && acceptable(c, limits) == State::New
}

/// The tests of what it said.
fn acceptable(c: &Candidate, limits: &Limits) -> State {
    let needed = c.min_samples.unwrap_or(limits.min_samples);
    let (min, max) = limits.strata;
    if c.samples < needed {
        State::TooFewSamples { samples: c.samples, needed }
    } else if c.stratum < min || c.stratum > max {
        State::StratumOutside { stratum: c.stratum, min, max }
    } else if c.root_distance > limits.max_distance {
        State::TooDistant { distance: c.root_distance, limit: limits.max_distance }
    } else if c.jitter > limits.max_jitter {
        State::TooJittery { jitter: c.jitter, limit: limits.max_jitter }
    } else {
        State::New
    }
}

/// What a source says: the truth is between `low` and `high`.
#[derive(Clone, Copy, Debug)]
struct Claim {
    source: usize,
    low: NtpDuration,
    high: NtpDuration,
    /// Whether it has a say in what the truth is.
    votes: bool,
}

fn claims(candidates: &[Candidate], states: &[State]) -> Vec<Claim> {
    let usable = |i: &usize| states[*i] == State::New;
    let any_trusted = (0..candidates.len()).filter(usable).any(|i| candidates[i].flags.trust);
    (0..candidates.len())
        .filter(usable)
        .filter_map(|source| {
            let c = &candidates[source];
            let offset = c.estimate?.offset.as_duration();
            let (low, high) = (offset - c.root_distance, offset + c.root_distance);
            Some(Claim { source, low, high, votes: c.flags.trust || !any_trusted })
        })
        .collect()
}

/// The sources whose claims contain what most voters agree upon; the others become falsetickers. `None` if
/// no majority of the voters agrees.
fn truechimers(claims: &[Claim], states: &mut [State]) -> Option<Vec<usize>> {
    let voters = claims.iter().filter(|c| c.votes).count();
    let (low, high, agreeing) = densest(claims)?;
    if agreeing * 2 <= voters {
        for claim in claims {
            states[claim.source] = State::NoMajority { agreeing, of: voters };
        }
        return None;
    }
    let (chimers, liars): (Vec<&Claim>, Vec<&Claim>) =
        claims.iter().partition(|c| c.low <= high && c.high >= low);
    for liar in liars {
        let misses_by = if liar.low > high { liar.low - high } else { liar.high - low };
        states[liar.source] = State::Falseticker { misses_by };
    }
    Some(chimers.iter().map(|c| c.source).collect())
}

/// From the first to the last point that the most voters' claims have in common, and how many they are.
fn densest(claims: &[Claim]) -> Option<(NtpDuration, NtpDuration, usize)> {
    // At equal points a claim opens before another closes: claims that touch overlap.
    let mut edges: Vec<(NtpDuration, bool)> =
        claims.iter().filter(|c| c.votes).flat_map(|c| [(c.low, false), (c.high, true)]).collect();
    edges.sort_unstable();
    let (mut depth, mut best): (usize, Option<(NtpDuration, NtpDuration, usize)>) = (0, None);
    for (at, closes) in edges {
        if closes {
            // Where as many agree in several places, nobody can tell which is right: all of it is kept.
            best = best.map(|(low, high, most)| (low, if depth == most { at } else { high }, most));
            depth = depth.saturating_sub(1);
        } else {
            depth += 1;
            if best.is_none_or(|(_, _, most)| depth > most) {
                best = Some((at, at, depth));
            }
        }
    }
    best
}

/// A rate is judged after so many samples …
const RATE_SAMPLES: u64 = 12;
/// … and out of line by so many standard deviations, back in line within fewer …
const OUT_OF_LINE: f64 = 5.0;
const IN_LINE: f64 = 3.0;
/// … and beyond this.
const SAME_RATE: Frequency = Frequency::from_ppm(0.05);

/// The truechimers whose clocks run at the rate of most. A clock that drifts is found by its rate long before its
/// offset contradicts anybody. It takes three to tell, and a majority to believe.
fn steady(candidates: &[Candidate], chimers: Vec<usize>, states: &mut [State]) -> Vec<usize> {
    let known = |i: &usize| candidates[*i].estimate.filter(|_| candidates[*i].samples >= RATE_SAMPLES);
    let mut rates: Vec<Estimate> = chimers.iter().filter_map(known).collect();
    if rates.len() < 3 {
        return chimers;
    }
    rates.sort_by(|a, b| a.frequency.as_ratio().total_cmp(&b.frequency.as_ratio()));
    let median = rates[rates.len() / 2];
    let doubt = |e: &Estimate| (e.covariance.ff + median.covariance.ff).sqrt();
    let out_of_line = |i: &usize| {
        let own = known(i)?;
        let by = own.frequency - median.frequency;
        let deviations = if candidates[*i].was_drifting { IN_LINE } else { OUT_OF_LINE };
        let limit = SAME_RATE + Frequency::new(deviations * doubt(&own));
        (by.abs() > limit).then_some(State::Drifting { by, limit })
    };
    let verdicts: Vec<(usize, State)> = chimers.iter().filter_map(|i| Some((*i, out_of_line(i)?))).collect();
    if verdicts.len() * 2 >= chimers.len() {
        return chimers;
    }
    for (i, verdict) in &verdicts {
        states[*i] = *verdict;
    }
    chimers.into_iter().filter(|i| !states[*i].is_false()).collect()
}

fn choose(
    candidates: &[Candidate],
    chimers: &[usize],
    current: Option<usize>,
    limits: &Limits,
    states: &mut [State],
) -> Option<usize> {
    let require = candidates.iter().any(|c| c.flags.require);
    let satisfied = !require || chimers.iter().any(|i| candidates[*i].flags.require);
    if chimers.len() < limits.min_sources || !satisfied {
        for i in chimers {
            states[*i] = State::Waiting { truechimers: chimers.len(), needed: limits.min_sources };
        }
        return None;
    }
    let preferred = chimers.iter().any(|i| candidates[*i].flags.prefer);
    let (eligible, spare): (Vec<usize>, Vec<usize>) =
        chimers.iter().partition(|i| !preferred || candidates[**i].flags.prefer);
    for i in spare {
        states[i] = State::NotPreferred;
    }
    let best = *eligible.iter().min_by_key(|i| score(candidates, **i, current, limits))?;
    let reach = candidates[best].root_distance + limits.reselect_distance;
    let limit = reach.scaled(limits.combine_limit);
    for i in eligible {
        let distance = candidates[i].root_distance;
        states[i] = match () {
            () if i == best => State::Selected,
            () if distance <= limit => State::Combined,
            () => State::Outclassed { distance, limit },
        };
    }
    Some(best)
}

/// A source takes the place of the selected one only if it is better by this factor: distances fluctuate, and
/// each change of the selected source is a change for all clients.
const STAY: f64 = 0.75;

/// Less is better.
fn score(candidates: &[Candidate], i: usize, current: Option<usize>, limits: &Limits) -> NtpDuration {
    let c = &candidates[i];
    let distance = c.root_distance + limits.stratum_weight.scaled(f64::from(c.stratum.get()));
    if current == Some(i) { distance.scaled(STAY) } else { distance + limits.reselect_distance }
}

#[cfg(test)]
mod tests;
