//! Local time, which libc knows the rules of.

use super::rtc::RtcTime;

/// The Unix time of a local time, by the time zone of this process. `None` if libc finds none. Where a local time
/// happens twice, libc chooses.
pub(crate) fn to_unix(time: &RtcTime) -> Option<i64> {
    // SAFETY: integers and a pointer, of which zeros are a value.
    let mut fields: libc::tm = unsafe { std::mem::zeroed() };
    (fields.tm_sec, fields.tm_min, fields.tm_hour) = (time.second, time.minute, time.hour);
    (fields.tm_mday, fields.tm_mon, fields.tm_year) = (time.day, time.month, time.year);
    // Whether it is summer is for libc to find out.
    fields.tm_isdst = -1;
    // SAFETY: reads and writes one structure, which is there.
    let seconds = unsafe { libc::mktime(&raw mut fields) };
    // -1 means failure, and a second that no clock of today shows.
    (seconds != -1).then_some(wide(seconds))
}

/// A type of C that differs between machines, as 64 bits.
fn wide(value: impl Into<i64>) -> i64 {
    value.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_is_within_a_day_of_universal_time_and_moves_with_it() {
        // 2027-01-15T08:00:00 anywhere.
        let time =
            RtcTime { second: 0, minute: 0, hour: 8, day: 15, month: 0, year: 127, ..RtcTime::default() };
        let local = to_unix(&time).unwrap();
        assert!((local - 1_800_000_000).abs() <= 15 * 3600, "{local}");
        assert_eq!(local % 900, 0);
        assert_eq!(to_unix(&RtcTime { second: 7, ..time }), Some(local + 7));
    }
}
