//! Any memory and any datagram that other programs hand to the reference clocks.
//!
//! Oracle: no panic; a reading belongs to the moment at which it was read, and is no finer than stamps are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ntp_clock::{Reading, Shows};
use ntp_proto::time::{NtpDuration, RawTime};
use ntp_refclock::{shm, sock};

fuzz_target!(|input: (bool, u32, u32, Vec<u8>)| {
    let (recent, seconds, nanos, mut bytes) = input;
    let now = RawTime::from_unix(seconds.into(), nanos % 1_000_000_000);
    if recent {
        make_recent(&mut bytes, seconds);
    }
    if let Ok(reading) = shm::decode(&bytes, now) {
        judge(&reading, now);
        assert!(matches!(reading.shows, Shows::Time(_)));
    }
    if let Ok(reading) = sock::decode(&bytes, now) {
        judge(&reading, now);
    }
});

/// Most stamps are not of this moment, and nothing else of such a sample is looked at.
fn make_recent(bytes: &mut [u8], seconds: u32) {
    let (at, long) = match bytes.len() {
        32 => (0, false),
        40 => (0, true),
        80 => (16, false),
        88 => (20, true),
        96 => (24, true),
        _ => return,
    };
    if long {
        bytes[at..at + 8].copy_from_slice(&i64::from(seconds).to_ne_bytes());
    } else {
        bytes[at..at + 4].copy_from_slice(&seconds.to_ne_bytes());
    }
}

fn judge(reading: &Reading, now: RawTime) {
    // A pulse of a sample that is ten seconds old lies half a second beside it.
    assert!((reading.at - now).abs() <= NtpDuration::from_millis(10_500));
    assert!(reading.resolution >= NtpDuration::from_nanos(1));
    assert!(reading.leap.is_some());
}
