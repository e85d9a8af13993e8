//! Which sentences make a reading, and when that was.

use std::time::Duration;

use ntp_proto::time::{Monotonic, NtpDuration};
use ntp_refclock::nmea::{Status, WithheldCounts};

use crate::line::{Line, millis, sentence};

/// 2026-11-21 12:00:00.
const NOON: i64 = 1_795_262_400;

fn rmc(time: &str) -> String {
    sentence(&format!("GPRMC,{time},A,5000.0000,N,00800.0000,E,0.0,0.0,211126,,,A"))
}

fn gga(time: &str) -> String {
    sentence(&format!("GPGGA,{time},5000.0000,N,00800.0000,E,1,08,1.0,100.0,M,47.0,M,,"))
}

fn zda(time: &str) -> String {
    sentence(&format!("GPZDA,{time},21,11,2026,00,00"))
}

fn time(second: u64) -> String {
    format!("12{:02}{:02}.00", second / 60, second % 60)
}

fn status(line: &Line) -> Status {
    line.receiver.status(Monotonic::from_nanos(line.now.as_nanos() as u64))
}

/// Readings as the second after noon and the milliseconds after the opening at which it was.
fn seconds(line: &Line) -> Vec<(i64, f64)> {
    line.seen().iter().map(|(second, _, at_ms)| (second - NOON, *at_ms)).collect()
}

fn close(seen: &[(i64, f64)], wanted: &[(i64, f64)], within_ms: f64) {
    let close = |(a, b): (&(i64, f64), &(i64, f64))| a.0 == b.0 && (a.1 - b.1).abs() <= within_ms;
    assert!(seen.len() == wanted.len() && seen.iter().zip(wanted).all(close), "{seen:?}, not {wanted:?}");
}

#[test]
fn a_burst_that_comes_all_at_once_is_stamped_when_it_comes() {
    let mut line = Line::new(9600);
    for second in 0..4 {
        let burst = [rmc(&time(second)), gga(&time(second)), zda(&time(second))].concat();
        line.send_at_once(millis(1000 + second * 1000), burst.as_bytes());
    }
    line.listen(millis(6000));
    close(&seconds(&line), &[(0, 1000.1), (1, 2000.1), (2, 3000.1), (3, 4000.1)], 0.01);
    assert!(line.readings.iter().all(|reading| reading.resolution == NtpDuration::from_millis(10)));
}

#[test]
fn a_second_a_burst_wakes_three_or_four_times() {
    let mut line = Line::new(9600);
    for second in 0..120 {
        // Some 240 ms at this speed, with satellites that come and go.
        let burst = [rmc(&time(second)), gga(&time(second)), zda(&time(second))].concat();
        let list = sentence("GPGSV,1,1,01,04,61,120,38").repeat(second as usize / 7 % 3);
        line.send(millis(1000 + second * 1000), (burst + &list).as_bytes());
    }
    line.listen(millis(61_000));
    line.looks = 0;
    line.listen(millis(121_000));
    assert_eq!(line.readings.len(), 120);
    assert!((120..=240).contains(&line.looks), "{} looks in a minute", line.looks);
}

#[test]
fn a_pause_inside_a_burst_makes_no_second_one() {
    let mut line = Line::new(9600);
    for second in 0..3 {
        let at = 1000 + second * 1000;
        line.send(millis(at), gga(&time(second)).as_bytes());
        // Much longer than the gap that ends a burst; the date comes only after it.
        line.send(millis(at + 400), rmc(&time(second)).as_bytes());
        line.send(millis(at + 700), zda(&time(second)).as_bytes());
    }
    line.listen(millis(5000));
    close(&seconds(&line), &[(0, 1008.4), (1, 2008.4), (2, 3008.4)], 0.1);
    assert_eq!(status(&line).withheld, WithheldCounts { repeated: 3, ..WithheldCounts::default() });
}

#[test]
fn a_pause_is_forgotten_when_its_burst_is_over() {
    let mut line = Line::new(9600);
    line.send(millis(1000), gga("120000.00").as_bytes());
    line.send(millis(1400), rmc("120000.00").as_bytes());
    // Two bursts without quiet between them.
    line.send(millis(2000), (rmc("120001.00") + &sentence("GPTXT,x").repeat(60)).as_bytes());
    line.send(millis(2100), rmc("120001.60").as_bytes());
    // A date that comes much too late is that of another time.
    line.send(millis(5000), gga("120004.00").as_bytes());
    line.send(millis(7000), rmc("120004.00").as_bytes());
    line.listen(millis(9000));
    let length = |text: &str| text.len() as f64 * 10e3 / 9600.0;
    let crowded = 2008.4 + length(&(rmc("120001.00") + &sentence("GPTXT,x").repeat(60)));
    close(&seconds(&line), &[(0, 1008.4), (1, 2008.4), (1, crowded)], 8.5);
    let counts = WithheldCounts { undated: 1, repeated: 1, ..WithheldCounts::default() };
    assert_eq!(status(&line).withheld, counts);
}

