//! From many readings of a reference clock to one sample.
//!
//! Readings of a clock in the same machine come often and cost nothing, but some are late: an interrupt had to wait, a
//! program was not woken up. The readings of an interval are compared with each other; those far from the median do not
//! count. Of all others the mean is taken: where nothing was late it is nearly as good as it can be, and a median, or the
//! mean of the few next to it, only half as good.

use std::collections::VecDeque;

use ntp_proto::time::{FreeTime, Frequency, NtpDuration, Offset};

/// Readings that are further from the median than so many standard deviations of normally distributed ones are late.
const FAR: f64 = 3.0;
/// Half of normally distributed readings are closer to the median than a standard deviation divided by this.
const FROM_MEDIAN: f64 = 1.4826;
/// The variance of those that count is this share of that of all, for 16 readings that are normally distributed.
const COUNTED_SPREAD: f64 = 0.91;
/// The variance of their mean exceeds that of the mean of all by this factor, for as many.
const LOSS: f64 = 1.11;

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
    /// How much a single reading scatters, one standard deviation; `None`: there was one alone.
    pub scatter: Option<NtpDuration>,
    /// The coarsest of the readings that count.
    pub resolution: NtpDuration,
    /// How many count.
    pub counted: usize,
    /// Of so many.
    pub of: usize,
}

impl Gist {
    /// What is uncertain about the offset, one standard deviation, if a single reading scatters by `scatter`.
    #[must_use]
    pub fn deviation(&self, scatter: NtpDuration) -> NtpDuration {
        scatter.scaled((LOSS / self.counted.max(1) as f64).sqrt())
    }
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
        let middle = median(&levels.iter().map(|(level, _)| *level).collect::<Vec<_>>());
        levels.sort_by(|a, b| (a.0 - middle).abs().total_cmp(&(b.0 - middle).abs()));
        let typical = median(&levels.iter().map(|(level, _)| (level - middle).abs()).collect::<Vec<_>>());
        // Coarse stamps are alike, or differ by one step.
        let step = levels.iter().map(|(_, r)| r.resolution).max().unwrap_or(NtpDuration::ZERO);
        let reach = (FAR * FROM_MEDIAN * typical).max(step.to_seconds());
        levels.retain(|(level, _)| (level - middle).abs() <= reach);
        let n = levels.len() as f64;
        let mean = levels.iter().map(|(level, _)| level).sum::<f64>() / n;
        let since = levels.iter().map(|(_, r)| (r.at - origin.at).to_seconds()).sum::<f64>() / n;
        let squares = levels.iter().map(|(level, _)| (level - mean) * (level - mean)).sum::<f64>();
        let resolution = levels.iter().map(|(_, r)| r.resolution).max().unwrap_or(NtpDuration::ZERO);
        let (at, gained) = (NtpDuration::from_seconds(since), frequency.as_ratio() * since);
        let scatter = (levels.len() > 1).then(|| (squares / (n - 1.0) / COUNTED_SPREAD).sqrt());
        Some(Gist {
            at: origin.at + at,
            offset: Offset::reference_ahead_by(origin.offset + NtpDuration::from_seconds(mean + gained)),
            scatter: scatter.map(NtpDuration::from_seconds),
            resolution,
            counted: levels.len(),
            of,
        })
    }
}

/// Of numbers in their order; there is at least one.
fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
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
        assert!(gist.scatter.unwrap() < NtpDuration::from_nanos(200), "{gist:?}");
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
        assert!((beyond - NtpDuration::from_nanos(100)).abs() <= NtpDuration::from_nanos(1), "{beyond}");
    }

    #[test]
    fn the_mean_is_as_good_as_that_of_normal_readings_can_be() {
        // The quantiles of a normal distribution in sixteenths, in disorder.
        let quantiles = [
            -1.86, 0.08, 1.01, -0.24, 0.40, -0.78, 1.86, -0.58, 0.24, 0.78, -1.32, -0.08, 0.58, -1.01, -0.40,
            1.32,
        ];
        let gist = batch(&quantiles.map(|q| q * 1e-6)).close(Frequency::ZERO).unwrap();
        let scatter = gist.scatter.unwrap();
        assert!((scatter.to_seconds() * 1e6 - 1.0).abs() < 0.05, "{gist:?}");
        assert_eq!(gist.counted, 16);
        assert!((gist.deviation(scatter).to_seconds() * 1e6 - 0.26).abs() < 0.03, "{gist:?}");
    }

    #[test]
    fn stamps_that_are_a_step_apart_all_count() {
        let mut batch = Batch::new(8);
        for (second, millis) in (0..).zip([0, 0, 0, 1, 0, 0, 1, 50]) {
            let offset = Offset::reference_ahead_by(NtpDuration::from_millis(millis));
            batch.add(at(second), offset, NtpDuration::from_millis(1));
        }
        let gist = batch.close(Frequency::ZERO).unwrap();
        assert_eq!((gist.counted, gist.of), (7, 8));
    }

    #[test]
    fn only_the_latest_are_kept_and_one_alone_says_nothing_of_its_scatter() {
        let mut batch = Batch::new(1);
        for second in 0..5 {
            batch.add(at(second), Offset::from_seconds(second as f64), RESOLUTION);
        }
        assert_eq!((batch.len(), batch.span()), (1, NtpDuration::ZERO));
        let gist = batch.close(Frequency::ZERO).unwrap();
        assert_eq!((gist.scatter, gist.of), (None, 1));
        assert!(batch.is_empty() && batch.close(Frequency::ZERO).is_none());
    }
}
