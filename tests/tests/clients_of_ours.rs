//! Serving other people's clients, one test each: it accepts our time, and its own words say so.
//!
//! Both sides read the one clock of the machine, so the true offset is zero.

use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::Network;
use truechimer_tests::peers::{
    Chrony, Chronyd, Starter, chronyd_version_once, number_after, run_once, words_of,
};

const LOCAL: &str = "[server.local]\nenabled = true\nstratum = 5\n\
    [[security.access]]\nnetwork = \"10.99.0.0/24\"\npermission = \"allow\"\n\
    [[security.access]]\nnetwork = \"fd99::/64\"\npermission = \"allow\"\n";

/// More than a busy machine adds.
const CLOSE_S: f64 = 0.010;
const PATIENCE: Duration = Duration::from_secs(60);

fn serve(network: &Network) -> Daemon<'_> {
    let daemon = Daemon::start(&network.client, LOCAL);
    let local = |d: &Daemon<'_>| d.json("tracking")["local"] == true;
    daemon.wait_for("the local reference", Duration::from_secs(15), local);
    daemon
}

/// Prints the counterpart's words, and checks the offset in seconds that they tell.
fn is_close(words: &str, offset: Option<f64>, limit: f64) {
    println!("{words}");
    assert!(offset.is_some_and(|s| s.abs() < limit), "{offset:?} is not within {limit} s: {words}");
}

#[test]
fn ntpdig_and_ntpdate_take_our_time() {
    let Some(network) = network() else { return };
    let _daemon = serve(&network);
    for (program, arguments) in [
        ("ntpdig", &["10.99.0.1"][..]),
        ("ntpdig", &["fd99::1"]),
        ("ntpdate", &["-q", "10.99.0.1"]),
        ("ntpdate", &["-q", "fd99::1"]),
    ] {
        let said = words_of(&run_once(&network.server, program, arguments));
        let line = said.lines().find(|line| line.contains("+/-")).unwrap_or(&said);
        assert!(line.ends_with(" s5 no-leap"), "{program} {arguments:?}: {said}");
        // Python takes its time, and says how much.
        let bound = number_after(line, "+/-").unwrap_or_default();
        is_close(&format!("{program}: {line}"), number_after(line, "(+0000)"), bound.max(CLOSE_S));
    }
}

#[test]
fn chronyd_4_6_once_accepts_our_time() {
    let Some(network) = network() else { return };
    let _daemon = serve(&network);
    for address in ["10.99.0.1", "fd99::1"] {
        let output = chronyd_version_once(Chrony::V4_6, &network.server, &format!("server {address} iburst"));
        let said = words_of(&output);
        assert!(output.status.success(), "{address}: {said}");
        let line = said.lines().find(|l| l.contains("wrong by")).unwrap_or_default();
        is_close(&format!("{address}: {line}"), number_after(line, "wrong by"), CLOSE_S);
    }
}

