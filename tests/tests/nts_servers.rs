//! Following other people's servers with NTS: our daemon believes nobody who is not authenticated, synchronises, and has
//! a full set of cookies after some polls that were answered under the keys of one exchange.

use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::Network;
use truechimer_tests::nts::{Certificate, authdata};
use truechimer_tests::peers::{Chrony, Chronyd, Starter};

const SIV: u64 = 15;
const GCM_SIV: u64 = 30;
/// More than the cookies of an exchange: those of replies are used too.
const POLLS: u64 = 12;
const PATIENCE: Duration = Duration::from_secs(90);

/// `more` is added to `[sources.nts]`.
fn follow(network: &Network, certificate: &Certificate, more: &str, aead: u64) {
    let config = format!("[sources]\nauthselectmode = \"require\"\n{}{more}\n", certificate.our_client());
    let daemon = Daemon::start(&network.client, &config);
    let took = daemon.wait_for_sync(PATIENCE);
    let source = |d: &Daemon<'_>| d.json("sources")["sources"][0].clone();
    let polled = |d: &Daemon<'_>| source(d)["replies"].as_u64() >= Some(POLLS) && source(d)["reach"] == "377";
    daemon.wait_for("some polls", PATIENCE, polled);
    let full = |d: &Daemon<'_>| authdata(d, 0)["cookies"] == 8;
    daemon.wait_for("a full set of cookies", Duration::from_secs(3), full);
    let nts = authdata(&daemon, 0);
    println!("synchronised after {took:.1?}: {nts}");
    assert_eq!(nts["aead_id"], aead, "{nts}");
    // An exchange may have failed before the server was there; what was agreed on once lasts.
    assert_eq!((&nts["exchanges"], &nts["refusals"]), (&1.into(), &0.into()), "{nts}");
    assert_eq!(source(&daemon)["state"], "selected", "{}", source(&daemon));
}

fn chronyd_server(certificate: &Certificate, more: &str) -> String {
    let (crt, key) = (certificate.certificate(), certificate.key());
    format!("local stratum 1\nallow all\nntsservercert {crt}\nntsserverkey {key}\n{more}\n")
}

#[test]
fn follows_chronyd() {
    let Some(network) = network() else { return };
    let certificate = Certificate::new();
    let _chronyd = Chronyd::start(&network.server, &chronyd_server(&certificate, ""));
    follow(&network, &certificate, "", SIV);
}

#[test]
fn follows_chronyd_4_6_by_its_best_algorithm() {
    chronyd_4_6("", "", GCM_SIV);
}

#[test]
fn follows_chronyd_4_6_by_the_algorithm_that_it_allows() {
    chronyd_4_6("ntsaeads 15", "", SIV);
}

#[test]
fn follows_chronyd_4_6_by_the_only_algorithm_that_we_allow() {
    chronyd_4_6("", "aeads = [\"AES-SIV-CMAC-256\"]", SIV);
    chronyd_4_6("ntsaeads 30 15", "aeads = [\"AES-128-GCM-SIV\"]", GCM_SIV);
}

fn chronyd_4_6(theirs: &str, ours: &str, aead: u64) {
    let Some(network) = network() else { return };
    let certificate = Certificate::new();
    let lines = chronyd_server(&certificate, theirs);
    let _chronyd = Chronyd::start_version(Chrony::V4_6, &network.server, &lines);
    follow(&network, &certificate, ours, aead);
}

#[test]
fn follows_ntpsec() {
    for program in ["ntpsec-ntpd", "trixie-ntpsec-ntpd"] {
        let Some(network) = network() else { return };
        let certificate = Certificate::new();
        let config = format!(
            "tos orphan 4 orphanwait 1\nrestrict default nomodify\n\
             nts enable\nnts cert {}\nnts key {}\nnts cookie FOLDER/cookies\n",
            certificate.certificate(),
            certificate.key()
        );
        let starter = Starter::new(&network.server, program).config(&config);
        let _ntpd = starter.args(&["-n", "-c", "CONFIG"]).start();
        follow(&network, &certificate, "", SIV);
    }
}

/// It serves only what it has from another, and ends if it may not steer the clock, so it is given one that stands still.
#[test]
fn follows_ntpd_rs() {
    let Some(network) = network() else { return };
    network.client.add_address("10.99.0.9/24").expect("there is room for an address");
    let _upstream = Chronyd::serving(&network.client);
    let certificate = Certificate::new();
    let starter = Starter::new(&network.server, "ntpd-rs").config(&certificate.ntpd_rs_server());
    let _ntpd_rs = starter.args(&["-c", "CONFIG"]).with_still_clock().start();
    follow(&network, &certificate, "", SIV);
}
