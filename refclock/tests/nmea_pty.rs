//! The driver on pseudo-terminals: what simulated time does not show.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{ControlFlags, InputFlags, LocalFlags, OutputFlags, tcgetattr};
use nix::time::{ClockId, clock_gettime};
use ntp_clock::{Reading, Shows};
use ntp_proto::time::RawTime;
use ntp_refclock::nmea::{Nmea, Options, Signal};
use ntp_refclock::{Driver, Wait};

/// 2026-11-21 12:00:00.
const NOON: i64 = 1_795_262_400;

fn clock() -> RawTime {
    let now = clock_gettime(ClockId::CLOCK_REALTIME).expect("a clock");
    RawTime::from_unix(now.tv_sec(), now.tv_nsec() as u32)
}

fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock");
    Duration::new(spent.tv_sec() as u64, spent.tv_nsec() as u32)
}

fn plug_in() -> (PtyMaster, Options) {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY).expect("a pseudo-terminal");
    grantpt(&master).expect("granted");
    unlockpt(&master).expect("unlocked");
    let device = PathBuf::from(ptsname_r(&master).expect("named"));
    (master, Options { device, baud: 9600, show_position: false })
}

fn sentence(body: &str) -> String {
    format!("${body}*{:02X}\r\n", body.bytes().fold(0, |sum, byte| sum ^ byte))
}

fn burst(second: u64) -> String {
    let time = format!("1200{second:02}.00");
    let rmc = sentence(&format!("GPRMC,{time},A,5000.0000,N,00800.0000,E,0.0,0.0,211126,,,A"));
    let gga = sentence(&format!("GPGGA,{time},5000.0000,N,00800.0000,E,1,08,1.0,100.0,M,47.0,M,,"));
    let zda = sentence(&format!("GPZDA,{time},21,11,2026,00,00"));
    rmc + &gga + &zda
}

/// Holds a driver as the daemon does.
struct Holder {
    driver: Nmea,
    readings: Vec<Reading>,
    looks: u32,
}

impl Holder {
    fn open(options: &Options) -> Self {
        Self { driver: Nmea::open(options).expect("opened"), readings: Vec::new(), looks: 0 }
    }

    fn hold(&mut self, span: Duration) -> io::Result<()> {
        let end = Instant::now() + span;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            match self.driver.wait() {
                Wait::For(pause) => thread::sleep(pause),
                Wait::Readable => {
                    let descriptor = self.driver.descriptor().expect("a line has one");
                    let timeout = PollTimeout::try_from(left).expect("short");
                    if poll(&mut [PollFd::new(descriptor, PollFlags::POLLIN)], timeout)? == 0 {
                        return Ok(());
                    }
                }
                Wait::ReadableOr(_) => panic!("it never asks for that"),
            }
            self.looks += 1;
            self.driver.look(clock, &mut self.readings)?;
        }
    }

    fn times(&self) -> Vec<i64> {
        let time = |reading: &Reading| match reading.shows {
            Shows::Time(time) => time.to_unix().0,
            Shows::Pulse => panic!("{reading:?}"),
        };
        self.readings.iter().map(time).collect()
    }
}

/// Writes bursts as a serial port brings them, and says when each began.
fn speak(
    mut master: PtyMaster,
    seconds: std::ops::Range<u64>,
) -> thread::JoinHandle<(PtyMaster, Vec<RawTime>)> {
    thread::spawn(move || {
        let mut began = Vec::new();
        let start = Instant::now() + Duration::from_millis(200);
        for (count, second) in (0..).zip(seconds) {
            for (chunk, bytes) in (0..).zip(burst(second).as_bytes().chunks(8)) {
                let due = start + Duration::from_secs(1) * count + Duration::from_micros(8333) * chunk;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if chunk == 0 {
                    began.push(clock());
                }
                master.write_all(bytes).expect("written");
            }
        }
        (master, began)
    })
}

