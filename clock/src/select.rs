//! Which sources tell the truth, and which of those are used (RFC 5905 §11.2).
//!
//! Every source claims that the truth lies in an interval: its offset ± its root distance. The claims of a
//! majority that overlap in one point define the truechimers; the rest are falsetickers. Among the
//! truechimers one is selected by distance, and those that are about as good are combined with it. Each
//! source leaves with a [`State`] that says which of these tests it failed, with the numbers; [`examine`] tells of all of
//! them, and a [`Case`] what would change the verdict.

mod state;
mod test;
mod what_if;

use ntp_proto::packet::Stratum;
use ntp_proto::time::{Frequency, NtpDuration, Uncertainty};

use crate::estimate::Estimate;
pub use state::State;
pub use test::{Figure, Majority, Test};
pub use what_if::{Case, Change, Condition};

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
    /// Whether there is a network between it and us, so that its distance fluctuates.
    pub is_remote: bool,
    /// Of a source that is only there to number the pulses of another: how well the clock is known, set by others.
    /// It is used when that is worse than what it says itself. `None`: it is like any other.
    pub clock_error: Option<NtpDuration>,
}

/// What selection found.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// One for each candidate, in their order.
    pub states: Vec<State>,
    /// The candidate that is selected.
    pub selected: Option<usize>,
}

/// What selection found, with everything that it looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Examination {
    /// One for each candidate, in their order.
    pub trials: Vec<Trial>,
    /// The candidate that is selected.
    pub selected: Option<usize>,
    /// What most claims have in common, even if those are no majority; `None` if nobody has a say.
    pub majority: Option<Majority>,
}

/// The tests of one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Those that were made, in their order. A source that failed one is no candidate for the later ones; what is
    /// found then tells what it could expect.
    pub tests: Vec<Test>,
    /// What a source is that passes.
    rank: State,
}

impl Trial {
    /// What the source is: the first test that it fails decides.
    #[must_use]
    pub fn state(&self) -> State {
        self.tests.iter().find_map(Test::failure).unwrap_or(self.rank)
    }

    fn is_passed(&self) -> bool {
        self.tests.iter().all(|test| test.failure().is_none())
    }
}

/// Selects among `candidates`, of which `current` is selected so far.
#[must_use]
pub fn select(candidates: &[Candidate], current: Option<usize>, limits: &Limits) -> Selection {
    let Examination { trials, selected, .. } = examine(candidates, current, limits);
    Selection { states: trials.iter().map(Trial::state).collect(), selected }
}

/// The same, with all that was found on the way.
#[must_use]
pub fn examine(candidates: &[Candidate], current: Option<usize>, limits: &Limits) -> Examination {
    let alone = |c: &Candidate| Trial { tests: own_tests(c, limits), rank: State::New };
    let mut trials: Vec<Trial> = candidates.iter().map(alone).collect();
    let nobody = !trials.iter().any(Trial::is_passed);
    if let Some(kept) = current.filter(|i| nobody && keep(&candidates[*i], &mut trials[*i])) {
        return Examination { trials, selected: Some(kept), majority: None };
    }
    let claims = claims(candidates, &trials);
    let majority = densest(&claims);
    let selected = majority.and_then(|majority| {
        agree(candidates, &majority, &mut trials);
        compare_rates(candidates, &mut trials);
        choose(candidates, current, limits, &mut trials)
    });
    Examination { trials, selected, majority }
}

/// The tests that a source passes or fails on its own.
fn own_tests(c: &Candidate, limits: &Limits) -> Vec<Test> {
    let samples = if c.estimate.is_some() { c.samples.max(1) } else { 0 };
    let (min, max) = limits.strata;
    let mut tests = vec![
        Test::Wanted { noselect: c.flags.noselect },
        Test::Sampled { samples },
        Test::Answering { reachable: c.reachable, kept: false },
    ];
    if c.estimate.is_some() {
        let needed = c.min_samples.unwrap_or(limits.min_samples);
        tests.extend([
            Test::Samples { samples: c.samples, needed },
            Test::Strata { stratum: c.stratum, min, max },
            Test::Distance { distance: c.root_distance, limit: limits.max_distance },
            Test::Jitter { jitter: c.jitter, limit: limits.max_jitter },
        ]);
        let distance = c.root_distance;
        tests.extend(c.clock_error.map(|clock| Test::Finer { distance, clock }));
    }
    tests
}

/// Keeps a silent source if all that it said is as good as ever; says whether it does.
fn keep(c: &Candidate, trial: &mut Trial) -> bool {
    let mut failed = trial.tests.iter_mut().filter(|test| test.failure().is_some());
    match (failed.next(), failed.next()) {
        (Some(Test::Answering { kept, .. }), None) if c.may_be_kept => {
            *kept = true;
            trial.rank = State::Kept;
            true
        }
        _ => false,
    }
}

/// What a source says: the truth is between `low` and `high`.
#[derive(Clone, Copy, Debug)]
struct Claim {
    low: NtpDuration,
    high: NtpDuration,
    /// Whether the operator trusts it.
    trusted: bool,
}

impl Candidate {
    /// The least and the largest offset that it allows; `None` without samples.
    #[must_use]
    pub fn claim(&self) -> Option<(NtpDuration, NtpDuration)> {
        let offset = self.estimate?.offset.as_duration();
        Some((offset - self.root_distance, offset + self.root_distance))
    }
}

