//! What makes a clock wrong: a constant error of its frequency and a random walk of it.

use ntp_proto::time::Frequency;

use crate::random::Random;

/// A quartz.
#[derive(Clone, Debug)]
pub struct Oscillator {
    error: f64,
    wander: f64,
    random: Random,
}

impl Oscillator {
    /// Runs fast by `error` at first; each second the error changes by `wander` times a normal deviate.
    #[must_use]
    pub fn new(error: Frequency, wander: Frequency, random: Random) -> Self {
        Self { error: error.as_ratio(), wander: wander.as_ratio(), random }
    }

    /// By how much it runs fast now.
    #[must_use]
    pub fn error(&self) -> Frequency {
        Frequency::new(self.error)
    }

    /// A second of its life has passed.
    pub fn next_second(&mut self) {
        if self.wander > 0.0 {
            self.error += self.wander * self.random.normal();
        }
    }
}
