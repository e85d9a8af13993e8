//! What is wrong with a reference clock, each in a sentence with what to do about it.
//!
//! A device that is closed or silent is told alone: what follows from that would only be in the way.

use ntp_engine::report::TrackingReport;
use ntp_refclock::nmea::{self, Fix, Signal};
use ntp_refclock::phc::Gait;
use ntp_refclock::{phc, pps, rtc, shm, sock};

use super::calibration::Calibration;
use super::signal::{LATE_S, SILENT_S};
use super::{Clock, age, units};
use crate::control::DeviceStatus;

/// The rest of sentences that begin with its name.
pub(super) fn of(clock: &Clock<'_>, tracking: &TrackingReport) -> Vec<String> {
    let Some(device) = clock.device else { return Vec::new() };
    let Some(status) = &device.status else {
        let why = device.trouble.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        return vec![format!("not open{why}")];
    };
    if let Some(silence) = silence(status) {
        return vec![silence];
    }
    let mut sentences: Vec<String> = flaw(status).into_iter().collect();
    sentences.extend(pulses(clock));
    sentences.extend(Calibration::of(clock, tracking).map(|calibration| calibration.sentence(device)));
    sentences
}

/// A table of the configuration as it is written there.
pub(super) fn place(table: &str) -> String {
    if table.ends_with(']') { table.to_owned() } else { format!("[{table}]") }
}

/// Why nothing comes.
fn silence(status: &DeviceStatus) -> Option<String> {
    match status {
        DeviceStatus::Nmea(status) => mute_receiver(status),
        DeviceStatus::Pps(status) => no_pulses(status),
        DeviceStatus::Shm(status) => unwritten(status),
        DeviceStatus::Sock(status) => deaf(status),
        DeviceStatus::Phc(status) => bad_card(status),
        DeviceStatus::Rtc(status) => unset(status),
    }
}

fn mute_receiver(status: &nmea::Status) -> Option<String> {
    let advice = status.advice.clone();
    match status.signal {
        Signal::Garbage => Some(format!("garbage: {}", advice.unwrap_or_default())),
        Signal::Silent | Signal::Flood => advice,
        Signal::Starting | Signal::Sentences => None,
    }
}

fn no_pulses(status: &pps::Status) -> Option<String> {
    match status.age_s {
        None if status.wrong_width > 0 => {
            Some("pulses come, but none of the configured width; leave width out to see them".to_owned())
        }
        None => Some(
            "no pulse yet: has the receiver a fix, and is its pulse wired to this input? `ppstest` shows what the \
             kernel sees"
                .to_owned(),
        ),
        Some(age_s) if age_s > SILENT_S => Some(format!("no pulse for {}", age(age_s))),
        Some(_) => None,
    }
}

fn unwritten(status: &shm::Status) -> Option<String> {
    let why = match (status.age_s, status.attached) {
        (Some(age_s), _) => return stopped(age_s),
        (None, _) if status.stale > 0 => {
            "what stands there was not written just now: whoever wrote it has stopped"
        }
        (None, Some(0 | 1)) => "nobody else has the segment: is gpsd running, with this receiver?",
        (None, _) => "nothing was written yet: has the receiver a fix?",
    };
    Some(why.to_owned())
}

/// Of programs that pass the time on.
fn stopped(age_s: f64) -> Option<String> {
    let silent = age_s > LATE_S;
    silent.then(|| format!("no sample for {}: does gpsd run, and has the receiver a fix?", age(age_s)))
}

fn deaf(status: &sock::Status) -> Option<String> {
    if !status.reachable {
        let why = "its path was taken away or leads elsewhere, so no new sender finds it; restart ntpd";
        return Some(why.to_owned());
    }
    if let Some(age_s) = status.age_s {
        return stopped(age_s);
    }
    if status.wrong_size + status.wrong_magic + status.nonsense + status.stale > 0 {
        return Some("what is sent there is no sample of now; `ntpctl refclocks -v` counts why".to_owned());
    }
    let why = "nobody has sent a sample: gpsd looks for the socket when it starts, and sends pulses only";
    Some(why.to_owned())
}

fn bad_card(status: &phc::Status) -> Option<String> {
    match status.gait {
        Gait::Steady | Gait::Unknown => None,
        gait => Some(format!("its clock {gait}, so nothing of it is believed")),
    }
}

fn unset(status: &rtc::Status) -> Option<String> {
    (status.nonsense > 0 && status.readings == 0).then(|| {
        "it shows no date: set it with `hwclock --systohc` when the time is right, and look at its battery".to_owned()
    })
}

/// What is wrong though something comes.
fn flaw(status: &DeviceStatus) -> Option<String> {
    match status {
        DeviceStatus::Nmea(status) => receiver(status),
        DeviceStatus::Shm(status) => status.warning.clone(),
        _ => None,
    }
}

fn receiver(status: &nmea::Status) -> Option<String> {
    match (status.fix, status.weeks_repaired) {
        (Some(Fix::None), _) => Some("no fix, so no time: can the antenna see the sky?".to_owned()),
        (Some(fix), _) if !fix.gives_time() => {
            Some(format!("{}: its time does not come from satellites", super::signal::fix(Some(fix))))
        }
        (_, 0) => None,
        (_, weeks) => Some(format!(
            "its dates are {weeks} weeks too early, since its count of weeks rolled over; they are repaired"
        )),
    }
}

/// Why pulses are not used.
fn pulses(clock: &Clock<'_>) -> Option<String> {
    let engine = clock.engine;
    if let Some(why) = engine.unlocked_reason.as_ref().filter(|_| engine.locked != Some(true)) {
        return Some(format!("not locked: {why}"));
    }
    engine.displaced_s.map(|by| {
        let side = if by < 0.0 { "later" } else { "earlier" };
        format!("pulses come {} {side} than they did, and are not believed", units::span(by))
    })
}
