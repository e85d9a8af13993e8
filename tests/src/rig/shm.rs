//! Writes true time into shared memory once a second, as gpsd does for the receivers that it reads.
//!
//! The layout is the one that ntpd's driver 28 made known and all have kept, for 64-bit `time_t`: 24 words of 32 bits,
//! written as mode 1 wants it, with a count that is odd while the sample changes.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, fence};

use anyhow::{Context, Result};

use super::sys::{shmat, shmget};
use super::truth::{SECOND, Truth};

/// Key of unit 0: the letters "NTP0".
const KEY: i32 = 0x4e54_5030;

/// Words of 32 bits in the segment.
const WORDS: usize = 24;

// Where things stand, in words. A `time_t` takes two.
const MODE: usize = 0;
const COUNT: usize = 1;
const CLOCK_SECONDS: usize = 2;
const CLOCK_MICROS: usize = 4;
const RECEIVE_SECONDS: usize = 6;
const RECEIVE_MICROS: usize = 8;
const LEAP: usize = 9;
const PRECISION: usize = 10;
const VALID: usize = 12;
const CLOCK_NANOS: usize = 13;
const RECEIVE_NANOS: usize = 14;

/// log2 of the seconds that the time may be off by: about a µs.
const PRECISION_LOG2: i32 = -20;

/// What to write.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// How many, one a second.
    pub seconds: u32,
    /// How long after the second, ms.
    pub delay_ms: f64,
    /// What is said of the end of the day, as in NTP.
    pub leap: u8,
}

/// Writes samples into the segment of `unit`.
///
/// # Errors
/// When there is no shared memory to be had, or a clock cannot be read.
pub fn shm(truth: Truth, unit: u8, samples: Samples) -> Result<()> {
    let segment = shmget(KEY + i32::from(unit), 0o600).context("make the segment")?;
    let words: &[AtomicU32; WORDS] = shmat(segment).context("map the segment")?;
    let delay = (samples.delay_ms * 1e6) as i64;
    let mut second = truth.steady_now()?.div_euclid(SECOND) * SECOND;
    for _ in 0..samples.seconds {
        second += SECOND;
        truth.sleep_until(second + delay)?;
        let look = truth.look()?;
        let leap = if truth.leap_is_ahead(second) { 1 } else { samples.leap };
        // In the inserted second there is no number to give that anybody would understand.
        if !truth.in_leap_second(second + delay) {
            write(words, look.truth, look.real, leap);
        }
    }
    Ok(())
}

/// Writes one sample: at `real` of the clock under test it was `truth`; both ns of Unix time.
fn write(words: &[AtomicU32; WORDS], truth: i64, real: i64, leap: u8) {
    let put = |place: usize, value: u32| words[place].store(value, Relaxed);
    let put_time = |seconds: usize, micros: usize, nanos: usize, time: i64| {
        let (whole, part) = (time.div_euclid(SECOND), time.rem_euclid(SECOND));
        put(seconds, whole as u32);
        put(seconds + 1, (whole >> 32) as u32);
        put(micros, (part / 1_000) as u32);
        put(nanos, part as u32);
    };
    put(VALID, 0);
    words[COUNT].fetch_add(1, SeqCst);
    fence(SeqCst);
    put(MODE, 1);
    put_time(CLOCK_SECONDS, CLOCK_MICROS, CLOCK_NANOS, truth);
    put_time(RECEIVE_SECONDS, RECEIVE_MICROS, RECEIVE_NANOS, real);
    put(LEAP, u32::from(leap));
    put(PRECISION, PRECISION_LOG2.cast_unsigned());
    fence(SeqCst);
    words[COUNT].fetch_add(1, SeqCst);
    put(VALID, 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_lies_where_c_would_put_it() {
        let words = [const { AtomicU32::new(0) }; WORDS];
        write(&words, 5_000_000_000_123_456_789, 4_999_999_999_000_000_001, 1);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect();
        let int = |at: usize| i32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        let time = |at: usize| i64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!((int(0), int(4), int(36), int(40), int(48)), (1, 2, 1, -20, 1));
        assert_eq!((time(8), int(16), int(52)), (5_000_000_000, 123_456, 123_456_789));
        assert_eq!((time(24), int(32), int(56)), (4_999_999_999, 0, 1));
    }
}
