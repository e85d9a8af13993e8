//! The clock that nobody steers.

use std::time::Duration;

/// `CLOCK_MONOTONIC_RAW`: as fast as the machine's oscillator is, whatever becomes of the system clock. Zero where
/// there is none, which no Linux since 2.6.28 lacks.
pub(crate) fn now() -> Duration {
    // SAFETY: integers, whose bytes may be zero; on some machines there are more than two.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a `timespec` of ours, which outlives the call. After a failure it holds what it held.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_RAW, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on() {
        let before = now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(now() - before >= Duration::from_millis(1));
    }
}
