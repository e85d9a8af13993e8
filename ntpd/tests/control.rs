//! The control socket among people and programs that mean no good, or no harm.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod daemon;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use daemon::{Daemon, namespaces_can_be_made};

const NOTHING: &str = "enabled = true";

fn ask(stream: &mut UnixStream, question: &str) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    writeln!(stream, "{question}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

#[test]
fn the_silent_make_room_for_those_who_ask() {
    if !namespaces_can_be_made() {
        return;
    }
    let daemon = Daemon::start("idle connections", NOTHING);
    let connect = || UnixStream::connect(daemon.socket()).unwrap();
    let mut first = connect();
    let mut talker = connect();
    let mut silent: Vec<UnixStream> = (0..30).map(|_| connect()).collect();
    assert!(ask(&mut talker, "\"report\"").contains("\"version\""));

    silent.extend((0..16).map(|_| connect()));
    let begin = Instant::now();
    assert!(daemon.ntpctl(&["activity"]).status.success(), "{}", daemon.about());
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert!(ask(&mut talker, "\"report\"").contains("\"version\""), "who asks stays");
    first.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(first.read(&mut [0]).unwrap(), 0, "who was silent for the longest is hung up on");
}

#[test]
fn a_socket_that_somebody_removed_comes_back() {
    if !namespaces_can_be_made() {
        return;
    }
    let daemon = Daemon::start("removed socket", NOTHING);
    fs::remove_file(daemon.socket()).unwrap();
    daemon.signal("HUP");
    daemon.wait_for("its control socket, once more", |daemon| daemon.socket().exists());
    assert_eq!(daemon.status()["enabled"], true);
}

#[test]
fn wild_commands_are_refused_with_the_range() {
    if !namespaces_can_be_made() {
        return;
    }
    let daemon = Daemon::start("wild commands", NOTHING);
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    let add =
        r#"{"do":{"add":{"host":{"address":"127.0.0.1"},"port":123,"kind":"server","options":OPTIONS}}}"#;
    let wild = r#"{"association":{"version":4,"min_poll":-128,"max_poll":10,"iburst":true,"burst":false}}"#;
    let answer = ask(&mut stream, &add.replace("OPTIONS", wild));
    assert!(answer.contains("minpoll: -128 is out of range; expected an integer from -7 to 24"), "{answer}");
    assert_eq!(ask(&mut stream, &add.replace("OPTIONS", "{}")).trim(), "\"done\"");
    assert!(ask(&mut stream, &add.replace("OPTIONS", "{}")).contains("is a source already"));
}
