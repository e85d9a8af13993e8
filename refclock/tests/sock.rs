//! Samples by real sockets, from senders that behave and senders that do not.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use ntp_clock::{Reading, Shows};
use ntp_proto::time::{EstimatedTime, NtpDuration, RawTime};
use ntp_refclock::sock::{BATCH, Options, PAUSE, Sock};
use ntp_refclock::{Driver, Wait};

fn now() -> RawTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    RawTime::from_unix(since.as_secs() as i64, since.subsec_nanos())
}

/// A folder of its own and the path of a socket in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("chrony.ttyS0.sock");
    (folder, path)
}

fn open(path: &Path) -> Sock {
    Sock::open(&Options::at(path)).expect("a socket of ours")
}

fn sender(path: &Path) -> UnixDatagram {
    let sender = UnixDatagram::unbound().expect("a socket");
    sender.connect(path).expect("somebody who receives");
    sender.set_nonblocking(true).expect("a socket that need not wait");
    sender
}

fn look(sock: &mut Sock) -> Vec<Reading> {
    let mut readings = Vec::new();
    sock.look(now, &mut readings).expect("a socket that works");
    readings
}

/// As gpsd sends it: `seconds` ahead of the system clock.
fn sample(at: RawTime, seconds: f64) -> Vec<u8> {
    let (whole, nanos) = at.to_unix();
    let time = [whole, i64::from(nanos / 1000)].map(i64::to_ne_bytes).concat();
    let integers = [0, 0, 0, 0x534f_434b].map(i32::to_ne_bytes).concat();
    [time, seconds.to_ne_bytes().to_vec(), integers].concat()
}

#[test]
fn samples_of_both_lengths_arrive() {
    let (_folder, path) = place();
    let mut sock = open(&path);
    assert!(sock.descriptor().is_some());
    assert_eq!(sock.wait(), Wait::Readable);
    assert_eq!(look(&mut sock), []);
    let sender = sender(&path);
    let at = RawTime::from_unix(now().to_unix().0, 0);
    sender.send(&sample(at, 1.5)).unwrap();
    let short = [(at.to_unix().0 as i32).to_ne_bytes(), [0; 4]].concat();
    sender.send(&[&short, &sample(at, 2.25)[16..]].concat()).unwrap();
    let shown: Vec<_> = look(&mut sock).iter().map(|reading| (reading.at, reading.shows)).collect();
    let (whole, _) = at.to_unix();
    let expected = [(1, 500_000_000), (2, 250_000_000)]
        .map(|(seconds, nanos)| (at, Shows::Time(EstimatedTime::from_unix(whole + seconds, nanos))));
    assert_eq!(shown, expected);
    assert_eq!(sock.wait(), Wait::Readable);
    let status = sock.status(now());
    assert_eq!((status.samples, status.floods, status.reachable), (2, 0, true));
    assert!((0.0..5.0).contains(&status.age_s.unwrap()));
}

#[test]
fn what_is_no_sample_is_counted_by_reason() {
    let (_folder, path) = place();
    let mut sock = open(&path);
    let sender = sender(&path);
    let mut long = sample(now(), 0.0);
    long.resize(4000, 0);
    let mut datagrams: Vec<_> = [0, 1, 39, 41, 64, 65, 5000, 40, 32].map(|length| vec![7; length]).into();
    datagrams.extend([
        long,
        sample(now(), f64::NAN),
        sample(now() - NtpDuration::from_secs(60), 0.0),
        sample(now() + NtpDuration::from_secs(60), 0.0),
        sample(now(), 0.0),
    ]);
    let mut taken = 0;
    for datagram in &datagrams {
        sender.send(datagram).unwrap();
        taken += look(&mut sock).len();
    }
    let status = sock.status(now());
    let counts = (status.wrong_size, status.wrong_magic, status.nonsense, status.stale, status.samples);
    assert_eq!((counts, taken), ((8, 2, 1, 2, 1), 1));
}

/// Ends the flood, also if the test failed.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_flood_is_counted_and_does_no_harm() {
    let (_folder, path) = place();
    let mut sock = open(&path);
    let stop = AtomicBool::new(false);
    let flood = || {
        let sender = sender(&path);
        while !stop.load(Ordering::Relaxed) {
            if sender.send(&[0; 40]).is_err() {
                std::thread::yield_now();
            }
        }
    };
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        scope.spawn(flood);
        scope.spawn(flood);
        let start = Instant::now();
        let mut before = 0;
        while before < 1000 && start.elapsed() < Duration::from_secs(20) {
            assert_eq!(look(&mut sock), []);
            let after = sock.status(now()).wrong_magic;
            assert!(after - before <= BATCH as u64);
            assert_eq!(sock.wait() == Wait::For(PAUSE), after - before == BATCH as u64);
            before = after;
        }
        assert!(before >= 1000);
    });
    while sock.wait() != Wait::Readable {
        look(&mut sock);
    }
    look(&mut sock);
    sender(&path).send(&sample(now(), 0.0)).unwrap();
    assert_eq!(look(&mut sock).len(), 1);
}

#[test]
fn the_socket_goes_with_its_owner_and_a_stale_one_is_replaced() {
    let (_folder, path) = place();
    drop(UnixDatagram::bind(&path).unwrap());
    let mut sock = open(&path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let old = sender(&path);
    drop(sock);
    assert!(!path.exists());
    sock = Sock::open(&Options { permissions: 0o666, ..Options::at(&path) }).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
    // Who was connected to the old one notices and has to connect again; who starts again reaches us.
    assert_eq!(old.send(&sample(now(), 0.0)).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    sender(&path).send(&sample(now(), 0.0)).unwrap();
    sender(&path).send(&sample(now(), 0.0)).unwrap();
    assert_eq!(look(&mut sock).len(), 2);
}

#[test]
fn what_is_not_ours_stays() {
    let (folder, path) = place();
    let refused = |path: &Path| {
        let error = Sock::open(&Options::at(path)).unwrap_err();
        (error.kind(), error.to_string())
    };
    File::create(&path).unwrap();
    assert!(refused(&path).1.contains("no socket"));
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    assert!(refused(&link).1.contains("no socket"));
    assert!(path.exists() && link.is_symlink());
    fs::remove_file(&path).unwrap();

    let other = UnixDatagram::bind(&path).unwrap();
    assert_eq!(refused(&path).0, io::ErrorKind::AddrInUse);
    sender(&path).send(b"still there").unwrap();
    drop(other);
    fs::remove_file(&path).unwrap();
    let _stream = UnixListener::bind(&path).unwrap();
    assert!(refused(&path).1.contains("another program"));
}

#[test]
fn a_socket_that_lost_its_name_says_so_and_leaves_its_successor_alone() {
    let (_folder, path) = place();
    let sock = open(&path);
    fs::remove_file(&path).unwrap();
    assert!(!sock.status(now()).reachable);
    let successor = open(&path);
    drop(sock);
    assert!(successor.status(now()).reachable);
}

#[test]
fn errors_say_what_to_do() {
    let (folder, path) = place();
    let missing = folder.path().join("nowhere").join("sock");
    let error = Sock::open(&Options::at(missing)).unwrap_err();
    assert!(error.kind() == io::ErrorKind::NotFound && error.to_string().contains("directory must be there"));
    let long = path.with_file_name("x".repeat(120));
    assert!(Sock::open(&Options::at(long)).unwrap_err().to_string().contains("107 bytes"));
}
