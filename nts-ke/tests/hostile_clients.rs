//! Clients that want no keys, or too many.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod lab;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{Server, say};
use nts_ke::client::KeError;
use nts_ke::message::{ErrorCode, Request, Response};
use nts_ke::record::{RecordType, Writer};
use nts_ke::server::{Count, RateLimit};

fn idle(server: &Server, number: usize) -> Vec<TcpStream> {
    (0..number).map(|_| TcpStream::connect(server.address).unwrap()).collect()
}

/// Whether the other side has ended the connection.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    match stream.read(&mut [0; 100]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn idle_connections_lock_nobody_out() {
    let server = Server::start_with(|config| {
        config.limits.connections = 20;
        config.limits.connections_per_address = 1_000;
        config.limits.patience = Duration::from_secs(600);
    });
    let held = idle(&server, 500);
    server.wait_for_count(Count::Accepted, 500);
    for _ in 0..5 {
        server.ask().unwrap();
    }
    assert_eq!(server.handle.connections(), 20 - 1);
    assert_eq!(server.count(Count::DisplacedInHandshake), 481);
    // The oldest went first.
    assert!(is_closed(&held[0]) && !is_closed(&held[499]));
}

#[test]
fn one_address_takes_its_own_places_only() {
    let server = Server::start_with(|config| {
        config.limits.connections_per_address = 3;
        config.limits.patience = Duration::from_secs(600);
    });
    let held = idle(&server, 10);
    server.wait_for_count(Count::Accepted, 10);
    assert_eq!((server.handle.connections(), server.count(Count::DisplacedInHandshake)), (3, 7));
    server.ask().unwrap();
    drop(held);
}

/// A byte every now and then keeps no connection beyond its time, in the handshake and after it.
#[test]
fn slow_clients_run_out_of_time() {
    let server = Server::start_with(|config| config.limits.patience = Duration::from_millis(700));
    let start = Instant::now();
    let mut before = TcpStream::connect(server.address).unwrap();
    let mut after = lab::raw_client(&server, Some(nts_ke::ALPN)).unwrap();
    // The beginning of a ClientHello that never comes, and a message that never ends.
    before.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]).unwrap();
    while server.count(Count::TimedOut) < 2 && start.elapsed() < Duration::from_secs(10) {
        // They may have been ended already.
        let _ = before.write_all(&[3]);
        let _ = after.write_all(&[0, 99, 0, 0]).and_then(|()| after.flush());
        sleep(Duration::from_millis(50));
    }
    lab::wait_for("free places", || server.handle.connections() == 0);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn who_connects_too_often_has_to_wait() {
    let rate = RateLimit { interval: Duration::from_secs(1_000), burst: 3, leak: 8 };
    let server = Server::start_with(|config| config.limits.rate = Some(rate));
    for _ in 0..3 {
        server.ask().unwrap();
    }
    let refused = (0..20).filter(|_| matches!(server.ask(), Err(KeError::Lost(..)))).count();
    // One of 256 leaks.
    assert!(refused >= 17, "{refused}");
    assert_eq!(server.count(Count::RateLimited), refused as u64);
}

#[test]
fn who_may_not_connect_is_not_listened_to() {
    let server = Server::start_with(|config| config.access = Arc::new(|address| !address.is_loopback()));
    assert!(matches!(server.ask(), Err(KeError::Lost(..))));
    assert_eq!((server.count(Count::Denied), server.count(Count::Handshakes)), (1, 0));
}

#[test]
fn bad_requests_are_told_why() {
    let server = Server::start();
    let one = |critical, kind, body: &[u8]| {
        let mut writer = Writer::default();
        assert!(writer.record(critical, kind, body));
        writer.finish()
    };
    let good = Request::ntpv4(&[15]).write();
    let twice = [&good[..good.len() - 4], &good].concat();
    let cases = [
        (one(true, RecordType(99), b""), ErrorCode::UNRECOGNISED_CRITICAL, Count::UnknownCritical),
        (one(false, RecordType::AEAD, &[0, 15]), ErrorCode::BAD_REQUEST, Count::Missing),
        (one(false, RecordType::COOKIE, &[0, 15]), ErrorCode::BAD_REQUEST, Count::Misplaced),
        (one(true, RecordType::NEXT_PROTOCOL, &[0]), ErrorCode::BAD_REQUEST, Count::BadRecord),
        (twice, ErrorCode::BAD_REQUEST, Count::Duplicate),
        ([&good[..], b"more"].concat(), ErrorCode::BAD_REQUEST, Count::AfterEnd),
        (vec![0, 99, 0xff, 0xff], ErrorCode::BAD_REQUEST, Count::TooLong),
    ];
    for (bytes, code, count) in cases {
        let answer = Response::parse(&say(&server, &bytes)).unwrap();
        assert_eq!(answer, Response::error(code), "{bytes:?}");
        server.wait_for_count(count, 1);
    }
    let foreign = Request { protocols: vec![7], ..Request::ntpv4(&[15]) };
    assert_eq!(Response::parse(&say(&server, &foreign.write())).unwrap().protocols, Some(vec![]));
    let unknown = Request::ntpv4(&[17]);
    assert_eq!(Response::parse(&say(&server, &unknown.write())).unwrap().aead, Some(None));
    server.wait_for_count(Count::NoProtocol, 1);
    server.wait_for_count(Count::NoAead, 1);
    assert_eq!((server.count(Count::Served), server.count(Count::Cookies)), (0, 0));
}

#[test]
fn who_leaves_in_the_middle_is_counted() {
    let server = Server::start();
    drop(TcpStream::connect(server.address).unwrap());
    server.wait_for_count(Count::TlsFailures, 1);
    let mut stream = lab::raw_client(&server, Some(nts_ke::ALPN)).unwrap();
    stream.write_all(&[0x80]).unwrap();
    stream.flush().unwrap();
    drop(stream);
    server.wait_for_count(Count::Lost, 1);
    TcpStream::connect(server.address).unwrap().write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    server.wait_for_count(Count::TlsFailures, 2);
}

#[test]
fn nothing_is_said_to_clients_of_other_protocols() {
    let server = Server::start();
    let mut stream = lab::raw_client(&server, None).unwrap();
    // It may be gone already.
    let _ = stream.write_all(&Request::ntpv4(&[15]).write()).and_then(|()| stream.flush());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty());
    server.wait_for_count(Count::NoAlpn, 1);
    assert!(lab::raw_client(&server, Some(b"http/1.1")).is_err());
    server.wait_for_count(Count::TlsFailures, 1);
}

/// What `openssl s_client` prints when it connects so; `None` where there is none.
fn openssl(server: &Server, arguments: &[&str]) -> Option<String> {
    let address = server.address.to_string();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address, "-servername", "localhost"]).args(arguments);
    let output = command.stdin(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn openssl_meets_tls_1_3_and_ntske_only() {
    let server = Server::start();
    let Some(good) = openssl(&server, &["-alpn", "ntske/1"]) else {
        assert!(std::env::var_os("CI").is_none(), "openssl is needed");
        eprintln!("skipped: no openssl here");
        return;
    };
    assert!(good.contains("TLSv1.3") && good.contains("ALPN protocol: ntske/1"), "{good}");
    assert!(!good.contains("New Session Ticket"), "{good}");
    let old = openssl(&server, &["-alpn", "ntske/1", "-tls1_2"]).unwrap();
    assert!(old.contains("alert protocol version"), "{old}");
    let other = openssl(&server, &["-alpn", "http/1.1"]).unwrap();
    assert!(other.contains("no application protocol"), "{other}");
}
