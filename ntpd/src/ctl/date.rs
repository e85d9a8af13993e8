//! Unix time as a UTC date.
//!
//! Knows the Gregorian calendar and no leap seconds, as Unix time does.

/// `2026-11-21 05:00:00.123 UTC`. What is below a millisecond is cut off.
pub(super) fn utc(unix_seconds: i64, nanos: u32) -> String {
    const DAY: i64 = 86_400;
    let (year, month, day) = civil(unix_seconds.div_euclid(DAY));
    let second = unix_seconds.rem_euclid(DAY);
    let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
    let millis = nanos / 1_000_000;
    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}.{millis:03} UTC")
}

/// The same of a fraction, good to about a microsecond.
pub(super) fn utc_of_seconds(unix_seconds: f64) -> String {
    let micros = (unix_seconds * 1e6).round_ties_even() as i64;
    let nanos = micros.rem_euclid(1_000_000) as u32 * 1000;
    utc(micros.div_euclid(1_000_000), nanos)
}

/// Year, month and day of a number of days since 1970-01-01.
///
/// Years are counted from March, so that a leap day is the last of its year: then months begin after
/// (153 m + 2) / 5 days, and what repeats are eras of 400 years. (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`.)
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    const MARCH_OF_YEAR_0: i64 = -719_468;
    let since = days - MARCH_OF_YEAR_0;
    let day_of_era = since.rem_euclid(ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + since.div_euclid(ERA) * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        // As `date -u -d @…` has them.
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00.000 UTC"),
            (-1, "1969-12-31 23:59:59.000 UTC"),
            (-2_208_988_800, "1900-01-01 00:00:00.000 UTC"),
            (951_782_400, "2000-02-29 00:00:00.000 UTC"),
            (1_795_237_200, "2026-11-21 05:00:00.000 UTC"),
            (2_085_978_496, "2036-02-07 06:28:16.000 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00.000 UTC"),
        ] {
            assert_eq!(utc(seconds, 0), text);
        }
    }

    #[test]
    fn fractions_are_cut_to_milliseconds() {
        assert_eq!(utc(0, 999_999_999), "1970-01-01 00:00:00.999 UTC");
        assert_eq!(utc_of_seconds(1_795_237_200.123), "2026-11-21 05:00:00.123 UTC");
        assert_eq!(utc_of_seconds(-0.25), "1969-12-31 23:59:59.750 UTC");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = civil(-150_000);
        for day in -149_999..150_000 {
            let next = civil(day);
            let follows = next.0 == last.0 && next.1 == last.1 && next.2 == last.2 + 1
                || next.0 == last.0 && next.1 == last.1 + 1 && next.2 == 1 && last.2 >= 28
                || next == (last.0 + 1, 1, 1) && (last.1, last.2) == (12, 31);
            assert!(follows, "{last:?} {next:?}");
            last = next;
        }
    }
}
