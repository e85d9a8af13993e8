//! Serving on several addresses, and on addresses that come and go.

use std::thread::sleep;
use std::time::{Duration, Instant};

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::Network;
use truechimer_tests::load::{Asker, Load};

const LOCAL: &str = "[server.local]\nenabled = true\nstratum = 5\n\
    [[security.access]]\nnetwork = \"10.99.0.0/24\"\npermission = \"allow\"\n\
    [[security.access]]\nnetwork = \"fd99::/64\"\npermission = \"allow\"\n";

const TWO: &str = "[server]\nlisten = [\"10.99.0.1\", \"10.99.0.77\"]\n";

/// What cannot be opened is tried again every 30 s.
const RETRY: Duration = Duration::from_secs(60);

fn serves_locally(daemon: &Daemon<'_>) {
    let local = |d: &Daemon<'_>| d.json("tracking")["local"] == true;
    daemon.wait_for("the local reference", Duration::from_secs(15), local);
}

fn asker(network: &Network, address: &str) -> Asker {
    Asker::new(&network.server, address).expect("both are on one cable")
}

fn add(network: &Network, address: &str) {
    network.client.add_address(address).expect("there is room for an address");
}

/// An asker is connected: an answer from elsewhere is no answer.
#[test]
fn a_wildcard_answers_from_the_address_that_was_asked() {
    let Some(network) = network() else { return };
    for address in ["10.99.0.77/24", "10.99.0.78/24", "fd99::77/64", "fd99::78/64"] {
        add(&network, address);
    }
    let daemon = Daemon::start(&network.client, LOCAL);
    serves_locally(&daemon);
    for address in ["10.99.0.1", "10.99.0.77", "10.99.0.78", "fd99::1", "fd99::77", "fd99::78"] {
        let answer = asker(&network, address).ask();
        println!("{address}: {answer:?}");
        assert!(answer.is_some_and(|a| a.stratum == 5 && a.leap == 0), "{address}: {answer:?}");
    }
}

#[test]
fn only_the_addresses_that_are_listed_are_served() {
    let Some(network) = network() else { return };
    for address in ["10.99.0.77/24", "10.99.0.78/24"] {
        add(&network, address);
    }
    let daemon = Daemon::start(&network.client, &(TWO.to_owned() + LOCAL));
    serves_locally(&daemon);
    for (address, served) in
        [("10.99.0.1", true), ("10.99.0.77", true), ("10.99.0.78", false), ("fd99::1", false)]
    {
        let answer = asker(&network, address).ask();
        assert_eq!(answer.is_some(), served, "{address}: {answer:?}");
    }
}

#[test]
fn an_address_that_is_missing_at_the_start_is_served_when_it_appears() {
    let Some(network) = network() else { return };
    let text = "[server]\nlisten = [\"10.99.0.1\", \"10.99.0.77\", \"fd99::77\"]\n".to_owned() + LOCAL;
    let daemon = Daemon::start(&network.client, &text);
    serves_locally(&daemon);
    assert!(asker(&network, "10.99.0.1").ask().is_some(), "the one that is there is served");
    for (address, with_prefix) in [("10.99.0.77", "10.99.0.77/24"), ("fd99::77", "fd99::77/64")] {
        add(&network, with_prefix);
        let appeared = Instant::now();
        let mut asker = asker(&network, address);
        while asker.ask().is_none() {
            assert!(appeared.elapsed() < RETRY, "{address} is not served:\n{}", daemon.log());
            sleep(Duration::from_millis(5));
        }
        println!("{address} answered {:.1?} after it appeared", appeared.elapsed());
    }
}

#[test]
fn an_address_that_somebody_else_holds_is_told_and_served_when_it_is_free() {
    let Some(network) = network() else { return };
    add(&network, "10.99.0.77/24");
    let somebody = network.client.socket("10.99.0.77:123".parse().unwrap()).unwrap();
    let daemon = Daemon::start(&network.client, &(TWO.to_owned() + LOCAL));
    serves_locally(&daemon);
    let problems = daemon.json("status")["problems"].to_string();
    println!("{problems}");
    assert!(problems.contains("serving on 10.99.0.77:123") && problems.contains("tried again"), "{problems}");
    assert!(asker(&network, "10.99.0.1").ask().is_some(), "the other is served");
    drop(somebody);
    let free = Instant::now();
    let solved = |d: &Daemon<'_>| d.json("status")["problems"].as_array().is_some_and(Vec::is_empty);
    daemon.wait_for("the address to be served", RETRY, solved);
    println!("served {:.1?} after it was free", free.elapsed());
    assert!(asker(&network, "10.99.0.77").ask().is_some());
}

#[test]
fn a_wildcard_follows_an_address_that_goes_and_comes_back() {
    an_address_goes_and_comes_back(LOCAL);
}

#[test]
fn a_listed_address_goes_and_comes_back() {
    an_address_goes_and_comes_back(&(TWO.to_owned() + LOCAL));
}

/// Under load on both, one address goes for two seconds: the other is served as if nothing had happened.
fn an_address_goes_and_comes_back(text: &str) {
    let Some(network) = network() else { return };
    add(&network, "10.99.0.77/24");
    let daemon = Daemon::start(&network.client, text);
    serves_locally(&daemon);
    let pace = Duration::from_millis(5);
    let load = |address| Load::start(asker(&network, address), pace);
    let undisturbed = load("10.99.0.1");

    let before = load("10.99.0.77");
    sleep(Duration::from_secs(1));
    let before = before.end();
    network.client.remove_address("10.99.0.77/24").expect("it is there");
    let meanwhile = load("10.99.0.77");
    sleep(Duration::from_secs(2));
    let meanwhile = meanwhile.end();
    add(&network, "10.99.0.77/24");
    // The neighbour may still believe that nobody is there.
    let mut again = asker(&network, "10.99.0.77");
    let back = (1..=10).find(|_| again.ask().is_some());
    let after = load("10.99.0.77");
    sleep(Duration::from_secs(1));
    let after = after.end();

    let undisturbed = undisturbed.end();
    let figures = [0.5, 0.99, 1.0].map(|share| undisturbed.within(share));
    println!(
        "the other address: {} of {} answered, within {figures:?}",
        undisturbed.answered(),
        undisturbed.asked
    );
    let told = [("before", &before), ("meanwhile", &meanwhile), ("after", &after)];
    println!("the one that went: {:?}", told.map(|(when, o)| (when, o.answered(), o.asked)));
    println!("answered again at attempt {back:?}");
    assert_eq!(
        undisturbed.answered(),
        undisturbed.asked,
        "the other address was disturbed; {}",
        daemon.log()
    );
    assert_eq!(before.answered(), before.asked);
    assert_eq!(meanwhile.answered(), 0, "nobody is there");
    assert!(back.is_some(), "{}", daemon.log());
    assert_eq!(after.answered(), after.asked);
}
