//! Following other people's servers, one test each: our daemon synchronises to it and says how well.
//!
//! Both sides read the one clock of the machine, so the true offset is zero. Servers that want a source of their own
//! get a chronyd on the client's host, under an address that our daemon does not use: one that it does use would be a
//! loop, and refused as such.

use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::Network;
use truechimer_tests::peers::{Chrony, Chronyd, Starter};

const FOLLOW: &str = "[[sources.servers]]\naddress = \"10.99.0.2\"\nminpoll = 0\nmaxpoll = 0\n";

/// More than a busy machine adds.
const CLOSE_S: f64 = 0.010;
/// Some servers' stamps are whole microseconds.
const STAMP_S: f64 = 10e-6;
const PATIENCE: Duration = Duration::from_secs(90);

/// Synchronises to the server, which is to be of this stratum.
fn follow(network: &Network, stratum: u8) {
    let daemon = Daemon::start(&network.client, FOLLOW);
    let took = daemon.wait_for_sync(PATIENCE);
    let samples = |d: &Daemon<'_>| d.json("tracking")["updates"].as_u64() >= Some(3);
    daemon.wait_for("three updates", PATIENCE, samples);
    let lines = String::from_utf8_lossy(&daemon.ntpctl(&["sources"]).stdout).into_owned();
    let tracking = daemon.json("tracking");
    println!("synchronised after {took:.1?}\n{}", lines.trim_end());
    let figure = |name: &str| tracking[name].as_f64().expect("a synchronised daemon has figures");
    let (remaining, bound) =
        (figure("remaining_offset_s"), figure("root_dispersion_s") + figure("root_delay_s") / 2.0);
    println!("remaining {remaining:.9} s, said to be within {bound:.9} s");
    assert!(remaining.abs() < CLOSE_S && remaining.abs() <= bound, "{tracking}");
    let source = &daemon.json("sources")["sources"][0];
    // Stamps of one clock are in order, so half of the delay is all that a sample can be wrong by.
    let sample = |name: &str| source[name].as_f64().expect("a selected source has samples");
    assert!(sample("last_offset_s").abs() <= sample("last_delay_s") / 2.0 + STAMP_S, "{source}");
    assert_eq!((&source["state"], &source["stratum"]), (&"selected".into(), &stratum.into()), "{source}");
    assert_eq!(tracking["stratum"], stratum + 1, "{tracking}");
    assert_eq!(tracking["ref_id"], "0A630002", "{tracking}");
}

/// A clock of stratum 1 under another address of the client's host.
fn upstream(network: &Network) -> Chronyd<'_> {
    network.client.add_address("10.99.0.9/24").expect("there is room for an address");
    Chronyd::serving(&network.client)
}

#[test]
fn follows_chronyd_4_6() {
    let Some(network) = network() else { return };
    let lines = "local stratum 1\nallow all\n";
    let _chronyd = Chronyd::start_version(Chrony::V4_6, &network.server, lines);
    follow(&network, 1);
}

#[test]
fn follows_ntpsec_ntpd() {
    follows_ntpsec("ntpsec-ntpd");
}

#[test]
fn follows_ntpsec_ntpd_of_debian_13() {
    follows_ntpsec("trixie-ntpsec-ntpd");
}

/// As an orphan: a local clock that is its only one it never selects, with and without the right to set it.
fn follows_ntpsec(program: &str) {
    let Some(network) = network() else { return };
    let config = "tos orphan 4 orphanwait 1\nrestrict default nomodify\n";
    let starter = Starter::new(&network.server, program).config(config);
    let _ntpd = starter.args(&["-n", "-c", "CONFIG"]).start();
    follow(&network, 4);
}

/// It ends if it may not steer the clock, so it is given one that stands still.
#[test]
fn follows_busybox_ntpd() {
    let Some(network) = network() else { return };
    let _upstream = upstream(&network);
    let arguments = ["ntpd", "-d", "-n", "-l", "-p", "10.99.0.9"];
    let _busybox = Starter::new(&network.server, "busybox").args(&arguments).with_still_clock().start();
    follow(&network, 2);
}

/// It ends if it may not steer the clock, so it is given one that stands still.
#[test]
fn follows_ntpd_rs() {
    let Some(network) = network() else { return };
    let _upstream = upstream(&network);
    let config = "[[source]]\nmode = \"server\"\naddress = \"10.99.0.9\"\n\
        [[server]]\nlisten = \"10.99.0.2:123\"\n[synchronization]\nminimum-agreeing-sources = 1\n";
    let starter = Starter::new(&network.server, "ntpd-rs").config(config);
    let _ntpd_rs = starter.args(&["-c", "CONFIG"]).with_still_clock().start();
    follow(&network, 2);
}

/// It says that it is synchronised once it has steered its clock twice, so it is given one that stands still; and since
/// that takes minutes, its waits are shortened.
#[test]
fn follows_openntpd() {
    let Some(network) = network() else { return };
    let _upstream = upstream(&network);
    let config = "listen on 10.99.0.2\nserver 10.99.0.9\n";
    let starter =
        Starter::new(&network.server, "openntpd").config(config).args(&["-d", "-v", "-f", "CONFIG"]);
    let mut openntpd = starter.with_still_clock().variable("HURRY", "20").start();
    let said = openntpd.wait_for_line(&["clock is now synced"], Duration::from_secs(180));
    println!("{said}");
    follow(&network, 2);
}

/// Without the right to steer the clock it says that it is not synchronised, and ours believes it.
#[test]
fn openntpd_that_is_not_synchronised_is_not_followed() {
    let Some(network) = network() else { return };
    let _upstream = upstream(&network);
    let config = "listen on 10.99.0.2\nserver 10.99.0.9\n";
    let starter = Starter::new(&network.server, "openntpd").config(config);
    let mut openntpd = starter.args(&["-d", "-v", "-f", "CONFIG"]).start();
    let _ = openntpd.wait_for_line(&["listening on 10.99.0.2"], PATIENCE);
    let daemon = Daemon::start(&network.client, FOLLOW);
    let told =
        |d: &Daemon<'_>| d.json("sources")["sources"][0]["reason"].to_string().contains("not synchronised");
    daemon.wait_for("the reason", PATIENCE, told);
    println!("{}", daemon.json("sources")["sources"][0]["reason"]);
    assert_eq!(daemon.json("tracking")["synchronised"], false);
}
