//! Seconds since 1970, in which certificates and files count; UTC without leap seconds.

use core::fmt;

/// An instant in whole seconds since 1970-01-01 00:00:00 UTC, leap seconds not counted (POSIX). Shown as
/// `2026-11-21 08:00:00 UTC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

const DAY: i64 = 86_400;

impl UnixTime {
    /// What this machine's clock shows.
    #[must_use]
    pub fn of_system() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A clock that shows a time before 1970 was never set.
        Self(since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
    }

    /// A day of the Gregorian calendar, month and day from 1, and the second of that day.
    #[must_use]
    pub const fn from_civil(year: i32, month: u8, day: u8, second: u32) -> Self {
        // Years are counted from March, so that a leap day is the last of its year, and in eras of 400.
        let year = year as i64 - (month < 3) as i64;
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let months = (month as i64 + 9) % 12;
        let day_of_year = (153 * months + 2) / 5 + day as i64 - 1;
        let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
        Self((era * 146_097 + day_of_era - 719_468) * DAY + second as i64)
    }

    /// Year, month and day.
    const fn to_civil(self) -> (i64, i64, i64) {
        let days = self.0.div_euclid(DAY) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let months = (5 * of_year + 2) / 153;
        let (day, month) = (of_year - (153 * months + 2) / 5 + 1, (months + 2) % 12 + 1);
        (era * 400 + year + (month < 3) as i64, month, day)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.to_civil();
        let second = self.0.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_are_met() {
        // date -u -d @…
        let known = [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_795_000_000, "2026-11-18 11:06:40 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
        ];
        for (seconds, text) in known {
            assert_eq!(UnixTime(seconds).to_string(), text);
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in -100_000..100_000 {
            let time = UnixTime(day * DAY + 7);
            let (year, month, day) = time.to_civil();
            let back = UnixTime::from_civil(year as i32, month as u8, day as u8, 7);
            assert_eq!(back, time);
        }
    }
}
