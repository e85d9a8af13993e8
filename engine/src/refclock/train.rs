//! Whether a pulse is one of those that came before: a train of pulses keeps its beat.
//!
//! A pulse that is displaced may be noise, one of a second train, or the first after the clock went wrong. Which of them
//! shows in what follows:
//!
//! * the beat goes on beside it: it was noise, and does not count;
//! * all pulses part slowly: the clock's rate is wrong, and the pulses count;
//! * all pulses are displaced at once: the clock, or the train, has jumped. Who numbers the pulses and shows the same jump
//!   tells that it was the clock; one that shows none tells that it was the train, which is not believed until the
//!   clock's own error could be as large. Where nobody can tell, the train is believed after a while.

use ntp_proto::time::{FreeTime, NtpDuration};
use serde::{Deserialize, Serialize};

/// So many displaced pulses in a row are no noise …
const NO_NOISE: u32 = 4;
/// … and begin no jump if the first of them exceeds its room by less than this factor, and each the one before it.
const SLOWLY: f64 = 4.0;
/// A train that nobody can vouch for or against is believed after so long.
const PATIENCE: NtpDuration = NtpDuration::from_secs(300);
/// A witness has to see at least so much less, or as much, of a jump: as a share of it, and in deviations of its own.
const CLEARLY: f64 = 0.5;
const WITNESS_DEVIATIONS: f64 = 4.0;
/// What it said at so many pulses, the latest, counts.
const HEARINGS: u32 = 16;

/// The beat of a train of pulses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Train {
    displaced: Option<Displaced>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Displaced {
    since: FreeTime,
    first: NtpDuration,
    latest: NtpDuration,
    /// How far the first might have been off in its place.
    room: NtpDuration,
    pulses: u32,
    /// So many of them, the latest, are near to one another.
    even: u32,
    testimony: Testimony,
}

/// What a witness said at each of the displaced pulses, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Testimony {
    by: NtpDuration,
    deviation: NtpDuration,
    hearings: u32,
}

/// A pulse against what was expected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    pub(crate) at: FreeTime,
    /// So much further is the reference ahead than expected.
    pub(crate) by: NtpDuration,
    /// As far it may be without wonder.
    pub(crate) room: NtpDuration,
}

/// What somebody else has seen of the clock lately.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Witness {
    /// So much further is its time ahead than it used to be.
    pub(crate) by: NtpDuration,
    /// One standard deviation of that.
    pub(crate) deviation: NtpDuration,
}

/// What is made of a pulse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is where it was expected.
    InTime,
    /// It is not, and does not count.
    Displaced,
    /// It is not, but those before it neither: the clock was wrong.
    Believed,
}

impl Train {
    /// One more pulse.
    pub(crate) fn judge(&mut self, beat: Beat, witness: Option<Witness>) -> Verdict {
        if beat.by.abs() <= beat.room {
            self.displaced = None;
            return Verdict::InTime;
        }
        let new = Displaced {
            since: beat.at,
            first: beat.by,
            latest: beat.by,
            room: beat.room,
            pulses: 0,
            even: 0,
            testimony: Testimony::default(),
        };
        let displaced = self.displaced.get_or_insert(new);
        displaced.pulses = displaced.pulses.saturating_add(1);
        let is_even = (beat.by - displaced.latest).abs() <= beat.room.scaled(SLOWLY);
        if !is_even {
            // They got other numbers, or are others: what was said of those before does not count.
            (displaced.even, displaced.testimony) = (0, Testimony::default());
        }
        displaced.even = displaced.even.saturating_add(1);
        displaced.latest = beat.by;
        if let Some(witness) = witness {
            displaced.testimony.hear(witness);
        }
        if displaced.pulses < NO_NOISE {
            return Verdict::Displaced;
        }
        let is_little = displaced.first.abs() <= displaced.room.scaled(SLOWLY);
        let slowly = is_little && displaced.even >= NO_NOISE;
        let believed = slowly
            || match displaced.testimony.confirms(beat.by) {
                Some(confirmed) => confirmed && displaced.even >= NO_NOISE,
                None => beat.at - displaced.since > PATIENCE,
            };
        if believed {
            self.displaced = None;
        }
        if believed { Verdict::Believed } else { Verdict::Displaced }
    }