/// The claims of those who have a say: the trusted ones, or all if there are none.
fn claims(candidates: &[Candidate], trials: &[Trial]) -> Vec<Claim> {
    let usable = candidates.iter().zip(trials).filter(|(_, trial)| trial.is_passed());
    let claims = usable.filter_map(|(c, _)| {
        let (low, high) = c.claim()?;
        Some(Claim { low, high, trusted: c.flags.trust })
    });
    let claims: Vec<Claim> = claims.collect();
    let any_trusted = claims.iter().any(|claim| claim.trusted);
    claims.into_iter().filter(|claim| claim.trusted || !any_trusted).collect()
}

/// From the first to the last point that the most claims have in common, and how many they are. `None` without
/// claims.
fn densest(claims: &[Claim]) -> Option<Majority> {
    // At equal points a claim opens before another closes: claims that touch overlap.
    let mut edges: Vec<(NtpDuration, bool)> =
        claims.iter().flat_map(|c| [(c.low, false), (c.high, true)]).collect();
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
    let trusted = claims.iter().any(|claim| claim.trusted);
    best.map(|(low, high, agreeing)| Majority { agreeing, of: claims.len(), trusted, low, high })
}

/// Whose claims contain what most voters agree upon.
fn agree(candidates: &[Candidate], majority: &Majority, trials: &mut [Trial]) {
    let (from, to) = (majority.low, majority.high);
    for (candidate, trial) in candidates.iter().zip(trials) {
        let Some((low, high)) = candidate.claim() else { continue };
        trial.tests.push(Test::Majority(*majority));
        if majority.is_one() {
            trial.tests.push(Test::Agreement { low, high, from, to });
        }
    }
}

/// A rate is judged after so many samples …
const RATE_SAMPLES: u64 = 12;
/// … and out of line by so many standard deviations, back in line within fewer …
const OUT_OF_LINE: f64 = 5.0;
const IN_LINE: f64 = 3.0;
/// … and beyond this.
const SAME_RATE: Frequency = Frequency::from_ppm(0.05);

/// Whose clocks run at the rate of most truechimers'. A clock that drifts is found by its rate long before its
/// offset contradicts anybody. It takes three to tell, and a majority to believe.
fn compare_rates(candidates: &[Candidate], trials: &mut [Trial]) {
    let chimers = passed(trials);
    let known = |c: &Candidate| c.estimate.filter(|_| c.samples >= RATE_SAMPLES);
    let mut rates: Vec<Estimate> = chimers.iter().filter_map(|i| known(&candidates[*i])).collect();
    if rates.len() < 3 {
        return;
    }
    rates.sort_by(|a, b| a.frequency.as_ratio().total_cmp(&b.frequency.as_ratio()));
    let median = rates[rates.len() / 2];
    let rate = |c: &Candidate| {
        let own = known(c)?;
        let doubt = (own.covariance.ff + median.covariance.ff).sqrt();
        let deviations = if c.was_drifting { IN_LINE } else { OUT_OF_LINE };
        Some((own.frequency - median.frequency, SAME_RATE + Frequency::new(deviations * doubt)))
    };
    let is_out = |i: &&usize| rate(&candidates[**i]).is_some_and(|(by, limit)| by.abs() > limit);
    let counts = chimers.iter().filter(is_out).count() * 2 < chimers.len();
    for (candidate, trial) in candidates.iter().zip(trials) {
        trial.tests.extend(rate(candidate).map(|(by, limit)| Test::Rate { by, limit, counts }));
    }
}

/// The truechimers among which one is chosen, if they are enough.
fn choose(
    candidates: &[Candidate],
    current: Option<usize>,
    limits: &Limits,
    trials: &mut [Trial],
) -> Option<usize> {
    let chimers = passed(trials);
    let require = candidates.iter().any(|c| c.flags.require);
    let required = require.then(|| chimers.iter().any(|i| candidates[*i].flags.require));
    let company = Test::Company { truechimers: chimers.len(), needed: limits.min_sources, required };
    chimers.iter().for_each(|i| trials[*i].tests.push(company));
    let enough = passed(trials);
    let anybody = enough.iter().any(|i| candidates[*i].flags.prefer);
    for i in enough {
        trials[i].tests.push(Test::Preference { preferred: candidates[i].flags.prefer, anybody });
    }
    let eligible = passed(trials);
    let best = *eligible.iter().min_by_key(|i| score(candidates, **i, current, limits))?;
    // A clock in the same machine is as good as it is: what is almost as good as a server is much worse than that.
    let margin = if candidates[best].is_remote { limits.reselect_distance } else { NtpDuration::ZERO };
    let reach = candidates[best].root_distance + margin;
    let limit = reach.scaled(limits.combine_limit);
    for i in eligible {
        let (distance, selected) = (candidates[i].root_distance, i == best);
        trials[i].tests.push(Test::Combining { distance, limit, selected });
        trials[i].rank = if selected { State::Selected } else { State::Combined };
    }
    Some(best)
}

/// Who failed no test so far.
fn passed(trials: &[Trial]) -> Vec<usize> {
    (0..trials.len()).filter(|i| trials[*i].is_passed()).collect()
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