#[test]
fn chronyd_4_6_selects_us_and_keeps_our_stratum() {
    let Some(network) = network() else { return };
    let _daemon = serve(&network);
    let line = "server 10.99.0.1 iburst minpoll 0 maxpoll 0\n";
    let chronyd = Chronyd::start_version(Chrony::V4_6, &network.server, line);
    let end = std::time::Instant::now() + PATIENCE;
    while !chronyd.chronyc("sources").starts_with("^,*,10.99.0.1,5,") {
        assert!(std::time::Instant::now() < end, "{}\n{}", chronyd.chronyc("sources"), chronyd.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    let tracking = chronyd.chronyc("tracking").trim().to_owned();
    let fields: Vec<&str> = tracking.split(',').collect();
    assert_eq!(fields[..3], ["0A630001", "10.99.0.1", "6"], "{tracking}");
    is_close(&tracking, fields[4].parse().ok(), CLOSE_S);
}

#[test]
fn ntpsec_ntpd_selects_us() {
    ntpsec_selects_us("ntpsec-ntpd");
}

#[test]
fn ntpsec_ntpd_of_debian_13_selects_us() {
    ntpsec_selects_us("trixie-ntpsec-ntpd");
}

fn ntpsec_selects_us(program: &str) {
    let Some(network) = network() else { return };
    let _daemon = serve(&network);
    let config = "server 10.99.0.1 iburst minpoll 3 maxpoll 3\n\
        restrict default nomodify\nrestrict 127.0.0.1\nrestrict ::1\n";
    let starter = Starter::new(&network.server, program).config(config);
    let ntpd = starter.args(&["-n", "-g", "-c", "CONFIG"]).start();
    let selected = |line: &str| line.starts_with("*10.99.0.1");
    let line = ntpd.wait_for_answer("ntpq", &["-pn", "127.0.0.1"], PATIENCE, selected);
    let fields: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(fields[1..4], ["127.127.1.1", "5", "u"], "{line}");
    is_close(&line, fields[8].parse().ok().map(|ms: f64| ms / 1e3), CLOSE_S);
}

#[test]
fn openntpd_finds_us_valid() {
    let Some(network) = network() else { return };
    let _daemon = serve(&network);
    let starter = Starter::new(&network.server, "openntpd").config("server 10.99.0.1\n");
    let mut openntpd = starter.args(&["-d", "-v", "-f", "CONFIG"]).start();
    let valid = openntpd.wait_for_line(&["peer 10.99.0.1 now valid"], Duration::from_secs(120));
    println!("{valid}");
    let log = openntpd.log();
    let line = log.lines().rfind(|line| line.starts_with("reply from 10.99.0.1")).unwrap_or(&log);
    is_close(line, number_after(line, "offset"), CLOSE_S);
}

#[test]
fn busybox_ntpd_measures_us() {
    let Some(network) = network() else { return };
    let _daemon = serve(&network);
    let arguments = ["ntpd", "-d", "-n", "-w", "-p", "10.99.0.1"];
    let mut busybox = Starter::new(&network.server, "busybox").args(&arguments).start();
    // Four answers in a row.
    let line = busybox.wait_for_line(&["reply from 10.99.0.1", "reach:0x0f"], PATIENCE);
    assert!(line.contains("status:0x24 strat:5 refid:0x01017f7f"), "{line}");
    is_close(&line, number_after(&line, "offset:"), CLOSE_S);
}

#[test]
fn systemd_timesyncd_synchronises_to_us() {
    let Some(network) = network() else { return };
    let _daemon = serve(&network);
    let starter = Starter::new(&network.server, "timesyncd").config("[Time]\nNTP=10.99.0.1\n");
    let mut timesyncd = starter.args(&["CONFIG"]).variable("SYSTEMD_LOG_LEVEL", "debug").start();
    let accepted = timesyncd.wait_for_line(&["Initial clock synchronization"], PATIENCE);
    let log = timesyncd.log();
    let response: Vec<&str> = log.lines().skip_while(|l| !l.contains("NTP response")).take(18).collect();
    let response = response.join("\n");
    assert_eq!(number_after(&response, "stratum      :"), Some(5.0), "{response}");
    is_close(&format!("{response}\n{accepted}"), number_after(&response, "offset       :"), CLOSE_S);
}

/// It ends if it may not steer the clock, so it is given one that stands still.
#[test]
fn ntpd_rs_follows_us() {
    let Some(network) = network() else { return };
    let _daemon = serve(&network);
    let config = "[[source]]\nmode = \"server\"\naddress = \"10.99.0.1\"\n\
        [synchronization]\nminimum-agreeing-sources = 1\n\
        [observability]\nobservation-path = \"FOLDER/observe\"\n";
    let starter = Starter::new(&network.server, "ntpd-rs").config(config);
    let ntpd_rs = starter.args(&["-c", "CONFIG"]).with_still_clock().start();
    let status = ["-c", "CONFIG", "status"];
    let stratum = ntpd_rs.wait_for_answer("ntpd-rs-ctl", &status, PATIENCE, |l| l == "Stratum: 6");
    let measured = |line: &str| line.starts_with("10.99.0.1:123/") && line.contains('±');
    let line = ntpd_rs.wait_for_answer("ntpd-rs-ctl", &status, PATIENCE, measured);
    is_close(&format!("{line}; {stratum}"), number_after(&line, "): "), CLOSE_S);
}
