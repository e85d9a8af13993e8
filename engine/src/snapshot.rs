//! What a server needs to know for every packet, as one immutable value.

use ntp_clock::ClockEpoch;
use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
use ntp_proto::server::SystemVars;
use ntp_proto::time::{EstimatedTime, Frequency, NtpDuration, NtpShort, NtpTimestamp, RawTime};
use serde::{Deserialize, Serialize};

/// When a clock was last set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceTime {
    /// It was not.
    Never,
    /// All the time, being its own reference.
    Now,
    /// Then.
    At(EstimatedTime),
}

/// The best estimate of time as a function of the system clock, and how good it is.
///
/// Valid for raw times of its epoch, from its anchor to `valid_until`. After that a reader says
/// "unsynchronised" by itself, so that an engine that hangs is not served for ever.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeSnapshot {
    /// The clock that `anchor` was read from.
    pub epoch: ClockEpoch,
    /// Where the map from raw to estimated time is anchored.
    pub anchor: RawTime,
    /// Estimated minus raw time at the anchor.
    pub offset: NtpDuration,
    /// How fast that difference grows, per second of raw time. Holds while a slew runs and, should nobody
    /// end it, beyond.
    pub rate: Frequency,
    /// Leap indicator.
    pub leap: Leap,
    /// Stratum that is served.
    pub stratum: Stratum,
    /// Precision of the clock.
    pub precision: Precision,
    /// What the clock is set by.
    pub ref_id: RefId,
    /// When the clock was last set.
    pub reference: ReferenceTime,
    /// Round trip to the primary clock.
    pub root_delay: NtpDuration,
    /// Dispersion at the anchor.
    pub root_dispersion: NtpDuration,
    /// How fast the dispersion grows.
    pub dispersion_rate: Frequency,
    /// Up to when all this may be believed.
    pub valid_until: RawTime,
}

impl TimeSnapshot {
    /// The best estimate of time when the system clock shows `raw`.
    #[must_use]
    pub fn estimate(&self, raw: RawTime) -> EstimatedTime {
        let since = raw - self.anchor;
        (raw + self.offset + self.rate * since).reinterpret()
    }

    /// What is told to clients when the system clock shows `raw`.
    #[must_use]
    pub fn system_vars(&self, raw: RawTime) -> SystemVars {
        let age = raw - self.anchor;
        let dispersion = self.root_dispersion + self.dispersion_rate * age.max(NtpDuration::ZERO);
        let believed = raw <= self.valid_until;
        SystemVars {
            leap: if believed { self.leap } else { Leap::Unsynchronised },
            stratum: if believed { self.stratum } else { Stratum::UNSYNCHRONISED },
            precision: self.precision,
            root_delay: NtpShort::at_least(self.root_delay),
            root_dispersion: NtpShort::at_least(dispersion),
            ref_id: self.ref_id,
            reference: match self.reference {
                ReferenceTime::Never => NtpTimestamp::ZERO,
                ReferenceTime::Now => self.estimate(raw).to_wire(),
                ReferenceTime::At(time) => time.to_wire(),
            },
        }
    }
}

/// How many words a snapshot takes.
pub const SNAPSHOT_WORDS: usize = 11;

/// For those who pass snapshots on as words.
impl TimeSnapshot {
    /// All of it; see [`from_words`](Self::from_words).
    #[must_use]
    pub const fn to_words(&self) -> [u64; SNAPSHOT_WORDS] {
        let (anchor, anchor_fraction) = self.anchor.to_parts();
        let (valid, valid_fraction) = self.valid_until.to_parts();
        let (kind, (reference, reference_fraction)) = match self.reference {
            ReferenceTime::Never => (0, (0, 0)),
            ReferenceTime::Now => (1, (0, 0)),
            ReferenceTime::At(time) => (2, time.to_parts()),
        };
        let signs = [self.leap.to_bits(), self.stratum.get(), self.precision.get() as u8, kind];
        [
            anchor as u64,
            two(anchor_fraction, self.epoch.number()),
            self.offset.as_ticks() as u64,
            self.rate.as_ratio().to_bits(),
            two(self.ref_id.to_bits(), u32::from_be_bytes(signs)),
            reference as u64,
            two(reference_fraction, valid_fraction),
            self.root_delay.as_ticks() as u64,
            self.root_dispersion.as_ticks() as u64,
            self.dispersion_rate.as_ratio().to_bits(),
            valid as u64,
        ]
    }

