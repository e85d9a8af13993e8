//! True time inside the guest, and how far the system clock is from it.
//!
//! `CLOCK_MONOTONIC_RAW` is the one clock that no program can steer. Every tool computes true time from it by
//! the same line, so all agree without talking to each other:
//!
//! ```text
//! true time = base + RAW × (1 + ppm × 10⁻⁶)
//! ```
//!
//! An unsteered system clock runs at the rate of RAW: with +60 ppm it is 60 ppm slow, and a daemon that has
//! learnt this holds the kernel at +60 ppm.

use anyhow::{Context, Result, ensure};
use nix::time::{ClockId, clock_gettime};

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;

/// The line that maps `CLOCK_MONOTONIC_RAW` to true time.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    /// True time at RAW zero, ns of Unix time.
    base: i64,
    /// How much faster than RAW true time runs, in 10⁻¹²: integers keep every tool on the same nanosecond.
    rate: i64,
}

/// One look at the system clock beside true time, in ns of Unix time.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// What the system clock showed.
    pub real: i64,
    /// What it should have shown.
    pub truth: i64,
}

impl Look {
    /// Error of the system clock, ns. Positive: the clock is ahead of true time.
    #[must_use]
    pub const fn error(self) -> i64 {
        self.real - self.truth
    }
}

impl Truth {
    /// Truth that starts at `base` (Unix seconds) and runs `ppm` faster than RAW.
    ///
    /// # Errors
    /// When the rate is beyond ±10 %, more than a kernel can follow, or the base is not a date.
    pub fn new(base: i64, ppm: f64) -> Result<Self> {
        ensure!(ppm.abs() <= 100_000.0, "rate of {ppm} ppm, expected at most 100000 either way");
        let base = base.checked_mul(SECOND).context("base beyond the years 1677 to 2262")?;
        Ok(Self { base, rate: (ppm * 1e6).round() as i64 })
    }

    /// True time at a reading of RAW; both in ns.
    #[must_use]
    pub const fn at(self, raw: i64) -> i64 {
        let gained = raw as i128 * self.rate as i128 / 1_000_000_000_000;
        self.base + raw + gained as i64
    }

    /// True time now, ns of Unix time.
    ///
    /// # Errors
    /// When the clock cannot be read.
    pub fn now(self) -> Result<i64> {
        Ok(self.at(raw()?))
    }

    /// Reads the system clock between two readings of RAW, and keeps the tightest of three such brackets:
    /// an interrupt in between would pass for a clock error.
    ///
    /// # Errors
    /// When a clock cannot be read.
    pub fn look(self) -> Result<Look> {
        let mut tightest = i64::MAX;
        let mut best = Look { real: 0, truth: 0 };
        for _ in 0..3 {
            let before = raw()?;
            let real = read(ClockId::CLOCK_REALTIME)?;
            let after = raw()?;
            if after - before < tightest {
                tightest = after - before;
                best = Look { real, truth: self.at(before + (after - before) / 2) };
            }
        }
        Ok(best)
    }
}

/// `CLOCK_MONOTONIC_RAW`, ns since boot.
///
/// # Errors
/// When the clock cannot be read.
pub fn raw() -> Result<i64> {
    read(ClockId::CLOCK_MONOTONIC_RAW)
}

fn read(clock: ClockId) -> Result<i64> {
    let time = clock_gettime(clock).with_context(|| format!("read clock {clock}"))?;
    Ok(time.tv_sec() * SECOND + time.tv_nsec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_ppm_gain_sixty_microseconds_a_second() {
        let truth = Truth::new(1_000, 60.0).unwrap();
        assert_eq!(truth.at(0), 1_000 * SECOND);
        assert_eq!(truth.at(SECOND), 1_001 * SECOND + 60_000);
    }

    #[test]
    fn an_hour_of_a_fine_rate_is_exact() {
        let truth = Truth::new(0, -0.001).unwrap();
        assert_eq!(truth.at(3_600 * SECOND), 3_600 * SECOND - 3_600);
    }

    #[test]
    fn a_look_brackets_the_clock() {
        let truth = Truth::new(0, 0.0).unwrap();
        let (first, second) = (truth.look().unwrap(), truth.look().unwrap());
        assert!((second.error() - first.error()).abs() < SECOND / 10);
    }
}
