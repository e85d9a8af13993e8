//! The tests that selection makes, each with its figures: who passes is used, who fails learns why.
//!
//! A test is judged in one place, [`Test::failure`], so that what is said of a source is what was decided.

use std::fmt;

use ntp_proto::packet::Stratum;
use ntp_proto::time::{Frequency, NtpDuration, Uncertainty};

use super::State;

/// One test of one source. In the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Test {
    /// Whether the operator wants it used.
    Wanted {
        /// They do not.
        noselect: bool,
    },
    /// Whether it gave a usable sample at all.
    Sampled {
        /// How many.
        samples: u64,
    },
    /// Whether it answered lately.
    Answering {
        /// One of the last eight requests was answered.
        reachable: bool,
        /// None was, but it was selected and nobody else can be.
        kept: bool,
    },
    /// How many samples it gave.
    Samples {
        /// So many.
        samples: u64,
        /// So many are needed.
        needed: u64,
    },
    /// How many servers it is away from a clock.
    Strata {
        /// Its stratum.
        stratum: Stratum,
        /// The lowest that is wanted.
        min: Stratum,
        /// The highest that is wanted.
        max: Stratum,
    },
    /// How far the truth may be from what it says.
    Distance {
        /// Its root distance.
        distance: NtpDuration,
        /// The largest that is considered.
        limit: NtpDuration,
    },
    /// How much its samples scatter.
    Jitter {
        /// One standard deviation.
        jitter: Uncertainty,
        /// The largest that is considered.
        limit: Uncertainty,
    },
    /// Whether it says more than is known of the clock without it, since it is only there to number pulses.
    Finer {
        /// Its root distance.
        distance: NtpDuration,
        /// How well the clock is known.
        clock: NtpDuration,
    },
    /// Whether more than half of those who have a say agree.
    Majority(Majority),
    /// Whether its claim overlaps with what the majority agrees upon. All are offsets, reference − ours, on the
    /// free-running clock.
    Agreement {
        /// The least that it claims.
        low: NtpDuration,
        /// The most that it claims.
        high: NtpDuration,
        /// The least that the majority allows.
        from: NtpDuration,
        /// The most that the majority allows.
        to: NtpDuration,
    },
    /// Whether its clock runs at the rate of most.
    Rate {
        /// By how much its clock gains on the median of theirs.
        by: Frequency,
        /// How much that may be, as well as it is known.
        limit: Frequency,
        /// Whether most agree about the rate, so that one that differs is wrong.
        counts: bool,
    },
    /// Whether enough others are good too, and one that is required.
    Company {
        /// How many truechimers there are.
        truechimers: usize,
        /// How many there have to be.
        needed: usize,
        /// Whether one of those with `require` is among them; `None` if there are none.
        required: Option<bool>,
    },
    /// Whether it is preferred, if anybody is.
    Preference {
        /// It is.
        preferred: bool,
        /// Somebody is who can be used.
        anybody: bool,
    },
    /// Whether it is good enough to be combined with the selected source.
    Combining {
        /// Its root distance.
        distance: NtpDuration,
        /// Up to where sources are combined.
        limit: NtpDuration,
        /// It is the selected source itself.
        selected: bool,
    },
}

/// What a test measures, and between what it has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// What was found.
    pub value: f64,
    /// The least that passes.
    pub at_least: Option<f64>,
    /// The most that passes.
    pub at_most: Option<f64>,
    /// Of all three.
    pub unit: &'static str,
}

impl Figure {
    /// Whether it is within its limits.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.at_least.is_none_or(|least| self.value >= least)
            && self.at_most.is_none_or(|most| self.value <= most)
    }
}

/// What most claims have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Majority {
    /// How many agree with each other.
    pub agreeing: usize,
    /// How many have a say: all usable sources, or those that are trusted.
    pub of: usize,
    /// Only trusted sources have a say, since there are some.
    pub trusted: bool,
    /// The least offset that all who agree allow.
    pub low: NtpDuration,
    /// The largest.
    pub high: NtpDuration,
}

impl Majority {
    /// Whether they are more than half.
    #[must_use]
    pub const fn is_one(&self) -> bool {
        self.agreeing * 2 > self.of
    }
}

