//! Who asks, how often they may, and what is told of it: served by threads and by the main loop alike.

use std::time::Duration;

use serde_json::Value;
use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::Network;
use truechimer_tests::load::Asker;
use truechimer_tests::peers::chronyd_once;

/// `workers` threads; one request a minute after the first four, and one in sixteen of the others.
fn limited(workers: u8) -> String {
    format!(
        "[server]\nworkers = {workers}\n[server.local]\nenabled = true\nstratum = 5\n\
        [security.ratelimit]\nenabled = true\ninterval = 60\nburst = 4\nleak = 4\n\
        [[security.access]]\nnetwork = \"10.99.0.0/24\"\npermission = \"allow\"\n\
        [[security.access]]\nnetwork = \"fd99::/64\"\npermission = \"allow\"\n"
    )
}

fn serve(network: &Network, workers: u8) -> Daemon<'_> {
    let daemon = Daemon::start(&network.client, &limited(workers));
    let local = |d: &Daemon<'_>| d.json("tracking")["local"] == true;
    daemon.wait_for("the local reference", Duration::from_secs(15), local);
    daemon
}

/// What `ntpctl` says about clients, with these arguments.
fn clients(daemon: &Daemon<'_>, arguments: &[&str]) -> Value {
    let output = daemon.ntpctl(&[&["clients", "--json"], arguments].concat());
    serde_json::from_slice(&output.stdout).expect("ntpctl prints JSON")
}

#[test]
fn who_asks_too_often_is_not_answered_and_others_are() {
    let Some(network) = network() else { return };
    network.server.add_address("10.99.0.3/24").expect("there is room for an address");
    for workers in [0, 2] {
        let daemon = serve(&network, workers);
        let mut asker = Asker::new(&network.server, "10.99.0.1").expect("both are on one cable");
        assert!((0..4).all(|_| asker.ask().is_some()), "the burst is answered");
        let unanswered = (0..12).filter(|_| asker.ask().is_none()).count();
        assert!(unanswered > 4, "{unanswered} of 12 were not answered");
        // Another client, which trusts nobody.
        let output = chronyd_once(&network.server, "server fd99::1 iburst maxsamples 1");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

        let told = daemon.json("serverstats");
        assert_eq!((&told["limited"], &told["requests"]), (&unanswered.into(), &17.into()), "{told}");
        assert_eq!(told["interfaces"][0]["interface"], "cable", "{told}");
        let workers = told["workers"].as_array().expect("a list");
        let sum: u64 = workers.iter().filter_map(|worker| worker["requests"].as_u64()).sum();
        assert_eq!(sum, 17, "{told}");
    }
}

#[test]
fn clients_are_listed_by_network_and_interface() {
    let Some(network) = network() else { return };
    for workers in [0, 2] {
        let daemon = serve(&network, workers);
        for address in ["10.99.0.1", "fd99::1"] {
            let mut asker = Asker::new(&network.server, address).expect("both are on one cable");
            assert!((0..2).all(|_| asker.ask().is_some()));
        }
        let all = clients(&daemon, &[]);
        println!("{all}");
        assert_eq!((&all["known"], &all["matching"]), (&2.into(), &2.into()));
        let one = clients(&daemon, &["--network", "10.99.0.0/24", "--interface", "cable"]);
        let client = &one["clients"][0];
        assert_eq!((&one["matching"], &client["address"]), (&1.into(), &"10.99.0.2".into()), "{one}");
        assert_eq!(
            (&client["requests"], &client["drops"], &client["version"]),
            (&2.into(), &0.into(), &4.into())
        );
        assert_eq!(clients(&daemon, &["--interface", "lo"])["matching"], 0);
        assert_eq!(clients(&daemon, &["--top", "1"])["clients"].as_array().map(Vec::len), Some(1));
        // A client of IPv6 is its network.
        let six = clients(&daemon, &["--network", "fd99::/64"]);
        assert_eq!(six["clients"][0]["address"], "fd99::", "{six}");
    }
}
