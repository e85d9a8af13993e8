//! Certificates: replaced while clients ask for keys, broken, and out of date.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ntp_proto::nts::Aead;
use nts_ke::UnixTime;
use nts_ke::client::{Dates, Outcome, Places, Question, Trust, establish};
use rcgen::{CertificateParams, DnType, KeyPair, SanType, date_time_ymd};
use serde_json::Value;
use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::Host;
use truechimer_tests::nts::{Certificate, authdata};

const PATIENCE: Duration = Duration::from_secs(60);

/// Asks 10.99.0.2 for keys.
fn exchange(trust: &Trust) -> Result<Outcome, String> {
    let question = Question {
        server: "10.99.0.2",
        aeads: &[Aead::Aes128GcmSiv, Aead::AesSivCmac256],
        wanted_server: None,
        wanted_port: None,
        now: UnixTime::of_system(),
        dates: Dates::Check,
        patience: Duration::from_secs(2),
    };
    let server = "10.99.0.2:4460".parse().expect("an address");
    establish(trust, &question, &[server]).map_err(|error| error.to_string())
}

/// Asks until it is told to end; returns the subjects of the certificates in the order in which they were seen, and how
/// many exchanges there were.
fn exchanges(client: &Host, trust: &Trust, end: &AtomicBool) -> (Vec<String>, u32) {
    let work = || {
        let (mut seen, mut count) = (Vec::new(), 0);
        while !end.load(Ordering::Relaxed) {
            let outcome = exchange(trust).map_err(|why| anyhow::anyhow!("after {count} exchanges: {why}"))?;
            assert_eq!(outcome.cookies.len(), 8);
            let subject = outcome.chain.certificate().subject.clone();
            if seen.last() != Some(&subject) {
                seen.push(subject);
            }
            count += 1;
        }
        Ok((seen, count))
    };
    client.run(work).expect("no exchange fails")
}

/// A certificate with its key, both in PEM format.
struct Made {
    name: String,
    certificate: String,
    key: String,
}

impl Made {
    /// Valid from the beginning of the one year to that of the other.
    fn new(name: &str, years: (i32, i32)) -> Self {
        let mut params = CertificateParams::default();
        params.subject_alt_names.push(SanType::IpAddress([10, 99, 0, 2].into()));
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = params.self_signed(&key).expect("it can be signed").pem();
        Self { name: name.to_owned(), certificate, key: key.serialize_pem() }
    }

    /// One file after the other, as most programs do it.
    fn put(&self, place: &Certificate) {
        for (file, text) in [(place.key(), &self.key), (place.certificate(), &self.certificate)] {
            let draft = file.clone() + ".new";
            fs::write(&draft, text).expect("the folder is ours");
            fs::rename(draft, file).expect("the folder is ours");
        }
    }
}

const LASTING: (i32, i32) = (2000, 3000);

/// What `ntpctl nts server` says of the certificate, once that holds.
fn wait_for_certificate(server: &Daemon<'_>, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let state = |d: &Daemon<'_>| d.json("nts server")["certificates"][0].clone();
    server.wait_for(what, PATIENCE, |d| holds(&state(d)));
    state(server)
}

fn is_of(name: &str) -> impl Fn(&Value) -> bool {
    let name = name.to_owned();
    move |state| state["subject"].as_str().is_some_and(|s| s.contains(&name)) && state["problem"].is_null()
}

/// Replaces the certificate by the others and then by ones that are none, while it is in use.
fn disturb(server: &Daemon<'_>, certificate: &Certificate, others: &[Made]) {
    for made in others {
        made.put(certificate);
        // It is found without being told, within five seconds.
        wait_for_certificate(server, "the certificate", is_of(&made.name));
    }
    let last = &others.last().expect("there are some").name;
    let lasting = Made::new("of another key", LASTING);
    for (broken, key) in [("no certificate", None), (&*lasting.certificate, None), ("", Some("no key"))] {
        fs::write(certificate.certificate(), broken).expect("the folder is ours");
        key.iter().for_each(|text| fs::write(certificate.key(), text).expect("the folder is ours"));
        assert_eq!(server.ntpctl(&["reload"]).status.code(), Some(0));
        let shown = |state: &Value| state["problem"].is_string();
        let state = wait_for_certificate(server, "the problem", shown);
        println!("{}", state["problem"]);
        assert!(state["subject"].as_str().expect("it has one").contains(last), "{state}");
        let problems = server.json("status")["problems"].to_string();
        assert!(problems.contains(&certificate.path("")), "{problems}");
        thread::sleep(Duration::from_millis(500));
    }
    others[0].put(certificate);
    wait_for_certificate(server, "a good one again", is_of(&others[0].name));
    assert_eq!(server.json("status")["problems"], serde_json::json!([]));
}

