//! Keeps the clock of a network card on true time, as a PTP daemon would.
//!
//! The card that QEMU makes counts its clock from the machine's time by a rate with coarse steps, and jumps when the
//! rate is changed. So the rate is set once, when it has been measured, and what remains is taken out by small steps.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use anyhow::{Context, Result};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};

use super::judge::Figures;
use super::sys::{clock_adjtime, empty_timex, run_first};
use super::truth::{SECOND, Truth, raw};

/// TAI is ahead of UTC by so much since 2017, ns.
const TAI: i64 = 37 * SECOND;

/// How long the rate is measured at first, ns.
const MEASURE: i64 = 5 * SECOND;

/// What is further off is stepped, ns.
const TOLERANCE: i64 = 100;

/// Beside the pulses.
const PRIORITY: i32 = 40;

/// Units of a clock's frequency in one ppm.
const FREQ_PER_PPM: f64 = 65_536.0;

/// Keeps the clock of `device` for so many seconds, and prints how far off it was before each correction.
///
/// # Errors
/// When it is no such device, or cannot be set.
pub fn phc(truth: Truth, device: &Path, seconds: u32, tai: bool) -> Result<()> {
    run_first(PRIORITY).context("come first")?;
    let card = Card::open(device, if tai { TAI } else { 0 })?;
    card.set(truth)?;
    let (before, start) = (card.error(truth)?, truth.steady_now()?);
    truth.sleep_until(start + MEASURE)?;
    card.set_rate(-(card.error(truth)? - before) as f64 / MEASURE as f64 * 1e6)?;
    card.set(truth)?;
    println!("the clock is set");
    let mut errors = Vec::new();
    let mut moment = truth.steady_now()?;
    for _ in 0..seconds {
        moment += SECOND;
        truth.sleep_until(moment)?;
        let error = card.error(truth)?;
        errors.push(error);
        if error.abs() > TOLERANCE {
            card.step(-error)?;
        }
    }
    let figures = Figures::of(&errors);
    println!("looks={} rms_us={:.3} max_us={:.3}", figures.count, figures.rms, figures.max);
    Ok(())
}

/// The clock of a network card.
#[derive(Debug)]
struct Card {
    clock: ClockId,
    /// What it is to be ahead of UTC, ns.
    ahead: i64,
    /// The clock is named by the open file.
    _file: File,
}

impl Card {
    fn open(device: &Path, ahead: i64) -> Result<Self> {
        let file = File::options().read(true).write(true).open(device);
        let file = file.with_context(|| format!("open {}", device.display()))?;
        // How the kernel makes a clock's name of an open file (clock_getres(2)).
        let clock = ClockId::from_raw(!file.as_raw_fd() << 3 | 3);
        Ok(Self { clock, ahead, _file: file })
    }

    /// How far it is ahead of where it should be, ns, by the tightest of some readings.
    fn error(&self, truth: Truth) -> Result<i64> {
        let (mut tightest, mut error) = (i64::MAX, 0);
        for _ in 0..5 {
            let before = raw()?;
            let shown = clock_gettime(self.clock).context("read the card's clock")?;
            let after = raw()?;
            if after - before < tightest {
                tightest = after - before;
                let should = truth.at(before + (after - before) / 2) + self.ahead;
                error = shown.tv_sec() * SECOND + shown.tv_nsec() - should;
            }
        }
        Ok(error)
    }

    /// Sets it; what setting took is left to be stepped.
    fn set(&self, truth: Truth) -> Result<()> {
        let target = truth.now()? + self.ahead;
        let target = TimeSpec::new(target.div_euclid(SECOND), target.rem_euclid(SECOND));
        clock_settime(self.clock, target).context("set the card's clock")
    }

    fn step(&self, by: i64) -> Result<()> {
        let mut request = empty_timex();
        request.modes = libc::ADJ_SETOFFSET | libc::ADJ_NANO;
        request.time.tv_sec = by.div_euclid(SECOND);
        request.time.tv_usec = by.rem_euclid(SECOND);
        clock_adjtime(self.clock.as_raw(), request).context("step the card's clock")?;
        Ok(())
    }

    fn set_rate(&self, ppm: f64) -> Result<()> {
        let mut request = empty_timex();
        request.modes = libc::ADJ_FREQUENCY;
        request.freq = (ppm * FREQ_PER_PPM).round() as libc::c_long;
        clock_adjtime(self.clock.as_raw(), request).context("set the rate of the card's clock")?;
        Ok(())
    }
}
