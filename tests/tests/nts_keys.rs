//! Keys that change and cookies that stay: a client of ours never notices that keys are changed, that a server starts
//! again, that another one of the fleet answers, or that it was started again itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::Network;
use truechimer_tests::nts::{Certificate, authdata};

const PATIENCE: Duration = Duration::from_secs(60);

/// How often the client was answered.
fn replies(client: &Daemon<'_>) -> u64 {
    client.json("sources")["sources"][0]["replies"].as_u64().unwrap_or(0)
}

/// Waits until the client was answered so many times more.
fn wait_for_replies(client: &Daemon<'_>, more: u64) {
    let end = replies(client) + more;
    client.wait_for("replies", PATIENCE, |d| replies(d) >= end);
}

/// Keys were fetched so many times since the start, and no cookie was refused.
fn has_asked_for_keys(client: &Daemon<'_>, times: u64) {
    let nts = authdata(client, 0);
    assert_eq!((&nts["attempts"], &nts["refusals"]), (&times.into(), &0.into()), "{nts}\n{}", client.log());
    assert_eq!(nts["trouble"], serde_json::Value::Null, "{nts}");
}

/// Every request so far was answered, but for those of which the answer may still come.
fn has_missed_none(client: &Daemon<'_>) {
    let source = client.json("sources")["sources"][0].clone();
    let (requests, replies) = (
        source["requests"].as_u64().expect("there is a count"),
        source["replies"].as_u64().expect("there is a count"),
    );
    assert!(replies > 0 && requests - replies <= 1, "{source}");
}

/// The number of the key that seals.
fn current_key(server: &Daemon<'_>) -> String {
    let keys = server.json("nts keys");
    let current = keys.as_array().expect("there is a list").iter().find(|key| key["role"] == "current");
    current.expect("there is one")["id"].as_str().expect("it has a number").to_owned()
}

#[test]
fn nothing_is_lost_while_keys_change_and_the_server_starts_again() {
    let Some(network) = network() else { return };
    let certificate = Certificate::new();
    let rotate = "rotate = 600\n";
    let mut server = Daemon::start(&network.server, &(certificate.our_server() + rotate));
    let client = Daemon::start(&network.client, &certificate.our_client());
    client.wait_for_sync(PATIENCE);
    wait_for_replies(&client, 8);
    has_missed_none(&client);
    let mut seen = vec![current_key(&server)];
    for _ in 0..2 {
        server.end("TERM");
        let file = server.state("nts-keys");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&file).unwrap();
        let age = text.lines().nth(1).expect("the second line is the age");
        // The next change is due in six seconds.
        fs::write(&file, text.replace(age, "age 594")).unwrap();
        server.start_again();
        let lost = |d: &Daemon<'_>| {
            let source = &d.json("sources")["sources"][0];
            source["requests"].as_u64().unwrap() - source["replies"].as_u64().unwrap()
        };
        wait_for_replies(&client, 1);
        let before = lost(&client);
        assert_eq!(current_key(&server), seen[seen.len() - 1], "keys outlive a restart");
        let old = seen[seen.len() - 1].clone();
        server.wait_for("new keys", Duration::from_secs(20), |d| current_key(d) != old);
        seen.push(current_key(&server));
        wait_for_replies(&client, 10);
        assert!(lost(&client) <= before + 1, "one may be on its way: {before}, {}", lost(&client));
        assert_eq!(server.json("serverstats")["nts_naks"], 0);
    }
    println!("sealed with {seen:?}; {}", authdata(&client, 0));
    assert!(seen[0] != seen[2], "{seen:?}");
    has_asked_for_keys(&client, 1);
}

/// A server of the fleet, which is asked at this address.
struct Member<'n> {
    daemon: Daemon<'n>,
    certificate: &'n Certificate,
    secret: String,
    address: &'static str,
}

const ASKED: &str = "10.99.0.2";
const ASIDE: &str = "10.99.0.3";

impl<'n> Member<'n> {
    fn start(network: &'n Network, certificate: &'n Certificate, name: &str, address: &'static str) -> Self {
        let secret = certificate.path(name);
        fs::write(&secret, OLD).expect("the folder is ours");
        let daemon = Daemon::start(&network.server, &config(certificate, &secret, address));
        Self { daemon, certificate, secret, address }
    }

