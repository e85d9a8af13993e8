//! Times that others wrote down: whether a clock can show them, and whether that was now.

use ntp_proto::time::{NtpDuration, RawTime};

/// Unix seconds from which on a time is nonsense, some 34 000 years from now.
const END: i64 = 1 << 40;
/// Samples come each second, or each few; what is older was left behind, or the clock was set since.
const OLDEST: NtpDuration = NtpDuration::from_secs(10);
/// The clock may have been slewed or stepped a little while the sample was made.
const AHEAD: NtpDuration = NtpDuration::from_secs(1);

/// The time, if it is one that a clock can show after 1970.
pub(crate) fn unix(seconds: i64, nanos: i64) -> Option<RawTime> {
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    (0..END).contains(&seconds).then(|| RawTime::from_unix(seconds, nanos))
}

/// Whether a sample that was made when the system clock showed `at` is fit for use at `now`.
pub(crate) fn is_recent(at: RawTime, now: RawTime) -> bool {
    (-AHEAD..=OLDEST).contains(&(now - at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_just_now_is_recent() {
        let now = RawTime::from_unix(1_800_000_000, 0);
        let is_recent = |millis| is_recent(now + NtpDuration::from_millis(millis), now);
        assert!(is_recent(0) && is_recent(-10_000) && is_recent(1000));
        assert!(!is_recent(-10_001) && !is_recent(1001));
        assert!(!super::is_recent(RawTime::from_unix(0, 0), now));
    }

    #[test]
    fn only_what_a_clock_shows_is_a_time() {
        assert_eq!(unix(5, 999_999_999), Some(RawTime::from_unix(5, 999_999_999)));
        for (seconds, nanos) in [(5, -1), (5, 1_000_000_000), (-1, 0), (END, 0), (i64::MIN, i64::MIN)] {
            assert_eq!(unix(seconds, nanos), None);
        }
    }
}
