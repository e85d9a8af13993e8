//! Dates of all eras, each tied to the clock that it was read from.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::ops::{Add, Sub};

use super::duration::div_round;
use super::{NANOS_PER_SECOND, NtpDuration, NtpTimestamp, TICKS_PER_SECOND};

/// Seconds from the NTP prime epoch (1900-01-01) to the Unix epoch (1970-01-01).
const UNIX_EPOCH: i64 = 2_208_988_800;

/// Marks times that the system clock shows, corrections in progress and all: what kernel stamps are in.
#[derive(Clone, Copy, Debug)]
pub enum Raw {}

/// Marks times as we best know them: what we serve and report.
#[derive(Clone, Copy, Debug)]
pub enum Estimated {}

/// Marks times on the system clock as it would be had nobody ever corrected it. No correction, slew or step
/// disturbs them, so measurements are made and remembered in them.
#[derive(Clone, Copy, Debug)]
pub enum Free {}

/// A reading of the system clock.
pub type RawTime = Instant<Raw>;

/// The best estimate of UTC.
pub type EstimatedTime = Instant<Estimated>;

/// A reading of the free-running clock.
pub type FreeTime = Instant<Free>;

/// A date on the NTP scale, read from the clock `C`, unbounded by eras; resolution 2⁻³² s.
///
/// Only what makes sense is offered. The difference of two readings of one clock is a duration:
///
/// ```
/// use ntp_proto::time::{EstimatedTime, NtpDuration, RawTime};
/// let raw = RawTime::from_unix(1_700_000_000, 0);
/// assert_eq!(raw + NtpDuration::from_secs(2) - raw, NtpDuration::from_secs(2));
/// ```
///
/// Readings of two clocks have no difference, only a conversion that knows both:
///
/// ```compile_fail
/// use ntp_proto::time::{EstimatedTime, RawTime};
/// let nonsense = RawTime::from_unix(0, 0) - EstimatedTime::from_unix(0, 0);
/// ```
pub struct Instant<C> {
    /// 2⁻³² s since the prime epoch.
    ticks: i128,
    clock: PhantomData<C>,
}

impl<C> Instant<C> {
    const fn from_ticks(ticks: i128) -> Self {
        Self { ticks, clock: PhantomData }
    }

    /// From Unix time. `nanos` beyond a second carry over.
    #[must_use]
    pub const fn from_unix(seconds: i64, nanos: u32) -> Self {
        // 64 bits hold it for every `nanos`, and a server does this for each packet: wider ones divide slowly.
        let fraction = (((nanos as u64) << 32) + NANOS_PER_SECOND as u64 / 2) / NANOS_PER_SECOND as u64;
        Self::from_ticks((seconds as i128 + UNIX_EPOCH as i128) * TICKS_PER_SECOND as i128 + fraction as i128)
    }

    /// As seconds since the prime epoch, rounded down, and 2⁻³² s beyond them: nothing is lost.
    #[must_use]
    pub const fn to_parts(self) -> (i64, u32) {
        (self.ticks.div_euclid(TICKS_PER_SECOND as i128) as i64, self.ticks as u32)
    }

    /// What [`to_parts`](Self::to_parts) took apart.
    #[must_use]
    pub const fn from_parts(seconds: i64, fraction: u32) -> Self {
        Self::from_ticks(seconds as i128 * TICKS_PER_SECOND as i128 + fraction as i128)
    }

    /// As Unix seconds and nanoseconds (0 … 999 999 999), rounded to the nearest nanosecond.
    #[must_use]
    pub const fn to_unix(self) -> (i64, u32) {
        let nanos = div_round(self.ticks * NANOS_PER_SECOND as i128, TICKS_PER_SECOND as i128);
        let per_second = NANOS_PER_SECOND as i128;
        let seconds = nanos.div_euclid(per_second) - UNIX_EPOCH as i128;
        (seconds as i64, nanos.rem_euclid(per_second) as u32)
    }

