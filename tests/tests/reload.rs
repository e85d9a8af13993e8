//! A daemon that is told to serve otherwise, while it is asked.

use std::time::Duration;

use truechimer_tests::daemon::{Daemon, signal};
use truechimer_tests::ground::network;
use truechimer_tests::load::{Asker, Load};

const EVERYBODY: &str = "[[security.access]]\nnetwork = \"0.0.0.0/0\"\npermission = \"allow\"\n";

fn config(workers: u16, more: &str) -> String {
    format!("server = {{ workers = {workers}, local = {{ enabled = true }} }}\n{more}")
}

#[test]
fn no_packet_is_missed_while_threads_come_and_go() {
    let Some(network) = network() else { return };
    let addresses: Vec<String> = (20..36).map(|last| format!("10.99.0.{last}")).collect();
    addresses.iter().for_each(|address| network.client.add_address(address).unwrap());
    let daemon = Daemon::start(&network.server, &config(1, EVERYBODY));
    let pace = Duration::from_millis(2);
    let asking: Vec<Load> = addresses
        .iter()
        .map(|own| Load::start(Asker::from(&network.client, own, "10.99.0.2").unwrap(), pace))
        .collect();
    let requests = || daemon.json("serverstats")["requests"].as_u64().unwrap();
    let mut counted = 0;
    for workers in [3, 2, 0, 4, 1, 0, 1] {
        daemon.configure(&config(workers, EVERYBODY));
        let told = daemon.ntpctl(&["reload"]);
        assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
        assert_eq!(daemon.json("serverstats")["threads"], workers);
        std::thread::sleep(Duration::from_millis(100));
        let before = std::mem::replace(&mut counted, requests());
        assert!(counted > before, "what has been counted stays counted");
    }
    let outcomes: Vec<_> = asking.into_iter().map(Load::end).collect();
    let asked: usize = outcomes.iter().map(|outcome| outcome.asked).sum();
    let answered: usize = outcomes.iter().map(|outcome| outcome.answered()).sum();
    assert!(asked > 1_000, "{asked}");
    assert_eq!(answered, asked);
    assert_eq!(requests(), asked as u64);
}

#[test]
fn who_may_ask_changes_at_once_and_a_wrong_file_changes_nothing() {
    let Some(network) = network() else { return };
    let daemon = Daemon::start(&network.server, &config(2, ""));
    let mut asker = Asker::new(&network.client, "10.99.0.2").unwrap();
    assert!(asker.ask().is_none(), "nobody may ask");

    daemon.configure(&config(2, EVERYBODY));
    signal(daemon.pid(), "HUP");
    daemon.wait_for("a socket", Duration::from_secs(5), |d| d.log().contains("serving on 0.0.0.0:123"));
    assert!(asker.ask().is_some());

    daemon.configure(&config(2, "[security]\nacces = []"));
    let refused = daemon.ntpctl(&["reload"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && words.contains("did you mean access?"), "{words}");
    assert!(daemon.json("status")["problems"][0].as_str().unwrap().contains("stays in force"));
    assert!(asker.ask().is_some());

    daemon.configure(&config(2, &format!("{EVERYBODY}[sources]\nminsources = 2")));
    let told = daemon.ntpctl(&["reload"]);
    let words = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.code() == Some(0) && words.contains("sources.minsources: changed"), "{words}");
    assert_eq!(daemon.json("status")["problems"], serde_json::json!([]));

    daemon.configure(&config(2, "[[security.access]]\nnetwork = \"10.99.0.7\"\npermission = \"allow\"\n"));
    assert_eq!(daemon.ntpctl(&["reload"]).status.code(), Some(0));
    assert!(asker.ask().is_none());
    assert_eq!(daemon.json("serverstats")["denied"], 1);
    daemon.configure(&config(2, ""));
    assert_eq!(daemon.ntpctl(&["reload"]).status.code(), Some(0));
    assert_eq!(daemon.json("status")["serving"]["sockets"], serde_json::json!([]));
}
