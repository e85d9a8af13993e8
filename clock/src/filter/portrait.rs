//! What a filter believes of the way to its source, for people.

use ntp_proto::time::{NtpDuration, Offset, Uncertainty};

use super::SourceFilter;
use super::bank::Via;
use super::path::PathId;

/// What is believed of the way to a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Portrait {
    /// Which kind of noise the way has; the shares sum to one.
    pub noise: NoiseShares,
    /// The mean error of a sample as a share of its excess delay, −½ … ½; positive if the excess arises on the way
    /// there, which makes the source appear ahead.
    pub asymmetry: f64,
    /// The shortest round trip.
    pub shortest: NtpDuration,
    /// By how much a typical round trip exceeds that.
    pub typical_excess: NtpDuration,
    /// How many round trips the present path is known by.
    pub round_trips: u64,
    /// How many paths are remembered, the present one included.
    pub paths: usize,
    /// What the present path adds to offsets against the first one; `None` on the first path.
    pub bias: Option<Bias>,
}

/// How far each kind of noise is believed in, as shares of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseShares {
    /// An offset may be wrong by anything up to half of the excess delay.
    pub interval: f64,
    /// It is wrong in proportion to the excess delay.
    pub proportional: f64,
    /// All samples are alike.
    pub alike: f64,
}

/// What a path adds to offsets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bias {
    /// Positive if the source appears ahead.
    pub offset: Offset,
    /// One standard deviation of it.
    pub uncertainty: Uncertainty,
}

impl SourceFilter {
    /// What it believes of the way to its source; `None` before the first sample.
    #[must_use]
    pub fn portrait(&self) -> Option<Portrait> {
        let bank = self.bank.as_ref()?;
        let path = self.path();
        let [interval, proportional, alike] = bank.kind_shares();
        let bias = bank.bias(Via { source: 0, path: path.id }).filter(|_| path.id != PathId::FIRST);
        Some(Portrait {
            noise: NoiseShares { interval, proportional, alike },
            asymmetry: path.lesson.asymmetry(),
            shortest: self.min_delay(),
            typical_excess: NtpDuration::from_seconds(path.delays.mean_excess()),
            round_trips: path.delays.count(),
            paths: self.paths.count(),
            bias: bias.map(|(mean, variance)| Bias {
                offset: Offset::from_seconds(mean),
                uncertainty: Uncertainty::from_seconds(variance.max(0.0).sqrt()),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use ntp_proto::time::{FreeTime, Frequency};

    use super::*;
    use crate::filter::UNKNOWN_SKEW;
    use crate::sample::Sample;

    /// Samples every 64 s whose round trips vary a little about 10 ms, and from `turn` on about 14 ms: the way there
    /// is longer by 4 ms.
    fn travelled(samples: i64, turn: i64) -> Portrait {
        let mut filter = SourceFilter::new(Frequency::ZERO, UNKNOWN_SKEW);
        for i in 0..samples {
            let longer = if i < turn { 0.0 } else { 4e-3 };
            let excess = 1e-5 * (i * 7 % 13) as f64;
            filter.update(&Sample {
                at: FreeTime::from_unix(64 * i, 0),
                offset: Offset::from_seconds((longer + excess * (i % 3 - 1) as f64) / 2.0),
                delay: NtpDuration::from_seconds(0.010 + longer + excess),
                resolution: NtpDuration::from_nanos(100),
            });
        }
        filter.portrait().unwrap()
    }

    #[test]
    fn nothing_is_believed_of_a_way_that_nobody_took() {
        assert_eq!(SourceFilter::new(Frequency::ZERO, UNKNOWN_SKEW).portrait(), None);
    }

    #[test]
    fn kinds_of_noise_share_all_of_the_belief() {
        let portrait = travelled(50, 50);
        let NoiseShares { interval, proportional, alike } = portrait.noise;
        assert!((interval + proportional + alike - 1.0).abs() < 1e-9, "{portrait:?}");
        assert_eq!((portrait.paths, portrait.bias, portrait.round_trips), (1, None, 50));
        assert!((portrait.shortest.to_seconds() - 0.010).abs() < 1e-6, "{portrait:?}");
    }

    #[test]
    fn a_longer_way_has_the_bias_that_the_clock_shows() {
        let portrait = travelled(140, 100);
        assert_eq!(portrait.paths, 2);
        let bias = portrait.bias.unwrap();
        assert!((bias.offset.to_seconds() - 2e-3).abs() < 2e-4, "{bias:?}");
        assert!(bias.uncertainty.to_seconds() < 2e-3, "{bias:?}");
    }
}
