//! What a person reads.

use ntp_refclock::nmea::{self, Fix, Position, Signal};
use ntp_refclock::phc::Gait;
use ntp_refclock::{phc, pps, rtc, shm, sock};

use super::super::sources::tests::selected;
use super::super::status::tests::daemon;
use super::super::tracking::tests::well;
use super::made_up::{board, card, device, kernel, line, memory, pulses, receiver, socket, source};
use super::*;
use crate::control::DeviceStatus;

fn report(sources: Vec<SourceReport>, devices: Vec<DeviceReport>) -> DaemonReport {
    let mut report = DaemonReport { devices, ..daemon() };
    report.time.sources = sources;
    report
}

/// What stands in the column of signals, and the sentences, for a clock that gives the time of day.
fn told(status: DeviceStatus) -> (String, Vec<String>) {
    let (source, devices) = (source(0, "GPS", "spare"), [device(0, "nmea", status)]);
    let clock = Clock::of(&source, &devices).unwrap();
    (signal::words(&clock), troubles::of(&clock, &well()))
}

fn receiver_told(status: nmea::Status) -> (String, Vec<String>) {
    told(DeviceStatus::Nmea(Box::new(status)))
}

#[test]
fn every_clock_has_a_row_and_its_troubles_follow() {
    let mut pulses_device = device(1, "pps", DeviceStatus::Pps(kernel()));
    pulses_device.device = "/dev/pps0".to_owned();
    let devices = vec![device(0, "nmea", DeviceStatus::Nmea(Box::new(line()))), pulses_device];
    let report = report(vec![receiver(), pulses(), selected()], devices);
    let expected = "\
clock  device           state      signal                        age   jitter  lock        offset  suggest
GPS    nmea /dev/ttyS0  numbering  3D fix, 9 of 14 satellites  0.4 s  2.10 ms  -      123 ms fast   0.1234
PPS    pps /dev/pps0    selected   pulses                      0.4 s  45.0 ns  GPS   12.0 ns fast        -

GPS: reads 123 ms late: set offset = 0.1234 in [sources.hardware.gps]
";
    assert_eq!(render(&report, false), expected);
}

#[test]
fn a_device_that_is_not_open_says_why_and_nothing_else() {
    let closed = DeviceReport {
        open: false,
        trouble: Some("/dev/pps0: Permission denied; let the user of the daemon read it".to_owned()),
        status: None,
        ..device(1, "pps", DeviceStatus::Pps(kernel()))
    };
    let mut lost = pulses();
    lost.refclock.as_mut().unwrap().locked = Some(false);
    lost.refclock.as_mut().unwrap().unlocked_reason = Some("nobody".to_owned());
    let text = render(&report(vec![lost], vec![closed]), false);
    assert!(text.contains("  not open  ") && text.contains("  no (GPS)  "), "{text}");
    let (_, troubles) = text.split_once("\n\n").unwrap();
    assert_eq!(troubles, "PPS: not open: /dev/pps0: Permission denied; let the user of the daemon read it\n");
}

#[test]
fn receivers_are_told_by_what_comes_from_them() {
    assert_eq!(receiver_told(line()), ("3D fix, 9 of 14 satellites".to_owned(), Vec::new()));
    let dark = nmea::Status { fix: Some(Fix::None), satellites_used: Some(0), ..line() };
    let (signal, sentences) = receiver_told(dark);
    assert_eq!(signal, "no fix, 0 of 14 satellites");
    assert_eq!(sentences, ["no fix, so no time: can the antenna see the sky?"]);

    let advice = Some("wrong speed? It is set to 9600 baud".to_owned());
    let noise = nmea::Status { signal: Signal::Garbage, advice, ..line() };
    let (signal, sentences) = receiver_told(noise);
    assert_eq!(
        (signal.as_str(), sentences[0].as_str()),
        ("garbage", "garbage: wrong speed? It is set to 9600 baud")
    );

    let advice = Some("the receiver has stopped".to_owned());
    let silent = nmea::Status { signal: Signal::Silent, silent_s: Some(12.3), advice, ..line() };
    assert_eq!(
        receiver_told(silent),
        ("silent for 12 s".to_owned(), vec!["the receiver has stopped".to_owned()])
    );

    let old =
        nmea::Status { weeks_repaired: 1024, satellites_used: None, satellites_in_view: None, ..line() };
    let (signal, sentences) = receiver_told(old);
    assert_eq!(signal, "3D fix");
    assert!(sentences[0].starts_with("its dates are 1024 weeks too early"), "{sentences:?}");
    let simulated = receiver_told(nmea::Status { fix: Some(Fix::Simulated), ..line() });
    assert!(simulated.1[0].starts_with("simulation: its time"), "{simulated:?}");
}

