//! Names: pools, and name servers that do not do their work.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::Network;
use truechimer_tests::load::{Asker, Load};
use truechimer_tests::names::{BadNameServer, dnsmasq};
use truechimer_tests::peers::Chronyd;

const POOL: &str = "[[sources.pools]]\nname = \"pool.example\"\niburst = true\nservers = 4\nipv4 = true\n\
    [server.local]\nenabled = true\nstratum = 5\n\
    [[security.access]]\nnetwork = \"127.0.0.0/8\"\npermission = \"allow\"\n";

const SERVERS: [&str; 4] = ["10.99.0.11", "10.99.0.12", "10.99.0.13", "10.99.0.14"];
const PATIENCE: Duration = Duration::from_secs(60);

/// A chronyd under four addresses, and a client that asks the server's host for names.
fn pool(network: &Network) -> Chronyd<'_> {
    for address in SERVERS {
        network.server.add_address(&format!("{address}/24")).expect("there is room for an address");
    }
    let server = "10.99.0.2".parse().expect("an address");
    network.client.ask_names_of(server).expect("/etc/netns can be written");
    Chronyd::serving(&network.server)
}

fn records() -> [(&'static str, &'static str); 4] {
    SERVERS.map(|address| ("pool.example", address))
}

fn addresses(daemon: &Daemon<'_>) -> BTreeSet<String> {
    let sources = daemon.json("sources")["sources"].clone();
    let sources = sources.as_array().expect("sources are a list");
    let address = |source: &serde_json::Value| source["address"].as_str().unwrap_or_default().to_owned();
    let addresses: BTreeSet<String> = sources.iter().map(address).collect();
    assert_eq!(addresses.len(), sources.len(), "no address twice: {sources:?}");
    addresses
}

#[test]
fn a_pool_gives_four_different_servers() {
    let Some(network) = network() else { return };
    let _chronyd = pool(&network);
    let _dnsmasq = dnsmasq(&network.server, "10.99.0.2", &records());
    let daemon = Daemon::start(&network.client, POOL);
    let took = daemon.wait_for_sync(PATIENCE);
    let reached = |d: &Daemon<'_>| {
        let sources = d.json("sources")["sources"].clone();
        sources
            .as_array()
            .is_some_and(|all| all.iter().filter(|s| s["last_offset_s"].is_number()).count() == 4)
    };
    daemon.wait_for("four that answer", PATIENCE, reached);
    let sources = daemon.ntpctl(&["sources"]).stdout;
    println!("synchronised after {took:.1?}\n{}", String::from_utf8_lossy(&sources).trim_end());
    assert_eq!(addresses(&daemon), SERVERS.map(|address| format!("{address}:123")).into());
}

/// A closed port, then silence, then garbage, then the truth; all the while others are served.
#[test]
fn name_servers_that_fail_are_survived_and_hold_up_nobody() {
    let Some(network) = network() else { return };
    let _chronyd = pool(&network);
    let daemon = Daemon::start(&network.client, POOL);
    let asker = Asker::new(&network.client, "127.0.0.1").unwrap();
    let load = Load::start(asker, Duration::from_millis(5));
    let told = |d: &Daemon<'_>| d.log().contains("no address for pool.example");
    let closed = daemon.wait_for("the failed look-up", PATIENCE, told);

    let bad = BadNameServer::start(&network.server, "10.99.0.2".parse().unwrap()).unwrap();
    let silent = daemon.wait_for("a query without an answer", PATIENCE, |_| bad.queries() > 0);
    // Longer than the resolver waits.
    std::thread::sleep(Duration::from_secs(2));
    bad.talk();
    let garbage = daemon.wait_for("queries answered with garbage", PATIENCE, |_| bad.garbage() > 0);
    std::thread::sleep(Duration::from_secs(2));
    assert!(addresses(&daemon).is_empty(), "garbage is no address: {:?}", addresses(&daemon));
    let (queries, answers) = (bad.queries(), bad.garbage());
    drop(bad);

    let _dnsmasq = dnsmasq(&network.server, "10.99.0.2", &records());
    let right = Instant::now();
    daemon.wait_for("four servers", PATIENCE, |d| addresses(d).len() == 4);
    let found = right.elapsed();
    daemon.wait_for_sync(PATIENCE);
    let synchronised = right.elapsed();
    let outcome = load.end();
    let turn = daemon.json("status")["main_loop"]["longest"].clone();
    let (wall, cpu) = (seconds(&turn["wall_s"]), seconds(&turn["cpu_s"]));

    println!("refused {closed:.1?}, silent {silent:.1?}, garbage {garbage:.1?} after the start");
    println!("{queries} queries without use, {answers} answers of garbage");
    println!("right answers: servers after {found:.1?}, synchronised after {synchronised:.1?}");
    println!("longest turn of the main loop: {wall:.1?}, of which {cpu:.1?} of processor time");
    let figures = [0.5, 0.99, 0.999, 1.0].map(|share| outcome.within(share));
    println!(
        "{} of {} requests answered; 50 %, 99 %, 99.9 %, all within {figures:?}",
        outcome.answered(),
        outcome.asked
    );
    assert_eq!(addresses(&daemon), SERVERS.map(|address| format!("{address}:123")).into());
    assert_eq!(outcome.answered(), outcome.asked, "everybody was served");
    // The machine may be busy with others; a resolver in the main loop would show as a second or more.
    assert!(outcome.within(1.0) < Duration::from_millis(200), "{figures:?}");
    // By the daemon's own account. On the wall, what others take from the processor would count as well.
    assert!(
        cpu > Duration::ZERO && cpu < Duration::from_millis(5),
        "a turn took {cpu:.1?} of processor time"
    );
}

fn seconds(value: &serde_json::Value) -> Duration {
    Duration::from_secs_f64(value.as_f64().unwrap_or_else(|| panic!("{value} is no number of seconds")))
}
