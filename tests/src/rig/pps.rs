//! Makes pulses on the guest's parallel port, whose interrupts the kernel stamps as `/dev/pps0`.
//!
//! QEMU's port raises its interrupt when STROBE is released while interrupts are enabled. The kernel's stamp trails the
//! true moment by a constant, the time that the machine takes; it is measured here, from the stamp that the kernel
//! shows, so that judges can subtract it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::chance::Chance;
use super::judge::Figures;
use super::sys::run_first;
use super::truth::{SECOND, Truth};

/// The port's registers among all ports of the machine, as `/dev/port` shows them.
const STATUS: u64 = 0x379;
const CONTROL: u64 = 0x37a;

/// SELECT and INIT as they rest, without and with interrupts, and STROBE.
const QUIET: u8 = 0x0c;
const INTERRUPTS: u8 = 0x1c;
const STROBE: u8 = 0x01;

/// Before everything else in the guest that does not belong to the kernel: pulses come by themselves.
const PRIORITY: i32 = 50;

/// What pulses to make, and what is wrong with them.
#[derive(Clone, Copy, Debug)]
pub struct Train {
    /// How long, s.
    pub seconds: u32,
    /// Pulses in a second.
    pub rate: u32,
    /// Each comes so much after its moment, ms.
    pub shift_ms: f64,
    /// Each is followed by another after so long, ms.
    pub double_ms: Option<f64>,
    /// How probably one is missing.
    pub missing: f64,
    /// How probably there is another one in an interval, anywhere.
    pub noise: f64,
    /// What probability comes from.
    pub seed: u64,
}

impl Train {
    /// Moments of pulses after the beginning of an interval, ns, in order.
    fn pulses(&self, chance: &mut Chance) -> Vec<i64> {
        let interval = (SECOND / i64::from(self.rate)) as f64;
        let mut pulses = Vec::new();
        let (missing, noise, when) = (chance.draw(), chance.draw(), chance.draw());
        if missing >= self.missing {
            pulses.push(self.shift_ms * 1e6);
            pulses.extend(self.double_ms.map(|later| (self.shift_ms + later) * 1e6));
        }
        if noise < self.noise {
            pulses.push(when * interval);
        }
        pulses.sort_by(f64::total_cmp);
        pulses.iter().map(|&pulse| pulse as i64).collect()
    }
}

/// Makes pulses, and prints how many there were and by how much the kernel's stamps trailed the moments that were meant.
///
/// # Errors
/// When there is no such port or no `/dev/pps0`, or a clock cannot be read.
pub fn pps(truth: Truth, train: Train) -> Result<()> {
    ensure!((1..=100).contains(&train.rate), "{} pulses in a second, expected 1 to 100", train.rate);
    run_first(PRIORITY).context("come first")?;
    let port = Port::open()?;
    // The first time takes longest, as everything does; without interrupts it is no pulse.
    port.release_strobe(QUIET)?;
    let interval = SECOND / i64::from(train.rate);
    let start = (truth.steady_now()?.div_euclid(SECOND) + 1) * SECOND;
    let mut chance = Chance::new(train.seed);
    let mut lags = Vec::new();
    for number in 0..i64::from(train.seconds) * i64::from(train.rate) {
        for pulse in train.pulses(&mut chance) {
            let moment = start + number * interval + pulse;
            truth.meet(moment)?;
            port.release_strobe(INTERRUPTS)?;
            let look = truth.look()?;
            // A stamp is in the clock under test; only its age is taken from it.
            lags.push(look.truth - (look.real - last_stamp()?) - truth.utc(moment));
        }
    }
    let figures = Figures::of(&lags);
    println!("pulses={} lag_us={:.3} lag_max_us={:.3}", figures.count, figures.mean, figures.max);
    Ok(())
}

/// The parallel port.
#[derive(Debug)]
struct Port {
    ports: File,
}

impl Port {
    fn open() -> Result<Self> {
        let ports = File::options().read(true).write(true).open("/dev/port");
        Ok(Self { ports: ports.context("open the machine's ports")? })
    }

    /// Pulls STROBE and releases it; with [`INTERRUPTS`] the release is the pulse.
    fn release_strobe(&self, control: u8) -> Result<()> {
        // Reading the status takes back an interrupt that is still raised.
        self.ports.read_exact_at(&mut [0], STATUS).context("read the port")?;
        self.ports.write_all_at(&[control | STROBE], CONTROL).context("pull the strobe")?;
        self.ports.write_all_at(&[control], CONTROL).context("release the strobe")
    }
}

/// The kernel's stamp of the latest pulse, ns of the clock under test.
fn last_stamp() -> Result<i64> {
    let path = Path::new("/sys/class/pps/pps0/assert");
    let text = fs::read_to_string(path).context("read the kernel's stamp")?;
    stamp(&text).with_context(|| format!("{text:?} is no stamp"))
}

/// Reads `SECONDS.NANOSECONDS#NUMBER`.
fn stamp(text: &str) -> Option<i64> {
    let (time, _) = text.split_once('#')?;
    let (seconds, nanos) = time.split_once('.')?;
    seconds.parse::<i64>().ok()?.checked_mul(SECOND)?.checked_add(nanos.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Train =
        Train { seconds: 1, rate: 1, shift_ms: 0.0, double_ms: None, missing: 0.0, noise: 0.0, seed: 1 };

    #[test]
    fn a_good_pulse_comes_when_the_second_begins() {
        assert_eq!(GOOD.pulses(&mut Chance::new(1)), [0]);
    }

    #[test]
    fn bad_pulses_are_as_bad_as_was_asked_for() {
        let late = Train { shift_ms: 100.0, double_ms: Some(20.0), ..GOOD };
        assert_eq!(late.pulses(&mut Chance::new(1)), [100_000_000, 120_000_000]);
        let none = Train { missing: 1.0, ..GOOD };
        assert!(none.pulses(&mut Chance::new(1)).is_empty());
        let noisy = Train { noise: 1.0, ..GOOD };
        let pulses = noisy.pulses(&mut Chance::new(1));
        assert!(pulses.len() == 2 && pulses[0] == 0 && (0..SECOND).contains(&pulses[1]), "{pulses:?}");
    }

    #[test]
    fn the_kernels_stamps_are_read_to_the_nanosecond() {
        assert_eq!(stamp("1767225612.000012345#12\n"), Some(1_767_225_612_000_012_345));
        assert_eq!(stamp("1767225612.000012345"), None);
    }
}
