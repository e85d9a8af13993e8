//! Deviates that are the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// A stream of random numbers of one part of the world; parts do not disturb each other's streams.
#[derive(Clone, Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// The stream `part` of the world with this seed.
    #[must_use]
    pub fn new(seed: u64, part: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(part);
        Self(rng)
    }

    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 0.5) / 4_294_967_296.0
    }

    /// Exponential with mean one.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(self.uniform())
    }

    /// The sum of `k` exponential deviates.
    pub fn gamma(&mut self, k: u32) -> f64 {
        (0..k).map(|_| self.exponential()).sum()
    }

    /// Pareto's distribution from zero on (Lomax) with mean one; the share beyond x falls with x to the `tail`,
    /// which is above one.
    pub fn pareto(&mut self, tail: f64) -> f64 {
        (tail - 1.0) * (libm::pow(self.uniform(), -1.0 / tail) - 1.0)
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(2.0 * self.exponential());
        radius * libm::cos(2.0 * std::f64::consts::PI * self.uniform())
    }

    /// A seed for somebody else's generator.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }
}
