//! Samples as they lie in memory, of all sizes, and bytes that are none.

use proptest::prelude::*;

use super::*;

/// The structure as programs for 64 bits have it.
#[repr(C)]
#[derive(Clone, Copy)]
struct ShmTime {
    mode: i32,
    count: i32,
    clock_sec: i64,
    clock_usec: i32,
    receive_sec: i64,
    receive_usec: i32,
    leap: i32,
    precision: i32,
    nsamples: i32,
    valid: i32,
    clock_nsec: u32,
    receive_nsec: u32,
    dummy: [i32; 8],
}

#[test]
fn the_layouts_are_those_of_the_structure() {
    #[cfg(target_pointer_width = "64")]
    {
        use std::mem::offset_of;
        assert_eq!(size_of::<ShmTime>(), LONG.size);
        assert_eq!(offset_of!(ShmTime, clock_sec), LONG.clock.seconds);
        assert_eq!(offset_of!(ShmTime, clock_usec), LONG.clock.micros);
        assert_eq!(offset_of!(ShmTime, receive_sec), LONG.receive.seconds);
        assert_eq!(offset_of!(ShmTime, receive_usec), LONG.receive.micros);
        assert_eq!(offset_of!(ShmTime, leap), LONG.leap);
        assert_eq!(offset_of!(ShmTime, precision), LONG.precision());
        assert_eq!(offset_of!(ShmTime, valid), LONG.valid());
        assert_eq!(offset_of!(ShmTime, clock_nsec), LONG.clock_nanos());
        assert_eq!(offset_of!(ShmTime, receive_nsec), LONG.receive_nanos());
    }
    for (layout, time, gap) in [(SHORT, 4, 0), (PACKED, 8, 0), (LONG, 8, 4)] {
        assert_eq!(layout.clock.micros, layout.clock.seconds + time);
        assert_eq!(layout.receive.seconds, layout.clock.micros + 4 + gap);
        assert_eq!(layout.receive.micros, layout.receive.seconds + time);
        assert_eq!(layout.leap, layout.receive.micros + 4);
        // Two fields for nanoseconds, eight that are unused, and what fills the longest up to its alignment.
        assert_eq!(layout.size, (layout.receive_nanos() + 4 + 32).next_multiple_of(4 + gap));
    }
}

fn now() -> RawTime {
    RawTime::from_unix(1_800_000_000, 250_000_000)
}

/// What gpsd writes.
fn good() -> Written {
    let time = |micros, nanos| Time { seconds: 1_800_000_000, micros, nanos };
    Written {
        mode: 1,
        count: 6,
        clock: time(0, 0),
        receive: time(100_200, 100_200_300),
        leap: 0,
        precision: -20,
        valid: true,
    }
}

fn bytes(layout: &Layout, written: &Written) -> Vec<u8> {
    let mut bytes = vec![0; layout.size];
    let mut int = |at: usize, value: i32| bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    int(0, written.mode);
    int(4, written.count);
    int(layout.leap, written.leap);
    int(layout.precision(), written.precision);
    int(layout.valid(), written.valid.into());
    let times = [
        (layout.clock, written.clock, layout.clock_nanos()),
        (layout.receive, written.receive, layout.receive_nanos()),
    ];
    for (place, time, nanos) in times {
        int(place.micros, time.micros);
        int(nanos, time.nanos);
        if !layout.long {
            int(place.seconds, time.seconds as i32);
        }
    }
    for (place, time, _) in times.into_iter().filter(|_| layout.long) {
        bytes[place.seconds..place.seconds + 8].copy_from_slice(&time.seconds.to_ne_bytes());
    }
    bytes
}

#[test]
fn all_three_forms_are_read() {
    for layout in [SHORT, PACKED, LONG] {
        let reading = decode(&bytes(&layout, &good()), now()).unwrap();
        assert_eq!(reading.at, RawTime::from_unix(1_800_000_000, 100_200_300));
        assert_eq!(reading.shows, Shows::Time(RawTime::from_unix(1_800_000_000, 0).reinterpret()));
        assert_eq!(reading.leap, Some(Leap::None));
        assert_eq!(reading.resolution, NtpDuration::from_ticks(1 << 12));
    }
}

#[test]
fn nanoseconds_that_do_not_belong_to_the_microseconds_are_left() {
    let mut old = good();
    (old.receive.nanos, old.precision) = (0, -30);
    let reading = decode(&bytes(&LONG, &old), now()).unwrap();
    assert_eq!(reading.at, RawTime::from_unix(1_800_000_000, 100_200_000));
    assert_eq!(reading.resolution, NtpDuration::from_nanos(1000));
}

#[test]
fn what_says_nothing_says_why() {
    let refused = |change: fn(&mut Written)| {
        let mut written = good();
        change(&mut written);
        decode(&bytes(&LONG, &written), now()).unwrap_err()
    };
    assert_eq!(refused(|w| w.valid = false), Refusal::Nothing);
    assert_eq!(refused(|w| w.mode = 2), Refusal::Nonsense);
    assert_eq!(refused(|w| w.leap = 4), Refusal::Nonsense);
    assert_eq!(refused(|w| w.leap = -1), Refusal::Nonsense);
    assert_eq!(refused(|w| w.clock.seconds = -1), Refusal::Nonsense);
    assert_eq!(refused(|w| w.clock.seconds = i64::MAX), Refusal::Nonsense);
    assert_eq!(refused(|w| w.clock.micros = 1_000_000), Refusal::Nonsense);
    assert_eq!(refused(|w| w.receive.micros = -1), Refusal::Nonsense);
    assert_eq!(refused(|w| w.receive.seconds -= 11), Refusal::Stale);
    assert_eq!(refused(|w| w.receive.seconds += 2), Refusal::Stale);
    assert_eq!(decode(&[1; 95], now()), Err(Refusal::Size));
    assert_eq!(decode(&[], now()), Err(Refusal::Size));
}

#[test]
fn whoever_has_no_fix_says_so() {
    let mut written = good();
    written.leap = 3;
    assert_eq!(decode(&bytes(&LONG, &written), now()).unwrap().leap, Some(Leap::Unsynchronised));
}

#[test]
fn precision_is_kept_within_bounds() {
    for (precision, nanos) in
        [(i32::MIN, 1), (-30, 1), (-1, 10_000_000), (0, 10_000_000), (i32::MAX, 10_000_000)]
    {
        assert_eq!(resolution(precision), NtpDuration::from_nanos(nanos));
    }
    assert_eq!(resolution(-10), NtpDuration::from_ticks(1 << 22));
    assert_eq!(resolution(-7), NtpDuration::from_ticks(1 << 25));
    assert!(resolution(-29) > resolution(-30) && resolution(-7) < resolution(-6));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_make_a_sound_reading(
        mut bytes in prop_oneof![Just(80), Just(88), 90..100usize]
            .prop_flat_map(|size| prop::collection::vec(any::<u8>(), size)),
        tame: bool,
    ) {
        if tame && let Some(layout) = Layout::of(bytes.len()) {
            for (at, value) in [(0, 1), (layout.leap, 1), (layout.valid(), 1)] {
                bytes[at..at + 4].copy_from_slice(&i32::to_ne_bytes(value));
            }
            bytes[layout.receive.micros..][..4].fill(0);
            bytes[layout.clock.micros..][..4].fill(0);
        }
        if let Ok(reading) = decode(&bytes, now()) {
            prop_assert!((now() - reading.at).abs() <= NtpDuration::from_secs(10));
            prop_assert!(reading.resolution >= NtpDuration::from_nanos(1));
        }
    }
}
