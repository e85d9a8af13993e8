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

const THREE: &str = "[[sources.servers]]\naddress = \"10.99.0.2\"\niburst = true\n\
    [[sources.servers]]\naddress = \"fd99::2\"\niburst = true\n\
    [[sources.servers]]\naddress = \"10.99.0.3\"\niburst = true\n";

/// Two addresses of an honest server, and a server that follows it an hour wrong.
#[test]
fn explain_tells_a_liar_from_those_who_are_used() {
    let Some(network) = network() else { return };
    network.server.add_address("10.99.0.3/24").expect("there is room for an address");
    let honest = "local stratum 1\nallow all\nbindaddress 10.99.0.2\nbindaddress fd99::2\n";
    let _honest = Chronyd::start(&network.server, honest);
    let lies = "server 10.99.0.2 iburst offset 3600\nallow all\nbindaddress 10.99.0.3\n";
    let liar = Chronyd::start(&network.server, lies);
    let waited = liar.chronyc("waitsync 60 0 0 0.5");
    assert!(waited.contains("0A630002"), "the liar follows the honest server: {waited}\n{}", liar.log());

    let daemon = Daemon::start(&network.client, THREE);
    daemon.wait_for_sync(Duration::from_secs(20));
    daemon.wait_for("the verdict", Duration::from_secs(20), |d| {
        let sources = d.json("explain")["sources"].clone();
        sources[0]["used"] == true && sources[1]["used"] == true && sources[2]["state"] == "falseticker"
    });
    let told = daemon.ntpctl(&["explain"]);
    let text = String::from_utf8_lossy(&told.stdout);
    println!("{text}");
    assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(text.starts_with("clock: the clock is set by "), "{text}");
    assert!(text.contains("\n10.99.0.3: not used (falseticker): contradicts the majority: "), "{text}");
    assert!(text.contains(": used, the best source\n"), "{text}");
    assert!(text.contains("if 2 more sources agreed with it"), "{text}");

    let explained = daemon.json("explain");
    let failed = |source: &serde_json::Value| {
        let tests = source["tests"].as_array().expect("tests are a list").clone();
        tests.into_iter().filter(|test| test["passed"] == false).collect::<Vec<_>>()
    };
    let [agreement] = &failed(&explained["sources"][2])[..] else { panic!("{explained}") };
    let missed = agreement["value"].as_f64().unwrap_or_default();
    assert!(agreement["name"] == "agreement" && (3_599.0..3_600.0).contains(&missed), "{agreement}");
    assert!(failed(&explained["sources"][0]).is_empty(), "{explained}");

    let one = daemon.ntpctl(&["explain", "fd99::2"]);
    assert!(one.stdout.starts_with(b"fd99::2: used, "), "{}", String::from_utf8_lossy(&one.stdout));
    let nobody = daemon.ntpctl(&["explain", "192.0.2.1"]);
    let words = String::from_utf8_lossy(&nobody.stderr);
    assert!(nobody.status.code() == Some(1) && words.contains("there is no source 192.0.2.1"), "{words}");
}
