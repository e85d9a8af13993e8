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
//!
//! That line is *steady*: it never jumps, so moments are reckoned and waited for in it. What a clock should show is
//! UTC as Unix counts it, one second less from an inserted leap second on, which has the number of the second before
//! it (as Linux shows it).

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::time::{ClockId, clock_gettime};

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;

/// A sleep of any length is measured by a clock that somebody steers, so the first one ends this early, ns, and the second
/// is short.
const DOUBT: i64 = 2_000_000;

/// Who must not be late sleeps until so long before, ns, and spins. Spinning costs real time in simulated time.
const SPIN: i64 = 100_000;

/// The line that maps `CLOCK_MONOTONIC_RAW` to true time.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    /// True time at RAW zero, ns of Unix time.
    base: i64,
    /// How much faster than RAW true time runs, in 10⁻¹²: integers keep every tool on the same nanosecond.
    rate: i64,
    /// The moment when an inserted second begins, ns; never, if far enough away.
    leap: i64,
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
        Ok(Self { base, rate: (ppm * 1e6).round() as i64, leap: i64::MAX })
    }

    /// The same with a second inserted before the midnight that `midnight` is (Unix seconds).
    ///
    /// # Errors
    /// When that is no midnight.
    pub fn with_leap(self, midnight: i64) -> Result<Self> {
        ensure!(midnight % 86_400 == 0, "{midnight} is no midnight");
        let leap = midnight.checked_mul(SECOND).context("leap second beyond the years 1677 to 2262")?;
        Ok(Self { leap, ..self })
    }

    /// Steady true time at a reading of RAW; both in ns.
    #[must_use]
    pub const fn steady(self, raw: i64) -> i64 {
        let gained = raw as i128 * self.rate as i128 / 1_000_000_000_000;
        self.base + raw + gained as i64
    }

    /// What a clock should show at a moment of steady time; both in ns of Unix time.
    #[must_use]
    pub const fn utc(self, steady: i64) -> i64 {
        if steady < self.leap { steady } else { steady - SECOND }
    }

    /// Whether a moment of steady time lies in the inserted second, 23:59:60.
    #[must_use]
    pub const fn in_leap_second(self, steady: i64) -> bool {
        steady >= self.leap && steady - self.leap < SECOND
    }

    /// Whether an inserted second is still to come at a moment of steady time.
    #[must_use]
    pub const fn leap_is_ahead(self, steady: i64) -> bool {
        self.leap < i64::MAX && steady < self.leap
    }

    /// True time at a reading of RAW, as a clock should show it; both in ns.
    #[must_use]
    pub const fn at(self, raw: i64) -> i64 {
        self.utc(self.steady(raw))
    }

    /// Steady true time now, ns.
    ///
    /// # Errors
    /// When the clock cannot be read.
    pub fn steady_now(self) -> Result<i64> {
        Ok(self.steady(raw()?))
    }

    /// Sleeps until a moment of steady time, or some µs longer.
    ///
    /// # Errors
    /// When the clock cannot be read.
    pub fn sleep_until(self, steady: i64) -> Result<()> {
        for early in [DOUBT, 0] {
            let left = steady - self.steady_now()? - early;
            sleep(Duration::from_nanos(left.max(0).unsigned_abs()));
        }
        Ok(())
    }

    /// Returns as soon as a moment of steady time has come, to the precision of reading a clock.
    ///
    /// # Errors
    /// When the clock cannot be read.
    pub fn meet(self, steady: i64) -> Result<()> {
        self.sleep_until(steady - SPIN)?;
        while self.steady_now()? < steady {}
        Ok(())
    }

    /// True time now as a clock should show it, ns of Unix time.
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
    fn the_second_before_midnight_comes_twice() {
        let midnight = 1_483_228_800;
        let truth = Truth::new(midnight - 10, 0.0).unwrap().with_leap(midnight).unwrap();
        let at = |tenths: i64| truth.at(tenths * SECOND / 10) - (midnight - 1) * SECOND;
        assert_eq!([at(99), at(100), at(109), at(110)], [9, 0, 9, 10].map(|tenths| tenths * SECOND / 10));
        let inside = |tenths: i64| truth.in_leap_second(truth.steady(tenths * SECOND / 10));
        assert_eq!([inside(99), inside(100), inside(109), inside(110)], [false, true, true, false]);
        assert!(truth.leap_is_ahead(truth.steady(99 * SECOND / 10)));
        assert!(!truth.leap_is_ahead(truth.steady(10 * SECOND)));
    }

    #[test]
    fn a_moment_is_waited_for_and_not_missed_by_much() {
        let truth = Truth::new(1_000, 60.0).unwrap();
        let moment = truth.steady_now().unwrap() + 5_000_000;
        truth.meet(moment).unwrap();
        let late = truth.steady_now().unwrap() - moment;
        assert!((0..SECOND).contains(&late), "{late} ns");
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