#[test]
fn pulses_that_stay_away_or_have_no_number_say_so() {
    let told = |engine: RefclockReport, status: pps::Status| {
        let source = SourceReport { refclock: Some(engine), ..pulses() };
        let devices = [device(1, "pps", DeviceStatus::Pps(status))];
        let clock = Clock::of(&source, &devices).unwrap();
        (signal::words(&clock), troubles::of(&clock, &well()))
    };
    let locked = || pulses().refclock.unwrap();
    assert_eq!(told(locked(), kernel()), ("pulses".to_owned(), Vec::new()));
    let wide = told(locked(), pps::Status { width_s: Some(0.1), ..kernel() });
    assert_eq!(wide.0, "pulses of 100 ms");

    let stopped = told(locked(), pps::Status { age_s: Some(75.0), ..kernel() });
    assert_eq!(stopped, ("silent for 1 min 15 s".to_owned(), vec!["no pulse for 1 min 15 s".to_owned()]));
    let (signal, sentences) = told(locked(), pps::Status { age_s: None, ..kernel() });
    assert!(signal == "nothing yet" && sentences[0].starts_with("no pulse yet: "), "{sentences:?}");
    let (_, sentences) = told(locked(), pps::Status { age_s: None, wrong_width: 4, ..kernel() });
    assert!(sentences[0].contains("none of the configured width"), "{sentences:?}");

    let why = Some("GPS, which numbers the pulses, has shown no time yet".to_owned());
    let (_, sentences) =
        told(RefclockReport { locked: Some(false), unlocked_reason: why, ..locked() }, kernel());
    assert_eq!(sentences, ["not locked: GPS, which numbers the pulses, has shown no time yet"]);
    let (_, sentences) = told(RefclockReport { displaced_s: Some(-0.1), ..locked() }, kernel());
    assert_eq!(sentences, ["pulses come 100 ms later than they did, and are not believed"]);
}

#[test]
fn memory_and_sockets_say_who_writes_or_does_not() {
    let sentence = |status: DeviceStatus| told(status).1.concat();
    let (signal, sentences) = told(DeviceStatus::Shm(memory()));
    assert_eq!((signal.as_str(), sentences.len()), ("samples", 1));
    assert!(sentences[0].starts_with("every user of this machine can write"), "{sentences:?}");
    let fresh = shm::Status { age_s: None, stale: 0, attached: Some(1), ..memory() };
    assert!(sentence(DeviceStatus::Shm(fresh.clone())).starts_with("nobody else has the segment"));
    let attached = shm::Status { attached: Some(2), ..fresh.clone() };
    assert!(sentence(DeviceStatus::Shm(attached)).starts_with("nothing was written yet"));
    assert!(sentence(DeviceStatus::Shm(shm::Status { stale: 1, ..fresh })).contains("has stopped"));
    let over = shm::Status { age_s: Some(90.0), ..memory() };
    assert!(sentence(DeviceStatus::Shm(over)).starts_with("no sample for 1 min 30 s"));

    assert_eq!(told(DeviceStatus::Sock(socket())), ("samples".to_owned(), Vec::new()));
    let (signal, sentences) = told(DeviceStatus::Sock(sock::Status { reachable: false, ..socket() }));
    assert!(signal == "out of reach" && sentences[0].contains("restart ntpd"), "{sentences:?}");
    let unknown = sock::Status { age_s: None, ..socket() };
    assert!(sentence(DeviceStatus::Sock(unknown.clone())).starts_with("nobody has sent a sample"));
    let wrong = sock::Status { wrong_magic: 1, ..unknown };
    assert!(sentence(DeviceStatus::Sock(wrong)).contains("is no sample of now"));
}

#[test]
fn clocks_of_cards_and_boards_are_told_by_how_they_go() {
    assert_eq!(told(DeviceStatus::Phc(Box::new(card()))), ("extended readings".to_owned(), Vec::new()));
    let (signal, sentences) =
        told(DeviceStatus::Phc(Box::new(phc::Status { gait: Gait::StandsStill, ..card() })));
    assert_eq!(signal, "stands still");
    assert_eq!(sentences, ["its clock stands still, so nothing of it is believed"]);
    let external = phc::PulseStatus { age_s: Some(9.0), ..phc::PulseStatus::default() };
    let (signal, _) = told(DeviceStatus::Phc(Box::new(phc::Status { pulses: Some(external), ..card() })));
    assert_eq!(signal, "silent for 9.0 s");

    assert_eq!(told(DeviceStatus::Rtc(board())), ("seconds".to_owned(), Vec::new()));
    let empty = rtc::Status { readings: 0, nonsense: 3, age_s: None, ..board() };
    let (signal, sentences) = told(DeviceStatus::Rtc(empty));
    assert!(signal == "nothing yet" && sentences[0].contains("hwclock --systohc"), "{sentences:?}");
}

