//! How long the main loop is busy at a time: whoever wants the time from it, or an answer, waits for that long at most.
//!
//! A turn is what the loop does between waking up and going back to sleep. It should take microseconds; something that
//! blocks would show here. The wall clock also counts what other programs and the kernel took from us, the processor's
//! time does not. How late a turn began that was planned is told as well: a processor that is busy otherwise shows there.

use std::time::Duration;

use ntp_proto::time::{Monotonic, NtpDuration};

use crate::control::{LoopReport, TurnReport};
use crate::sys::clock;

/// The last minute is remembered in pieces …
const PIECES: usize = 12;
/// … of so many seconds.
const PIECE_S: u64 = 5;

/// The beginning or the end of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    at: Monotonic,
    /// Processor time of this thread so far, where it may be asked for.
    cpu: Option<NtpDuration>,
}

/// The longest turns.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    reads_cpu: bool,
    count: u64,
    ever: Longest,
    /// One for each piece of the last minute, by the number of the piece.
    recent: [(u64, Longest); PIECES],
}

/// The longest by either clock; they need not be one turn.
#[derive(Clone, Copy, Debug, Default)]
struct Longest {
    wall: NtpDuration,
    cpu: Option<NtpDuration>,
    late: NtpDuration,
}

impl Turns {
    /// `reads_cpu`: whether this thread may ask how much processor time it had.
    pub(super) fn new(reads_cpu: bool) -> Self {
        Self { reads_cpu, count: 0, ever: Longest::default(), recent: Default::default() }
    }

    /// Now, as the beginning or the end of a turn.
    pub(super) fn moment(&self) -> Moment {
        let cpu = self.reads_cpu.then(clock::thread_time).flatten();
        Moment { at: clock::monotonic(), cpu }
    }

    /// A turn began, `late` after it was planned if it was, and ended.
    pub(super) fn note(&mut self, late: Option<Duration>, begin: Moment, end: Moment) {
        let cpu = begin.cpu.zip(end.cpu).map(|(begin, end)| end - begin);
        let late = NtpDuration::from_seconds(late.unwrap_or_default().as_secs_f64());
        let turn = Longest { wall: end.at - begin.at, cpu, late };
        self.count += 1;
        self.ever = self.ever.or(turn);
        let piece = piece(end.at);
        let (number, longest) = &mut self.recent[(piece % PIECES as u64) as usize];
        *longest = if *number == piece { longest.or(turn) } else { turn };
        *number = piece;
    }

    /// What is shown at `now`.
    pub(super) fn report(&self, now: Monotonic) -> LoopReport {
        let oldest = (piece(now) + 1).saturating_sub(PIECES as u64);
        let recent = self.recent.iter().filter(|(number, _)| *number >= oldest);
        let last_minute = recent.fold(Longest::default(), |longest, (_, turn)| longest.or(*turn));
        LoopReport { turns: self.count, longest: self.ever.report(), last_minute: last_minute.report() }
    }
}

impl Longest {
    fn or(self, other: Self) -> Self {
        Self {
            wall: self.wall.max(other.wall),
            cpu: self.cpu.max(other.cpu),
            late: self.late.max(other.late),
        }
    }

    fn report(self) -> TurnReport {
        TurnReport {
            wall_s: self.wall.to_seconds(),
            cpu_s: self.cpu.map(NtpDuration::to_seconds),
            late_s: self.late.to_seconds(),
        }
    }
}

fn piece(at: Monotonic) -> u64 {
    let seconds = (at - Monotonic::default()).to_seconds();
    // The cast saturates, and a clock for deadlines is not negative.
    seconds as u64 / PIECE_S
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64, cpu: f64) -> Moment {
        let span = NtpDuration::from_seconds;
        Moment { at: Monotonic::default() + span(seconds), cpu: Some(span(cpu)) }
    }

    fn figures(turn: TurnReport) -> (f64, f64) {
        let rounded = |seconds: f64| (seconds * 1e3).round();
        (rounded(turn.wall_s), rounded(turn.cpu_s.unwrap()))
    }

    #[test]
    fn the_longest_turn_is_kept_and_leaves_the_last_minute() {
        let mut turns = Turns::new(true);
        turns.note(Some(Duration::from_millis(2)), at(1_000.0, 0.0), at(1_000.020, 0.003));
        turns.note(None, at(1_030.0, 0.003), at(1_030.005, 0.007));
        let seen = |turns: &Turns, seconds| turns.report(at(seconds, 0.0).at);
        let report = seen(&turns, 1_031.0);
        assert_eq!((figures(report.longest), figures(report.last_minute)), ((20.0, 4.0), (20.0, 4.0)));
        assert!((report.longest.late_s - 2e-3).abs() < 1e-9);
        let report = seen(&turns, 1_061.0);
        assert!(report.last_minute.late_s.abs() < 1e-9, "the other one was not planned");
        assert_eq!((figures(report.longest), figures(report.last_minute)), ((20.0, 4.0), (5.0, 4.0)));
        assert_eq!((report.turns, seen(&turns, 1_200.0).last_minute.wall_s), (2, 0.0));
    }

    #[test]
    fn where_processor_time_may_not_be_asked_for_it_is_left_out() {
        let mut turns = Turns::new(false);
        turns.note(None, turns.moment(), turns.moment());
        assert_eq!(turns.report(clock::monotonic()).longest.cpu_s, None);
        let mut turns = Turns::new(true);
        turns.note(None, turns.moment(), turns.moment());
        assert!(turns.report(clock::monotonic()).longest.cpu_s.is_some());
    }
}