    /// How far the latest pulses are displaced, if they are no noise.
    pub(crate) fn displacement(&self) -> Option<NtpDuration> {
        self.displaced.filter(|displaced| displaced.pulses >= NO_NOISE).map(|displaced| displaced.latest)
    }

    /// Expects nothing any more.
    pub(crate) const fn restart(&mut self) {
        self.displaced = None;
    }
}

impl Testimony {
    fn hear(&mut self, witness: Witness) {
        self.hearings = self.hearings.min(HEARINGS - 1) + 1;
        self.by += (witness.by - self.by).scaled(1.0 / f64::from(self.hearings));
        self.deviation = witness.deviation;
    }

    /// Whether the witness has seen the same jump; `None` if there is none, or it does not see well enough to tell.
    fn confirms(self, by: NtpDuration) -> Option<bool> {
        let clear = by.abs().scaled(CLEARLY);
        let deviation = self.deviation.scaled(1.0 / f64::from(self.hearings).sqrt());
        if self.hearings == 0 || deviation.scaled(WITNESS_DEVIATIONS) > clear {
            return None;
        }
        Some((self.by - by).abs() < clear)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: NtpDuration = NtpDuration::from_nanos(20_000);

    fn judge(train: &mut Train, second: i64, micros: i64, witness: Option<Witness>) -> Verdict {
        let by = NtpDuration::from_nanos(micros * 1_000);
        train.judge(Beat { at: FreeTime::from_unix(second, 0), by, room: ROOM }, witness)
    }

    fn witness(millis: i64) -> Option<Witness> {
        Some(Witness { by: NtpDuration::from_millis(millis), deviation: NtpDuration::from_millis(5) })
    }

    /// After how many seconds a jump is believed.
    fn believed_after(micros: impl Fn(i64) -> i64, witness: Option<Witness>) -> Option<i64> {
        let mut train = Train::default();
        (0..4_000).find(|second| judge(&mut train, *second, micros(*second), witness) == Verdict::Believed)
    }

    #[test]
    fn noise_beside_the_beat_never_counts() {
        let mut train = Train::default();
        for second in 0..1_000 {
            assert_eq!(judge(&mut train, second, 1, None), Verdict::InTime);
            assert_eq!(judge(&mut train, second, 100_000, None), Verdict::Displaced);
            assert_eq!(train.displacement(), None);
        }
    }

    #[test]
    fn pulses_that_had_to_wait_one_after_the_other_are_noise() {
        let waits = [30, 900, 200, 1_500, 50, 700];
        assert_eq!(believed_after(|second| waits[second as usize % waits.len()], None), Some(301));
    }

    #[test]
    fn a_clock_that_goes_wrong_slowly_is_noticed_at_once() {
        assert_eq!(believed_after(|second| second * 30, None), Some(4));
    }

    #[test]
    fn a_jump_is_believed_if_a_witness_has_seen_it() {
        assert_eq!(believed_after(|_| 100_000, witness(95)), Some(3));
        assert_eq!(believed_after(|_| 100_000, witness(3)), None);
        assert_eq!(believed_after(|_| 100_000, None), Some(301));
        assert_eq!(believed_after(|_| 5_000, witness(3)), Some(301), "too small for this witness");
    }

    #[test]
    fn a_witness_that_sees_badly_is_heard_again_and_again() {
        let unsure = |second: i64, truth: i64| {
            let by = truth + if second % 2 == 0 { 20 } else { -20 };
            Some(Witness { by: NtpDuration::from_millis(by), deviation: NtpDuration::from_millis(20) })
        };
        let after = |micros: i64, truth: i64| {
            let mut train = Train::default();
            (0..400).find(|second| {
                judge(&mut train, *second, micros, unsure(*second, truth)) == Verdict::Believed
            })
        };
        assert_eq!(after(100_000, 0), None);
        assert_eq!(after(100_000, 100), Some(3));
        assert_eq!(after(50_000, 50), Some(10));
        assert_eq!(after(20_000, 0), Some(301), "it never sees well enough");
    }

    #[test]
    fn a_train_that_jumped_says_so() {
        let mut train = Train::default();
        for second in 0..10 {
            judge(&mut train, second, -100_000, witness(0));
        }
        assert_eq!(train.displacement(), Some(NtpDuration::from_millis(-100)));
    }
}
