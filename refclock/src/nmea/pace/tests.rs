//! When the line is looked at, in simulated time.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Plays bursts of so many characters a period for as many periods, as a port that reports each eight of them. Returns
/// the looks of the last ten periods and how often the line was seen quiet in them.
fn play(baud: u32, length: u32, period: Duration, periods: u32) -> (u32, u32) {
    let mut pace = Pace::new(baud);
    let chunks = (0..periods).flat_map(|burst| {
        (1..=length.div_ceil(8)).map(move |chunk| period * burst + characters((chunk * 8).min(length), baud))
    });
    let mut chunks = chunks.map(|at| at + SECOND).peekable();
    let (mut now, mut looks, mut quiet) = (Duration::ZERO, 0, 0);
    let counts_from = SECOND + period * (periods - 10);
    loop {
        now = match pace.wait() {
            Wait::For(span) => now + span,
            Wait::Readable => match chunks.peek() {
                Some(&next) => now.max(next),
                None => return (looks, quiet),
            },
            Wait::ReadableOr(_) => unreachable!(),
        };
        let stamp = Monotonic::from_nanos(now.as_nanos() as u64);
        while chunks.next_if(|at| *at <= now).is_some() {
            pace.chunk(stamp);
        }
        let counts = u32::from(now >= counts_from);
        quiet += counts * u32::from(pace.drained(stamp));
        looks += counts;
    }
}

#[test]
fn a_burst_costs_three_looks_or_four() {
    for (baud, length) in
        [(4800, 380), (9600, 230), (9600, 480), (38_400, 480), (115_200, 700), (921_600, 700)]
    {
        let (looks, quiet) = play(baud, length, SECOND, 60);
        assert_eq!(quiet, 10, "{baud} baud");
        // What lasts longer than a look may wait takes more of them.
        let lasts = characters(length, baud).as_millis() as u32;
        assert!(looks <= 10 * (4 + lasts / 100), "{looks} looks at {baud} baud, {lasts} ms");
    }
}

#[test]
fn ten_bursts_a_second_are_told_apart_where_the_line_leaves_time() {
    let tenth = Duration::from_millis(100);
    for (baud, length) in [(115_200, 300), (115_200, 500), (38_400, 120)] {
        let (_, quiet) = play(baud, length, tenth, 60);
        assert!(quiet >= 9, "{quiet} of 10 at {baud} baud");
    }
}

#[test]
fn no_wait_is_so_short_that_it_costs_anything() {
    for baud in [1, 50, 300, 4800, 9600, 115_200, 4_000_000, u32::MAX] {
        let mut pace = Pace::new(baud);
        let mut now = 0;
        for step in 0..100u64 {
            let Wait::For(span) = pace.wait() else { panic!("nothing made it quiet") };
            assert!(span >= SHORTEST_GAP && span <= Duration::from_secs(1), "{span:?} at {baud} baud");
            now += span.as_nanos() as u64;
            pace.chunk(Monotonic::from_nanos(now));
            pace.drained(Monotonic::from_nanos(now));
            if step % 10 == 0 {
                pace.crowded();
            }
        }
    }
}

#[test]
fn a_look_too_early_does_not_make_the_line_quiet() {
    let mut pace = Pace::new(9600);
    let at = |millis: u64| Monotonic::from_nanos(millis * 1_000_000);
    assert!(pace.drained(at(1000)));
    assert_eq!(pace.wait(), Wait::Readable);
    assert!(pace.chunk(at(1500)));
    assert!(!pace.drained(at(1500)));
    assert!(!pace.drained(at(1510)));
    assert!(!pace.chunk(at(1540)));
    assert!(!pace.drained(at(1540)));
    assert!(!pace.drained(at(1580)));
    assert!(pace.drained(at(1590)));
    assert!(!pace.drained(at(1591)));
}

#[test]
fn a_flood_is_left_alone_for_longer() {
    let mut pace = Pace::new(9600);
    pace.flooded();
    assert_eq!(pace.wait(), Wait::For(FLOOD_PAUSE));
    assert!(pace.drained(Monotonic::from_nanos(1)));
    assert_eq!(pace.wait(), Wait::Readable);
}
