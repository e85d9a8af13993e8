//! What the operator wants of a reference clock.

use ntp_clock::select;
use ntp_proto::packet::{PollExp, RefId, Stratum};
use ntp_proto::time::{NtpDuration, Offset};
use serde::{Deserialize, Serialize};

/// How a reference clock of this machine is treated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefclockOptions {
    /// Its letters, by which people, clients and other reference clocks refer to it. No two have the same.
    pub ref_id: RefId,
    /// What selection makes of it.
    pub flags: select::Flags,
    /// Added to every measured offset.
    pub offset: Offset,
    /// Its readings may be wrong by half of this all the same way: what is on the way between the clock and us.
    pub delay: NtpDuration,
    /// Samples are not taken to be better than this.
    pub precision: NtpDuration,
    /// Samples that are more uncertain than this are not used.
    pub max_dispersion: Option<NtpDuration>,
    /// The stratum of the clock itself; who follows it has one more.
    pub stratum: Stratum,
    /// For so long readings are gathered to make a sample.
    pub poll: PollExp,
    /// So many readings are kept for that.
    pub filter: usize,
    /// How many seconds its time is ahead of UTC: for clocks that keep TAI.
    pub ahead: i64,
    /// Of what it shows only the beginnings of intervals count.
    pub only_pulses: bool,
    /// How pulses become times.
    pub pulses: PulseOptions,
    /// So many samples are needed before it is selected; `None`: what the limits of selection say.
    pub min_samples: Option<u64>,
    /// For so many polls it may stay selected after it fell silent.
    pub max_unreach: u32,
}

/// How the pulses of a reference clock become times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PulseOptions {
    /// Pulses in a second.
    pub rate: u32,
    /// The reference clock that tells which second a pulse begins; `None`: the system clock, once it is set.
    pub lock: Option<RefId>,
    /// How old what that one showed last may be, in pulses.
    pub max_lock_age: u32,
}

impl Default for RefclockOptions {
    fn default() -> Self {
        Self {
            ref_id: RefId::NONE,
            flags: select::Flags::default(),
            offset: Offset::ZERO,
            delay: NtpDuration::from_nanos(1),
            precision: NtpDuration::ZERO,
            max_dispersion: None,
            stratum: Stratum::UNSPECIFIED,
            poll: PollExp::new(4),
            filter: 64,
            ahead: 0,
            only_pulses: false,
            pulses: PulseOptions::default(),
            min_samples: None,
            max_unreach: 100_000,
        }
    }
}

impl Default for PulseOptions {
    fn default() -> Self {
        Self { rate: 1, lock: None, max_lock_age: 2 }
    }
}

impl PulseOptions {
    /// From one pulse to the next.
    pub(crate) fn interval(&self) -> NtpDuration {
        NtpDuration::from_secs(1).scaled(1.0 / f64::from(self.rate.max(1)))
    }
}
