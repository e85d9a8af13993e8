//! What time it is before anybody was asked (`-s`): machines without a battery begin in 1970, and certificates, logs and
//! leap seconds suffer until a source answers.
//!
//! The clock is only ever set forward: it is later than when the drift file was last written, and what the board's clock
//! shows is a good guess if that is later still.

use std::io;
use std::path::Path;

use ntp_proto::time::{EstimatedTime, NtpDuration, RawTime};
use ntp_refclock::rtc::read_rtc;

use super::clock::MachineClock;
use super::problems::Problems;
use crate::sys::clock;

/// The board's clock shows whole seconds.
const WORTH_A_STEP: NtpDuration = NtpDuration::from_secs(2);

/// Who knows better than the system clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guess {
    Board(NtpDuration),
    DriftFile(NtpDuration),
}

/// Sets the clock forward to the best guess, if there is one. `drift`: when the drift file was written, in Unix seconds.
pub(super) fn take(clock: &mut MachineClock, board: &Path, drift: Option<i64>, problems: &mut Problems) {
    let topic = format!("real-time clock {}", board.display());
    let shown = match read_rtc(board, true) {
        // Many boards have none, which is why they are started with -s.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        read => problems.note(&topic, read, "-s goes by the drift file alone"),
    };
    let Some(guess) = guess(clock::raw(), shown, drift) else { return };
    let (by, from) = match guess {
        Guess::Board(by) => (by, "the real-time clock"),
        Guess::DriftFile(by) => (by, "the time of the drift file"),
    };
    let stepped: io::Result<()> = clock.set_forward(by);
    if problems
        .note("setting the clock at the start", stepped, "left as it is until a source answers")
        .is_some()
    {
        tracing::info!(
            event = "clock_guessed",
            by_s = by.to_seconds(),
            from,
            "clock set forward by {by}, to {from}, until a source says better"
        );
    }
}

fn guess(now: RawTime, board: Option<EstimatedTime>, drift: Option<i64>) -> Option<Guess> {
    let ahead = |time: EstimatedTime| time - now.reinterpret();
    let board = board.map(|time| Guess::Board(ahead(time)));
    let drift = drift.map(|unix| Guess::DriftFile(ahead(EstimatedTime::from_unix(unix, 0))));
    let by = |guess: &Guess| match *guess {
        Guess::Board(by) | Guess::DriftFile(by) => by,
    };
    // Of two that are alike the board's: it runs on.
    drift.into_iter().chain(board).filter(|guess| by(guess) >= WORTH_A_STEP).max_by_key(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> EstimatedTime {
        EstimatedTime::from_unix(seconds, 0)
    }

    #[test]
    fn the_latest_of_all_is_the_best_guess_and_nobody_goes_back() {
        let now = at(1_800_000_000).reinterpret();
        let (earlier, later) = (1_700_000_000, 1_800_000_100);
        let by = NtpDuration::from_secs(100);
        assert_eq!(guess(now, Some(at(later)), Some(earlier)), Some(Guess::Board(by)));
        assert_eq!(guess(now, Some(at(earlier)), Some(later)), Some(Guess::DriftFile(by)));
        assert_eq!(guess(now, Some(at(later)), Some(later)), Some(Guess::Board(by)));
        assert_eq!(guess(now, Some(at(earlier)), Some(earlier)), None);
        assert_eq!(guess(now, Some(at(1_800_000_001)), None), None, "the board's clock is coarse");
        assert_eq!(guess(now, None, None), None);
    }
}