    /// As Unix time in seconds; about 0.2 µs are lost in today's dates, so this is for people only.
    #[must_use]
    pub fn to_unix_seconds(self) -> f64 {
        let (seconds, nanos) = self.to_unix();
        seconds as f64 + f64::from(nanos) * 1e-9
    }

    /// As a packet's timestamp: the era is dropped.
    #[must_use]
    pub const fn to_wire(self) -> NtpTimestamp {
        NtpTimestamp::from_bits(self.ticks as u64)
    }

    /// A packet's timestamp with the era that brings it within 68 years of `pivot`.
    #[must_use]
    pub fn from_wire(timestamp: NtpTimestamp, pivot: Self) -> Self {
        pivot + (timestamp - pivot.to_wire())
    }

    /// The reading of another clock that shows the same figures. For those who know what the difference
    /// between the two clocks is and apply it.
    #[must_use]
    pub const fn reinterpret<D>(self) -> Instant<D> {
        Instant::from_ticks(self.ticks)
    }
}

impl<C> Sub for Instant<C> {
    type Output = NtpDuration;
    fn sub(self, other: Self) -> NtpDuration {
        NtpDuration::saturate(self.ticks - other.ticks)
    }
}

impl<C> Add<NtpDuration> for Instant<C> {
    type Output = Self;
    fn add(self, span: NtpDuration) -> Self {
        Self::from_ticks(self.ticks + i128::from(span.as_ticks()))
    }
}

impl<C> Sub<NtpDuration> for Instant<C> {
    type Output = Self;
    fn sub(self, span: NtpDuration) -> Self {
        Self::from_ticks(self.ticks - i128::from(span.as_ticks()))
    }
}

// Derives would ask the marker for the same traits, which it has no use for.
impl<C> Clone for Instant<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Instant<C> {}

impl<C> PartialEq for Instant<C> {
    fn eq(&self, other: &Self) -> bool {
        self.ticks == other.ticks
    }
}

impl<C> Eq for Instant<C> {}

impl<C> PartialOrd for Instant<C> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<C> Ord for Instant<C> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.ticks.cmp(&other.ticks)
    }
}

impl<C> Hash for Instant<C> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ticks.hash(state);
    }
}

/// Unix time with nanoseconds: `1700000000.000000000`.
impl<C> fmt::Debug for Instant<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = self.to_unix();
        write!(f, "{seconds}.{nanos:09}")
    }
}

/// As whole seconds and fraction, so that nothing is lost in a recording.
#[cfg(feature = "serde")]
impl<C> serde::Serialize for Instant<C> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_parts().serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de, C> serde::Deserialize<'de> for Instant<C> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (seconds, fraction) = <(i64, u32)>::deserialize(deserializer)?;
        Ok(Self::from_parts(seconds, fraction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates_have_known_wire_forms() {
        // RFC 5905 figure 4: the first second of era 1 is 2036-02-07T06:28:16Z.
        let era_1 = RawTime::from_unix(2_085_978_496, 0);
        assert_eq!(era_1.to_wire().to_bits(), 0);
        assert_eq!(RawTime::from_unix(0, 0).to_wire().to_bits() >> 32, 2_208_988_800);
    }

    proptest! {
        #[test]
        fn unix_time_round_trips(seconds in -5_000_000_000i64..10_000_000_000, nanos in 0u32..1_000_000_000) {
            prop_assert_eq!(RawTime::from_unix(seconds, nanos).to_unix(), (seconds, nanos));
        }

        #[test]
        fn parts_are_put_together_again(seconds in -5_000_000_000i64..10_000_000_000, nanos: u32) {
            let time = RawTime::from_unix(seconds, nanos);
            let (whole, fraction) = time.to_parts();
            prop_assert_eq!(RawTime::from_parts(whole, fraction), time);
        }

        #[test]
        fn wire_form_is_recovered_within_68_years(seconds in 0i64..5_000_000_000, away in -2_000_000_000i64..2_000_000_000) {
            let time = RawTime::from_unix(seconds, 123);
            let pivot = time + NtpDuration::from_secs(away);
            prop_assert_eq!(RawTime::from_wire(time.to_wire(), pivot), time);
        }
    }
}