impl Test {
    /// What the source is if this is the first test that it fails; `None` if it passes.
    #[must_use]
    pub fn failure(&self) -> Option<State> {
        match *self {
            Self::Wanted { noselect } => noselect.then_some(State::NotSelectable),
            Self::Sampled { samples } => (samples == 0).then_some(State::NoSamples),
            Self::Answering { reachable, kept } => (!reachable && !kept).then_some(State::Unreachable),
            Self::Samples { samples, needed } => {
                (samples < needed).then_some(State::TooFewSamples { samples, needed })
            }
            Self::Strata { stratum, min, max } => {
                (stratum < min || stratum > max).then_some(State::StratumOutside { stratum, min, max })
            }
            Self::Distance { distance, limit } => {
                (distance > limit).then_some(State::TooDistant { distance, limit })
            }
            Self::Jitter { jitter, limit } => (jitter > limit).then_some(State::TooJittery { jitter, limit }),
            Self::Finer { distance, clock } => {
                (distance > clock).then_some(State::Coarse { distance, clock })
            }
            Self::Majority(majority) => {
                let Majority { agreeing, of, .. } = majority;
                (!majority.is_one()).then_some(State::NoMajority { agreeing, of })
            }
            Self::Agreement { low, high, from, to } => {
                miss(low, high, from, to).map(|misses_by| State::Falseticker { misses_by })
            }
            Self::Rate { by, limit, counts } => {
                (counts && by.abs() > limit).then_some(State::Drifting { by, limit })
            }
            Self::Company { truechimers, needed, required } => (truechimers < needed
                || required == Some(false))
            .then_some(State::Waiting { truechimers, needed }),
            Self::Preference { preferred, anybody } => (anybody && !preferred).then_some(State::NotPreferred),
            Self::Combining { distance, limit, selected } => {
                (!selected && distance > limit).then_some(State::Outclassed { distance, limit })
            }
        }
    }

    /// The figure and its limits, for programs; `None` where there is nothing to measure.
    #[must_use]
    pub fn figure(&self) -> Option<Figure> {
        let at_most = |value, most, unit| Figure { value, at_least: None, at_most: Some(most), unit };
        let at_least = |value, least, unit| Figure { value, at_least: Some(least), at_most: None, unit };
        Some(match *self {
            Self::Wanted { .. } | Self::Answering { .. } | Self::Preference { .. } => return None,
            Self::Sampled { samples } => at_least(samples as f64, 1.0, "samples"),
            Self::Samples { samples, needed } => at_least(samples as f64, needed as f64, "samples"),
            Self::Strata { stratum, min, max } => Figure {
                at_least: Some(f64::from(min.get())),
                ..at_most(f64::from(stratum.get()), f64::from(max.get()), "stratum")
            },
            Self::Distance { distance, limit } | Self::Combining { distance, limit, .. } => {
                at_most(distance.to_seconds(), limit.to_seconds(), "s")
            }
            Self::Jitter { jitter, limit } => at_most(jitter.to_seconds(), limit.to_seconds(), "s"),
            Self::Finer { distance, clock } => at_most(distance.to_seconds(), clock.to_seconds(), "s"),
            Self::Majority(Majority { agreeing, of, .. }) => {
                at_least(agreeing as f64, (of / 2 + 1) as f64, "sources")
            }
            Self::Agreement { low, high, from, to } => {
                let by = miss(low, high, from, to).unwrap_or(NtpDuration::ZERO);
                at_most(by.abs().to_seconds(), 0.0, "s")
            }
            Self::Rate { by, limit, .. } => at_most(by.abs().to_ppm(), limit.to_ppm(), "ppm"),
            Self::Company { truechimers, needed, .. } => {
                at_least(truechimers as f64, needed as f64, "sources")
            }
        })
    }

    /// One word, the same in every version.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Wanted { .. } => "wanted",
            Self::Sampled { .. } => "sampled",
            Self::Answering { .. } => "answering",
            Self::Samples { .. } => "samples",
            Self::Strata { .. } => "stratum",
            Self::Distance { .. } => "distance",
            Self::Jitter { .. } => "jitter",
            Self::Finer { .. } => "finer",
            Self::Majority(_) => "majority",
            Self::Agreement { .. } => "agreement",
            Self::Rate { .. } => "rate",
            Self::Company { .. } => "company",
            Self::Preference { .. } => "preference",
            Self::Combining { .. } => "combining",
        }
    }
}

