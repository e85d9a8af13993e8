//! Samples as they are sent, of both widths, and bytes that are none.

use ntp_proto::time::EstimatedTime;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy)]
struct Sample {
    seconds: i64,
    micros: i64,
    offset: f64,
    pulse: i32,
    leap: i32,
    magic: i32,
}

const GOOD: Sample =
    Sample { seconds: 1_800_000_000, micros: 100_200, offset: -0.100_200_3, pulse: 0, leap: 0, magic: MAGIC };

impl Sample {
    fn long(&self) -> Vec<u8> {
        [self.seconds.to_ne_bytes(), self.micros.to_ne_bytes()]
            .concat()
            .into_iter()
            .chain(self.tail())
            .collect()
    }

    fn short(&self) -> Vec<u8> {
        let time = [self.seconds as i32, self.micros as i32].map(i32::to_ne_bytes).concat();
        time.into_iter().chain(self.tail()).collect()
    }

    fn tail(&self) -> Vec<u8> {
        let integers = [self.pulse, self.leap, 77, self.magic].map(i32::to_ne_bytes).concat();
        self.offset.to_ne_bytes().into_iter().chain(integers).collect()
    }
}

fn now() -> RawTime {
    RawTime::from_unix(1_800_000_000, 250_000_000)
}

#[test]
fn both_lengths_say_the_same_to_the_nanosecond() {
    assert_eq!((GOOD.long().len(), GOOD.short().len()), (40, 32));
    for datagram in [GOOD.long(), GOOD.short()] {
        let reading = decode(&datagram, now()).unwrap();
        assert_eq!(reading.at, RawTime::from_unix(1_800_000_000, 100_200_000));
        let Shows::Time(shows) = reading.shows else { panic!() };
        let error = shows - EstimatedTime::from_unix(1_799_999_999, 999_999_700);
        assert!(error.abs() <= NtpDuration::from_nanos(1), "{error}");
        assert_eq!(reading.leap, Some(Leap::None));
    }
}

#[test]
fn a_pulse_is_when_the_true_time_was_whole() {
    // True time, written with any number of seconds too many, was 400 us before or 300 us after a second.
    for (micros, offset, pulse) in
        [(100_000, -0.1004, 100_400_000), (100_000, 7.9003, 99_700_000), (0, 0.5, 500_000_000)]
    {
        let sample = Sample { micros, offset, pulse: 1, leap: 1, ..GOOD };
        let reading = decode(&sample.long(), now()).unwrap();
        assert_eq!((reading.shows, reading.leap), (Shows::Pulse, Some(Leap::Insert)));
        let error = reading.at - RawTime::from_unix(1_800_000_000, pulse);
        assert!(error.abs() <= NtpDuration::from_nanos(1), "{error}");
    }
}

#[test]
fn what_says_nothing_says_why() {
    let refused = |sample: Sample| decode(&sample.long(), now()).unwrap_err();
    for length in [0, 1, 24, 31, 33, 39, 41, 48, 4096] {
        assert_eq!(decode(&vec![1; length], now()), Err(Refusal::Size));
    }
    assert_eq!(refused(Sample { magic: 0, ..GOOD }), Refusal::Magic);
    for offset in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 2_147_483_648.0, -1e300] {
        assert_eq!(refused(Sample { offset, ..GOOD }), Refusal::Nonsense);
    }
    for micros in [-1, 1_000_000, i64::MAX] {
        assert_eq!(refused(Sample { micros, ..GOOD }), Refusal::Nonsense);
    }
    for seconds in [-1, i64::MIN, i64::MAX] {
        assert_eq!(refused(Sample { seconds, ..GOOD }), Refusal::Nonsense);
    }
    for leap in [-1, 4, i32::MAX] {
        assert_eq!(refused(Sample { leap, ..GOOD }), Refusal::Nonsense);
    }
    for seconds in [0, GOOD.seconds - 11, GOOD.seconds + 2] {
        assert_eq!(refused(Sample { seconds, ..GOOD }), Refusal::Stale);
    }
}

proptest! {
    #[test]
    fn any_datagram_is_refused_or_makes_a_recent_reading(
        mut datagram in prop::collection::vec(any::<u8>(), 0..50),
        tame in any::<bool>(),
        offset: f64,
        pulse: bool,
    ) {
        if tame {
            datagram = Sample { offset, pulse: pulse.into(), ..GOOD }.long();
        }
        if let Ok(reading) = decode(&datagram, now()) {
            // A pulse lies within half a second of the stamp.
            prop_assert!((now() - reading.at).abs() <= NtpDuration::from_millis(10_500));
        }
    }

    #[test]
    fn a_pulse_and_a_time_of_one_sample_agree(offset in -1e6..1e6f64, micros in 0..1_000_000i64) {
        let time = decode(&Sample { offset, micros, ..GOOD }.long(), now()).unwrap();
        let pulse = decode(&Sample { offset, micros, pulse: 1, ..GOOD }.long(), now()).unwrap();
        let Shows::Time(shows) = time.shows else { panic!() };
        // What the clock of the sender would have shown at the pulse, had it shown the true time.
        let (_, fraction) = (shows + (pulse.at - time.at)).to_parts();
        prop_assert_eq!(fraction, 0);
        prop_assert!((pulse.at - time.at).abs() <= NtpDuration::from_millis(500));
    }
}
