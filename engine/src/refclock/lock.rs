//! Which second a pulse begins: the nearest to what somebody says who knows the time of day.

use std::fmt;

use ntp_proto::packet::RefId;
use ntp_proto::time::{FreeTime, NtpDuration};
use serde::{Deserialize, Serialize};

/// What a pulse is and what it is taken for may differ by this share of the interval; beyond, it may as well be the
/// pulse before or after.
const NEAR: f64 = 0.4;

/// Why a pulse has no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unlocked {
    /// There is no such reference clock.
    Nobody(RefId),
    /// It has shown no time yet.
    NeverSaid(RefId),
    /// It has shown none for too long.
    Silent {
        /// Who.
        partner: RefId,
        /// For so long.
        age: NtpDuration,
    },
    /// The pulse comes between the seconds that it shows.
    Between {
        /// Who; `None`: the system clock.
        partner: Option<RefId>,
        /// The pulse is so much after the nearest.
        by: NtpDuration,
    },
    /// The system clock is not set by anybody.
    ClockUnset,
    /// Nobody who set the system clock vouches for it any more.
    ClockUnvouched,
    /// The system clock may be wrong by so much.
    ClockDoubtful(NtpDuration),
    /// There are more pulses than there should be, and nobody can tell which are the right ones.
    TooMany {
        /// So many.
        pulses: usize,
        /// In this time.
        within: NtpDuration,
    },
}

/// How far the reference was ahead of the free-running clock `at` a pulse: the nearest to `roughly` at which a whole
/// interval began, `rate` of which are a second.
///
/// # Errors
/// By how much the pulse is after the nearest, if that is too far.
pub(crate) fn number(at: FreeTime, roughly: NtpDuration, rate: u32) -> Result<NtpDuration, NtpDuration> {
    let (_, fraction) = (at + roughly).to_parts();
    let rate = u64::from(rate.max(1));
    // In units of 2⁻³² of an interval.
    let place = u64::from(fraction) * rate;
    let nearest = (place + (1 << 31)) >> 32;
    let by = (place as i64 - (nearest << 32) as i64) / rate as i64;
    let interval = (1_i64 << 32) / rate as i64;
    let apart = NtpDuration::from_ticks(by);
    if by.unsigned_abs() as f64 > NEAR * interval as f64 { Err(apart) } else { Ok(roughly - apart) }
}

/// How far the system clock may be wrong and still number pulses.
pub(crate) fn room(interval: NtpDuration) -> NtpDuration {
    interval.scaled(NEAR)
}

fn letters(partner: RefId) -> String {
    partner.to_ascii().unwrap_or_else(|| partner.to_string())
}

/// The rest of a sentence about pulses.
impl fmt::Display for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(partner) => write!(f, "there is no {} to number the pulses", letters(*partner)),
            Self::NeverSaid(partner) => {
                write!(f, "{}, which numbers the pulses, has shown no time yet", letters(*partner))
            }
            Self::Silent { partner, age } => {
                write!(f, "{}, which numbers the pulses, has shown no time for {age}", letters(*partner))
            }
            Self::Between { partner, by } => {
                let side = if by.is_negative() { "before" } else { "after" };
                let whose = partner.map_or_else(|| "the system clock".to_owned(), letters);
                write!(f, "pulses come {} {side} the nearest second of {whose}, too far to tell", by.abs())
            }
            Self::ClockUnset => f.write_str("nobody numbers the pulses: the system clock is not set yet"),
            Self::ClockUnvouched => {
                f.write_str("nobody numbers the pulses: no source vouches for the system clock any more")
            }
            Self::ClockDoubtful(error) => {
                write!(f, "nobody numbers the pulses: the system clock could be wrong by {error}")
            }
            Self::TooMany { pulses, within } => {
                write!(f, "{pulses} pulses within {within}, more than the rate says")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u32) -> FreeTime {
        FreeTime::from_unix(1_700_000_000, nanos)
    }

    fn seconds(seconds: f64) -> NtpDuration {
        NtpDuration::from_seconds(seconds)
    }

    #[test]
    fn a_pulse_begins_the_nearest_interval() {
        let one = |at, roughly, rate| number(at, seconds(roughly), rate).unwrap().to_seconds();
        assert!((one(at(0), 0.2, 1) - 0.0).abs() < 1e-9);
        assert!((one(at(100_000_000), 0.7, 1) - 0.9).abs() < 1e-9);
        assert!((one(at(999_999_000), 0.0, 1) - 1e-6).abs() < 1e-9);
        assert!((one(at(250_000_000), -0.03, 5) + 0.05).abs() < 1e-9);
        assert!((one(at(0), 86_400.3, 1) - 86_400.0).abs() < 1e-6);
    }

    #[test]
    fn what_may_as_well_be_another_has_no_number() {
        assert!((number(at(0), seconds(0.45), 1).unwrap_err().to_seconds() - 0.45).abs() < 1e-9);
        assert!((number(at(0), seconds(-0.45), 1).unwrap_err().to_seconds() + 0.45).abs() < 1e-9);
        assert!((number(at(0), seconds(0.09), 5).unwrap_err().to_seconds() - 0.09).abs() < 1e-9);
        assert!(number(at(0), seconds(0.39), 1).is_ok());
    }
}
