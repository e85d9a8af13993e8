//! Pulses by their sequence numbers and widths.

use proptest::prelude::*;

use super::*;

const MS: i64 = 1_000_000;

/// A device whose edges the test makes, at nanoseconds of its own count.
#[derive(Default)]
struct Line(Edges);

impl Line {
    fn rise(&mut self, nanos: i64) -> &Edges {
        self.0.assert = next(self.0.assert, nanos);
        &self.0
    }

    fn fall(&mut self, nanos: i64) -> &Edges {
        self.0.clear = next(self.0.clear, nanos);
        &self.0
    }
}

fn next(edge: Captured, nanos: i64) -> Captured {
    Captured {
        sequence: edge.sequence.wrapping_add(1),
        seconds: nanos.div_euclid(1_000_000_000),
        nanos: nanos.rem_euclid(1_000_000_000) as i32,
    }
}

fn at(nanos: i64) -> RawTime {
    RawTime::from_unix(0, 0) + NtpDuration::from_nanos(nanos)
}

fn widths(width: i64) -> Pulses {
    Pulses::new(Edge::Assert, Some(NtpDuration::from_nanos(width)))
}

#[test]
fn each_pulse_comes_once_and_the_one_from_before_never() {
    let (mut line, mut pulses) = (Line::default(), Pulses::new(Edge::Assert, None));
    assert_eq!(pulses.take(line.rise(1000 * MS)), None);
    assert_eq!(pulses.take(&line.0), None);
    assert_eq!(pulses.take(line.rise(2000 * MS)), Some(at(2000 * MS)));
    assert_eq!(pulses.take(&line.0), None);
    assert_eq!(pulses.take(line.fall(2100 * MS)), None);
    assert_eq!(pulses.last_width, Some(NtpDuration::from_nanos(100 * MS)));
    assert_eq!(pulses.counts, Counts { taken: 1, ..Counts::default() });
    assert_eq!(pulses.sequence(), Some(2));
}

#[test]
fn pulses_between_two_looks_are_counted_and_not_invented() {
    let (mut line, mut pulses) = (Line::default(), Pulses::new(Edge::Clear, None));
    line.0.clear.sequence = u32::MAX - 1;
    pulses.take(&line.0);
    line.fall(1000 * MS);
    line.fall(2000 * MS);
    assert_eq!(pulses.take(line.fall(3000 * MS)), Some(at(3000 * MS)));
    assert_eq!(pulses.counts, Counts { taken: 1, missed: 2, ..Counts::default() });
}

#[test]
fn numbers_that_go_backwards_begin_anew() {
    let (mut line, mut pulses) = (Line::default(), Pulses::new(Edge::Assert, None));
    line.0.assert.sequence = 1000;
    pulses.take(&line.0);
    line.0.assert.sequence = 3;
    assert_eq!(pulses.take(&line.0), None);
    assert_eq!(pulses.take(line.rise(2000 * MS)), Some(at(2000 * MS)));
    assert_eq!(pulses.counts, Counts { taken: 1, ..Counts::default() });
}

#[test]
fn nonsense_is_no_stamp() {
    for (seconds, nanos) in [(1, -1), (1, 1_000_000_000), (-1, 0), (i64::MAX, 0), (1 << 40, 0)] {
        let (mut line, mut pulses) = (Line::default(), Pulses::new(Edge::Assert, None));
        pulses.take(&line.0);
        line.0.assert = Captured { sequence: 1, seconds, nanos };
        assert_eq!(pulses.take(&line.0), None);
        assert_eq!(pulses.counts, Counts { nonsense: 1, ..Counts::default() });
    }
}

#[test]
fn a_pulse_of_the_right_width_comes_with_its_end() {
    let (mut line, mut pulses) = (Line::default(), widths(100 * MS));
    pulses.take(&line.0);
    assert_eq!(pulses.take(line.rise(1000 * MS)), None);
    assert_eq!(pulses.take(line.fall(1101 * MS)), Some(at(1000 * MS)));
    assert_eq!(pulses.counts, Counts { taken: 1, ..Counts::default() });
}

#[test]
fn the_other_edge_can_begin_a_pulse() {
    let mut line = Line::default();
    let mut pulses = Pulses::new(Edge::Clear, Some(NtpDuration::from_nanos(100 * MS)));
    pulses.take(&line.0);
    assert_eq!(pulses.take(line.fall(1000 * MS)), None);
    assert_eq!(pulses.take(line.rise(1100 * MS)), Some(at(1000 * MS)));
    // What is between two pulses has another width.
    assert_eq!(pulses.take(line.fall(2000 * MS)), None);
    assert_eq!(pulses.counts, Counts { taken: 1, ..Counts::default() });
}

