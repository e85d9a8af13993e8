//! Hands on the system clock: what an operator, a boot or another program would do to it.

use anyhow::{Context, Result, ensure};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_settime};

use super::sys::{clock_adjtime, empty_timex};
use super::truth::{SECOND, Truth};

/// The nominal length of the kernel's tick, µs. One µs more makes the clock 100 ppm faster.
const NOMINAL_TICK: libc::c_long = 10_000;

/// Units of the kernel's frequency in one ppm.
const FREQ_PER_PPM: f64 = 65_536.0;

/// Sets the clock to true time plus `offset` seconds.
///
/// # Errors
/// When that is no date, or not allowed.
pub fn set(truth: Truth, offset: f64) -> Result<()> {
    let target = truth.now()? + nanos(offset)?;
    let target = TimeSpec::new(target.div_euclid(SECOND), target.rem_euclid(SECOND));
    clock_settime(ClockId::CLOCK_REALTIME, target).context("set the clock")
}

/// Moves the clock by `by` seconds at once.
///
/// # Errors
/// When not allowed.
pub fn step(by: f64) -> Result<()> {
    let by = nanos(by)?;
    let mut request = empty_timex();
    request.modes = libc::ADJ_SETOFFSET | libc::ADJ_NANO;
    request.time.tv_sec = by.div_euclid(SECOND);
    // With ADJ_NANO the field holds nanoseconds; the kernel wants them positive beside negative seconds.
    request.time.tv_usec = by.rem_euclid(SECOND);
    clock_adjtime(libc::CLOCK_REALTIME, request).context("step the clock")?;
    Ok(())
}

/// Sets the kernel's frequency, ppm, and the tick to its nominal length; as after a boot with zero.
///
/// # Errors
/// When beyond ±500 ppm, the kernel's limit for a nominal tick, or not allowed.
pub fn set_frequency(ppm: f64) -> Result<()> {
    ensure!(ppm.abs() <= 500.0, "{ppm} ppm, expected at most 500 either way");
    let mut request = empty_timex();
    request.modes = libc::ADJ_FREQUENCY | libc::ADJ_TICK;
    request.freq = (ppm * FREQ_PER_PPM).round() as libc::c_long;
    request.tick = NOMINAL_TICK;
    clock_adjtime(libc::CLOCK_REALTIME, request).context("set the frequency")?;
    Ok(())
}

/// Prints the kernel's frequency, ppm; with `near` fails if it is not within `within` ppm of it.
///
/// # Errors
/// When too far from `near`, or unreadable.
pub fn frequency(near: Option<f64>, within: f64) -> Result<()> {
    let kernel = clock_adjtime(libc::CLOCK_REALTIME, empty_timex()).context("read the frequency")?;
    let ppm = (kernel.tick - NOMINAL_TICK) as f64 * 100.0 + kernel.freq as f64 / FREQ_PER_PPM;
    println!("freq_ppm={ppm:.6} tick_us={} freq_raw={}", kernel.tick, kernel.freq);
    if let Some(near) = near {
        let distance = (ppm - near).abs();
        ensure!(distance <= within, "frequency {ppm:.3} ppm, expected within {within} ppm of {near:.3}");
    }
    Ok(())
}

/// Prints what the kernel says of the clock's state.
///
/// # Errors
/// When unreadable.
pub fn status() -> Result<()> {
    const FLAGS: [(libc::c_int, &str); 10] = [
        (libc::STA_PLL, "pll"),
        (libc::STA_PPSFREQ, "ppsfreq"),
        (libc::STA_PPSTIME, "ppstime"),
        (libc::STA_FLL, "fll"),
        (libc::STA_INS, "ins"),
        (libc::STA_DEL, "del"),
        (libc::STA_UNSYNC, "unsync"),
        (libc::STA_FREQHOLD, "freqhold"),
        (libc::STA_CLOCKERR, "clockerr"),
        (libc::STA_NANO, "nano"),
    ];
    let kernel = clock_adjtime(libc::CLOCK_REALTIME, empty_timex()).context("read the clock's status")?;
    let flags: Vec<&str> =
        FLAGS.iter().filter(|(bit, _)| kernel.status & bit != 0).map(|(_, name)| *name).collect();
    println!(
        "status={} maxerror_us={} esterror_us={} tai={}",
        flags.join(","),
        kernel.maxerror,
        kernel.esterror,
        kernel.tai,
    );
    Ok(())
}

fn nanos(seconds: f64) -> Result<i64> {
    ensure!(seconds.abs() < 1e9, "{seconds} s, expected less than 1e9 either way");
    Ok((seconds * SECOND as f64).round() as i64)
}
