//! Dates of receivers: the century of a year of two digits, and weeks lost by old ones. [`super::sentence`] and
//! [`super::burst`] ask.
//!
//! GPS counts weeks in ten bits, so a receiver that does not know its epoch shows dates that are 1024 weeks, some
//! 19.6 years, or twice that in the past. Nothing shows a date before this program was made, and so what is earlier is
//! moved forward.

use crate::civil::days_since_1970;

/// When this program was made, 2026-01-01, in days since 1970: the same date that the engine takes for it.
const FLOOR: i64 = 1_767_225_600 / SECONDS_PER_DAY;

/// The year of that.
const FLOOR_YEAR: i64 = 2026;

/// The week of GPS begins again after so many.
const ROLLOVER_WEEKS: i64 = 1024;

/// Years of four digits that a receiver may show; GPS began in 1980.
const YEARS: std::ops::RangeInclusive<i64> = 1980..=2199;

pub(super) const SECONDS_PER_DAY: i64 = 86_400;

/// A day of the proleptic Gregorian calendar, and what was done to get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    /// Days since 1970-01-01.
    pub(super) day: i64,
    /// How many weeks the receiver was behind.
    pub(super) weeks_repaired: u16,
}

impl Date {
    /// From a year of two digits: of the centuries around, the one that brings it nearest to the floor.
    pub(super) fn from_short(day: i64, month: i64, year: i64) -> Option<Self> {
        // Of two equally near the later: no receiver is that old.
        let year = [2100, 2000, 1900].map(|century| century + year).into_iter().min_by_key(near_floor)?;
        Self::repaired(day, month, year)
    }

    /// From a year of four digits.
    pub(super) fn from_full(day: i64, month: i64, year: i64) -> Option<Self> {
        if !YEARS.contains(&year) {
            return None;
        }
        Self::repaired(day, month, year)
    }

    fn repaired(day: i64, month: i64, year: i64) -> Option<Self> {
        let shown = days_since_1970(year, month, day)?;
        let missing = FLOOR - shown;
        let epochs = if missing > 0 { (missing + ROLLOVER_WEEKS * 7 - 1) / (ROLLOVER_WEEKS * 7) } else { 0 };
        let weeks = epochs * ROLLOVER_WEEKS;
        Some(Self { day: shown + weeks * 7, weeks_repaired: u16::try_from(weeks).ok()? })
    }
}

const fn near_floor(year: &i64) -> u64 {
    year.abs_diff(FLOOR_YEAR)
}

#[cfg(test)]
mod tests;
