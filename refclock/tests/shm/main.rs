//! Samples in shared memory, with writers that behave and writers that do not, in real segments.
//!
//! Each test has a unit of its own, far from those that programs use.

mod sys;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use ntp_clock::{Reading, Shows};
use ntp_proto::packet::Leap;
use ntp_proto::time::{EstimatedTime, NtpDuration, RawTime};
use ntp_refclock::shm::{Options, Shm};
use ntp_refclock::{Driver, Wait};
use sys::{Sample, Segment, as_nobody};

fn now() -> RawTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    RawTime::from_unix(since.as_secs() as i64, since.subsec_nanos())
}

fn open(unit: u8) -> Shm {
    Shm::open(&Options::of(unit)).expect("a segment of ours")
}

fn look(shm: &mut Shm) -> Vec<Reading> {
    let mut readings = Vec::new();
    shm.look(now, &mut readings).expect("a segment that is attached");
    readings
}

/// Made now by a clock that is two seconds ahead.
fn sample(mode: i32) -> Sample {
    let (seconds, nanos) = now().to_unix();
    let nanos = nanos as i32;
    Sample { mode, clock: (seconds + 2, nanos), receive: (seconds, nanos), leap: 0 }
}

#[test]
fn samples_are_taken_once_in_both_modes() {
    let (writer, mut shm) = (Segment::of(200, 96), open(200));
    assert_eq!(shm.wait(), Wait::For(Duration::from_secs(1)));
    assert!(shm.descriptor().is_none());
    for mode in [0, 1] {
        assert_eq!(look(&mut shm), []);
        let mut written = sample(mode);
        written.leap = mode + 1;
        writer.write(&written);
        let readings = look(&mut shm);
        let [Reading { at, shows, leap, resolution }] = readings[..] else { panic!("{readings:?}") };
        assert_eq!(at, RawTime::from_unix(written.receive.0, written.receive.1 as u32));
        assert_eq!(shows, Shows::Time(EstimatedTime::from_unix(written.clock.0, written.clock.1 as u32)));
        assert_eq!(leap, Some([Leap::Insert, Leap::Delete][mode as usize]));
        assert_eq!(resolution, NtpDuration::from_ticks(1 << 12));
        assert!(!writer.is_valid());
        assert_eq!(look(&mut shm), []);
    }
    assert_eq!(shm.status(now()).samples, 2);
}

#[test]
fn the_reader_may_start_first_and_start_again() {
    let mut shm = open(201);
    let status = shm.status(now());
    assert_eq!((status.size_bytes, status.permissions.as_deref()), (96, Some("0600")));
    assert_eq!((status.attached, status.age_s, status.warning), (Some(1), None, None));
    let writer = Segment::of(201, 96);
    writer.write(&sample(1));
    assert_eq!(look(&mut shm).len(), 1);
    assert_eq!(shm.status(now()).attached, Some(2));
    drop(shm);
    writer.write(&sample(1));
    let mut shm = open(201);
    assert_eq!(look(&mut shm).len(), 1);
}

#[test]
fn a_segment_that_was_removed_and_made_anew_is_followed() {
    let (writer, mut shm) = (Segment::of(202, 96), open(202));
    writer.write(&sample(1));
    assert_eq!(look(&mut shm).len(), 1);
    drop(writer);
    let writer = Segment::of(202, 80);
    assert_eq!(look(&mut shm), []);
    let status = shm.status(now());
    assert_eq!((status.replaced, status.size_bytes), (1, 80));
    drop(writer);
    assert_eq!(look(&mut shm), []);
    // Nobody made one, so we did.
    let writer = Segment::of(202, 96);
    writer.write(&sample(0));
    assert_eq!(look(&mut shm).len(), 1);
    assert_eq!(shm.status(now()).replaced, 2);
}

