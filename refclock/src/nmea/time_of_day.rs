//! The time of a sentence, `hhmmss` with any fraction, and the leap second. [`super::sentence`] reads it,
//! [`super::burst`] makes Unix time of it.

use super::date::{Date, SECONDS_PER_DAY};

const NANOS_PER_DAY: i64 = SECONDS_PER_DAY * 1_000_000_000;

/// A time of the day of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeOfDay {
    /// 0 … 86 400; the last is 23:59:60.
    second: u32,
    /// 0 … 999 999 999.
    nanos: u32,
}

impl TimeOfDay {
    /// Of a field that is not empty. Digits beyond the nanosecond are dropped. `None`: that is no time; second 60 is one
    /// only at the end of the day, where UTC puts it.
    pub(super) fn parse(field: &str) -> Option<Self> {
        let (whole, fraction) = field.split_once('.').unwrap_or((field, ""));
        if whole.len() != 6 {
            return None;
        }
        let part = |from: usize| digits(whole.get(from..from + 2)?);
        let (hour, minute, second) = (part(0)?, part(2)?, part(4)?);
        let exists = hour < 24 && minute < 60 && (second < 60 || (hour, minute, second) == (23, 59, 60));
        exists.then_some(())?;
        Some(Self { second: hour * 3600 + minute * 60 + second, nanos: nanos(fraction)? })
    }

    /// On that day: seconds since 1970 and nanoseconds, as Linux counts them. Second 60 is the repetition of 59 there.
    pub(super) fn on(self, date: Date) -> (i64, u32) {
        let second = i64::from(self.second).min(SECONDS_PER_DAY - 1);
        (date.day * SECONDS_PER_DAY + second, self.nanos)
    }

    /// Nanoseconds since `earlier`, of at most half a day in either direction, as sentences without a date leave open
    /// which day they mean.
    pub(super) fn since(self, earlier: Self) -> i64 {
        let difference = (self.in_day() - earlier.in_day()).rem_euclid(NANOS_PER_DAY);
        if difference > NANOS_PER_DAY / 2 { difference - NANOS_PER_DAY } else { difference }
    }

    /// Whether two sentences can mean the same instant: some write fewer digits than others of the same receiver.
    pub(super) fn is_same_as(self, other: Self) -> bool {
        (self.second == SECONDS_PER_DAY as u32) == (other.second == SECONDS_PER_DAY as u32)
            && self.since(other).abs() < FEWER_DIGITS
    }

    fn in_day(self) -> i64 {
        i64::from(self.second) * 1_000_000_000 + i64::from(self.nanos)
    }
}

/// What is lost by writing two digits of a fraction.
const FEWER_DIGITS: i64 = 10_000_000;

/// The number that only digits make; `None` also if it is too large.
pub(super) fn digits(field: &str) -> Option<u32> {
    if field.is_empty() || !field.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    field.parse().ok()
}

fn nanos(fraction: &str) -> Option<u32> {
    let mut nanos = 0;
    let mut unit = 100_000_000;
    for byte in fraction.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        nanos += u32::from(byte - b'0') * unit;
        unit /= 10;
    }
    Some(nanos)
}

#[cfg(test)]
mod tests;
