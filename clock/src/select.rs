//! Which sources tell the truth, and which of those are used (RFC 5905 §11.2).
//!
//! Every source claims that the truth lies in an interval: its offset ± its root distance. The claims of a
//! majority that overlap in one point define the truechimers; the rest are falsetickers. Among the
//! truechimers one is selected by distance, and those that are about as good are combined with it. Each
//! source leaves with a [`State`] that says which of these tests it failed, with the numbers.

mod state;

use ntp_proto::packet::Stratum;
use ntp_proto::time::{Frequency, NtpDuration, Uncertainty};

use crate::estimate::Estimate;
pub use state::State;

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
