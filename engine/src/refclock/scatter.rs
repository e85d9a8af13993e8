//! How much a single reading of a reference clock scatters, as far as its batches so far can tell.
//!
//! The few readings of one batch may be alike by chance; a sample made of them would be believed more than all others.
//! So batches put together what they found, and those of a single reading are compared with each other.

use ntp_clock::{Batch, Gist};
use ntp_proto::time::{Frequency, NtpDuration};
use serde::{Deserialize, Serialize};

/// How much of what earlier batches found is left after one more.
const KEPT: f64 = 0.75;
/// A variance found with so many degrees of freedom is believed to be twice as large as it seems.
const DOUBT: f64 = 4.0;
/// So many batches of a single reading are compared.
const SINGLES: usize = 8;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scatter {
    /// The latest batches of a single reading.
    singles: Batch,
    deviation: NtpDuration,
    /// Of freedom, so many degrees; zero: nothing is known.
    degrees: f64,
}

impl Default for Scatter {
    fn default() -> Self {
        Self { singles: Batch::new(SINGLES), deviation: NtpDuration::ZERO, degrees: 0.0 }
    }
}

impl Scatter {
    /// One more batch. The clock is believed to run at `frequency`.
    pub(crate) fn learn(&mut self, gist: &Gist, frequency: Frequency) {
        if gist.scatter.is_some() {
            self.add(gist);
            return;
        }
        self.singles.add(gist.at, gist.offset, gist.resolution);
        if self.singles.len() == SINGLES
            && let Some(together) = self.singles.close(frequency)
        {
            self.add(&together);
        }
    }

    /// What is still to be compared cannot be: the clock has changed.
    pub(crate) fn interrupt(&mut self) {
        self.singles.clear();
    }

    fn add(&mut self, gist: &Gist) {
        let Some(new) = gist.scatter else { return };
        let (old, degrees) = (KEPT * self.degrees, gist.counted.saturating_sub(1) as f64);
        let square = |deviation: NtpDuration| deviation.to_seconds() * deviation.to_seconds();
        let variance = (old * square(self.deviation) + degrees * square(new)) / (old + degrees).max(1.0);
        self.deviation = NtpDuration::from_seconds(variance.sqrt());
        self.degrees = old + degrees;
    }

    /// One standard deviation of a reading; `None` if nothing is known.
    pub(crate) fn known(&self) -> Option<NtpDuration> {
        (self.degrees > 0.0).then_some(self.deviation)
    }

    /// The same, but larger as long as little is known.
    pub(crate) fn at_most(&self) -> NtpDuration {
        let factor = 1.0 + DOUBT / self.degrees.max(1.0);
        self.deviation.scaled(factor.sqrt())
    }

    /// Whether the figures can have been learnt. What came from a file need not.
    pub(crate) fn is_sound(&self) -> bool {
        self.singles.len() < SINGLES
            && self.degrees.is_finite()
            && self.degrees >= 0.0
            && self.deviation >= NtpDuration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ntp_proto::time::{FreeTime, Offset};

    fn gist(micros: &[i64]) -> Gist {
        let mut batch = Batch::new(64);
        for (second, micros) in (0..).zip(micros) {
            let offset = Offset::reference_ahead_by(NtpDuration::from_nanos(micros * 1_000));
            batch.add(FreeTime::from_unix(second, 0), offset, NtpDuration::from_nanos(1));
        }
        batch.close(Frequency::ZERO).unwrap()
    }

    fn micros(duration: NtpDuration) -> f64 {
        duration.to_seconds() * 1e6
    }

    #[test]
    fn readings_that_are_alike_by_chance_do_not_count_for_much() {
        let mut scatter = Scatter::default();
        assert_eq!((scatter.known(), scatter.at_most()), (None, NtpDuration::ZERO));
        (0..20).for_each(|_| scatter.learn(&gist(&[-100, 100, -50, 50, 0, 80, -80, 20]), Frequency::ZERO));
        let before = micros(scatter.known().unwrap());
        scatter.learn(&gist(&[7, 7, 7]), Frequency::ZERO);
        let after = micros(scatter.known().unwrap());
        assert!((60.0..100.0).contains(&before) && after > 0.9 * before, "{before} {after}");
    }

    #[test]
    fn single_readings_are_compared_with_each_other() {
        let mut scatter = Scatter::default();
        for (second, nanos) in [-100, 100, -50, 50, 0, 80, -80, 20].into_iter().enumerate() {
            assert_eq!(scatter.known(), None);
            let mut batch = Batch::new(64);
            let offset = NtpDuration::from_nanos(second as i64 * 10_000 + nanos);
            let offset = Offset::reference_ahead_by(offset);
            batch.add(FreeTime::from_unix(second as i64, 0), offset, NtpDuration::from_nanos(1));
            scatter.learn(&batch.close(Frequency::ZERO).unwrap(), Frequency::from_ppm(10.0));
        }
        let known = micros(scatter.known().unwrap());
        assert!((0.06..0.1).contains(&known), "{known}");
    }

    #[test]
    fn few_readings_are_doubted() {
        let mut scatter = Scatter::default();
        scatter.learn(&gist(&[0, 10]), Frequency::ZERO);
        assert!(micros(scatter.at_most()) > 2.0 * micros(scatter.known().unwrap()));
        (0..50).for_each(|_| scatter.learn(&gist(&[-10, 10, -5, 5, 0, 8, -8, 2]), Frequency::ZERO));
        assert!(micros(scatter.at_most()) < 1.1 * micros(scatter.known().unwrap()));
        assert!(scatter.is_sound());
    }
}
