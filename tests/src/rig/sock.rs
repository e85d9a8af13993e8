//! Sends true time to a socket once a second, as gpsd does for the pulses that it reads.
//!
//! A sample is chrony's: 40 bytes, for 64-bit `time_t`.

use std::os::unix::net::UnixDatagram;
use std::path::Path;

use anyhow::{Context, Result};

use super::truth::{SECOND, Truth};

/// Length of a sample.
const LENGTH: usize = 40;

/// What a sample ends with.
const MAGIC: u32 = 0x534f_434b;

/// What to send.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// How many, one a second.
    pub seconds: u32,
    /// Pulses, which do not say which second they begin.
    pub pulse: bool,
    /// What is said of the end of the day, as in NTP.
    pub leap: u8,
}

/// Sends samples to the socket at `path`; what nobody takes is lost.
///
/// # Errors
/// When a socket cannot be made, or a clock cannot be read.
pub fn sock(truth: Truth, path: &Path, samples: Samples) -> Result<()> {
    let socket = UnixDatagram::unbound().context("make a socket")?;
    socket.set_nonblocking(true).context("set the socket up")?;
    let mut second = truth.steady_now()?.div_euclid(SECOND) * SECOND;
    let mut taken = 0;
    for _ in 0..samples.seconds {
        second += SECOND;
        truth.sleep_until(second)?;
        let look = truth.look()?;
        let leap = if truth.leap_is_ahead(second) { 1 } else { samples.leap };
        let offset = look.truth - look.real;
        // A pulse is off by less than half a second either way, whatever the clock shows.
        let offset =
            if samples.pulse { (offset + SECOND / 2).rem_euclid(SECOND) - SECOND / 2 } else { offset };
        let sample = sample(look.real, offset, samples.pulse, leap);
        taken += u32::from(socket.send_to(&sample, path).is_ok());
    }
    println!("sent={} taken={taken}", samples.seconds);
    Ok(())
}

/// At `real` of the clock under test (ns of Unix time) true time was `offset` ns further.
fn sample(real: i64, offset: i64, pulse: bool, leap: u8) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[0..8].copy_from_slice(&real.div_euclid(SECOND).to_ne_bytes());
    // The sample holds whole µs; what is cut off the time belongs to the offset.
    let (micros, rest) = (real.rem_euclid(SECOND) / 1_000, real.rem_euclid(1_000));
    bytes[8..16].copy_from_slice(&micros.to_ne_bytes());
    bytes[16..24].copy_from_slice(&((offset + rest) as f64 * 1e-9).to_ne_bytes());
    bytes[24..28].copy_from_slice(&u32::from(pulse).to_ne_bytes());
    bytes[28..32].copy_from_slice(&u32::from(leap).to_ne_bytes());
    bytes[36..40].copy_from_slice(&MAGIC.to_ne_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_loses_nothing_to_microseconds() {
        let bytes = sample(5_000_000_000_123_456_789, -2_000_000_000, true, 1);
        let time = |at: usize| i64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!((time(0), time(8)), (5_000_000_000, 123_456));
        let offset = f64::from_ne_bytes(bytes[16..24].try_into().unwrap());
        assert!((offset + 1.999_999_211).abs() < 1e-12, "{offset}");
        assert_eq!((bytes[24], bytes[28], &bytes[36..]), (1, 1, &b"KCOS"[..]));
    }
}
