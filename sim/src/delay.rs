//! How delays are distributed, and how they hang together.

use std::f64::consts::PI;

use ntp_proto::time::NtpDuration;
use serde::Deserialize;

use crate::random::Random;

/// The form of a distribution. All but [`Shape::Pareto`] have a standard deviation of one.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Mean one.
    Exponential,
    /// The sum of so many exponential ones.
    Gamma(u32),
    /// A normal one folded at zero.
    HalfNormal,
    /// On both sides of zero: the base is not the shortest delay.
    Normal,
    /// From zero on.
    Uniform,
    /// A heavy tail of this exponent, above one. Mean one.
    Pareto(f64),
}

impl Shape {
    fn draw(self, random: &mut Random) -> f64 {
        match self {
            Self::Exponential => random.exponential(),
            Self::Gamma(k) => random.gamma(k) / libm::sqrt(f64::from(k)),
            Self::HalfNormal => random.normal().abs() / libm::sqrt(1.0 - 2.0 / PI),
            Self::Normal => random.normal(),
            Self::Uniform => random.uniform() * libm::sqrt(12.0),
            Self::Pareto(tail) => random.pareto(tail),
        }
    }
}

/// What each packet meets by itself.
#[derive(Clone, Copy, Debug)]
pub struct Jitter {
    /// What a deviate of one is.
    pub scale: NtpDuration,
    /// How deviates are distributed.
    pub shape: Shape,
    /// The share of packets that are struck …
    pub spike_share: f64,
    /// … and whose deviate is this many times as large.
    pub spike_factor: f64,
}

impl Jitter {
    /// Exponential with this mean.
    #[must_use]
    pub const fn exponential(mean: NtpDuration) -> Self {
        Self { scale: mean, shape: Shape::Exponential, spike_share: 0.0, spike_factor: 1.0 }
    }

    /// What one packet meets.
    pub fn draw(&self, random: &mut Random) -> NtpDuration {
        let (struck, deviate) = (random.uniform() < self.spike_share, self.shape.draw(random));
        self.scale.scaled(if struck { deviate * self.spike_factor } else { deviate })
    }
}

/// A queue that packets share: long for one, it is long for the next.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Its mean; exponentially distributed in the long run, with one time scale.
    pub mean: NtpDuration,
    /// After this time the correlation has fallen to 1/e.
    pub memory: NtpDuration,
    /// Whether it is the sum of three queues, two of which forget ten and a hundred times as fast: bursts in
    /// bursts, as in measured traffic.
    pub self_similar: bool,
}

/// How long a [`Queue`] is just now.
#[derive(Clone, Debug, Default)]
pub struct Level {
    /// For each time scale two normal deviates: half the sum of their squares is exponential.
    pairs: Option<[[f64; 2]; 3]>,
}

impl Level {
    /// What a packet waits that comes `elapsed` after the last one.
    pub fn wait(&mut self, queue: &Queue, elapsed: NtpDuration, random: &mut Random) -> NtpDuration {
        let begin = self.pairs.is_none();
        let pairs = self.pairs.get_or_insert_default();
        let scales = if queue.self_similar { 3 } else { 1 };
        let mut total = 0.0;
        let mut memory = queue.memory.to_seconds();
        for pair in pairs.iter_mut().take(scales) {
            // The correlation of the squares is the square of this.
            let kept = if begin { 0.0 } else { libm::exp(-elapsed.to_seconds() / (2.0 * memory)) };
            let fresh = libm::sqrt(1.0 - kept * kept);
            for deviate in pair.iter_mut() {
                *deviate = kept * *deviate + fresh * random.normal();
            }
            total += (pair[0] * pair[0] + pair[1] * pair[1]) / 2.0;
            memory /= 10.0;
        }
        queue.mean.scaled(total / scales as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 100_000;

    fn moments(values: impl Iterator<Item = f64>) -> (f64, f64) {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn shapes_have_a_deviation_of_one() {
        let mut random = Random::new(1, 1);
        for (shape, expected) in [
            (Shape::Exponential, 1.0),
            (Shape::Gamma(2), 2.0_f64.sqrt()),
            (Shape::HalfNormal, (2.0 / PI / (1.0 - 2.0 / PI)).sqrt()),
            (Shape::Normal, 0.0),
            (Shape::Uniform, 3.0_f64.sqrt()),
        ] {
            let (mean, deviation) = moments((0..MANY).map(|_| shape.draw(&mut random)));
            assert!((mean - expected).abs() < 0.02, "{shape:?}: mean {mean}");
            assert!((deviation - 1.0).abs() < 0.02, "{shape:?}: deviation {deviation}");
        }
        let (mean, _) = moments((0..MANY).map(|_| Shape::Pareto(2.2).draw(&mut random)));
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
    }

    #[test]
    fn spikes_strike_their_share() {
        let mut random = Random::new(1, 1);
        let scale = NtpDuration::from_millis(1);
        let jitter = Jitter { spike_share: 0.15, spike_factor: 20.0, ..Jitter::exponential(scale) };
        let (mean, _) = moments((0..MANY).map(|_| jitter.draw(&mut random).to_seconds() * 1e3));
        assert!((mean - (0.85 + 0.15 * 20.0)).abs() < 0.1, "{mean}");
    }

    #[test]
    fn a_queue_remembers_for_its_memory() {
        for self_similar in [false, true] {
            let mut random = Random::new(1, 1);
            let mean = NtpDuration::from_millis(1);
            let queue = Queue { mean, memory: NtpDuration::from_secs(100), self_similar };
            let mut level = Level::default();
            let mut wait =
                |seconds| level.wait(&queue, NtpDuration::from_secs(seconds), &mut random).to_seconds() * 1e3;
            let waits: Vec<f64> = (0..MANY).map(|_| wait(100)).collect();
            let (average, deviation) = moments(waits.iter().copied());
            assert!((average - 1.0).abs() < 0.03, "{average}");
            let products = waits.windows(2).map(|w| (w[0] - average) * (w[1] - average));
            let correlation = products.sum::<f64>() / MANY as f64 / (deviation * deviation);
            let expected = if self_similar { (-1.0_f64).exp() / 3.0 } else { (-1.0_f64).exp() };
            assert!((correlation - expected).abs() < 0.05, "{correlation}");
        }
    }
}
