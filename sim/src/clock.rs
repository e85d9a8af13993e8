//! A kernel clock on top of an oscillator.

use ntp_proto::time::{EstimatedTime, Frequency, Monotonic, NtpDuration, RawTime};

use crate::oscillator::Oscillator;

/// The kernel's unit of frequency, 2⁻¹⁶ ppm.
const RATE_UNIT: f64 = 1e-6 / 65_536.0;
/// The kernel's limit: a tick of ±10 %, and 500 ppm by frequency.
const RATE_LIMIT: f64 = 0.1;

/// The system clock of one host, driven through true time.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    oscillator: Oscillator,
    rate: f64,
    /// True time up to which the readings below are right.
    now: EstimatedTime,
    next_second: EstimatedTime,
    raw: RawTime,
    monotonic: NtpDuration,
    /// What the readings lack below their resolution, in seconds.
    remainder: f64,
}

impl VirtualClock {
    /// Ahead of true time by `ahead` at `now`.
    #[must_use]
    pub fn new(oscillator: Oscillator, now: EstimatedTime, ahead: NtpDuration) -> Self {
        Self {
            oscillator,
            rate: 0.0,
            now,
            next_second: now + NtpDuration::from_secs(1),
            raw: (now + ahead).reinterpret(),
            monotonic: NtpDuration::ZERO,
            remainder: 0.0,
        }
    }

    /// True time goes on to `to`.
    pub fn advance(&mut self, to: EstimatedTime) {
        while self.next_second <= to {
            self.run_to(self.next_second);
            self.oscillator.next_second();
            self.next_second = self.next_second + NtpDuration::from_secs(1);
        }
        self.run_to(to);
    }

    /// What the clock shows.
    #[must_use]
    pub fn raw(&self) -> RawTime {
        self.raw
    }

    /// What the clock that nobody steps shows.
    #[must_use]
    pub fn monotonic(&self) -> Monotonic {
        Monotonic::default() + self.monotonic
    }

    /// How far the clock is ahead of true time.
    #[must_use]
    pub fn error(&self) -> NtpDuration {
        self.raw - self.now.reinterpret()
    }

    /// How fast the clock gains on true time.
    #[must_use]
    pub fn frequency_error(&self) -> Frequency {
        Frequency::new((1.0 + self.oscillator.error().as_ratio()) * (1.0 + self.rate) - 1.0)
    }

    /// The correction of the rate.
    #[must_use]
    pub fn rate(&self) -> Frequency {
        Frequency::new(self.rate)
    }

    /// Corrects the rate; returns what the kernel made of it.
    pub fn set_rate(&mut self, rate: Frequency) -> Frequency {
        let rate = kernel_rate(rate);
        self.rate = rate.as_ratio();
        rate
    }

    /// The oscillator runs faster by this from now on.
    pub fn jump(&mut self, by: Frequency) {
        self.oscillator.jump(by);
    }

    /// Sets the clock forward.
    pub fn step(&mut self, by: NtpDuration) {
        self.raw = self.raw + by;
    }

    /// How much true time passes while the clock shows `span` more, if nothing changes.
    #[must_use]
    pub fn true_span(&self, span: NtpDuration) -> NtpDuration {
        span.scaled(1.0 / (1.0 + self.frequency_error().as_ratio()))
    }

    fn run_to(&mut self, to: EstimatedTime) {
        let elapsed = (to - self.now).max(NtpDuration::ZERO);
        let gained = elapsed.to_seconds() * self.frequency_error().as_ratio() + self.remainder;
        let whole = NtpDuration::from_seconds(gained);
        self.remainder = gained - whole.to_seconds();
        self.raw = self.raw + elapsed + whole;
        self.monotonic += elapsed + whole;
        self.now = self.now.max(to);
    }
}

/// What the kernel makes of a correction of the rate.
#[must_use]
pub fn kernel_rate(wanted: Frequency) -> Frequency {
    let limited = wanted.as_ratio().clamp(-RATE_LIMIT, RATE_LIMIT);
    Frequency::new((limited / RATE_UNIT).round() * RATE_UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oscillator::Quartz;
    use crate::random::Random;

    fn clock(ppm: f64) -> VirtualClock {
        let quartz = Quartz::wandering(Frequency::from_ppm(ppm), Frequency::ZERO);
        let oscillator = Oscillator::new(quartz, Random::new(1, 1));
        VirtualClock::new(oscillator, EstimatedTime::from_unix(1_000, 0), NtpDuration::ZERO)
    }

    #[test]
    fn a_fast_clock_gains_and_a_rate_takes_it_back() {
        let start = EstimatedTime::from_unix(1_000, 0);
        let mut clock = clock(10.0);
        clock.advance(start + NtpDuration::from_secs(100_000));
        assert!((clock.error().to_seconds() - 1.0).abs() < 1e-9);
        clock.set_rate(Frequency::from_ppm(-10.0));
        clock.step(-clock.error());
        clock.advance(start + NtpDuration::from_secs(200_000));
        assert!(clock.error().to_seconds().abs() < 1e-4);
    }

    #[test]
    fn many_small_advances_are_one_large_one() {
        let start = EstimatedTime::from_unix(1_000, 0);
        let (mut once, mut often) = (clock(33.3), clock(33.3));
        once.advance(start + NtpDuration::from_secs(1_000));
        for i in 1..=100_000 {
            often.advance(start + NtpDuration::from_millis(i * 10));
        }
        assert!((once.error() - often.error()).abs() < NtpDuration::from_nanos(10));
    }
}
