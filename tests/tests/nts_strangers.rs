//! Strangers who connect to the port of the key exchange and say nothing: others get keys and time as before.

use std::collections::VecDeque;
use std::fmt;
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::{network, program};
use truechimer_tests::host::{Host, Network};
use truechimer_tests::load::{Asker, Load};
use truechimer_tests::nts::{Certificate, authdata};

const PATIENCE: Duration = Duration::from_secs(30);
/// So many connections at a time, as long as there are descriptors for them.
const MANY: usize = 10_000;
/// For everything else that the test does.
const SPARE: usize = 100;
const HONEST: usize = 20;

/// Held by the test that needs nearly all descriptors.
static ALONE: Mutex<()> = Mutex::new(());

/// A connection to the key exchange of 10.99.0.2 from this address; `None` without descriptors.
fn connection(from: SocketAddrV4) -> Option<TcpStream> {
    let made = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).ok()?;
    bind(made.as_raw_fd(), &SockaddrIn::from(from)).expect("the address is there");
    connect(made.as_raw_fd(), &SockaddrIn::new(10, 99, 0, 2, 4460)).expect("the port is open");
    Some(TcpStream::from(made))
}

/// Holds connections from these addresses in turn: opens `MANY` of them and goes on, at this pace if the oldest are to
/// make room for new ones, until it is told to end.
fn hold(
    host: &Host,
    addresses: &[SocketAddrV4],
    pace: Option<Duration>,
    held: &AtomicUsize,
    end: &AtomicBool,
) {
    let work = || {
        let mut open = VecDeque::new();
        for from in addresses.iter().cycle().take(MANY) {
            let Some(connection) = connection(*from) else { break };
            open.push_back(connection);
        }
        if open.len() < MANY {
            open.drain(..SPARE);
        }
        held.store(open.len(), Ordering::Relaxed);
        for from in addresses.iter().cycle() {
            if end.load(Ordering::Relaxed) {
                break;
            }
            sleep(pace.unwrap_or(Duration::from_millis(50)));
            if pace.is_some() {
                open.pop_front();
                open.extend(connection(*from));
            }
        }
        Ok(())
    };
    host.run(work).expect("the host is there");
}

/// How long an honest client takes, its start as a program included.
fn honest(network: &Network, certificate: &Certificate) -> Duration {
    let mut ask = network.client.command(program("ntpctl"));
    ask.args(["nts", "ke", "10.99.0.2", "--no-system", "--timeout", "2", "--trust"])
        .arg(certificate.certificate());
    let begin = Instant::now();
    let output = ask.output().expect("ntpctl can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    begin.elapsed()
}

/// What is measured while the port is held, or not.
struct Measured {
    slowest_keys: Duration,
    slowest_time: Duration,
    late_s: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { slowest_keys, slowest_time, late_s } = self;
        let late_ms = late_s * 1e3;
        write!(
            f,
            "keys within {slowest_keys:.1?}, time within {slowest_time:.1?}, turns {late_ms:.1} ms late at most"
        )
    }
}

fn measure(network: &Network, certificate: &Certificate, server: &Daemon<'_>) -> Measured {
    let load = Load::start(
        Asker::new(&network.client, "10.99.0.2").expect("there is a way"),
        Duration::from_millis(5),
    );
    let client = Daemon::start(&network.client, &certificate.our_client());
    client.wait_for_sync(PATIENCE);
    let slowest_keys = (0..HONEST).map(|_| honest(network, certificate)).max().expect("there are some");
    let polled = |d: &Daemon<'_>| d.json("sources")["sources"][0]["replies"].as_u64() >= Some(8);
    client.wait_for("time with keys", PATIENCE, polled);
    let outcome = load.end();
    assert_eq!(outcome.answered(), outcome.asked, "all of a steady load is answered");
    assert_eq!(client.json("sources")["sources"][0]["reach"], "377");
    let nts = authdata(&client, 0);
    assert_eq!((&nts["attempts"], &nts["refusals"]), (&1.into(), &0.into()), "{nts}");
    let late_s =
        server.json("activity")["main_loop"]["longest"]["late_s"].as_f64().expect("there is a figure");
    Measured { slowest_keys, slowest_time: outcome.within(1.0), late_s }
}

/// With `limits` in `[security.nts]` and strangers at so many addresses.
fn strangers_do_no_harm(limits: &str, addresses: u8, pace: Option<Duration>) {
    // What the other test has to say of itself, it says.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(network) = network() else { return };
    let from: Vec<SocketAddrV4> =
        (0..addresses).map(|n| SocketAddrV4::new([10, 99, 0, 100 + n].into(), 0)).collect();
    for address in &from {
        network.client.add_address(&format!("{}/24", address.ip())).expect("there is room for an address");
    }
    let certificate = Certificate::new();
    let start = || {
        let server = Daemon::start(&network.server, &(certificate.our_server() + limits));
        let open = |d: &Daemon<'_>| d.json("nts server")["ports"][0]["open"] == true;
        server.wait_for("the port", PATIENCE, open);
        server
    };
    let quiet = measure(&network, &certificate, &start());
    let server = start();
    let (held, end) = (AtomicUsize::new(0), AtomicBool::new(false));
    scope(|scope| {
        scope.spawn(|| hold(&network.client, &from, pace, &held, &end));
        let ended = Ended(&end);
        server.wait_for("strangers", PATIENCE, |_| held.load(Ordering::Relaxed) > 0);
        let held = held.load(Ordering::Relaxed);
        if pace.is_none() {
            let let_in = |d: &Daemon<'_>| d.json("nts server")["connections"].as_u64() >= Some(held as u64);
            server.wait_for("all of them", PATIENCE, let_in);
        }
        let measured = measure(&network, &certificate, &server);
        let report = server.json("nts server");
        println!("quiet: {quiet}\n{held} connections, {} of them open: {measured}", report["connections"]);
        println!("{}", report["counters"]);
        drop(ended);
        for one in [&quiet, &measured] {
            assert!(one.slowest_keys < Duration::from_secs(2) && one.late_s < 0.1, "{one}");
        }
    });
}

/// Tells the strangers to end, also when a test fails.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn thousands_of_idle_connections_that_are_let_in_do_no_harm() {
    let limits = "connections = 20000\nconnections_per_client = 20000\ntimeout = 60\n";
    strangers_do_no_harm(limits, 1, None);
}

/// The usual limits: most of them are cut off, and come again.
#[test]
fn strangers_at_many_addresses_who_come_again_and_again_do_no_harm() {
    strangers_do_no_harm("", 64, Some(Duration::from_millis(5)));
}
