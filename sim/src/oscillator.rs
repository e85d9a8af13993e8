//! What makes a clock wrong: the error of its frequency, and how that changes.

use std::f64::consts::TAU;

use ntp_proto::time::{Frequency, NtpDuration};

use crate::random::Random;

/// How a quartz is made.
#[derive(Clone, Copy, Debug)]
pub struct Quartz {
    /// By how much it runs fast at first.
    pub error: Frequency,
    /// Random walk of its frequency: each second it changes by this times a normal deviate.
    pub wander: Frequency,
    /// White noise of its frequency: this times a normal deviate, anew each second.
    pub noise: Frequency,
    /// What temperature does to it.
    pub temperature: Option<Temperature>,
}

/// A cycle of temperature as the quartz feels it.
#[derive(Clone, Copy, Debug)]
pub struct Temperature {
    /// How long a cycle takes.
    pub period: NtpDuration,
    /// By how much the quartz runs fast at the height of it, and slow at the bottom.
    pub amplitude: Frequency,
    /// Where in the cycle a run begins: 0 … 1, the height is at 0.25.
    pub phase: f64,
}

impl Quartz {
    /// A constant error and a random walk.
    #[must_use]
    pub const fn wandering(error: Frequency, wander: Frequency) -> Self {
        Self { error, wander, noise: Frequency::ZERO, temperature: None }
    }
}

/// A quartz at work.
#[derive(Clone, Debug)]
pub struct Oscillator {
    quartz: Quartz,
    random: Random,
    seconds: u64,
    walk: f64,
    error: f64,
}

impl Oscillator {
    /// Begins to run.
    #[must_use]
    pub fn new(quartz: Quartz, random: Random) -> Self {
        let mut oscillator = Self { quartz, random, seconds: 0, walk: quartz.error.as_ratio(), error: 0.0 };
        oscillator.look();
        oscillator
    }

    /// By how much it runs fast now.
    #[must_use]
    pub fn error(&self) -> Frequency {
        Frequency::new(self.error)
    }

    /// A second of its life has passed.
    pub fn next_second(&mut self) {
        self.seconds += 1;
        let wander = self.quartz.wander.as_ratio();
        if wander > 0.0 {
            self.walk += wander * self.random.normal();
        }
        self.look();
    }

    /// It runs faster by this from now on.
    pub fn jump(&mut self, by: Frequency) {
        self.walk += by.as_ratio();
        self.error += by.as_ratio();
    }

    fn look(&mut self) {
        let noise = self.quartz.noise.as_ratio();
        let white = if noise > 0.0 { noise * self.random.normal() } else { 0.0 };
        self.error = self.walk + self.warmth() + white;
    }

    fn warmth(&self) -> f64 {
        let Some(temperature) = self.quartz.temperature else { return 0.0 };
        let cycles = self.seconds as f64 / temperature.period.to_seconds() + temperature.phase;
        temperature.amplitude.as_ratio() * libm::sin(TAU * (cycles % 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_deviation(quartz: Quartz, seconds: u32) -> (f64, f64) {
        let mut oscillator = Oscillator::new(quartz, Random::new(1, 1));
        let errors: Vec<f64> = (0..seconds)
            .map(|_| {
                oscillator.next_second();
                oscillator.error().to_ppm()
            })
            .collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let variance = errors.iter().map(|e| (e - mean) * (e - mean)).sum::<f64>() / errors.len() as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn white_noise_does_not_add_up() {
        let ppm = Frequency::from_ppm;
        let quartz = Quartz { noise: ppm(0.5), ..Quartz::wandering(ppm(3.0), Frequency::ZERO) };
        let (mean, deviation) = mean_and_deviation(quartz, 10_000);
        assert!((mean - 3.0).abs() < 0.02 && (deviation - 0.5).abs() < 0.02, "{mean} {deviation}");
    }

    #[test]
    fn temperature_swings_by_its_amplitude_and_comes_back() {
        let temperature = Temperature {
            period: NtpDuration::from_secs(1_000),
            amplitude: Frequency::from_ppm(2.0),
            phase: 0.25,
        };
        let quartz =
            Quartz { temperature: Some(temperature), ..Quartz::wandering(Frequency::ZERO, Frequency::ZERO) };
        let mut oscillator = Oscillator::new(quartz, Random::new(1, 1));
        assert!((oscillator.error().to_ppm() - 2.0).abs() < 1e-9);
        (0..500).for_each(|_| oscillator.next_second());
        assert!((oscillator.error().to_ppm() + 2.0).abs() < 1e-9);
        (0..500).for_each(|_| oscillator.next_second());
        assert!((oscillator.error().to_ppm() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_jump_lasts() {
        let mut oscillator =
            Oscillator::new(Quartz::wandering(Frequency::ZERO, Frequency::ZERO), Random::new(1, 1));
        oscillator.jump(Frequency::from_ppm(1.0));
        assert!((oscillator.error().to_ppm() - 1.0).abs() < 1e-9);
        oscillator.next_second();
        assert!((oscillator.error().to_ppm() - 1.0).abs() < 1e-9);
    }
}
