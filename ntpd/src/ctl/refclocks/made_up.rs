//! Clocks and devices that nobody has.

use ntp_engine::report::{RefclockReport, SourceReport};
use ntp_refclock::nmea::{self, Fix, Signal};
use ntp_refclock::phc::Gait;
use ntp_refclock::{phc, pps, rtc, shm, sock};

use super::super::sources::tests::selected;
use crate::control::{DeviceReport, DeviceStatus};

fn engine() -> RefclockReport {
    RefclockReport {
        readings: 900,
        counted: 880,
        last_reading_age_s: Some(0.42),
        jitter_s: Some(45e-9),
        pulses: false,
        lock: None,
        locked: None,
        unlocked_reason: None,
        displaced_s: None,
        offset_s: 0.0,
        suggested_offset_s: None,
        suggested_offset_stddev_s: None,
    }
}

pub(super) fn source(id: u32, name: &str, state: &str) -> SourceReport {
    SourceReport {
        id,
        name: name.to_owned(),
        address: name.parse().unwrap(),
        kind: "refclock".to_owned(),
        state: state.to_owned(),
        selected: state == "selected",
        used: state == "selected",
        poll_s: 16.0,
        last_offset_s: Some(-12e-9),
        requests: 0,
        replies: 0,
        stamps: None,
        refclock: Some(engine()),
        ..selected()
    }
}

pub(in crate::ctl) fn pulses() -> SourceReport {
    let refclock =
        RefclockReport { pulses: true, lock: Some("GPS".to_owned()), locked: Some(true), ..engine() };
    SourceReport { refclock: Some(refclock), ..source(1, "PPS", "selected") }
}

pub(in crate::ctl) fn receiver() -> SourceReport {
    let refclock = RefclockReport { jitter_s: Some(2.1e-3), ..engine() };
    let refclock = RefclockReport {
        suggested_offset_s: Some(0.1234),
        suggested_offset_stddev_s: Some(3e-4),
        ..refclock
    };
    SourceReport {
        last_offset_s: Some(-0.1234),
        discards: vec![("distrusted".to_owned(), 3), ("poor sample".to_owned(), 17)],
        refclock: Some(refclock),
        ..source(0, "GPS", "numbering")
    }
}

pub(super) fn device(source: u32, driver: &str, status: DeviceStatus) -> DeviceReport {
    DeviceReport {
        source,
        table: "sources.hardware.gps".to_owned(),
        driver: driver.to_owned(),
        device: "/dev/ttyS0".to_owned(),
        open: true,
        trouble: None,
        status: Some(status),
    }
}

pub(super) fn line() -> nmea::Status {
    nmea::Status {
        baud: 9600,
        signal: Signal::Sentences,
        silent_s: Some(0.3),
        advice: None,
        fix: Some(Fix::ThreeD),
        satellites_used: Some(9),
        satellites_in_view: Some(14),
        hdop: Some(0.94),
        position: None,
        talkers: vec!["GP".to_owned(), "GL".to_owned()],
        last_time: Some(ntp_proto::time::EstimatedTime::from_unix(1_795_237_200, 0)),
        last_time_age_s: Some(0.6),
        weeks_repaired: 0,
        readings: 900,
        withheld: nmea::WithheldCounts { no_fix: 12, ..nmea::WithheldCounts::default() },
        sentences: nmea::SentenceCounts { rmc: 912, gga: 912, ..nmea::SentenceCounts::default() },
        refused: nmea::RefusedCounts::default(),
    }
}

pub(super) fn kernel() -> pps::Status {
    pps::Status {
        device: "/dev/pps0".to_owned(),
        edge: pps::Edge::Assert,
        captures_assert: true,
        captures_clear: false,
        sequence: Some(905),
        pulses: 900,
        missed: 0,
        wrong_width: 0,
        nonsense: 0,
        age_s: Some(0.4),
        width_s: None,
    }
}

pub(super) fn memory() -> shm::Status {
    shm::Status {
        unit: 2,
        size_bytes: 96,
        owner_uid: Some(0),
        permissions: Some("0666".to_owned()),
        attached: Some(2),
        samples: 10,
        repeated: 4,
        torn: 0,
        nonsense: 0,
        stale: 1,
        replaced: 0,
        age_s: Some(1.0),
        warning: Some("every user of this machine can write samples (permissions 0666)".to_owned()),
    }
}

pub(super) fn socket() -> sock::Status {
    sock::Status {
        path: "/run/chrony.ttyS0.sock".to_owned(),
        reachable: true,
        samples: 1,
        wrong_size: 0,
        wrong_magic: 0,
        nonsense: 0,
        stale: 0,
        floods: 0,
        age_s: Some(0.2),
    }
}

pub(super) fn card() -> phc::Status {
    phc::Status {
        device: "/dev/ptp0".to_owned(),
        interface: Some("eth0".to_owned()),
        clock: Some(0),
        method: phc::Method::Extended,
        fallback: Some("no cross timestamps here".to_owned()),
        window_s: Some(1.2e-6),
        age_s: Some(0.5),
        gait: Gait::Steady,
        looks: 77,
        faults: 0,
        failures: 2,
        rate_ppm: Some(-3.25),
        abilities: phc::Abilities { external_channels: 2, pins: 4, ..phc::Abilities::default() },
        pulses: None,
    }
}

pub(super) fn board() -> rtc::Status {
    rtc::Status {
        device: "/dev/rtc0".to_owned(),
        utc: true,
        interrupts: true,
        readings: 1,
        late: 0,
        nonsense: 0,
        age_s: Some(1.0),
    }
}
