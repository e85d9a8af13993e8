//! Our client and our server over real TLS.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod lab;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use lab::{Server, cookie_keys, question, trust, wait_for};
use ntp_proto::nts::Aead;
use nts_ke::client::{Question, establish};
use nts_ke::server::{Count, Listening};

#[test]
fn both_sides_have_the_same_keys() {
    let server = Server::start();
    for aeads in
        [&[Aead::AesSivCmac256][..], &[Aead::Aes128GcmSiv], &[Aead::Aes128GcmSiv, Aead::AesSivCmac256]]
    {
        let asked = Question { aeads, ..question("localhost") };
        let outcome = establish(&server.trust(), &asked, &[server.address]).unwrap();
        assert_eq!((outcome.keys.aead(), outcome.cookies.len()), (aeads[0], 8));
        assert_ne!(outcome.keys.c2s(), outcome.keys.s2c());
        assert!(outcome.alternative.is_none());
        for cookie in &outcome.cookies {
            assert!(server.keys.open(cookie).unwrap() == outcome.keys);
        }
        assert_eq!((outcome.server, outcome.port), (None, None));
        assert!(outcome.address.is_loopback() && outcome.took < Duration::from_secs(5));
        let certificate = outcome.chain.certificate();
        assert_eq!(
            (certificate.subject.as_str(), &certificate.issuer),
            ("CN=localhost", &certificate.subject)
        );
        assert!(certificate.valid.holds_at(lab::NOW));
    }
    server.wait_for_count(Count::Served, 3);
    assert_eq!(server.count(Count::Cookies), 24);
}

#[test]
fn clients_are_sent_where_the_time_is() {
    let server = Server::start_with(|config| {
        config.ntp_server = Some("time.example".to_owned());
        config.ntp_port = Some(11_123);
    });
    let outcome = server.ask().unwrap();
    assert_eq!((outcome.server.as_deref(), outcome.port), (Some("time.example"), Some(11_123)));
}

#[test]
fn an_address_is_a_name_too_and_the_next_address_is_tried() {
    let server = Server::start();
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = establish(&server.trust(), &question("127.0.0.1"), &[dead, server.address]).unwrap();
    assert_eq!(outcome.chain.certificate().addresses, ["127.0.0.1".parse::<std::net::IpAddr>().unwrap()]);
    establish(&server.trust(), &question("localhost."), &[server.address]).unwrap();
}

#[test]
fn certificates_are_chosen_by_name() {
    let folder = lab::Folder::new();
    let files = [folder.certificate("a", &["a.example"]), folder.certificate("b", &["*.b.example"])];
    let server = Server::start_with(|config| config.certificates.extend(files.clone()));
    for (name, files) in [("a.example", &files[0]), ("x.b.example", &files[1])] {
        let outcome = establish(&trust(&[&files.certificate]), &question(name), &[server.address]);
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
    assert!(establish(&server.trust(), &question("localhost"), &[server.address]).is_ok());
}

#[test]
fn cookies_are_sealed_with_the_latest_keys() {
    let server = Server::start();
    let new = cookie_keys(8);
    server.handle.replace_cookie_keys(new.clone());
    let outcome = server.ask().unwrap();
    assert!(
        outcome.cookies.iter().all(|cookie| new.open(cookie).is_ok() && server.keys.open(cookie).is_err())
    );
}

/// Certificates are replaced ten times while clients ask without a pause; each trusts all of them.
#[test]
fn a_reload_under_load_fails_nobody() {
    let server = Server::start_with(|config| config.limits.connections_per_address = 100);
    let name = |i: usize| format!("number-{i}");
    let made = |i: usize| nts_ke::selfsign::make(&["localhost".to_owned(), name(i)]).unwrap();
    let made: Vec<_> = (0..10).map(made).collect();
    let all: String = made.iter().map(|made| made.certificate.clone()).collect();
    let first = std::fs::read_to_string(&server.files.certificate).unwrap();
    std::fs::write(server.folder.path("all.pem"), first + &all).unwrap();
    let trust = trust(&[&server.folder.path("all.pem")]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let ask = || {
            let mut asked = 0;
            while !done.load(Ordering::Relaxed) {
                establish(&trust, &question("localhost"), &[server.address]).unwrap();
                asked += 1;
            }
            asked
        };
        let clients: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
        for (i, made) in made.iter().enumerate() {
            server.folder.write("first", &made.certificate, &made.key);
            // Between the two files the key is that of another certificate: told, and of no consequence.
            wait_for("the new certificate", || {
                server.handle.reload();
                let state = server.handle.certificates().remove(0);
                state.loaded.is_some_and(|certificate| certificate.dns_names.contains(&name(i)))
            });
            let served = server.count(Count::Served);
            server.wait_for_count(Count::Served, served + 10);
        }
        done.store(true, Ordering::Relaxed);
        let asked: Vec<u32> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        assert!(asked.iter().all(|asked| *asked > 0), "{asked:?}");
    });
    let failures = [Count::TlsFailures, Count::TimedOut, Count::Lost, Count::Internal];
    assert_eq!(failures.map(|count| server.count(count)), [0; 4]);
}

#[test]
fn ports_come_go_and_are_tried_again() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let server = Server::start_with(|config| config.addresses.push(address));
    let state =
        |server: &Server| server.handle.ports().iter().find(|p| p.address == address).unwrap().state.clone();
    wait_for("a port that is taken", || matches!(state(&server), Listening::Failed(_)));
    drop(taken);
    wait_for("a port that is free", || state(&server) == Listening::At(address));
    establish(&server.trust(), &question("localhost"), &[address]).unwrap();
    let config = lab::config(std::slice::from_ref(&server.files));
    server.handle.configure(config);
    wait_for("the end of a port", || server.handle.ports().len() == 1);
    wait_for("silence there", || std::net::TcpStream::connect(address).is_err());
    server.ask().unwrap();
}

#[test]
fn without_a_certificate_nothing_is_served_until_there_is_one() {
    let folder = lab::Folder::new();
    let files = folder.certificate("late", &["localhost"]);
    let hidden = folder.path("hidden");
    std::fs::rename(&files.key, &hidden).unwrap();
    let handle = nts_ke::server::start(lab::config(std::slice::from_ref(&files)), cookie_keys(1)).unwrap();
    wait_for("the reason", || handle.certificates().first().is_some_and(|state| state.error.is_some()));
    assert_eq!(handle.ports()[0].state, Listening::NoCertificate);
    std::fs::rename(&hidden, &files.key).unwrap();
    handle.reload();
    let address = lab::open_port(&handle);
    establish(&trust(&[&files.certificate]), &question("localhost"), &[address]).unwrap();
}
