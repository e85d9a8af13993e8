//! What `offset` a clock should have in the configuration, where another clock is good enough to tell.

use ntp_engine::report::TrackingReport;

use super::troubles::place;
use super::{Clock, units};
use crate::control::DeviceReport;

/// By so many standard deviations a clock has to differ before it is called late or early.
const DEVIATIONS: f64 = 3.0;
/// What comes later than this is not late but means another second.
const FARTHEST_S: f64 = 1.0;
/// TAI is ahead of UTC by so much since 2017, and by a second more after each leap second.
const TAI_S: std::ops::RangeInclusive<f64> = 36.5..=38.5;

/// How a clock that does not set the time differs from it, beyond what either could be wrong by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Calibration {
    /// Positive: what it shows comes late.
    late_s: f64,
    /// What `offset` should be.
    offset_s: f64,
    stddev_s: f64,
}

impl Calibration {
    /// `None` if it agrees, or nobody can tell.
    pub(super) fn of(clock: &Clock<'_>, tracking: &TrackingReport) -> Option<Self> {
        let offset_s = clock.engine.suggested_offset_s?;
        let stddev_s = clock.engine.suggested_offset_stddev_s?;
        let late_s = offset_s - clock.engine.offset_s;
        // The clock's own error would be mistaken for this one's.
        let doubt_s = (DEVIATIONS * stddev_s).max(tracking.error_bound_s?);
        (late_s.abs() > doubt_s).then_some(Self { late_s, offset_s, stddev_s })
    }

    /// What to write, if `offset` is what is wrong.
    pub(super) fn offset(self) -> Option<String> {
        (self.late_s.abs() < FARTHEST_S).then(|| seconds(self.offset_s, self.stddev_s))
    }

    /// A sentence about it, for the clock with this device.
    pub(super) fn sentence(self, device: &DeviceReport) -> String {
        let place = place(&device.table);
        let (by, side) = (units::span(self.late_s), if self.late_s > 0.0 { "late" } else { "early" });
        match self.offset() {
            Some(offset) => format!("reads {by} {side}: set offset = {offset} in {place}"),
            None if TAI_S.contains(&-self.late_s) && may_keep_tai(device) => {
                format!("is {by} ahead of the clock, as TAI is: set tai = true in {place}")
            }
            None => {
                let side = if self.late_s > 0.0 { "behind" } else { "ahead of" };
                format!("is {by} {side} the clock; an offset in {place} is not meant for that")
            }
        }
    }
}

/// Whether its table has the key `tai`.
fn may_keep_tai(device: &DeviceReport) -> bool {
    device.table.ends_with(']') && matches!(device.driver.as_str(), "phc" | "shm" | "sock")
}

/// A number of the configuration, with the decimals that are known.
fn seconds(value: f64, stddev: f64) -> String {
    let decimals = (-stddev.max(1e-9).log10()).ceil().clamp(1.0, 9.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(driver: &str, table: &str) -> DeviceReport {
        DeviceReport {
            source: 0,
            table: table.to_owned(),
            driver: driver.to_owned(),
            device: "/dev/ttyS0".to_owned(),
            open: true,
            trouble: None,
            status: None,
        }
    }

    fn told(late_s: f64, driver: &str, table: &str) -> String {
        late(late_s).sentence(&device(driver, table))
    }

    fn late(late_s: f64) -> Calibration {
        Calibration { late_s, offset_s: 0.02 + late_s, stddev_s: 3e-5 }
    }

    #[test]
    fn what_is_late_gets_a_larger_offset_with_as_many_decimals_as_are_known() {
        let gps = |late_s| told(late_s, "nmea", "sources.hardware.gps");
        assert_eq!(gps(0.1234), "reads 123 ms late: set offset = 0.14340 in [sources.hardware.gps]");
        assert_eq!(gps(-0.05), "reads 50.0 ms early: set offset = -0.03000 in [sources.hardware.gps]");
        assert_eq!(seconds(0.123_456_789_12, 0.0), "0.123456789");
        assert_eq!(seconds(0.123_4, 2.0), "0.1");
    }

    #[test]
    fn whole_seconds_are_no_delay() {
        assert_eq!(late(-37.0).offset(), None);
        let card = told(-37.0, "phc", "sources.refclocks[0]");
        assert_eq!(card, "is 37.0 s ahead of the clock, as TAI is: set tai = true in sources.refclocks[0]");
        let receiver = told(-37.0, "nmea", "sources.hardware.gps");
        assert!(receiver.starts_with("is 37.0 s ahead of the clock; an offset in"), "{receiver}");
        let behind = told(15.0, "phc", "sources.refclocks[0]");
        assert!(behind.starts_with("is 15.0 s behind the clock"), "{behind}");
    }
}