#[test]
fn glitches_and_what_never_ends_have_the_wrong_width() {
    let (mut line, mut pulses) = (Line::default(), widths(100 * MS));
    pulses.take(&line.0);
    line.rise(1000 * MS);
    assert_eq!(pulses.take(line.fall(1000 * MS + 5_000)), None);
    line.rise(2000 * MS);
    assert_eq!(pulses.take(line.fall(2900 * MS)), None);
    assert_eq!(pulses.take(line.rise(3000 * MS)), None);
    assert_eq!(pulses.take(line.rise(4000 * MS)), None);
    assert_eq!(pulses.take(line.fall(4100 * MS)), Some(at(4000 * MS)));
    assert_eq!(pulses.counts, Counts { taken: 1, wrong_width: 3, ..Counts::default() });
}

#[test]
fn an_end_that_is_seen_late_still_belongs_to_its_beginning() {
    let (mut line, mut pulses) = (Line::default(), widths(900 * MS));
    pulses.take(&line.0);
    assert_eq!(pulses.take(line.rise(1000 * MS)), None);
    line.fall(1900 * MS);
    assert_eq!(pulses.take(line.rise(2000 * MS)), Some(at(1000 * MS)));
    assert_eq!(pulses.take(line.fall(2900 * MS)), Some(at(2000 * MS)));
    assert_eq!(pulses.counts, Counts { taken: 2, ..Counts::default() });
}

#[test]
fn an_end_is_not_given_to_a_pulse_that_others_came_after() {
    let (mut line, mut pulses) = (Line::default(), widths(100 * MS));
    pulses.take(&line.0);
    assert_eq!(pulses.take(line.rise(1000 * MS)), None);
    line.rise(1050 * MS);
    line.fall(1100 * MS);
    assert_eq!(pulses.take(line.rise(2000 * MS)), None);
    assert_eq!(pulses.take(line.fall(2100 * MS)), Some(at(2000 * MS)));
    assert_eq!(pulses.counts, Counts { taken: 1, missed: 1, wrong_width: 1, ..Counts::default() });
}

fn any_edge() -> impl Strategy<Value = Captured> {
    let sequence = prop_oneof![0..6u32, any::<u32>()];
    let seconds = prop_oneof![0..5i64, any::<i64>()];
    let nanos = prop_oneof![0..1_000_000_000i32, any::<i32>()];
    (sequence, seconds, nanos).prop_map(|(sequence, seconds, nanos)| Captured { sequence, seconds, nanos })
}

proptest! {
    #[test]
    fn any_device_gives_only_stamps_that_it_showed(
        shown in prop::collection::vec((any_edge(), any_edge()), 1..40),
        clear: bool,
        width in prop::option::of(0..2_000_000_000i64),
    ) {
        let edge = if clear { Edge::Clear } else { Edge::Assert };
        let mut pulses = Pulses::new(edge, width.map(NtpDuration::from_nanos));
        let mut stamps = Vec::new();
        let mut taken = 0;
        for (assert, clear) in shown {
            let edges = Edges { assert, clear };
            stamps.extend(stamp(pulses.begin(&edges)));
            if let Some(pulse) = pulses.take(&edges) {
                taken += 1;
                prop_assert!(stamps.contains(&pulse));
            }
        }
        prop_assert_eq!(pulses.counts.taken, taken);
    }

    #[test]
    fn a_steady_line_loses_nothing_however_it_is_looked_at(
        looks in prop::collection::vec(any::<bool>(), 80),
        width in 50..950i64,
    ) {
        let (mut line, mut pulses) = (Line::default(), widths(width * MS));
        pulses.take(&line.0);
        let mut looks = looks.into_iter();
        for second in 1..=40 {
            line.rise(second * 1000 * MS);
            if looks.next().unwrap() {
                pulses.take(&line.0);
            }
            line.fall((second * 1000 + width) * MS);
            if looks.next().unwrap() {
                pulses.take(&line.0);
            }
        }
        pulses.take(&line.0);
        let Counts { taken, missed, wrong_width, nonsense } = pulses.counts;
        prop_assert_eq!(nonsense, 0);
        prop_assert_eq!(taken + missed + wrong_width, 40);
    }
}