/// By how much a claim misses what the majority allows, positive if it is ahead of it.
fn miss(low: NtpDuration, high: NtpDuration, from: NtpDuration, to: NtpDuration) -> Option<NtpDuration> {
    if low > to {
        Some(low - to)
    } else if high < from {
        Some(high - from)
    } else {
        None
    }
}

/// The figure, and what it is held against.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wanted { noselect: true } => f.write_str("marked noselect"),
            Self::Wanted { noselect: false } => f.write_str("not marked noselect"),
            Self::Sampled { samples: 0 } => f.write_str("no usable sample yet"),
            Self::Sampled { samples } => write!(f, "usable samples so far: {samples}"),
            Self::Answering { reachable: true, .. } => f.write_str("answered one of the last eight requests"),
            Self::Answering { kept, .. } => {
                f.write_str("answered none of the last eight requests")?;
                f.write_str(if *kept { "; kept, since no other can be used" } else { "" })
            }
            Self::Samples { samples, needed } => write!(f, "{samples}; minsamples {needed}"),
            Self::Strata { stratum, min, max } => {
                write!(f, "{stratum}; minstratum {min}, maxstratum {max}")
            }
            Self::Distance { distance, limit } => {
                write!(f, "could be wrong by {distance}; maxdistance {limit}")
            }
            Self::Jitter { jitter, limit } => write!(f, "samples scatter by {jitter}; maxjitter {limit}"),
            Self::Finer { distance, clock } => {
                write!(f, "numbers pulses; could be wrong by {distance}, the clock by {clock}")
            }
            Self::Majority(Majority { agreeing, of, trusted, .. }) => {
                let voters = if *trusted { "trusted sources" } else { "usable sources" };
                write!(f, "{agreeing} of {of} {voters} agree; more than half have to")
            }
            Self::Agreement { low, high, from, to } => agreement(f, (*low, *high), (*from, *to)),
            Self::Rate { by, limit, counts } => {
                let verb = if by.as_ratio() < 0.0 { "loses" } else { "gains" };
                let (by, limit) = (by.to_ppm().abs(), limit.to_ppm());
                write!(f, "{verb} {by:.3} ppm on the median; up to {limit:.3} could be chance")?;
                f.write_str(if *counts {
                    ""
                } else {
                    "; most do not agree about the rate, so it does not count"
                })
            }
            Self::Company { truechimers, needed, required } => {
                write!(f, "{truechimers} good sources; minsources {needed}")?;
                f.write_str(match required {
                    None => "",
                    Some(true) => "; one with require is among them",
                    Some(false) => "; none with require is among them",
                })
            }
            Self::Preference { anybody: false, .. } => f.write_str("no good source is marked prefer"),
            Self::Preference { preferred: true, .. } => f.write_str("marked prefer"),
            Self::Preference { .. } => f.write_str("not marked prefer, but another good one is"),
            Self::Combining { distance, selected: true, .. } => {
                write!(f, "the best of the good sources, could be wrong by {distance}")
            }
            Self::Combining { distance, limit, .. } => {
                write!(f, "could be wrong by {distance}; combined up to {limit}")
            }
        }
    }
}

/// Seen from the middle of what the majority allows: how far off the clock is tells nothing here.
fn agreement(
    f: &mut fmt::Formatter<'_>,
    (low, high): (NtpDuration, NtpDuration),
    (from, to): (NtpDuration, NtpDuration),
) -> fmt::Result {
    let middle = from.midpoint(to);
    let (low, high) = (low - middle, high - middle);
    write!(
        f,
        "claims [{low}, {high}] about the majority's middle; they allow [{}, {}]",
        from - middle,
        to - middle
    )?;
    match miss(low, high, from - middle, to - middle) {
        None => f.write_str(", it overlaps"),
        Some(by) => write!(f, ", it misses by {}", by.abs()),
    }
}
