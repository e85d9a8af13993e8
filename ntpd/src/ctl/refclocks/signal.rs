//! What comes from a device, in a few words.

use ntp_refclock::nmea::{self, Fix, Signal};
use ntp_refclock::{phc, pps, rtc, shm, sock};

use super::{Clock, age};
use crate::control::DeviceStatus;

/// Who gives something each second, or more often, and gave nothing for longer than this is silent.
pub(super) const SILENT_S: f64 = 3.0;
/// So long those are waited for who are asked, or report, at intervals of their own.
pub(super) const LATE_S: f64 = 60.0;

/// One cell of the table.
pub(super) fn words(clock: &Clock<'_>) -> String {
    let Some(device) = clock.device else { return "not known".to_owned() };
    match &device.status {
        None => "not open".to_owned(),
        Some(DeviceStatus::Nmea(status)) => receiver(status),
        Some(DeviceStatus::Pps(status)) => pulses(status),
        Some(DeviceStatus::Shm(status)) => segment(status),
        Some(DeviceStatus::Sock(status)) => socket(status),
        Some(DeviceStatus::Phc(status)) => card(status),
        Some(DeviceStatus::Rtc(status)) => board(status),
    }
}

fn receiver(status: &nmea::Status) -> String {
    match status.signal {
        Signal::Silent => silent(status.silent_s),
        Signal::Starting => "starting".to_owned(),
        Signal::Garbage => "garbage".to_owned(),
        Signal::Flood => "too much".to_owned(),
        Signal::Sentences => match satellites(status) {
            Some(satellites) => format!("{}, {satellites}", fix(status.fix)),
            None => fix(status.fix).to_owned(),
        },
    }
}

/// `9 of 14 satellites`, as far as the receiver says.
pub(super) fn satellites(status: &nmea::Status) -> Option<String> {
    match (status.satellites_used, status.satellites_in_view) {
        (Some(used), Some(view)) => Some(format!("{used} of {view} satellites")),
        (Some(used), None) => Some(format!("{used} satellites used")),
        (None, Some(view)) => Some(format!("{view} satellites in view")),
        (None, None) => None,
    }
}

/// The fix, as people say it.
pub(super) const fn fix(fix: Option<Fix>) -> &'static str {
    match fix {
        None => "sentences without a fix",
        Some(Fix::None) => "no fix",
        Some(Fix::Autonomous) => "fix",
        Some(Fix::TwoD) => "2D fix",
        Some(Fix::ThreeD) => "3D fix",
        Some(Fix::Differential) => "differential fix",
        Some(Fix::Precise) => "precise fix",
        Some(Fix::Rtk) => "RTK fix",
        Some(Fix::RtkFloat) => "RTK float fix",
        Some(Fix::Estimated) => "dead reckoning",
        Some(Fix::Manual) => "position by hand",
        Some(Fix::Simulated) => "simulation",
    }
}

fn pulses(status: &pps::Status) -> String {
    match (status.age_s, status.width_s) {
        (Some(age_s), Some(width)) if age_s <= SILENT_S => {
            format!("pulses of {}", super::units::span(width))
        }
        (age_s, _) => since(age_s, SILENT_S, "pulses"),
    }
}

fn segment(status: &shm::Status) -> String {
    since(status.age_s, LATE_S, "samples")
}

fn socket(status: &sock::Status) -> String {
    if status.reachable { since(status.age_s, LATE_S, "samples") } else { "out of reach".to_owned() }
}

fn card(status: &phc::Status) -> String {
    if !status.gait.is_steady() {
        return status.gait.to_string();
    }
    match &status.pulses {
        Some(pulses) => since(pulses.age_s, SILENT_S, "pulses"),
        None => since(status.age_s, LATE_S, &status.method.to_string()),
    }
}

fn board(status: &rtc::Status) -> String {
    since(status.age_s, LATE_S, if status.interrupts { "seconds" } else { "readings" })
}

/// `what` comes, if there was some lately.
fn since(age_s: Option<f64>, patience_s: f64, what: &str) -> String {
    match age_s {
        Some(age_s) if age_s <= patience_s => what.to_owned(),
        age_s => silent(age_s),
    }
}

fn silent(since_s: Option<f64>) -> String {
    since_s.map_or_else(|| "nothing yet".to_owned(), |s| format!("silent for {}", age(s)))
}