#[test]
fn no_exchange_fails_while_certificates_are_replaced_or_broken() {
    let Some(network) = network() else { return };
    let certificate = Certificate::none();
    let names = ["first", "second", "third"];
    let made = names.map(|name| Made::new(name, LASTING));
    made[0].put(&certificate);
    let server = Daemon::start(&network.server, &certificate.our_server());
    // The client believes all of them from the start on.
    let trusted = made.each_ref().map(|made| {
        let path = PathBuf::from(certificate.path(&made.name));
        fs::write(&path, &made.certificate).unwrap();
        path
    });
    let (trust, problems) = Trust::load(&Places { system: false, extra: trusted.to_vec() });
    assert_eq!(problems.len(), 0);
    wait_for_certificate(&server, "the certificate", is_of("first"));
    let end = AtomicBool::new(false);
    let (seen, count) = thread::scope(|scope| {
        let asking = scope.spawn(|| exchanges(&network.client, &trust, &end));
        let disturbing = scope.spawn(|| disturb(&server, &certificate, &made[1..]));
        let disturbed = disturbing.join();
        end.store(true, Ordering::Relaxed);
        disturbed.unwrap();
        asking.join().unwrap()
    });
    println!("{count} exchanges, certificates of {seen:?}");
    let names: Vec<&str> = seen.iter().map(|subject| subject.trim_start_matches("CN=")).collect();
    assert_eq!(names, ["first", "second", "third", "second"]);
    assert!(count > 50, "{count}");
}

/// A server with a certificate of these years, and our client; both are ended with the test.
fn with_certificate_of(years: (i32, i32), test: impl FnOnce(&Daemon<'_>)) {
    let Some(network) = network() else { return };
    let certificate = Certificate::none();
    Made::new("dated", years).put(&certificate);
    let _server = Daemon::start(&network.server, &certificate.our_server());
    let client = Daemon::start(&network.client, &certificate.our_client());
    test(&client);
}

fn wait_for_trouble(client: &Daemon<'_>, words: &str) {
    let told = |d: &Daemon<'_>| authdata(d, 0)["trouble"].as_str().is_some_and(|t| t.contains(words));
    client.wait_for(words, PATIENCE, told);
    println!("{}", authdata(client, 0));
    assert!(client.log().contains(words), "{}", client.log());
}

/// A clock that is behind must not keep a machine from the time, so it believes at first, and looks again when it knows.
#[test]
fn a_certificate_that_is_not_valid_yet_is_dropped_when_the_time_is_known() {
    with_certificate_of((2900, 3000), |client| {
        wait_for_trouble(client, "the certificate is not valid now");
        let nts = authdata(client, 0);
        assert_eq!((&nts["exchanges"], &nts["cookies"], &nts["aead"]), (&1.into(), &0.into(), &Value::Null));
        let source = client.json("sources")["sources"][0].clone();
        assert!(source["replies"].as_u64() >= Some(1), "it was believed before: {source}");
        let requests = source["requests"].clone();
        thread::sleep(Duration::from_secs(3));
        assert_eq!(client.json("sources")["sources"][0]["requests"], requests, "it is not asked any more");
        // By the time that is known now.
        wait_for_trouble(client, "certificate is not valid before 2900-01-01");
    });
}

#[test]
fn a_certificate_that_has_long_expired_is_refused_with_its_date() {
    with_certificate_of((2001, 2002), |client| {
        wait_for_trouble(client, "certificate expired at 2002-01-01");
        assert_eq!(authdata(client, 0)["exchanges"], 0);
        assert_eq!(client.json("sources")["sources"][0]["requests"], 0);
    });
}
