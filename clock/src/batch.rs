//! From many readings of a reference clock to one sample.
//!
//! Readings of a clock in the same machine come often and cost nothing, but some are late: an interrupt had to wait, a
//! program was not woken up. The readings of an interval are compared with each other; those near the median count.

use std::collections::VecDeque;

use ntp_proto::time::{FreeTime, Frequency, NtpDuration, Offset};

/// The share of readings, those nearest to the median, that count.
const NEAREST: f64 = 0.6;
/// The standard deviation of those, of normally distributed readings, is this share of that of all.
const NEAREST_SPREAD: f64 = 0.463;
/// The variance of their mean exceeds that of the mean of all by this factor, for normally distributed readings.
const NEAREST_LOSS: f64 = 1.3;
/// So few readings do not tell how much they scatter.
const TOO_FEW: usize = 3;

/// The readings of an interval.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Batch {
    readings: VecDeque<Taken>,
    /// How many are kept at most, the latest.
    capacity: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Taken {
    at: FreeTime,
    offset: NtpDuration,
    resolution: NtpDuration,
}

/// What the readings of an interval say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gist {
    /// The moment that it is about.
    pub at: FreeTime,
    /// How far the reference clock was ahead of the free-running clock then.
    pub offset: Offset,
    /// How much a single reading scatters, one standard deviation; `None`: there were too few to tell.
    pub scatter: Option<NtpDuration>,
    /// What is uncertain about the offset because of that, one standard deviation.
    pub deviation: NtpDuration,
    /// The coarsest of the readings that count.
    pub resolution: NtpDuration,
    /// How many count.
    pub counted: usize,
    /// Of so many.
    pub of: usize,
}

impl Batch {
    /// Empty; keeps the latest `capacity` readings, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { readings: VecDeque::new(), capacity: capacity.max(1) }
    }

    /// One more reading.
    pub fn add(&mut self, at: FreeTime, offset: Offset, resolution: NtpDuration) {
        if self.readings.len() >= self.capacity {
            self.readings.pop_front();
        }
        self.readings.push_back(Taken { at, offset: offset.as_duration(), resolution });
    }

    /// How many readings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// From the first reading to the last.
    #[must_use]
    pub fn span(&self) -> NtpDuration {
        match (self.readings.front(), self.readings.back()) {
            (Some(first), Some(last)) => last.at - first.at,
            _ => NtpDuration::ZERO,
        }
    }

    /// The clock was shifted against its free-running self: the offsets are more by this.
    pub fn shift(&mut self, by: NtpDuration) {
        self.readings.iter_mut().for_each(|reading| reading.offset += by);
    }

    /// Forgets the readings.
    pub fn clear(&mut self) {
        self.readings.clear();
    }

    /// What the readings say together; the batch is empty afterwards. The reference clock is believed to gain
    /// `frequency` on the free-running one: a wrong one does no harm but for more scatter. `None` without readings.
    pub fn close(&mut self, frequency: Frequency) -> Option<Gist> {
        let origin = *self.readings.front()?;
        let of = self.readings.len();
        // Small numbers of seconds: the clock may be decades off.
        let level = |r: &Taken| (r.offset - origin.offset - frequency * (r.at - origin.at)).to_seconds();
        let mut levels: Vec<(f64, Taken)> = self.readings.drain(..).map(|r| (level(&r), r)).collect();
        levels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let median = f64::midpoint(levels[(of - 1) / 2].0, levels[of / 2].0);
        levels.sort_by(|a, b| (a.0 - median).abs().total_cmp(&(b.0 - median).abs()));
        levels.truncate(((NEAREST * of as f64).ceil() as usize).clamp(1, of));
        let n = levels.len() as f64;
        let mean = levels.iter().map(|(level, _)| level).sum::<f64>() / n;
        let since = levels.iter().map(|(_, r)| (r.at - origin.at).to_seconds()).sum::<f64>() / n;
        let variance = levels.iter().map(|(level, _)| (level - mean) * (level - mean)).sum::<f64>() / n;
        let resolution = levels.iter().map(|(_, r)| r.resolution).max().unwrap_or(NtpDuration::ZERO);
        let (at, gained) = (NtpDuration::from_seconds(since), frequency.as_ratio() * since);
        let scatter = (of > TOO_FEW).then(|| variance.sqrt() / NEAREST_SPREAD);
        Some(Gist {
            at: origin.at + at,
            offset: Offset::reference_ahead_by(origin.offset + NtpDuration::from_seconds(mean + gained)),
            scatter: scatter.map(NtpDuration::from_seconds),
            deviation: NtpDuration::from_seconds(scatter.unwrap_or(0.0) * (NEAREST_LOSS / of as f64).sqrt()),
            resolution,
            counted: levels.len(),
            of,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOLUTION: NtpDuration = NtpDuration::from_nanos(1);

    fn at(seconds: i64) -> FreeTime {
        FreeTime::from_unix(seconds, 0)
    }

    fn batch(offsets: &[f64]) -> Batch {
        let mut batch = Batch::new(64);
        for (second, offset) in (0..).zip(offsets) {
            batch.add(at(second), Offset::from_seconds(*offset), RESOLUTION);
        }
        batch
    }

    #[test]
    fn late_readings_do_not_count() {
        let gist = batch(&[1e-6, 1.1e-6, 1e-3, 0.9e-6, -0.5]).close(Frequency::ZERO).unwrap();
        assert!((gist.offset.to_seconds() - 1e-6).abs() < 1e-9, "{gist:?}");
        assert_eq!((gist.counted, gist.of), (3, 5));
        assert!(gist.deviation < NtpDuration::from_nanos(200), "{gist:?}");
    }

    #[test]
    fn a_drift_that_nobody_knows_of_moves_the_moment_with_the_offset() {
        let drifting: Vec<f64> = (0..16).map(|second| 1e-4 * f64::from(second)).collect();
        let gist = batch(&drifting).close(Frequency::ZERO).unwrap();
        let expected = 1e-4 * (gist.at - at(0)).to_seconds();
        assert!((gist.offset.to_seconds() - expected).abs() < 1e-9, "{gist:?}");
        let known = batch(&drifting).close(Frequency::from_ppm(100.0)).unwrap();
        assert!(known.scatter.unwrap() < NtpDuration::from_nanos(2), "{known:?}");
    }

    #[test]
    fn decades_cost_no_digits() {
        let decades = NtpDuration::from_secs(1_750_000_000);
        let mut batch = Batch::new(64);
        for (second, nanos) in [(0, 0), (1, 200), (2, 100)] {
            let offset = Offset::reference_ahead_by(decades + NtpDuration::from_nanos(nanos));
            batch.add(at(second), offset, RESOLUTION);
        }
        let beyond = batch.close(Frequency::ZERO).unwrap().offset.as_duration() - decades;
        assert!((beyond - NtpDuration::from_nanos(50)).abs() <= NtpDuration::from_nanos(1), "{beyond}");
    }

    #[test]
    fn only_the_latest_are_kept_and_few_say_nothing_of_their_scatter() {
        let mut batch = Batch::new(2);
        for second in 0..5 {
            batch.add(at(second), Offset::from_seconds(second as f64), RESOLUTION);
        }
        assert_eq!((batch.len(), batch.span()), (2, NtpDuration::from_secs(1)));
        let gist = batch.close(Frequency::ZERO).unwrap();
        assert_eq!((gist.scatter, gist.of), (None, 2));
        assert!(batch.is_empty() && batch.close(Frequency::ZERO).is_none());
    }
}
