//! Streams of receivers of several makers: what is read from them, and what people are shown.

use std::path::PathBuf;

use ntp_proto::time::Monotonic;
use ntp_refclock::nmea::{Fix, Status};

use crate::line::{Line, millis};
use crate::receivers::{self, Stream};

/// 2026-11-21 12:00:00, which most streams begin about.
const NOON: i64 = 1_795_262_400;
const NEW_YEAR_2027: i64 = 1_798_761_600;

/// The first burst begins so long after the line was opened.
const FIRST_MS: u64 = 2300;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/streams").join(format!("{name}.nmea"))
}

/// With `REGENERATE_STREAMS` in the environment they are written anew.
#[test]
fn the_streams_are_what_is_composed() {
    for stream in receivers::all() {
        let path = path(stream.name);
        if std::env::var_os("REGENERATE_STREAMS").is_some() {
            std::fs::write(&path, stream.text()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), stream.text(), "{}", path.display());
    }
}

/// What is to be seen of one stream.
struct Expected {
    name: &'static str,
    /// Number of the burst, from 0, and the Unix time and milliseconds that it shows.
    readings: Vec<(u64, i64, u32)>,
    fix: Fix,
    used: u16,
    in_view: Option<u16>,
    hdop: f32,
    talkers: &'static [&'static str],
    weeks_repaired: u16,
    no_fix: u64,
    no_checksum: u64,
    vendor: u64,
    /// Whether bursts follow each other so closely that the line is never seen quiet.
    crowded: bool,
}

impl Expected {
    fn judge(&self, status: &Status) {
        let name = self.name;
        assert_eq!(status.fix, Some(self.fix), "{name}");
        assert_eq!(status.satellites_used, Some(self.used), "{name}");
        assert_eq!(status.satellites_in_view, self.in_view, "{name}");
        assert_eq!(status.hdop, Some(self.hdop), "{name}");
        assert_eq!(status.talkers, self.talkers, "{name}");
        assert_eq!(status.weeks_repaired, self.weeks_repaired, "{name}");
        assert_eq!(status.readings, self.readings.len() as u64, "{name}");
        assert_eq!(status.withheld.no_fix, self.no_fix, "{name}");
        let others = [
            status.withheld.contradictory,
            status.withheld.undated,
            status.withheld.repeated,
            status.withheld.unstarted,
            status.withheld.clock_set,
            status.refused.bad_checksum,
            status.refused.too_long,
            status.refused.malformed,
        ];
        assert_eq!(others, [0; 8], "{name}: {status:?}");
        assert_eq!(status.refused.no_checksum, self.no_checksum, "{name}");
        assert_eq!(status.sentences.vendor, self.vendor, "{name}");
        let place = status.position.map(|position| (position.latitude_deg, position.longitude_deg));
        assert_eq!(place, Some((50.0, 8.0)), "{name}");
        assert_eq!(status.advice, None, "{name}");
    }
}

/// Consecutive seconds from that burst on.
fn seconds(bursts: std::ops::Range<u64>, first: i64) -> Vec<(u64, i64, u32)> {
    bursts.clone().map(|burst| (burst, first + (burst - bursts.start) as i64, 0)).collect()
}