#[test]
fn bursts_are_stamped_when_they_begin() {
    let (master, options) = plug_in();
    let mut holder = Holder::open(&options);
    holder.hold(Duration::from_millis(100)).expect("nothing happened");
    let speaker = speak(master, 0..5);
    holder.looks = 0;
    holder.hold(Duration::from_millis(800 + 5 * 1000)).expect("plugged in");
    let (_master, began) = speaker.join().expect("spoken");
    // A busy machine may hold up speaker and holder for so long that bursts run together; not most of them.
    let read: Vec<_> = holder.times().iter().map(|time| time - NOON).zip(&holder.readings).collect();
    assert!(read.len() >= 3 && read.is_sorted_by_key(|(second, _)| *second), "{read:?}");
    let late = |(second, reading): &(i64, &Reading)| (reading.at - began[*second as usize]).to_seconds();
    let late: Vec<f64> = read.iter().map(late).collect();
    // The end of a burst is 0.2 s later.
    assert!(late.iter().all(|late| (-1e-3..1.0).contains(late)), "{late:?}");
    assert!(late.iter().any(|late| *late < 0.02), "{late:?}");
    println!("late by {late:?} s, {} looks for 5 bursts", holder.looks);
    assert!(holder.looks <= 5 * 8, "{}", holder.looks);
    let status = holder.driver.status();
    assert_eq!((status.signal, status.satellites_used, status.position), (Signal::Sentences, Some(8), None));
}

#[test]
fn the_line_is_raw_and_needs_no_modem() {
    let (master, options) = plug_in();
    let _driver = Nmea::open(&options).expect("opened");
    let set = tcgetattr(master.as_fd()).expect("settings");
    assert!(set.control_flags.contains(ControlFlags::CLOCAL | ControlFlags::CREAD | ControlFlags::CS8));
    assert!(
        !set.control_flags.intersects(ControlFlags::PARENB | ControlFlags::CSTOPB | ControlFlags::CRTSCTS)
    );
    assert!(!set.local_flags.intersects(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG));
    assert!(!set.input_flags.intersects(InputFlags::ICRNL | InputFlags::IXON | InputFlags::ISTRIP));
    assert!(!set.output_flags.contains(OutputFlags::OPOST));
}

#[test]
fn silence_wakes_nobody() {
    let (_master, options) = plug_in();
    let mut holder = Holder::open(&options);
    holder.hold(Duration::from_millis(200)).expect("nothing happened");
    holder.looks = 0;
    holder.hold(Duration::from_secs(1)).expect("nothing happened");
    assert_eq!(holder.looks, 0);
}

#[test]
fn what_came_before_the_line_was_opened_is_thrown_away() {
    let (mut master, options) = plug_in();
    // Until someone opens it, a terminal of its own keeps what is written.
    let first = Nmea::open(&options).expect("opened");
    master.write_all(burst(0).as_bytes()).expect("written");
    thread::sleep(Duration::from_millis(50));
    drop(first);
    let mut holder = Holder::open(&options);
    holder.hold(Duration::from_millis(200)).expect("plugged in");
    assert_eq!(holder.driver.status().sentences.rmc, 0);
}

#[test]
fn unplugged_and_plugged_in_again() {
    let (master, options) = plug_in();
    let mut holder = Holder::open(&options);
    let speaker = speak(master, 0..1);
    holder.hold(Duration::from_millis(800)).expect("plugged in");
    let (master, _) = speaker.join().expect("spoken");
    drop(master);
    let began = Instant::now();
    let error = holder.hold(Duration::from_secs(5)).expect_err("unplugged");
    assert!(began.elapsed() < Duration::from_secs(1));
    let path = options.device.display().to_string();
    assert!(error.to_string().contains(&path) && error.to_string().contains("unplugged"), "{error}");
    // It stays that way, and says so each time.
    assert!(holder.driver.look(clock, &mut Vec::new()).is_err());
    drop(holder);
    assert!(Nmea::open(&options).is_err());

    let (master, options) = plug_in();
    let mut holder = Holder::open(&options);
    let speaker = speak(master, 10..12);
    holder.hold(Duration::from_secs(3)).expect("plugged in");
    let _master = speaker.join().expect("spoken");
    assert!(holder.times().iter().any(|time| [NOON + 10, NOON + 11].contains(time)), "{:?}", holder.readings);
}