/// Ends the writer, also if the reader failed.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn samples_that_are_written_meanwhile_are_never_mixed() {
    const ENOUGH: u32 = 2000;
    let (writer, mut shm) = (Segment::of(203, 96), open(203));
    let done = AtomicBool::new(false);
    let (mut taken, start) = (0, Instant::now());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0i64.. {
                let (seconds, _) = now().to_unix();
                // All parts tell the same, so that a mixture is seen.
                let nanos = (round * 1_003 % 1_000_000_000) as i32;
                let receive = (seconds + i64::from(nanos % 2), nanos);
                let mode = (round % 2) as i32;
                writer.write(&Sample { mode, clock: (receive.0 + 5, nanos), receive, leap: nanos % 3 });
                if done.load(Ordering::Relaxed) {
                    break;
                }
                if round % 8 == 0 {
                    std::thread::sleep(Duration::from_micros(20));
                }
            }
        });
        let _stop = Stop(&done);
        while taken < ENOUGH && start.elapsed() < Duration::from_secs(20) {
            for reading in look(&mut shm) {
                taken += 1;
                let nanos = reading.at.to_unix().1;
                let expected = EstimatedTime::from_unix(reading.at.to_unix().0 + 5, nanos);
                assert_eq!(reading.shows, Shows::Time(expected));
                assert_eq!(reading.leap, Some(Leap::from_bits((nanos % 3) as u8)));
            }
        }
    });
    assert_eq!(taken, ENOUGH);
    assert_eq!(shm.status(now()).nonsense, 0);
}

#[test]
fn a_writer_that_stopped_long_ago_is_stale_and_one_that_repeats_itself_is_not_believed_twice() {
    let (writer, mut shm) = (Segment::of(204, 96), open(204));
    let mut old = sample(1);
    old.receive.0 -= 60;
    writer.write(&old);
    assert_eq!(look(&mut shm), []);
    assert_eq!(look(&mut shm), []);
    let mut early = sample(1);
    early.receive.0 += 60;
    writer.write(&early);
    assert_eq!(look(&mut shm), []);
    writer.write(&sample(1));
    assert_eq!(look(&mut shm).len(), 1);
    writer.set_valid();
    assert_eq!(look(&mut shm), []);
    let status = shm.status(now());
    assert_eq!((status.stale, status.samples, status.repeated), (2, 1, 1));
    assert!((0.0..5.0).contains(&status.age_s.unwrap()));
}

#[test]
fn absurd_values_are_counted_and_nothing_else() {
    let (writer, mut shm) = (Segment::of(205, 96), open(205));
    let change = |change: fn(&mut Sample)| {
        let mut sample = sample(1);
        change(&mut sample);
        sample
    };
    let absurd = [
        change(|s| s.mode = 7),
        change(|s| s.leap = -2),
        change(|s| s.clock.1 = -1000),
        change(|s| s.clock.0 = i64::MIN),
        change(|s| s.clock.0 = i64::MAX),
        change(|s| s.receive.1 = i32::MAX),
    ];
    for sample in &absurd {
        writer.write(sample);
        assert_eq!(look(&mut shm), []);
    }
    assert_eq!(shm.status(now()).nonsense, absurd.len() as u64);
}

#[test]
fn what_is_no_sample_by_its_size_is_refused() {
    for size in [1, 79, 84, 95] {
        let _other = Segment::of(206, size);
        let error = Shm::open(&Options::of(206)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("ipcrm -M 0x4e5450fe"), "{error}");
    }
    let _larger = Segment::of(206, 4096);
    assert_eq!(open(206).status(now()).size_bytes, 96);
}

#[test]
fn a_writer_with_short_times_is_understood() {
    let (writer, mut shm) = (Segment::of(207, 80), open(207));
    let (seconds, _) = now().to_unix();
    let fields =
        [1, 2, seconds as i32, 500_000, seconds as i32, 250_000, 0, -10, 0, 1, 500_000_700, 250_000_300];
    for (index, value) in fields.into_iter().enumerate() {
        writer.set(index, value);
    }
    let [reading] = look(&mut shm)[..] else { panic!() };
    assert_eq!(reading.at, RawTime::from_unix(seconds, 250_000_300));
    assert_eq!(reading.shows, Shows::Time(EstimatedTime::from_unix(seconds, 500_000_700)));
    assert_eq!(look(&mut shm), []);
}

#[test]
fn memory_of_others_is_used_with_a_warning_or_refused_with_a_reason() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root can give a segment away");
        return;
    }
    let writer = Segment::of(208, 96);
    writer.give_away(1234, 0o600);
    assert!(open(208).status(now()).warning.unwrap().contains("belongs to user 1234"));
    let error = as_nobody(|| Shm::open(&Options::of(208)).unwrap_err());
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    // Whoever may not read it is not told whose it is.
    assert!(error.to_string().contains("belongs to another user"), "{error}");
    writer.give_away(0, 0o644);
    let error = as_nobody(|| Shm::open(&Options::of(208)).unwrap_err());
    assert!(error.to_string().contains("belongs to user 0 with permissions 0644"), "{error}");
    writer.give_away(0, 0o666);
    let status = as_nobody(|| open(208).status(now()));
    assert!(status.warning.unwrap().contains("every user"));
}