#[test]
fn a_pause_is_not_the_beginning_of_what_follows_its_date() {
    let mut line = Line::new(9600);
    line.send(millis(1000), gga("120000.00").as_bytes());
    line.send(millis(1600), (rmc("120000.00") + &rmc("120000.60")).as_bytes());
    line.listen(millis(3000));
    let later = 1608.4 + rmc("120000.00").len() as f64 * 10e3 / 9600.0;
    close(&seconds(&line), &[(0, 1008.4), (0, later)], 8.5);
}

#[test]
fn a_sentence_may_be_held_up_by_those_before_it() {
    let mut line = Line::new(9600);
    let text = sentence("GPTXT,x");
    // Of the first burst the time comes late, of the second first, and there is no quiet between.
    let before = text.repeat(300 / text.len()) + &rmc("120000.00");
    let first = text.repeat((955 - before.len()) / text.len());
    let first = before + &first;
    line.send(millis(1000), first.as_bytes());
    line.send(millis(2000), (rmc("120001.00") + &text.repeat(40)).as_bytes());
    line.send(millis(3000), rmc("120002.00").as_bytes());
    line.listen(millis(5000));
    let read: Vec<_> = seconds(&line).iter().map(|(second, _)| *second).collect();
    assert_eq!(read, [0, 1, 2]);
}

#[test]
fn of_two_dates_that_agree_the_longer_is_shown() {
    let mut line = Line::new(9600);
    let lost = sentence("GPRMC,120000.00,A,,,,,,,070407,,,A");
    line.send(millis(1000), (lost.clone() + &zda("120000.00")).as_bytes());
    line.listen(millis(3000));
    assert_eq!((line.readings.len(), status(&line).weeks_repaired), (1, 0));
    line.send(millis(5000), sentence("GPRMC,120004.00,A,,,,,,,070407,,,A").as_bytes());
    line.listen(millis(6000));
    assert_eq!((line.readings.len(), status(&line).weeks_repaired), (2, 1024));
}

#[test]
fn a_burst_without_end_is_none() {
    let mut line = Line::new(9600);
    let text = rmc("120000.00") + &gga("120000.00").repeat(200);
    line.send(millis(1000), text.as_bytes());
    line.listen(millis(20_000));
    assert_eq!((line.readings.len(), status(&line).withheld.contradictory), (0, 1));
}

#[test]
fn ten_times_a_second_without_a_pause() {
    let mut line = Line::new(9600);
    // 95 of the 96 characters that 100 ms have room for.
    for tenth in 0..40u64 {
        let time = format!("1200{:02}.{}0", tenth / 10, tenth % 10);
        let mut burst = rmc(&time);
        burst.push_str(&sentence(&"x".repeat(95 - burst.len() - 6)));
        line.send(millis(1000 + tenth * 100), burst.as_bytes());
    }
    line.listen(millis(6000));
    let seen = line.seen();
    assert!(seen.len() >= 39, "{}", seen.len());
    for (second, fraction, at_ms) in seen {
        let late = at_ms - 1000.0 - ((second - NOON) * 1000) as f64 - f64::from(fraction);
        assert!((0.0..17.0).contains(&late), "{late} ms");
    }
    assert!(line.looks < 150, "{}", line.looks);
    let doubt = line.readings.last().unwrap().resolution;
    assert!(doubt > NtpDuration::from_millis(40), "a look each 50 ms says no better: {doubt}");
}

#[test]
fn ten_times_a_second_over_usb() {
    let mut line = Line::new(9600);
    for tenth in 0..40u64 {
        let time = format!("1200{:02}.{}00", tenth / 10, tenth % 10);
        line.send_at_once(millis(1000 + tenth * 100), (rmc(&time) + &gga(&time)).as_bytes());
    }
    line.listen(millis(6000));
    let seen = line.seen();
    assert_eq!(seen.len(), 40);
    for (second, fraction, at_ms) in seen {
        let late = at_ms - 1000.0 - ((second - NOON) * 1000) as f64 - f64::from(fraction);
        assert!((0.0..0.2).contains(&late), "{late} ms");
    }
}

#[test]
fn sentences_that_mean_different_instants_make_no_reading() {
    let mut line = Line::new(9600);
    let bursts = [
        [rmc("120000.00"), gga("120005.00")],
        [gga("120001.00"), rmc("120000.00")],
        [rmc("120002.00"), sentence("GPZDA,120002.00,22,11,2026,00,00")],
        [rmc("120003.00"), sentence("GPRMC,120003.00,A,,,,,,,201126,,,A")],
        [rmc("120004.00"), gga("120004.00")],
    ];
    for (second, burst) in (1..).zip(&bursts) {
        line.send(millis(second * 1000), burst.concat().as_bytes());
    }
    line.listen(millis(7000));
    close(&seconds(&line), &[(4, 5008.4)], 0.1);
    assert_eq!(status(&line).withheld, WithheldCounts { contradictory: 4, ..WithheldCounts::default() });
}

