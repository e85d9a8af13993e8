//! Serving other people's clients with NTS: each selects us, its own words say by what it is authenticated, and ours say
//! that nobody was refused.

use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::Network;
use truechimer_tests::nts::{Certificate, NAME};
use truechimer_tests::peers::{Chrony, Chronyd, Starter};

const PATIENCE: Duration = Duration::from_secs(60);
/// More than the cookies of an exchange: those of replies are used too.
const POLLS: u64 = 10;

/// `more` is added to `[security.nts]`.
fn serve<'n>(network: &'n Network, certificate: &Certificate, more: &str) -> Daemon<'n> {
    Certificate::name_on(&network.client, 2);
    let daemon = Daemon::start(&network.server, &(certificate.our_server() + more));
    let local = |d: &Daemon<'_>| d.json("tracking")["local"] == true;
    daemon.wait_for("the local reference", Duration::from_secs(15), local);
    daemon
}

/// All that was asked was authenticated and answered.
fn was_asked_with_nts(daemon: &Daemon<'_>, polls: u64) {
    let counted = |d: &Daemon<'_>| d.json("serverstats")["nts_requests"].as_u64() >= Some(polls);
    daemon.wait_for("requests", PATIENCE, counted);
    let stats = daemon.json("serverstats");
    assert_eq!((&stats["nts_naks"], &stats["requests"]), (&0.into(), &stats["nts_requests"]), "{stats}");
}

#[test]
fn chronyd_selects_us() {
    chronyd(Chrony::V4_3, "", "", "15");
}

#[test]
fn chronyd_4_6_selects_us_by_the_best_algorithm() {
    chronyd(Chrony::V4_6, "", "", "30");
}

#[test]
fn chronyd_4_6_selects_us_by_the_algorithm_that_it_allows() {
    chronyd(Chrony::V4_6, "ntsaeads 15", "", "15");
}

#[test]
fn chronyd_4_6_selects_us_by_the_algorithm_that_we_allow() {
    chronyd(Chrony::V4_6, "", "aeads = [\"AES-SIV-CMAC-256\"]\n", "15");
    chronyd(Chrony::V4_6, "", "aeads = [\"AES-128-GCM-SIV\"]\n", "30");
}

fn chronyd(version: Chrony, theirs: &str, ours: &str, aead: &str) {
    let Some(network) = network() else { return };
    let certificate = Certificate::new();
    let daemon = serve(&network, &certificate, ours);
    let lines = format!(
        "server {NAME} nts iburst minpoll 0 maxpoll 0\nauthselectmode require\nnosystemcert\n\
         ntstrustedcerts {}\n{theirs}\n",
        certificate.certificate()
    );
    let chronyd = Chronyd::start_version(version, &network.client, &lines);
    was_asked_with_nts(&daemon, POLLS);
    // Type, refusals and cookies.
    chronyd.wait_for_authdata(PATIENCE, |fields| {
        fields.get(1) == Some(&"NTS") && (fields[3], fields[7], fields[8]) == (aead, "0", "8")
    });
    let selected = |_: &Daemon<'_>| chronyd.chronyc("sources").starts_with("^,*,10.99.0.2,5,0,377,");
    daemon.wait_for("its selection", PATIENCE, selected);
}

#[test]
fn ntpsec_selects_us() {
    for program in ["ntpsec-ntpd", "trixie-ntpsec-ntpd"] {
        let Some(network) = network() else { return };
        let certificate = Certificate::new();
        let daemon = serve(&network, &certificate, "");
        let config = format!(
            "server {NAME} nts ca {} iburst minpoll 3 maxpoll 3\n\
             restrict default nomodify\nrestrict 127.0.0.1\nrestrict ::1\n",
            certificate.certificate()
        );
        let starter = Starter::new(&network.client, program).config(&config);
        let ntpd = starter.args(&["-n", "-g", "-c", "CONFIG"]).start();
        // Where others have their type, those with NTS have the number of their cookies.
        let selected =
            |line: &str| line.starts_with("*10.99.0.2") && line.split_whitespace().nth(3) == Some("8");
        let line = ntpd.wait_for_answer("ntpq", &["-pn", "127.0.0.1"], PATIENCE, selected);
        was_asked_with_nts(&daemon, POLLS);
        let log = ntpd.log();
        let agreed = log.lines().find(|line| line.contains("Got 8 cookies")).unwrap_or(&log);
        println!("{line}\n{agreed}");
        assert!(agreed.ends_with("aead=15."), "{log}");
    }
}

/// It ends if it may not steer the clock, so it is given one that stands still.
#[test]
fn ntpd_rs_follows_us() {
    let Some(network) = network() else { return };
    let certificate = Certificate::new();
    let daemon = serve(&network, &certificate, "");
    let config = format!(
        "[[source]]\nmode = \"nts\"\naddress = \"{NAME}\"\ncertificate-authority = \"{}\"\n\
         [synchronization]\nminimum-agreeing-sources = 1\n\
         [observability]\nobservation-path = \"FOLDER/observe\"\n",
        certificate.certificate()
    );
    let starter = Starter::new(&network.client, "ntpd-rs").config(&config);
    let ntpd_rs = starter.args(&["-c", "CONFIG"]).with_still_clock().start();
    let status = ["-c", "CONFIG", "status"];
    let stratum = ntpd_rs.wait_for_answer("ntpd-rs-ctl", &status, PATIENCE, |l| l == "Stratum: 6");
    println!("{stratum}");
    let authenticated = |line: &str| line.contains("/10.99.0.2:123 [NTS]");
    let line = ntpd_rs.wait_for_answer("ntpd-rs-ctl", &status, PATIENCE, authenticated);
    // One every 16 s.
    was_asked_with_nts(&daemon, 3);
    let full = |line: &str| line.ends_with("NTS cookies: 8/8 available");
    let cookies = ntpd_rs.wait_for_answer("ntpd-rs-ctl", &status, PATIENCE, full);
    println!("{line}; {cookies}; {stratum}");
}
