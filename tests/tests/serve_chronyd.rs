//! Serving Debian's chronyd, which trusts nobody.

use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::peers::{Chronyd, chronyd_once};

const LOCAL: &str = "[server.local]\nenabled = true\nstratum = 5\n\
    [[security.access]]\nnetwork = \"10.99.0.0/24\"\npermission = \"allow\"\n\
    [[security.access]]\nnetwork = \"fd99::/64\"\npermission = \"allow\"\n";

#[test]
fn chronyd_once_accepts_our_time() {
    let Some(network) = network() else { return };
    let daemon = Daemon::start(&network.client, LOCAL);
    daemon.wait_for("the local reference", Duration::from_secs(5), |d| d.json("tracking")["local"] == true);
    for address in ["10.99.0.1", "fd99::1"] {
        let output = chronyd_once(&network.server, &format!("server {address} iburst"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("System clock wrong by"), "{address}: {said}");
        println!("{address}: {}", said.lines().find(|l| l.contains("wrong by")).unwrap_or_default());
    }
}

#[test]
fn chronyd_selects_us_and_keeps_our_stratum() {
    let Some(network) = network() else { return };
    let _daemon = Daemon::start(&network.client, LOCAL);
    let chronyd = Chronyd::start(&network.server, "server 10.99.0.1 iburst minpoll 0 maxpoll 0\n");
    let end = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let sources = chronyd.chronyc("sources");
        if sources.starts_with("^,*,10.99.0.1,5,") {
            println!("{}", chronyd.chronyc("tracking").trim());
            break;
        }
        assert!(std::time::Instant::now() < end, "{sources}\n{}", chronyd.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn before_synchronisation_clients_are_told_so() {
    let Some(network) = network() else { return };
    let text = "[[sources.servers]]\naddress = \"10.99.0.9\"\n\
        [[security.access]]\nnetwork = \"10.99.0.0/24\"\npermission = \"allow\"\n";
    let daemon = Daemon::start(&network.client, text);
    let tracking = daemon.json("tracking");
    assert_eq!((&tracking["stratum"], &tracking["leap"]), (&16.into(), &"unsynchronised".into()));
    let output = chronyd_once(&network.server, "server 10.99.0.1 iburst maxsamples 1");
    assert!(!output.status.success(), "chronyd must not take an unset clock");
    let answered = daemon.json("status")["serving"]["replies"].as_u64().unwrap();
    assert!(answered > 0, "it was asked and answered");
}

#[test]
fn networks_that_are_not_allowed_get_silence() {
    let Some(network) = network() else { return };
    let text = LOCAL.replace("10.99.0.0/24\"\npermission = \"allow", "10.99.0.0/24\"\npermission = \"deny");
    let daemon = Daemon::start(&network.client, &text);
    let output = chronyd_once(&network.server, "server 10.99.0.1 iburst maxsamples 1");
    assert!(!output.status.success());
    let serving = daemon.json("status")["serving"].clone();
    assert!(serving["denied"].as_u64().unwrap() > 0 && serving["replies"] == 0, "{serving}");
}

#[test]
fn the_reply_leaves_from_the_address_that_was_asked() {
    let Some(network) = network() else { return };
    network.client.add_address("10.99.0.77/24").unwrap();
    let _daemon = Daemon::start(&network.client, LOCAL);
    std::thread::sleep(Duration::from_millis(500));
    let output = chronyd_once(&network.server, "server 10.99.0.77 iburst maxsamples 1");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
