//! What delays and loses packets.

use ntp_proto::time::NtpDuration;

use crate::random::Random;

/// One direction of a path.
#[derive(Clone, Copy, Debug)]
pub struct Direction {
    /// The shortest a packet can take.
    pub base: NtpDuration,
    /// Mean of the exponential delay on top of it.
    pub jitter: NtpDuration,
    /// The share of packets that are lost.
    pub loss: f64,
}

impl Direction {
    /// How long a packet takes; `None` if it is lost.
    pub fn cross(&self, random: &mut Random) -> Option<NtpDuration> {
        // Both deviates are drawn in any case, so that a loss does not shift everything after it.
        let (loss, jitter) = (random.uniform(), random.exponential());
        (loss >= self.loss).then(|| self.base + self.jitter.scaled(jitter))
    }
}

/// The way to a server and back.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// To the server.
    pub out: Direction,
    /// From the server.
    pub back: Direction,
}

impl Path {
    /// The same in both directions.
    #[must_use]
    pub const fn symmetric(base: NtpDuration, jitter: NtpDuration) -> Self {
        let direction = Direction { base, jitter, loss: 0.0 };
        Self { out: direction, back: direction }
    }

    /// The same path with a share of the packets lost in each direction.
    #[must_use]
    pub const fn with_loss(mut self, loss: f64) -> Self {
        self.out.loss = loss;
        self.back.loss = loss;
        self
    }
}
