//! What selection says of a source, in words.

use std::fmt;

use ntp_proto::packet::Stratum;
use ntp_proto::time::{Frequency, NtpDuration, Uncertainty};

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
    /// It is only there to number pulses, and the clock is known better than it can tell.
    Coarse {
        /// How far it may be wrong.
        distance: NtpDuration,
        /// How far the clock may be.
        clock: NtpDuration,
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

    /// Whether it agrees with the majority, and could be used if there were nobody better.
    #[must_use]
    pub const fn agrees(self) -> bool {
        self.is_used() || matches!(self, Self::NotPreferred | Self::Outclassed { .. })
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
            Self::Coarse { .. } => "numbering",
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
            Self::Coarse { distance, clock } => write!(
                f,
                "numbers pulses; its own time could be wrong by {distance}, that of the clock only by {clock}"
            ),
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