#[test]
fn a_clock_that_stands_is_read_once() {
    let mut line = Line::new(9600);
    for second in 1..6 {
        line.send(millis(second * 1000), rmc("120000.00").as_bytes());
    }
    line.listen(millis(7000));
    close(&seconds(&line), &[(0, 1008.4)], 0.1);
    assert_eq!(status(&line).withheld.repeated, 4);
}

#[test]
fn a_time_without_a_date_is_none() {
    let mut line = Line::new(9600);
    for second in 1..6 {
        line.send(millis(second * 1000), gga(&time(second)).as_bytes());
    }
    line.listen(millis(7000));
    assert_eq!(seconds(&line), []);
    // The last still waits for its date.
    assert_eq!(status(&line).withheld, WithheldCounts { undated: 4, ..WithheldCounts::default() });
}

#[test]
fn a_date_alone_is_believed_only_while_the_fix_is_not_known_to_be_lost() {
    let mut line = Line::new(9600);
    let lost = sentence("GPRMC,120002.00,V,,,,,,,211126,,,N");
    line.send(millis(1000), zda("120000.00").as_bytes());
    line.send(millis(2000), zda("120001.00").as_bytes());
    line.send(millis(3000), lost.as_bytes());
    line.send(millis(4000), zda("120003.00").as_bytes());
    line.send(millis(5000), rmc("120004.00").as_bytes());
    line.send(millis(6000), zda("120005.00").as_bytes());
    line.listen(millis(8000));
    let read: Vec<_> = seconds(&line).iter().map(|(second, _)| *second).collect();
    assert_eq!(read, [0, 1, 4, 5]);
    assert_eq!(status(&line).withheld, WithheldCounts { no_fix: 2, ..WithheldCounts::default() });
}

#[test]
fn gsa_alone_can_deny_the_fix() {
    let mut line = Line::new(9600);
    let none = sentence("GPGSA,A,1,,,,,,,,,,,,,,,");
    let some = sentence("GPGSA,A,3,04,17,28,31,,,,,,,,,2.5,1.3,2.1");
    line.send(millis(1000), (rmc("120000.00") + &none).as_bytes());
    // One system has none, but another has.
    line.send(millis(2000), (rmc("120001.00") + &some + &none).as_bytes());
    line.listen(millis(4000));
    close(&seconds(&line), &[(1, 2008.4)], 0.1);
}

#[test]
fn a_burst_whose_beginning_was_missed_is_not_read() {
    let mut line = Line::new(9600);
    let burst = rmc("120000.00") + &gga("120000.00");
    // The line was opened while it came in.
    line.send(Duration::ZERO, burst.as_bytes());
    line.send(millis(1000), (rmc("120001.00") + &gga("120001.00")).as_bytes());
    line.listen(millis(3000));
    close(&seconds(&line), &[(1, 1008.4)], 0.1);
    assert_eq!(status(&line).withheld, WithheldCounts { unstarted: 1, ..WithheldCounts::default() });
}

#[test]
fn a_clock_that_is_set_during_a_burst_spoils_it() {
    for (nanos, readings) in [(60_000_000, 2), (-3_600_000_000_000, 2), (1_000_000, 3)] {
        let mut line = Line::new(9600);
        line.step = Some((millis(2050), nanos));
        for second in 0..3 {
            line.send(millis(1000 + second * 1000), rmc(&time(second)).as_bytes());
        }
        line.listen(millis(5000));
        assert_eq!(line.readings.len(), readings, "{nanos}");
        assert_eq!(status(&line).withheld.clock_set, 3 - readings as u64, "{nanos}");
    }
}

#[test]
fn noise_between_bursts_is_not_their_beginning() {
    let mut line = Line::new(9600);
    for second in 0..3 {
        line.send(millis(1000 + second * 1000), rmc(&time(second)).as_bytes());
        line.send(millis(1600 + second * 1000), b"\0\xff$G");
    }
    line.listen(millis(5000));
    close(&seconds(&line), &[(0, 1008.4), (1, 2008.4), (2, 3008.4)], 0.1);
}

#[test]
fn midnight_and_the_leap_second_ten_times_a_second() {
    let mut line = Line::new(115_200);
    let times: Vec<_> = (0..30u64)
        .map(|tenth| match tenth {
            0..10 => format!("235959.{tenth}00,A,,,,,,,311226"),
            10..20 => format!("235960.{}00,A,,,,,,,311226", tenth - 10),
            _ => format!("000000.{}00,A,,,,,,,010127", tenth - 20),
        })
        .collect();
    for (tenth, time) in (0..).zip(&times) {
        line.send(millis(1000 + tenth * 100), sentence(&format!("GPRMC,{time},,,A")).as_bytes());
    }
    line.listen(millis(6000));
    let midnight = 1_798_761_600;
    let wanted: Vec<_> =
        (0..30).map(|tenth| (midnight + [-1, -1, 0][tenth / 10], tenth as u32 % 10 * 100)).collect();
    let seen: Vec<_> = line.seen().iter().map(|(second, fraction, _)| (*second, *fraction)).collect();
    assert_eq!(seen, wanted);
}
