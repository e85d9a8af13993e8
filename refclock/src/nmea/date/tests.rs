//! Dates of receivers, old and new ones, and dates that do not exist.

use proptest::prelude::*;

use super::*;

fn day(day: i64, month: i64, year: i64) -> i64 {
    days_since_1970(year, month, day).unwrap()
}

#[test]
fn days_are_counted_as_unix_does() {
    assert_eq!(day(1, 1, 1970), 0);
    assert_eq!(day(1, 3, 2000), 11_017);
    assert_eq!(day(29, 2, 2024) + 1, day(1, 3, 2024));
    assert_eq!(day(1, 1, 2026), FLOOR);
}

#[test]
fn what_is_not_before_the_floor_is_left_alone() {
    for (d, m, y) in [(1, 1, 2026), (21, 11, 2026), (31, 12, 2199)] {
        assert_eq!(Date::from_full(d, m, y), Some(Date { day: day(d, m, y), weeks_repaired: 0 }));
    }
    assert_eq!(Date::from_short(1, 1, 26), Date::from_full(1, 1, 2026));
}

#[test]
fn lost_weeks_are_added_until_the_floor_is_reached() {
    // The last day before the floor moves as far as any.
    assert_eq!(Date::from_full(31, 12, 2025).unwrap().day, FLOOR - 1 + 7168);
    // 2026-11-21 as shown by a receiver that lost one epoch, and by one that lost two.
    let today = day(21, 11, 2026);
    assert_eq!(Date::from_short(7, 4, 7), Some(Date { day: today, weeks_repaired: 1024 }));
    assert_eq!(Date::from_full(7, 4, 2007), Some(Date { day: today, weeks_repaired: 1024 }));
    assert_eq!(Date::from_full(22, 8, 1987), Some(Date { day: today, weeks_repaired: 2048 }));
}

#[test]
fn the_century_is_the_one_near_the_floor() {
    let year = |short| {
        let date = Date::from_short(1, 1, short).unwrap();
        (date.day - i64::from(date.weeks_repaired) * 7) as f64 / 365.2425 + 1970.0
    };
    for (short, full) in [(26, 2026.0), (75, 2075.0), (76, 2076.0), (77, 1977.0), (99, 1999.0), (0, 2000.0)] {
        assert!((year(short) - full).abs() < 0.01, "{short}: {}", year(short));
    }
}

#[test]
fn days_that_no_calendar_has_are_refused() {
    for (d, m, y) in [(0, 1, 26), (32, 1, 26), (29, 2, 26), (31, 4, 26), (1, 0, 26), (1, 13, 26)] {
        assert_eq!(Date::from_short(d, m, y), None, "{d}-{m}-{y}");
    }
    assert_eq!(Date::from_full(1, 1, 1979), None);
    assert_eq!(Date::from_full(1, 1, 2200), None);
    assert!(Date::from_short(29, 2, 28).is_some());
}

proptest! {
    #[test]
    fn every_date_ends_up_after_the_floor_and_on_its_weekday(d in 1..=28i64, m in 1..=12i64, y in 1980..=2199i64) {
        let date = Date::from_full(d, m, y).unwrap();
        prop_assert!(date.day >= FLOOR);
        prop_assert_eq!((date.day - day(d, m, y)) % 7168, 0);
        prop_assert_eq!((date.day - day(d, m, y)) / 7, i64::from(date.weeks_repaired));
        prop_assert!(date.weeks_repaired == 0 || date.day < FLOOR + 7168);
    }
}
