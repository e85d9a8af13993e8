//! Date and time of day as Unix time, in the Gregorian calendar.

use crate::civil::days_since_1970;
use crate::sys::local_time;
use crate::sys::rtc::RtcTime;

/// The clock is set from times of this year on; the chips count two digits, or up to 2099 or so.
const FIRST: i32 = 1970;
const LAST: i32 = 9999;

/// The Unix seconds that the clock shows, if it shows a date that exists.
pub(super) fn unix_seconds(time: &RtcTime, utc: bool) -> Option<i64> {
    let year = time.year.checked_add(1900).filter(|year| (FIRST..=LAST).contains(year))?;
    // Months are counted from zero here.
    let day = days_since_1970(year.into(), i64::from(time.month) + 1, time.day.into())?;
    let exists =
        (0..24).contains(&time.hour) && (0..60).contains(&time.minute) && (0..60).contains(&time.second);
    if !exists {
        return None;
    }
    if !utc {
        return local_time::to_unix(time);
    }
    Some(((day * 24 + i64::from(time.hour)) * 60 + i64::from(time.minute)) * 60 + i64::from(time.second))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(date: (i32, i32, i32), day: (i32, i32, i32)) -> RtcTime {
        let mut time = RtcTime::default();
        (time.year, time.month, time.day) = (date.0 - 1900, date.1 - 1, date.2);
        (time.hour, time.minute, time.second) = day;
        time
    }

    #[test]
    fn known_dates_have_known_seconds() {
        for (date, day, seconds) in [
            ((1970, 1, 1), (0, 0, 0), 0),
            ((2000, 2, 29), (23, 59, 59), 951_868_799),
            ((2026, 11, 21), (15, 30, 1), 1_795_275_001),
            ((2036, 2, 7), (6, 28, 16), 2_085_978_496),
            ((2038, 1, 19), (3, 14, 8), 2_147_483_648),
            ((2100, 3, 1), (0, 0, 0), 4_107_542_400),
        ] {
            assert_eq!(unix_seconds(&time(date, day), true), Some(seconds), "{date:?}");
        }
    }

    #[test]
    fn dates_that_do_not_exist_are_none() {
        for (date, day) in [
            ((1969, 12, 31), (0, 0, 0)),
            ((10_000, 1, 1), (0, 0, 0)),
            ((2026, 0, 1), (0, 0, 0)),
            ((2026, 13, 1), (0, 0, 0)),
            ((2026, 2, 29), (0, 0, 0)),
            ((2100, 2, 29), (0, 0, 0)),
            ((2026, 4, 31), (0, 0, 0)),
            ((2026, 4, 0), (0, 0, 0)),
            ((2026, 4, 1), (24, 0, 0)),
            ((2026, 4, 1), (0, 60, 0)),
            ((2026, 4, 1), (0, 0, 60)),
            ((2026, 4, 1), (0, 0, -1)),
        ] {
            assert_eq!(unix_seconds(&time(date, day), true), None, "{date:?} {day:?}");
            assert_eq!(unix_seconds(&time(date, day), false), None, "{date:?} {day:?}");
        }
    }

    #[test]
    fn each_day_follows_the_one_before() {
        let days = (1970..2410)
            .flat_map(|year| (1..=12).flat_map(move |month| (1..=31).map(move |day| (year, month, day))));
        let seconds: Vec<_> = days.filter_map(|date| unix_seconds(&time(date, (0, 0, 0)), true)).collect();
        assert!(seconds.windows(2).all(|pair| pair[1] - pair[0] == 86_400));
        // 400 years have 146 097 days, wherever they begin.
        assert!(seconds.contains(&(146_097 * 86_400)));
    }

    proptest! {
        #[test]
        fn any_fields_are_a_date_or_none(fields: [i32; 6], utc: bool) {
            let [second, minute, hour, day, month, year] = fields;
            let time = RtcTime { second, minute, hour, day, month, year, ..RtcTime::default() };
            if let Some(seconds) = unix_seconds(&time, utc) {
                prop_assert!((-86_400..1 << 38).contains(&seconds));
            }
        }
    }
}
