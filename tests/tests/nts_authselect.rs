//! One source that is authenticated and one that is not: whom the daemon goes by.

use std::time::Duration;

use serde_json::Value;
use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::Network;
use truechimer_tests::nts::Certificate;
use truechimer_tests::peers::Chronyd;

const PATIENCE: Duration = Duration::from_secs(60);
const PLAIN: &str = "10.99.0.3";
/// So many replies, and whoever is to be selected is.
const REPLIES: u64 = 6;

/// Asks 10.99.0.2 with NTS and 10.99.0.3 without.
fn start<'n>(network: &'n Network, certificate: &Certificate, mode: &str) -> Daemon<'n> {
    let plain = format!("[[sources.servers]]\naddress = \"{PLAIN}\"\nminpoll = 0\nmaxpoll = 0\n");
    let nts = certificate.our_client();
    let config = format!("[sources]\nauthselectmode = \"{mode}\"\n{plain}{nts}");
    Daemon::start(&network.client, &config)
}

/// `serving` is whether the server of time with keys is there; the plain one always is.
fn with_servers(serving: bool, test: impl FnOnce(&Network, &Certificate)) {
    let Some(network) = network() else { return };
    network.server.add_address("10.99.0.3/24").expect("there is room for an address");
    let certificate = Certificate::new();
    let (crt, key) = (certificate.certificate(), certificate.key());
    let nts = if serving { format!("ntsservercert {crt}\nntsserverkey {key}\n") } else { String::new() };
    let _chronyd = Chronyd::start(&network.server, &format!("local stratum 1\nallow all\n{nts}"));
    test(&network, &certificate);
}

fn source(daemon: &Daemon<'_>, address: &str) -> Value {
    let sources = daemon.json("sources")["sources"].as_array().expect("there is a list").clone();
    sources.into_iter().find(|source| source["name"] == address).expect("it is configured")
}

fn wait_for_replies(daemon: &Daemon<'_>, address: &str) {
    let heard = |d: &Daemon<'_>| source(d, address)["replies"].as_u64() >= Some(REPLIES);
    daemon.wait_for("replies", PATIENCE, heard);
}

#[test]
fn require_and_prefer_leave_the_plain_one_alone() {
    with_servers(true, |network, certificate| {
        for mode in ["require", "prefer"] {
            let daemon = start(network, certificate, mode);
            daemon.wait_for_sync(PATIENCE);
            [PLAIN, "10.99.0.2"].iter().for_each(|address| wait_for_replies(&daemon, address));
            let (plain, secure) = (source(&daemon, PLAIN), source(&daemon, "10.99.0.2"));
            println!("{mode}: {} / {}", plain["reason"], secure["reason"]);
            assert_eq!(
                (&plain["used"], &secure["selected"]),
                (&false.into(), &true.into()),
                "{plain} {secure}"
            );
        }
    });
}

#[test]
fn mix_takes_both() {
    with_servers(true, |network, certificate| {
        let daemon = start(network, certificate, "mix");
        let used = |address| move |d: &Daemon<'_>| source(d, address)["used"] == true;
        daemon.wait_for("the plain one", PATIENCE, used(PLAIN));
        daemon.wait_for("the one with keys", PATIENCE, used("10.99.0.2"));
    });
}

/// The server of time has no keys to give.
#[test]
fn without_keys_the_plain_one_is_enough_only_for_ignore() {
    with_servers(false, |network, certificate| {
        for mode in ["require", "prefer", "mix"] {
            let daemon = start(network, certificate, mode);
            wait_for_replies(&daemon, PLAIN);
            let (plain, tracking) = (source(&daemon, PLAIN), daemon.json("tracking"));
            println!("{mode}: {}, {}", tracking["synchronised"], plain["reason"]);
            assert_eq!(
                (&tracking["synchronised"], &plain["used"]),
                (&false.into(), &false.into()),
                "{plain}"
            );
        }
        let daemon = start(network, certificate, "ignore");
        let took = daemon.wait_for_sync(PATIENCE);
        println!("ignore: synchronised after {took:.1?}");
        assert_eq!(source(&daemon, PLAIN)["selected"], true);
    });
}