fn expected() -> Vec<Expected> {
    let ublox6 = Expected {
        name: "ublox6",
        readings: seconds(4..8, NOON),
        fix: Fix::ThreeD,
        used: 5,
        in_view: Some(5),
        hdop: 1.85,
        talkers: &["GP"],
        weeks_repaired: 0,
        no_fix: 4,
        no_checksum: 0,
        vendor: 0,
        crowded: false,
    };
    // The leap second has the Unix time of the one before, as on the clock that it is compared with.
    let leap = [-3, -2, -1, -1, 0, 1];
    let ublox8 = Expected {
        name: "ublox8",
        readings: (0..).zip(leap).map(|(burst, second)| (burst, NEW_YEAR_2027 + second, 0)).collect(),
        fix: Fix::Differential,
        used: 13,
        in_view: Some(15),
        hdop: 0.71,
        talkers: &["GL", "GN", "GP"],
        no_fix: 0,
        ..ublox6
    };
    let mediatek = Expected {
        name: "mediatek",
        readings: seconds(2..6, NOON),
        fix: Fix::Differential,
        used: 7,
        in_view: Some(8),
        hdop: 1.21,
        no_fix: 2,
        vendor: 2,
        ..ublox6
    };
    let sirf3 = Expected {
        name: "sirf3",
        readings: seconds(0..5, NOON + 4),
        fix: Fix::ThreeD,
        used: 6,
        in_view: Some(7),
        hdop: 1.4,
        weeks_repaired: 1024,
        no_fix: 0,
        vendor: 2,
        ..ublox6
    };
    let garmin = Expected {
        name: "garmin",
        readings: vec![(0, NOON - 1, 0), (1, NOON, 0), (4, NOON + 3, 0)],
        used: 5,
        in_view: Some(6),
        hdop: 1.3,
        no_fix: 2,
        vendor: 10,
        crowded: true,
        ..ublox6
    };
    let trimble = Expected {
        name: "trimble",
        readings: seconds(1..5, NOON + 1),
        fix: Fix::Autonomous,
        used: 9,
        in_view: None,
        hdop: 1.1,
        weeks_repaired: 1024,
        no_fix: 1,
        vendor: 5,
        ..ublox6
    };
    let quectel = Expected {
        name: "quectel",
        readings: vec![
            (0, NOON - 1, 600),
            (1, NOON - 1, 800),
            (2, NOON, 0),
            (3, NOON, 200),
            (4, NOON, 400),
            (5, NOON, 600),
        ],
        fix: Fix::Rtk,
        used: 18,
        in_view: Some(20),
        hdop: 0.52,
        talkers: &["GA", "GB", "GL", "GN", "GP", "GQ"],
        no_fix: 0,
        vendor: 6,
        ..ublox6
    };
    let navspark = Expected {
        name: "navspark",
        readings: vec![(0, NOON - 1, 0), (1, NOON, 0), (3, NOON + 2, 0), (4, NOON + 3, 0)],
        used: 11,
        in_view: Some(12),
        hdop: 0.8,
        talkers: &["BD", "GN", "GP"],
        no_fix: 1,
        no_checksum: 1,
        vendor: 5,
        ..ublox6
    };
    vec![ublox6, ublox8, mediatek, sirf3, garmin, trimble, quectel, navspark]
}

fn play(stream: &Stream) -> Line {
    let mut line = Line::new(stream.baud);
    let text = std::fs::read_to_string(path(stream.name)).expect("the stream is there");
    for (burst, bytes) in (0..).zip(Stream::bursts(&text)) {
        line.send(millis(FIRST_MS + burst * stream.period_ms), bytes.as_bytes());
    }
    line.listen(millis(FIRST_MS + stream.period_ms * 9));
    line
}

#[test]
fn each_stream_is_read() {
    let expected = expected();
    for stream in receivers::all() {
        let expected = expected.iter().find(|expected| expected.name == stream.name).unwrap();
        let line = play(&stream);
        let seen = line.seen();
        let times: Vec<_> = seen.iter().map(|(second, fraction, _)| (*second, *fraction)).collect();
        let wanted: Vec<_> =
            expected.readings.iter().map(|(_, second, fraction)| (*second, *fraction)).collect();
        assert_eq!(times, wanted, "{}: {:?}", stream.name, line.receiver.status(Monotonic::default()));
        for ((burst, ..), (.., at_ms)) in expected.readings.iter().zip(&seen) {
            let late = at_ms - (FIRST_MS + burst * stream.period_ms) as f64;
            // Eight characters until the port reports.
            let reported = 80e3 / f64::from(stream.baud);
            // Without quiet nobody is woken, and the beginning is reckoned back from a look between two reports.
            let early = if expected.crowded { reported } else { 0.0 };
            assert!((late - reported).abs() < 0.2 + early, "{}: {late} ms after the beginning", stream.name);
        }
        let listened = Monotonic::from_nanos(line.now.as_nanos() as u64);
        let status = line.receiver.status(listened);
        assert!(status.last_time_age_s.unwrap() > 0.2, "{status:?}");
        expected.judge(&status);
    }
}
