//! Days of the proleptic Gregorian calendar. Receivers and the clock of the board show dates that may not exist.

/// Days from 1970-01-01 to a date, months and days counted from 1; `None` if there is no such date.
pub(crate) fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let exists = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    // Years are counted from March, so that the day that not every year has is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    exists.then(|| year * 365 + leap_days + day_of_year - MARCH_OF_YEAR_0)
}

/// Days from the first of March of the year 0 to 1970-01-01.
const MARCH_OF_YEAR_0: i64 = 719_468;

const fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_that_exists_follows_the_one_before() {
        let mut expected = 0;
        for year in 1970..2500 {
            for (month, day) in (1..=12).flat_map(|month| (1..=31).map(move |day| (month, day))) {
                let Some(found) = days_since_1970(year, month, day) else { continue };
                assert_eq!(found, expected, "{year}-{month}-{day}");
                expected += 1;
            }
        }
        // Of the 132 years that four divides, those of 2100, 2200 and 2300 have no leap day.
        assert_eq!(expected, 530 * 365 + 129);
    }

    #[test]
    fn dates_that_do_not_exist_are_none() {
        for (year, month, day) in
            [(2026, 0, 1), (2026, 13, 1), (2026, 1, 0), (2026, 2, 29), (2100, 2, 29), (2026, 4, 31)]
        {
            assert_eq!(days_since_1970(year, month, day), None, "{year}-{month}-{day}");
        }
        assert_eq!(days_since_1970(2000, 2, 29), Some(11_016));
    }
}
