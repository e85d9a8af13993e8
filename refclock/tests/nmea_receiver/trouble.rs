//! Lines with something wrong: what is made of it, what people are told, and what it costs.

use ntp_proto::time::Monotonic;
use ntp_refclock::Wait;
use ntp_refclock::nmea::{RefusedCounts, Signal, Status};
use proptest::prelude::*;

use crate::line::{Line, millis, sentence};

fn rmc(second: u64) -> String {
    sentence(&format!("GPRMC,1200{second:02}.00,A,5000.0000,N,00800.0000,E,0.0,0.0,211126,,,A"))
}

fn status(line: &Line) -> Status {
    line.receiver.status(Monotonic::from_nanos(line.now.as_nanos() as u64))
}

/// Bytes without any order.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn silence_is_told_from_a_line_just_opened() {
    let mut line = Line::new(9600);
    line.listen(millis(4000));
    assert_eq!((status(&line).signal, status(&line).silent_s), (Signal::Starting, None));
    line.listen(millis(6000));
    assert_eq!(status(&line).signal, Signal::Silent);
    assert!(status(&line).advice.unwrap().contains("nothing has come"));
    line.send(millis(7000), rmc(0).as_bytes());
    line.listen(millis(8000));
    assert_eq!((status(&line).signal, status(&line).advice), (Signal::Sentences, None));
    line.looks = 0;
    line.listen(millis(3_600_000));
    let silent = status(&line);
    assert_eq!((silent.signal, line.looks), (Signal::Silent, 0));
    assert!((silent.silent_s.unwrap() - 3592.9).abs() < 0.1, "{:?}", silent.silent_s);
    assert!(silent.advice.unwrap().contains("has stopped"));
    assert_eq!((silent.fix, silent.satellites_used, silent.talkers), (None, None, vec![]));
}

#[test]
fn a_wrong_speed_is_guessed() {
    let mut line = Line::new(38_400);
    for second in 1..6 {
        line.send(millis(second * 1000), &noise(200));
    }
    line.listen(millis(6000));
    let status = status(&line);
    assert_eq!(status.signal, Signal::Garbage);
    let advice = status.advice.unwrap();
    assert!(advice.contains("set to 38400 baud") && advice.contains("9600, 4800, 115200"), "{advice}");
}

#[test]
fn other_protocols_are_recognised() {
    let told = |bytes: &[u8]| {
        let mut line = Line::new(9600);
        for second in 1..6 {
            line.send(millis(second * 1000), bytes);
        }
        line.listen(millis(6000));
        assert_eq!(status(&line).signal, Signal::Garbage);
        status(&line).advice.unwrap()
    };
    let ubx = [&[0xb5, 0x62, 0x01, 0x07, 0x5c, 0x00][..], &[0; 94]].concat();
    assert!(told(&ubx).contains("UBX"));
    assert!(told(&b"login: Password: \r\n".repeat(10)).contains("text"));
}

#[test]
fn sentences_after_noise_are_read_and_noise_after_sentences_is_seen() {
    let mut line = Line::new(9600);
    line.send(millis(1000), &noise(900));
    line.send(millis(3000), rmc(0).as_bytes());
    line.listen(millis(4000));
    assert_eq!((line.readings.len(), status(&line).signal), (1, Signal::Sentences));
    line.send(millis(5000), &noise(9000));
    line.listen(millis(14_000));
    assert_eq!(status(&line).signal, Signal::Garbage);
}

#[test]
fn lines_too_long_without_ends_and_with_zeros() {
    let mut line = Line::new(115_200);
    let long = format!("${}\r\n", "x".repeat(5000));
    let no_return = rmc(1).replace('\r', "");
    let no_end = rmc(2).replace("\r\n", "") + &sentence("GPTXT,y");
    let zero = rmc(3).replace(",A,", ",\0A,");
    let cut = rmc(4)[..40].to_owned();
    for (second, text) in (1..).zip([long, no_return, no_end, zero, cut, rmc(5)]) {
        line.send(millis(second * 1000), text.as_bytes());
    }
    line.listen(millis(8000));
    assert_eq!(line.readings.len(), 3);
    let refused = RefusedCounts { no_checksum: 1, bad_checksum: 0, too_long: 1, malformed: 1 };
    let seen = status(&line).refused;
    assert_eq!((seen.no_checksum, seen.too_long), (refused.no_checksum, refused.too_long));
    // A zero changes no sum, so it is the text that is refused.
    assert_eq!((seen.bad_checksum, seen.malformed), (0, 1));
}