    /// What [`to_words`](Self::to_words) has made.
    #[must_use]
    pub const fn from_words(words: &[u64; SNAPSHOT_WORDS]) -> Self {
        let [leap, stratum, precision, kind] = (words[4] as u32).to_be_bytes();
        Self {
            epoch: ClockEpoch::from_number(words[1] as u32),
            anchor: RawTime::from_parts(words[0] as i64, (words[1] >> 32) as u32),
            offset: NtpDuration::from_ticks(words[2] as i64),
            rate: Frequency::new(f64::from_bits(words[3])),
            leap: Leap::from_bits(leap),
            stratum: Stratum::new(stratum),
            precision: Precision::new(precision as i8),
            ref_id: RefId::from_bits((words[4] >> 32) as u32),
            reference: match kind {
                0 => ReferenceTime::Never,
                1 => ReferenceTime::Now,
                _ => ReferenceTime::At(EstimatedTime::from_parts(words[5] as i64, (words[6] >> 32) as u32)),
            },
            root_delay: NtpDuration::from_ticks(words[7] as i64),
            root_dispersion: NtpDuration::from_ticks(words[8] as i64),
            dispersion_rate: Frequency::new(f64::from_bits(words[9])),
            valid_until: RawTime::from_parts(words[10] as i64, words[6] as u32),
        }
    }
}

const fn two(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> TimeSnapshot {
        let anchor = RawTime::from_unix(1_000, 0);
        TimeSnapshot {
            epoch: ClockEpoch::default(),
            anchor,
            offset: NtpDuration::from_secs(3),
            rate: Frequency::from_ppm(-100_000.0),
            leap: Leap::None,
            stratum: Stratum::new(2),
            precision: Precision::new(-20),
            ref_id: RefId::NONE,
            reference: ReferenceTime::Never,
            root_delay: NtpDuration::ZERO,
            root_dispersion: NtpDuration::from_millis(1),
            dispersion_rate: Frequency::from_ppm(10.0),
            valid_until: anchor + NtpDuration::from_secs(100),
        }
    }

    #[test]
    fn time_is_right_in_the_middle_of_a_slew() {
        let s = snapshot();
        let later = s.anchor + NtpDuration::from_secs(10);
        let expected = EstimatedTime::from_unix(1_012, 0);
        assert!((s.estimate(later) - expected).abs() <= NtpDuration::from_nanos(1));
    }

    #[test]
    fn nothing_is_lost_in_words() {
        let before_1900 = EstimatedTime::from_unix(-3_000_000_000, 7);
        for reference in [ReferenceTime::Never, ReferenceTime::Now, ReferenceTime::At(before_1900)] {
            let s = TimeSnapshot {
                epoch: ClockEpoch::default().next(),
                anchor: RawTime::from_unix(4_000_000_000, 999_999_999),
                offset: -NtpDuration::from_nanos(5),
                leap: Leap::Unsynchronised,
                ref_id: RefId::LOCAL,
                reference,
                root_delay: NtpDuration::MAX,
                ..snapshot()
            };
            assert_eq!(TimeSnapshot::from_words(&s.to_words()), s);
        }
    }

    #[test]
    fn dispersion_grows_and_validity_ends() {
        let s = snapshot();
        let at = |seconds| s.system_vars(s.anchor + NtpDuration::from_secs(seconds));
        assert!(at(100).root_dispersion > at(0).root_dispersion);
        assert_eq!((at(100).leap, at(100).stratum), (Leap::None, Stratum::new(2)));
        assert_eq!((at(101).leap, at(101).stratum), (Leap::Unsynchronised, Stratum::UNSYNCHRONISED));
    }
}
