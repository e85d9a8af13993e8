//! Following Debian's chronyd, which knows nothing of us.

use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::peers::Chronyd;

const FOLLOW: &str = "[[sources.servers]]\naddress = \"10.99.0.2\"\niburst = true\n";
const FOLLOW_V6: &str = "[[sources.servers]]\naddress = \"fd99::2\"\niburst = true\n";

#[test]
fn synchronised_within_15_seconds_of_the_start() {
    let Some(network) = network() else { return };
    let _chronyd = Chronyd::serving(&network.server);
    let daemon = Daemon::start(&network.client, FOLLOW);
    let took = daemon.wait_for_sync(Duration::from_secs(15));
    println!("synchronised after {took:.1?}");
    let tracking = daemon.json("tracking");
    assert_eq!(tracking["stratum"], 2);
    assert_eq!(tracking["control"], "observing");
    let source = &daemon.json("sources")["sources"][0];
    assert_eq!(source["state"], "selected");
    assert_eq!(source["stamps"], serde_json::json!(["kernel", "kernel"]), "both stamps are the kernel's");
}

#[test]
fn follows_over_ipv6() {
    let Some(network) = network() else { return };
    let _chronyd = Chronyd::serving(&network.server);
    let daemon = Daemon::start(&network.client, FOLLOW_V6);
    daemon.wait_for_sync(Duration::from_secs(15));
}

/// Both daemons read the same clock and chronyd serves it as it is, so the true offset is zero.
#[test]
fn the_stated_bound_contains_the_truth() {
    let Some(network) = network() else { return };
    let _chronyd = Chronyd::serving(&network.server);
    let daemon = Daemon::start(&network.client, FOLLOW);
    daemon.wait_for_sync(Duration::from_secs(15));
    for _ in 0..20 {
        let tracking = daemon.json("tracking");
        let figure = |name: &str| tracking[name].as_f64().unwrap();
        let bound = figure("root_dispersion_s") + figure("root_delay_s") / 2.0;
        assert!(figure("remaining_offset_s").abs() <= bound, "{tracking}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn a_server_that_comes_late_is_found_and_one_that_goes_is_told() {
    let Some(network) = network() else { return };
    let text = "[[sources.servers]]\naddress = \"10.99.0.2\"\nminpoll = -2\nmaxpoll = -2\n";
    let daemon = Daemon::start(&network.client, text);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(daemon.json("sources")["sources"][0]["reach"], "000");
    let chronyd = Chronyd::serving(&network.server);
    daemon.wait_for_sync(Duration::from_secs(15));
    drop(chronyd);
    let lost = |d: &Daemon<'_>| d.log().contains("no answer to the last eight requests");
    daemon.wait_for("the loss to be told", Duration::from_secs(15), lost);
    let tracking = daemon.json("tracking");
    assert_eq!(tracking["synchronised"], true, "what was learnt holds for a while: {tracking}");
}