#[test]
fn an_offset_is_suggested_only_beyond_what_the_clock_itself_may_be_wrong_by() {
    let source = receiver();
    let devices = [device(0, "nmea", DeviceStatus::Nmea(Box::new(line())))];
    let clock = Clock::of(&source, &devices).unwrap();
    assert!(Calibration::of(&clock, &well()).is_some());
    for doubt in [Some(0.2), None] {
        assert_eq!(Calibration::of(&clock, &TrackingReport { error_bound_s: doubt, ..well() }), None);
    }
    let mut right = receiver();
    right.refclock.as_mut().unwrap().offset_s = 0.123;
    let clock = Clock::of(&right, &devices).unwrap();
    assert_eq!(Calibration::of(&clock, &well()), None, "within three standard deviations");
}

#[test]
fn more_words_tell_everything_and_explain_the_columns() {
    let position = Position { latitude_deg: -33.856_784, longitude_deg: 151.215_3, altitude_m: Some(12.4) };
    let status = nmea::Status { position: Some(position), weeks_repaired: 1024, ..line() };
    let devices = vec![
        device(0, "nmea", DeviceStatus::Nmea(Box::new(status))),
        device(1, "pps", DeviceStatus::Pps(kernel())),
    ];
    let text = render(&report(vec![receiver(), pulses()], devices), true);
    let body = text.strip_suffix(LEGEND).unwrap();
    for heading in COLUMNS.map(|(name, _)| name) {
        assert!(LEGEND.contains(&format!("\n  {heading} ")), "{heading}");
    }
    let expected = "
GPS: numbering, used, the best source
  readings   900, 880 of them in samples; refused: 17 poor sample, 3 distrusted
  samples    20, one every 16.0 s, reach 377
  offset     0 s configured; 0.123400000 s would agree with the clock, +- 300 us
  bound      the truth is within 214 us of it
  device     nmea /dev/ttyS0, [sources.hardware.gps]
  line       9600 baud, GP GL speak
  fix        3D fix, 9 of 14 satellites, HDOP 0.9
  position   33.85678 S 151.21530 E, 12 m above the sea
  showed     2026-11-21 05:00:00.000 UTC, 0.6 s ago
  date       1024 weeks added to what it says
  sentences  912 RMC, 912 GGA
  damaged    none
  withheld   12 without a fix
";
    assert!(body.contains(expected), "{body}");
    assert!(body.contains("\n  edge       rising; rising edges are stamped\n"), "{body}");
}

#[test]
fn every_kind_of_device_tells_its_own() {
    let kinds = [
        (
            "shm",
            DeviceStatus::Shm(memory()),
            "segment    96 bytes, owner user 0, permissions 0666, attached 2",
        ),
        ("shm", DeviceStatus::Shm(memory()), "not taken  4 offered again, 1 not of now"),
        ("sock", DeviceStatus::Sock(socket()), "taken      1 sample\n"),
        ("phc", DeviceStatus::Phc(Box::new(card())), "card       /dev/ptp0 of eth0\n"),
        (
            "phc",
            DeviceStatus::Phc(Box::new(card())),
            "method     extended readings, the latest took 1.20 us; no cross timestamps here\n",
        ),
        (
            "phc",
            DeviceStatus::Phc(Box::new(card())),
            "gait       steady, -3.250 ppm against the system clock\n",
        ),
        ("rtc", DeviceStatus::Rtc(board()), "keeps      UTC; interrupts when a second begins\n"),
    ];
    for (driver, status, expected) in kinds {
        let report = report(vec![source(0, "X", "spare")], vec![device(0, driver, status)]);
        let text = render(&report, true);
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn json_has_both_sides_of_a_clock_in_one_object() {
    let devices = vec![device(1, "pps", DeviceStatus::Pps(kernel()))];
    let report = report(vec![selected(), pulses()], devices);
    let json = serde_json::to_value(clocks(&report)).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 1);
    assert_eq!(json[0]["name"], "PPS");
    assert_eq!(json[0]["source"]["refclock"]["lock"], "GPS");
    assert_eq!(json[0]["device"]["status"]["pps"]["sequence"], 905);
    assert_eq!(json[0].as_object().unwrap().len(), 3);
}

#[test]
fn without_clocks_there_is_a_sentence() {
    assert_eq!(render(&report(vec![selected()], Vec::new()), true), "no reference clocks are configured\n");
}