#[test]
fn garbage_is_seen_and_costs_little() {
    let (mut master, options) = plug_in();
    let mut holder = Holder::open(&options);
    holder.hold(Duration::from_millis(100)).expect("nothing happened");
    for seed in 0..10u32 {
        let bytes: Vec<u8> =
            (0..200u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8 ^ seed as u8).collect();
        master.write_all(&bytes).expect("written");
        holder.hold(Duration::from_millis(100)).expect("plugged in");
    }
    let status = holder.driver.status();
    assert_eq!((status.signal, status.readings), (Signal::Garbage, 0));
    assert!(status.advice.is_some_and(|advice| advice.contains("wrong speed?")));
    assert!(holder.looks <= 40, "{}", holder.looks);
}

/// Writes as fast as it is taken, until told to stop.
fn flood(master: PtyMaster, bytes: Vec<u8>, stop: Arc<AtomicBool>) -> thread::JoinHandle<u64> {
    thread::spawn(move || {
        fcntl(master.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("set");
        let mut written = 0;
        while !stop.load(Ordering::Relaxed) {
            match nix::unistd::write(master.as_fd(), &bytes) {
                Ok(count) => written += count as u64,
                Err(_) => thread::sleep(Duration::from_micros(100)),
            }
        }
        written
    })
}

#[test]
fn a_flood_makes_no_loop() {
    let sentences = (0..60).map(burst).collect::<String>();
    for bytes in [sentences.into_bytes(), vec![b'$'; 4096], vec![0; 4096], b"$GP\n".repeat(1000)] {
        let (master, options) = plug_in();
        let mut holder = Holder::open(&options);
        let stop = Arc::new(AtomicBool::new(false));
        let writer = flood(master, bytes, Arc::clone(&stop));
        let spent = cpu();
        holder.hold(Duration::from_secs(2)).expect("plugged in");
        let spent = cpu() - spent;
        stop.store(true, Ordering::Relaxed);
        let written = writer.join().expect("written");
        println!("{written} bytes, {} looks, {spent:?} of processor time in 2 s", holder.looks);
        assert!(written > 8192 && holder.looks <= 90 && spent < Duration::from_millis(400));
        assert_eq!(holder.readings, []);
        assert_eq!(holder.driver.status().signal, Signal::Flood);
    }
}

#[test]
fn a_line_that_is_in_use_says_so() {
    let (_master, options) = plug_in();
    let first = Nmea::open(&options).expect("opened");
    let error = Nmea::open(&options).expect_err("in use");
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    assert!(error.to_string().contains("gpsd"), "{error}");
    drop(first);
    assert!(Nmea::open(&options).is_ok());
}

#[test]
fn what_is_no_line_is_refused_with_its_path() {
    let refusal = |path: &str| {
        let options = Options { device: path.into(), baud: 9600, show_position: false };
        let error = Nmea::open(&options).expect_err("no line");
        assert!(error.to_string().starts_with(path), "{error}");
        error.kind()
    };
    assert_eq!(refusal("/dev/no-such-line"), io::ErrorKind::NotFound);
    assert_eq!(refusal("/dev/null"), io::ErrorKind::InvalidInput);
    assert_eq!(refusal("/dev"), io::ErrorKind::InvalidInput);
}

#[test]
fn any_speed_but_none() {
    let (_master, options) = plug_in();
    for baud in [300, 4800, 9600, 31_250, 115_200, 123_456, 921_600, 4_000_000] {
        let driver =
            Nmea::open(&Options { baud, ..options.clone() }).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(driver.status().baud, baud);
    }
    assert!(Nmea::open(&Options { baud: 0, ..options }).is_err());
}