    fn reload(&self) {
        let said = self.daemon.ntpctl(&["reload"]);
        assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
        let listens =
            |d: &Daemon<'_>| d.json("nts server")["ports"][0]["address"] == format!("{}:4460", self.address);
        self.daemon.wait_for("its address", PATIENCE, listens);
    }

    /// Is asked there from now on.
    fn go_to(&mut self, address: &'static str) {
        self.address = address;
        self.daemon.configure(&config(self.certificate, &self.secret, address));
        self.reload();
    }

    /// Has these secrets from now on.
    fn know(&self, secrets: &str) {
        fs::write(&self.secret, secrets).expect("the folder is ours");
        self.reload();
    }

    fn answered(&self) -> u64 {
        self.daemon.json("serverstats")["nts_requests"].as_u64().expect("there is a count")
    }
}

fn config(certificate: &Certificate, secret: &str, address: &str) -> String {
    format!("[server]\nlisten = [\"{address}\"]\n{}secret = \"{secret}\"\n", certificate.our_server())
}

const OLD: &str = "the first secret, which has more than 32 characters\n";
const NEW: &str = "the second secret, which has more than 32 characters\n";

#[test]
fn any_server_of_a_fleet_goes_on_for_another_through_a_change_of_the_secret() {
    let Some(network) = network() else { return };
    network.server.add_address("10.99.0.3/24").unwrap();
    let certificate = Certificate::new();
    let mut first = Member::start(&network, &certificate, "first", ASKED);
    let mut second = Member::start(&network, &certificate, "second", ASIDE);
    assert_eq!(first.daemon.json("nts keys"), second.daemon.json("nts keys"));
    let client = Daemon::start(&network.client, &certificate.our_client());
    client.wait_for_sync(PATIENCE);
    // More than the cookies of one exchange.
    wait_for_replies(&client, 9);
    let steps = [OLD.to_owned(), format!("{OLD}{NEW}"), format!("{NEW}{OLD}"), NEW.to_owned()];
    for secrets in &steps {
        // One of them is a step ahead while the client goes from one to the other and back.
        first.know(secrets);
        for _ in 0..2 {
            let (here, there) =
                if first.address == ASKED { (&mut first, &mut second) } else { (&mut second, &mut first) };
            here.go_to(ASIDE);
            there.go_to(ASKED);
            let before = there.answered();
            wait_for_replies(&client, 9);
            assert!(there.answered() >= before + 9, "it is the one that is asked");
        }
        second.know(secrets);
        assert_eq!(first.daemon.json("nts keys"), second.daemon.json("nts keys"));
        has_asked_for_keys(&client, 1);
    }
    for member in [&first, &second] {
        assert_eq!(member.daemon.json("serverstats")["nts_naks"], 0);
        println!("answered {} requests", member.answered());
    }
}

#[test]
fn cookies_outlive_a_restart_of_the_client_but_are_not_used_twice() {
    let Some(network) = network() else { return };
    let certificate = Certificate::new();
    let server = Daemon::start(&network.server, &certificate.our_server());
    let mut client = Daemon::start(&network.client, &certificate.our_client());
    client.wait_for_sync(PATIENCE);
    has_asked_for_keys(&client, 1);
    let file = client.state("nts-cookies.json");
    let exchanges = || {
        let counters = server.json("nts server")["counters"].as_array().unwrap().clone();
        counters.iter().find(|count| count[0] == "served").map_or(0, |count| count[1].as_u64().unwrap())
    };
    assert_eq!(exchanges(), 1);

    client.end("TERM");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    client.start_again();
    client.wait_for_sync(PATIENCE);
    wait_for_replies(&client, 9);
    has_asked_for_keys(&client, 0);
    has_missed_none(&client);
    assert!(!file.exists(), "whoever is killed now must not use these again");

    client.end("KILL");
    client.start_again();
    client.wait_for_sync(PATIENCE);
    has_asked_for_keys(&client, 1);
    assert_eq!(exchanges(), 2);
    assert_eq!(server.json("serverstats")["nts_naks"], 0);
}
