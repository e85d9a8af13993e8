//! What an operator does to the sources of a running daemon.

use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::peers::Chronyd;

const FOLLOW: &str = "[[sources.servers]]\naddress = \"10.99.0.2\"\niburst = true\n";

#[test]
fn sources_come_and_go_on_request() {
    let Some(network) = network() else { return };
    let _chronyd = Chronyd::serving(&network.server);
    let daemon = Daemon::start(&network.client, FOLLOW);
    daemon.wait_for_sync(Duration::from_secs(15));
    let told = |arguments: &[&str]| {
        let output = daemon.ntpctl(arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let ok = (Some(0), String::new());
    let count = || daemon.json("sources")["sources"].as_array().unwrap().len();

    assert_eq!(told(&["add", "server", "fd99::2", "--iburst"]), ok);
    daemon.wait_for("the added source", Duration::from_secs(15), |d| {
        d.json("sources")["sources"][1]["used"] == true
    });
    assert_eq!(told(&["add", "server", "fd99::2"]).0, Some(1), "not twice");
    assert_eq!(told(&["delete", "fd99::2"]), ok);
    assert_eq!(count(), 1);
    assert_eq!(told(&["delete", "fd99::2"]).0, Some(1), "it is gone already");

    assert_eq!(told(&["offline"]), ok);
    assert_eq!(daemon.json("activity")["offline"], 1);
    let asked = || daemon.json("sources")["sources"][0]["requests"].as_u64().unwrap();
    let before = asked();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(asked(), before, "an offline source is left alone");
    assert_eq!(told(&["online"]), ok);
    daemon.wait_for("requests", Duration::from_secs(5), |_| asked() >= before + 2);
    assert_eq!(told(&["burst", "10.99.0.2", "--good", "2"]), ok);
    let (code, words) = told(&["step"]);
    assert!(code == Some(1) && words.contains("may not be adjusted"), "{words}");
}

#[test]
fn waitsync_waits_for_a_daemon_that_is_yet_to_come() {
    let Some(network) = network() else { return };
    let _chronyd = Chronyd::serving(&network.server);
    let daemon = Daemon::start(&network.client, FOLLOW);
    let output = daemon.ntpctl(&["waitsync", "--tries", "30", "--interval", "0.5", "--max-error", "0.1"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let strict = daemon.ntpctl(&["waitsync", "--tries", "1", "--max-error", "0.000001"]);
    assert_eq!(strict.status.code(), Some(1));
}
