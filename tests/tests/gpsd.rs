//! Debian's gpsd, which reads a receiver over TCP and hands on its time by shared memory.
//!
//! Segments of shared memory have numbers and no place, so each test lives in an IPC namespace of its own.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread::{sleep, spawn};
use std::time::{Duration, SystemTime};

use nix::sched::{CloneFlags, unshare};
use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::network;
use truechimer_tests::host::{Host, Network};
use truechimer_tests::peers::{Peer, Starter};
use truechimer_tests::rig::sentences::{Kind, sentence};

const READ_SHARED_MEMORY: &str = "\
[[sources.refclocks]]
driver = \"shm\"
unit = 0
refid = \"GPS\"
poll = 1
";

/// How long after the second the receiver speaks.
const DELAY: Duration = Duration::from_millis(100);

/// gpsd takes some seconds to make up its mind about a receiver.
const PATIENCE: Duration = Duration::from_secs(40);

/// Two hosts whose programs share no memory with any others: the threads and programs that the caller starts from now
/// on are in a namespace of their own.
fn private_network() -> Option<Network> {
    let network = network()?;
    unshare(CloneFlags::CLONE_NEWIPC).expect("who can make a network namespace can make this");
    Some(network)
}

/// A receiver that tells the time of this machine to whoever connects, until the test ends; returns its port.
fn receiver(host: &Host) -> u16 {
    let listener = host.run(|| Ok(TcpListener::bind(("127.0.0.1", 0))?)).expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    spawn(move || listener.incoming().flatten().for_each(|reader| drop(spawn(move || speak(reader)))));
    port
}

/// Speaks until the reader is gone.
fn speak(mut reader: TcpStream) {
    loop {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
        let second = now.as_secs() + 1;
        sleep(Duration::from_secs(second) + DELAY - now);
        let say = |kind| sentence(kind, second.cast_signed(), false, false);
        let burst: String = [Kind::Gga, Kind::Gsa, Kind::Rmc, Kind::Zda].map(say).concat();
        if reader.write_all(burst.as_bytes()).is_err() {
            return;
        }
    }
}

fn gpsd(host: &Host, port: u16) -> Peer<'_> {
    Starter::new(host, "gpsd").args(&["-N", "-n", &format!("tcp://127.0.0.1:{port}")]).start()
}

/// How many samples the daemon had from the shared memory.
fn samples(daemon: &Daemon<'_>) -> u64 {
    daemon.json("sources")["sources"][0]["samples"].as_u64().unwrap_or(0)
}

/// Waits until three more samples have come, and checks the latest.
fn wait_for_samples(daemon: &Daemon<'_>) {
    let before = samples(daemon);
    daemon.wait_for("samples", PATIENCE, |d| samples(d) >= before + 3);
    let source = &daemon.json("sources")["sources"][0];
    // The receiver is late, so the clock seems to be ahead by as much. gpsd adds what it needs to see a burst's end.
    let ahead = -source["last_offset_s"].as_f64().expect("there was a sample");
    assert!((DELAY.as_secs_f64() - 0.001..0.4).contains(&ahead), "{source}");
    assert_ne!(source["reach"], "000", "{source}");
}

#[test]
fn gpsd_feeds_us_whoever_starts_first() {
    let Some(network) = private_network() else { return };
    let port = receiver(&network.client);
    let first = gpsd(&network.client, port);
    let mut daemon = Daemon::start(&network.client, READ_SHARED_MEMORY);
    wait_for_samples(&daemon);
    drop(first);
    daemon.end("TERM");
    daemon.start_again();
    // What the segment still holds is old.
    assert_eq!(samples(&daemon), 0);
    let _second = gpsd(&network.client, port);
    wait_for_samples(&daemon);
}

#[test]
fn gpsd_is_heard_again_after_its_restart_and_after_ours() {
    let Some(network) = private_network() else { return };
    let port = receiver(&network.client);
    let mut daemon = Daemon::start(&network.client, READ_SHARED_MEMORY);
    let first = gpsd(&network.client, port);
    wait_for_samples(&daemon);
    drop(first);
    let _second = gpsd(&network.client, port);
    wait_for_samples(&daemon);
    daemon.end("KILL");
    daemon.start_again();
    wait_for_samples(&daemon);
}
