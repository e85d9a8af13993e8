//! Dates of receivers: the century of a year of two digits, and weeks lost by old ones. [`super::sentence`] and
//! [`super::burst`] ask.
//!
//! GPS counts weeks in ten bits, so a receiver that does not know its epoch shows dates that are 1024 weeks, some
//! 19.6 years, or twice that in the past. Nothing shows a date before this program was made, and so what is earlier is
//! moved forward.

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
        if !(1..=12).contains(&month) || !(1..=days_in(month, year)).contains(&day) {
            return None;
        }
        let shown = days_since_1970(day, month, year);
        let missing = FLOOR - shown;
        let epochs = if missing > 0 { (missing + ROLLOVER_WEEKS * 7 - 1) / (ROLLOVER_WEEKS * 7) } else { 0 };
        let weeks = epochs * ROLLOVER_WEEKS;
        Some(Self { day: shown + weeks * 7, weeks_repaired: u16::try_from(weeks).ok()? })
    }
}

const fn near_floor(year: &i64) -> u64 {
    year.abs_diff(FLOOR_YEAR)
}

const fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(month: i64, year: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Years are counted from March, so that the day that not every year has is the last.
const fn days_since_1970(day: i64, month: i64, year: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + leap_days + day_of_year - MARCH_OF_YEAR_0
}

/// Days from the first of March of the year 0 to 1970-01-01.
const MARCH_OF_YEAR_0: i64 = 719_468;

#[cfg(test)]
mod tests;