#[test]
fn a_flood_gives_no_reading_and_is_left_alone() {
    let mut line = Line::new(9600);
    line.listen(millis(1000));
    let stamp = line.stamp(line.now);
    let flood: Vec<u8> = (0..60).flat_map(|second| rmc(second).into_bytes()).collect();
    line.receiver.chunk(stamp, &flood, &mut line.readings);
    line.receiver.flooded(stamp);
    assert_eq!(line.readings, []);
    let Wait::For(pause) = line.receiver.wait() else { panic!("a flood is not waited for") };
    assert!(pause >= millis(100));
    assert_eq!(status(&line).signal, Signal::Flood);
    // When it ends, all is as before.
    line.send(millis(3000), rmc(7).as_bytes());
    line.listen(millis(7000));
    assert_eq!((line.readings.len(), status(&line).signal), (1, Signal::Sentences));
}

#[test]
fn times_that_run_faster_than_time_give_at_most_one_reading() {
    let mut line = Line::new(115_200);
    let recorded: Vec<u8> = (0..60).flat_map(|second| rmc(second).into_bytes()).collect();
    line.send(millis(1000), &recorded);
    line.listen(millis(5000));
    assert_eq!(line.readings, []);
    assert_eq!(status(&line).withheld.contradictory, 1);
}

#[test]
fn neither_debug_output_nor_a_status_shows_the_place_unasked() {
    let mut line = Line::new(9600);
    let stamp = line.stamp(millis(500));
    let mut secretive = ntp_refclock::nmea::Receiver::new(9600, false);
    let gga = sentence("GPGGA,120000.00,4712.3400,N,00834.5600,E,1,08,1.0,432.1,M,47.0,M,,") + &rmc(0);
    for receiver in [&mut line.receiver, &mut secretive] {
        receiver.chunk(stamp, gga.as_bytes(), &mut Vec::new());
        receiver.chunk(stamp, b"$GPGGA,120001.00,4712.3400", &mut Vec::new());
        let later = Monotonic::from_nanos(700_000_000);
        receiver.drained(stamp, &mut Vec::new());
        let stamp = ntp_refclock::nmea::Stamp { mono: later, raw: stamp.raw };
        receiver.drained(stamp, &mut Vec::new());
    }
    let later = Monotonic::from_nanos(800_000_000);
    assert!(line.receiver.status(later).position.is_some());
    assert_eq!(secretive.status(later).position, None);
    let debug = format!("{secretive:?}");
    assert!(!debug.contains("47.2") && !debug.contains("432.1") && !debug.contains("4712"), "{debug}");
}

#[test]
fn a_status_survives_being_written_down() {
    let mut line = Line::new(9600);
    line.send(millis(1000), (rmc(0) + &sentence("GPGSV,1,1,01,04,61,120,38")).as_bytes());
    line.listen(millis(3000));
    let status = status(&line);
    let text = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
}

proptest! {
    /// Whatever noise does to the bytes, a wrong time is never read.
    #[test]
    fn noise_makes_no_other_time(hits in proptest::collection::vec((0..640usize, any::<u8>()), 0..40)) {
        let mut bytes: Vec<u8> = (0..8).flat_map(|second| rmc(second).into_bytes()).collect();
        for (at, byte) in hits {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let mut line = Line::new(9600);
        let length = bytes.len() / 8;
        for (second, burst) in (0..).zip(bytes.chunks(length)) {
            line.send(millis(1000 + second * 1000), burst);
        }
        line.listen(millis(10_000));
        for (second, fraction, at_ms) in line.seen() {
            let should = 1_795_262_400 + (at_ms as i64 - 1000) / 1000;
            prop_assert_eq!((second, fraction), (should, 0));
        }
    }
}
