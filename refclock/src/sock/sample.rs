//! A datagram, and what it says.
//!
//! Everything is as the sender's machine has it: a `timeval` of the system clock, a double for how far the true time is
//! ahead of that, and four integers: whether it is a pulse, the leap indicator, nothing, and a number that is the same in
//! all. With times of 64 bits that makes 40 bytes, with times of 32 bits 32.

use ntp_clock::{Reading, Shows};
use ntp_proto::packet::Leap;
use ntp_proto::time::{NtpDuration, RawTime};

use crate::stamp::{is_recent, unix};

/// "SOCK".
const MAGIC: i32 = 0x534f_434b;
/// The longest difference that durations hold, 68 years, in seconds.
const FARTHEST: f64 = 2_147_483_648.0;
/// The stamp counts microseconds only, but what was measured is the offset, and that has all its digits.
const RESOLUTION: NtpDuration = NtpDuration::from_nanos(1);

/// Why a datagram gives no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is neither 40 nor 32 bytes long.
    Size,
    /// It does not end with the number that all have.
    Magic,
    /// No sender has such values: a time that does not exist, an offset of more than 68 years.
    Nonsense,
    /// It was not made just now by the system clock.
    Stale,
}

/// What `datagram` says at `now`, by the system clock.
///
/// # Errors
/// Why it says nothing that can be used.
pub fn decode(datagram: &[u8], now: RawTime) -> Result<Reading, Refusal> {
    let (seconds, micros, rest) = time(datagram).ok_or(Refusal::Size)?;
    let (offset, [pulse, leap, _, magic]) = tail(rest).ok_or(Refusal::Size)?;
    if magic != MAGIC {
        return Err(Refusal::Magic);
    }
    let leap = u8::try_from(leap).ok().filter(|leap| *leap <= 3).ok_or(Refusal::Nonsense)?;
    let nanos = micros.checked_mul(1000).ok_or(Refusal::Nonsense)?;
    let at = unix(seconds, nanos).ok_or(Refusal::Nonsense)?;
    let offset =
        (offset.abs() < FARTHEST).then(|| NtpDuration::from_seconds(offset)).ok_or(Refusal::Nonsense)?;
    if !is_recent(at, now) {
        return Err(Refusal::Stale);
    }
    let leap = Some(Leap::from_bits(leap));
    if pulse == 0 {
        let shows = Shows::Time((at + offset).reinterpret());
        return Ok(Reading { at, shows, leap, resolution: RESOLUTION });
    }
    // The true time was so far from a whole second, and the system clock runs as fast.
    let at = at - beyond_second(at + offset);
    Ok(Reading { at, shows: Shows::Pulse, leap, resolution: RESOLUTION })
}

/// How far `time` is from the nearest whole second.
fn beyond_second(time: RawTime) -> NtpDuration {
    let (_, fraction) = time.to_parts();
    // As a signed number the upper half of a second lies before the next one.
    NtpDuration::from_ticks(fraction.cast_signed().into())
}

/// Seconds and microseconds, and what follows them.
fn time(datagram: &[u8]) -> Option<(i64, i64, &[u8; 24])> {
    let (time, rest) = datagram.split_last_chunk()?;
    let (seconds, micros) = match time.len() {
        16 => (i64::from_ne_bytes(*time.first_chunk()?), i64::from_ne_bytes(*time.last_chunk()?)),
        8 => (int(time.first_chunk()?).into(), int(time.last_chunk()?).into()),
        _ => return None,
    };
    Some((seconds, micros, rest))
}

fn tail(rest: &[u8; 24]) -> Option<(f64, [i32; 4])> {
    let (offset, integers) = rest.split_first_chunk()?;
    let (integers, []) = integers.as_chunks() else { return None };
    let integers: &[[u8; 4]; 4] = integers.try_into().ok()?;
    Some((f64::from_ne_bytes(*offset), integers.each_ref().map(int)))
}

const fn int(bytes: &[u8; 4]) -> i32 {
    i32::from_ne_bytes(*bytes)
}

#[cfg(test)]
mod tests;
