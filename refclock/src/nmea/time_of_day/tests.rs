//! Times of day, the sixtieth second and fractions of any length.

use proptest::prelude::*;

use super::*;

fn time(field: &str) -> TimeOfDay {
    TimeOfDay::parse(field).unwrap()
}

#[test]
fn fractions_of_any_length() {
    for (field, nanos) in [
        ("123519", 0),
        ("123519.", 0),
        ("123519.0", 0),
        ("123519.25", 250_000_000),
        ("123519.999", 999_000_000),
        ("123519.123456789", 123_456_789),
        ("123519.99999999999999999999", 999_999_999),
    ] {
        assert_eq!(TimeOfDay::parse(field), Some(TimeOfDay { second: 45_319, nanos }), "{field}");
    }
}

#[test]
fn what_is_no_time() {
    for field in
        ["", "12351", "1235199", "240000", "126000", "123460", "-10000", "12 519", "123519.1x", "123519.1.2"]
    {
        assert_eq!(TimeOfDay::parse(field), None, "{field:?}");
    }
}

#[test]
fn second_60_is_59_again_and_only_at_midnight() {
    let date = Date::from_full(31, 12, 2026).unwrap();
    let next = Date::from_full(1, 1, 2027).unwrap();
    assert_eq!(time("235960.50").on(date), (next.day * 86_400 - 1, 500_000_000));
    assert_eq!(time("235959.50").on(date), time("235960.50").on(date));
    assert!(!time("235959.50").is_same_as(time("235960.50")));
    assert!(!time("000000").is_same_as(time("235960")));
    assert!(time("235960.00").is_same_as(time("235960")));
    for field in ["235860", "225960", "125960", "235961"] {
        assert_eq!(TimeOfDay::parse(field), None, "{field}");
    }
}

#[test]
fn fewer_digits_mean_the_same_and_a_hundredth_does_not() {
    assert!(time("101112.99").is_same_as(time("101112.997")));
    assert!(time("101112.997").is_same_as(time("101112.99")));
    assert!(!time("101112.00").is_same_as(time("101112.01")));
    assert!(time("235959.999").is_same_as(time("000000.00")));
}

#[test]
fn the_next_day_is_later() {
    assert_eq!(time("000000.1").since(time("235959.9")), 200_000_000);
    assert_eq!(time("235959.9").since(time("000000.1")), -200_000_000);
}

proptest! {
    #[test]
    fn what_is_written_is_read(second in 0..86_400u32, nanos in 0..1_000_000_000u32) {
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        let field = format!("{h:02}{m:02}{s:02}.{nanos:09}");
        prop_assert_eq!(TimeOfDay::parse(&field), Some(TimeOfDay { second, nanos }));
    }

    #[test]
    fn no_field_panics(field in ".*") {
        let _ = TimeOfDay::parse(&field);
    }
}
