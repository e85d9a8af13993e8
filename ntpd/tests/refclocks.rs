//! Reference clocks from their devices to what `ntpctl` shows of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod daemon;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, SystemTime};

use daemon::{Daemon, namespaces_can_be_made};
use serde_json::Value;

/// What ends each sample.
const MAGIC: i32 = 0x534f_434b;
/// So much true time is ahead of the system clock, by the samples.
const AHEAD: f64 = 0.001;

fn config(socket: &Path) -> String {
    format!(
        "enabled = true
        [sources.hardware.gps]
        enabled = true
        device = '/dev/no-such-gps'
        [[sources.refclocks]]
        driver = 'shm'
        unit = 211
        [[sources.refclocks]]
        driver = 'sock'
        device = {socket:?}
        refid = 'SOCK'
        poll = 0"
    )
}

/// A sample of now: seconds and microseconds, offset, pulse, leap, padding and the magic number.
fn sample() -> Vec<u8> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut bytes = now.as_secs().cast_signed().to_ne_bytes().to_vec();
    bytes.extend(i64::from(now.subsec_micros()).to_ne_bytes());
    bytes.extend(AHEAD.to_ne_bytes());
    bytes.extend([0, 0, 0, MAGIC].into_iter().flat_map(i32::to_ne_bytes));
    assert_eq!(bytes.len(), 40);
    bytes
}

/// What is told of the clock with this name.
fn clock(daemon: &Daemon, name: &str) -> Value {
    let all = daemon.json("refclocks");
    all.as_array().unwrap().iter().find(|clock| clock["name"] == name).unwrap().clone()
}

fn text(daemon: &Daemon, arguments: &[&str]) -> String {
    String::from_utf8(daemon.ntpctl(arguments).stdout).unwrap()
}

#[test]
fn what_is_missing_says_so_and_what_is_sent_becomes_a_source() {
    if !namespaces_can_be_made() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples");
    let daemon = Daemon::start("reference clocks", &config(&path));

    daemon.wait_for("the receiver that is not there", |d| clock(d, "GPS")["device"]["trouble"].is_string());
    let gps = clock(&daemon, "GPS");
    assert_eq!(gps["device"]["open"], false);
    assert!(
        gps["device"]["trouble"].as_str().unwrap().starts_with("/dev/no-such-gps: no such device"),
        "{gps}"
    );
    assert_eq!((&gps["source"]["kind"], &gps["device"]["driver"]), (&"refclock".into(), &"nmea".into()));

    daemon.wait_for("the segment", |d| clock(d, "SHM0")["device"]["open"] == true);
    let segment = &clock(&daemon, "SHM0")["device"]["status"]["shm"];
    assert_eq!(
        (&segment["unit"], &segment["attached"], &segment["permissions"]),
        (&211.into(), &1.into(), &"0600".into())
    );

    daemon.wait_for("the socket", |_| path.exists());
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(b"no sample", &path).unwrap();
    daemon.wait_for("a clock that is set by the socket", |d| {
        sender.send_to(&sample(), &path).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        d.json("tracking")["source"] == "SOCK"
    });
    let sock = clock(&daemon, "SOCK");
    assert!(sock["source"]["selected"] == true && sock["source"]["reach"] != "000", "{sock}");
    assert!(sock["source"]["refclock"]["readings"].as_u64().unwrap() > 5, "{sock}");
    assert_eq!(sock["device"]["status"]["sock"]["wrong_size"], 1, "{sock}");
    let offset = sock["source"]["last_offset_s"].as_f64().unwrap();
    assert!((offset - AHEAD).abs() < 1e-5, "{offset}");
    people_are_told(&daemon);
}

/// The same in words, and what can and cannot be done about it.
fn people_are_told(daemon: &Daemon) {
    let table = text(daemon, &["refclocks", "--verbose"]);
    for line in [
        "\nGPS: not open: /dev/no-such-gps: no such device; is it plugged in?",
        "\nSHM0: nobody else has the segment: is gpsd running",
        "\n  not taken  1 of another length\n",
    ] {
        assert!(table.contains(line), "{line:?}: {table}");
    }
    let status = text(daemon, &["status"]);
    assert!(status.contains("synchronised to SOCK, stratum 1"), "{status}");
    assert!(status.contains("GPS not open, SHM0 no samples, SOCK selected"), "{status}");
    let explained = text(daemon, &["explain", "SOCK"]);
    assert!(explained.starts_with("SOCK: used"), "{explained}");
    for order in ["offline", "burst", "delete"] {
        let done = daemon.ntpctl(&[order, "GPS"]);
        assert_eq!(done.status.code(), Some(1), "{done:?}");
        let why = String::from_utf8(done.stderr).unwrap();
        assert!(why.contains("GPS is a reference clock of this machine"), "{why}");
    }
}
