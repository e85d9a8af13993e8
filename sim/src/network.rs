//! What delays, loses and doubles packets.

use ntp_proto::time::{EstimatedTime, NtpDuration};

use crate::delay::{Jitter, Level, Queue};
use crate::random::Random;

/// One direction of a path. What a packet needs is the sum of all delays.
#[derive(Clone, Copy, Debug)]
pub struct Direction {
    /// What every packet needs.
    pub base: NtpDuration,
    /// What each packet meets by itself.
    pub jitter: Jitter,
    /// A second delay that each packet meets by itself.
    pub noise: Jitter,
    /// Mean of an exponential delay on top while somebody congests the path.
    pub congestion: NtpDuration,
    /// A delay that packets share.
    pub queue: Option<Queue>,
    /// The share of packets that are lost.
    pub loss: f64,
    /// The share of packets that arrive twice, each copy with a delay of its own.
    pub duplication: f64,
}

impl Direction {
    const fn plain(base: NtpDuration, jitter: NtpDuration) -> Self {
        Self {
            base,
            jitter: Jitter::exponential(jitter),
            noise: Jitter::exponential(NtpDuration::ZERO),
            congestion: NtpDuration::ZERO,
            queue: None,
            loss: 0.0,
            duplication: 0.0,
        }
    }
}

/// The way to a server and back.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// To the server.
    pub out: Direction,
    /// From the server.
    pub back: Direction,
    /// For how many reasons it is cut; nothing passes while there is one.
    pub cuts: u32,
}

impl Path {
    /// The same in both directions.
    #[must_use]
    pub const fn symmetric(base: NtpDuration, jitter: NtpDuration) -> Self {
        let direction = Direction::plain(base, jitter);
        Self { out: direction, back: direction, cuts: 0 }
    }

    /// The same path with a share of the packets lost in each direction.
    #[must_use]
    pub const fn with_loss(mut self, loss: f64) -> Self {
        self.out.loss = loss;
        self.back.loss = loss;
        self
    }
}

/// What one direction is doing just now. Each has random numbers of its own, so that directions and servers do
/// not disturb each other.
#[derive(Clone, Debug)]
pub struct Wire {
    random: Random,
    level: Level,
    used: EstimatedTime,
}

impl Wire {
    /// An empty one.
    #[must_use]
    pub fn new(random: Random, now: EstimatedTime) -> Self {
        Self { random, level: Level::default(), used: now }
    }

    /// How long each copy of a packet takes that is sent `now`; none arrives if it is lost.
    pub fn cross(&mut self, direction: &Direction, now: EstimatedTime) -> impl Iterator<Item = NtpDuration> {
        // All deviates are drawn in any case, so that a loss does not shift everything after it.
        let lost = self.random.uniform() < direction.loss;
        let doubled = self.random.uniform() < direction.duplication;
        let first = self.delay(direction, now);
        let second = doubled.then(|| self.delay(direction, now));
        std::iter::once(first).chain(second).filter(move |_| !lost)
    }

    fn delay(&mut self, direction: &Direction, now: EstimatedTime) -> NtpDuration {
        let random = &mut self.random;
        let mut delay = direction.base + direction.jitter.draw(random);
        if direction.noise.scale > NtpDuration::ZERO {
            delay += direction.noise.draw(random);
        }
        if direction.congestion > NtpDuration::ZERO {
            delay += direction.congestion.scaled(random.exponential());
        }
        if let Some(queue) = &direction.queue {
            delay += self.level.wait(queue, now - self.used, random);
            self.used = now;
        }
        // A symmetric distribution may be wider than the path is long.
        delay.max(NtpDuration::ZERO)
    }
}
