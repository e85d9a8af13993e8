//! Reading the clocks of the kernel.
//!
//! Nothing here changes a clock; for that see [`kernel_clock`](super::kernel_clock). Reads cost some tens of
//! nanoseconds and do not enter the kernel on common machines.

use std::io;

use ntp_proto::packet::Precision;
use ntp_proto::time::{Monotonic, NtpDuration, RawTime};

use super::check;
use super::plain::{wide, zeroed};

/// The clock for deadlines, `CLOCK_MONOTONIC`. It stands still while the machine is suspended, and the rate
/// that the system clock is steered with applies to it as well.
#[must_use]
pub fn monotonic() -> Monotonic {
    let time = always(libc::CLOCK_MONOTONIC);
    Monotonic::from_nanos(u64::try_from(nanos(&time)).unwrap_or(0))
}

/// The system clock as it is, `CLOCK_REALTIME`: what kernel stamps are in.
#[must_use]
pub fn raw() -> RawTime {
    let time = always(libc::CLOCK_REALTIME);
    // `None` needs a negative fraction, which the kernel never gives.
    raw_time(&time).unwrap_or_else(|| RawTime::from_unix(wide(time.tv_sec), 0))
}

/// One moment on two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockPair {
    /// When, on the clock for deadlines.
    pub monotonic: Monotonic,
    /// The same moment on the system clock, as well as could be told.
    pub raw: RawTime,
    /// How long the reading took; the two belong together within half of it. Never negative.
    pub width: NtpDuration,
}

/// Reads both clocks as one: the system clock between two reads of the other. The tightest of three attempts,
/// as an interrupt may have come in between.
#[must_use]
pub fn pair() -> ClockPair {
    const ATTEMPTS: u32 = 3;
    (1..ATTEMPTS).fold(sandwich(), |best, _| {
        let next = sandwich();
        if next.width < best.width { next } else { best }
    })
}

/// How long the machine has been suspended since it was started, `CLOCK_BOOTTIME − CLOCK_MONOTONIC`. Only its
/// growth means something: it also contains the time between the two reads. `None` where the kernel has no
/// such clock.
///
/// Not for a world in which libc is intercepted: there an unknown clock may be the end of the program.
#[must_use]
pub fn suspended() -> Option<NtpDuration> {
    let running = monotonic();
    let boot = read(libc::CLOCK_BOOTTIME).ok()?;
    let boot = Monotonic::from_nanos(u64::try_from(nanos(&boot)).ok()?);
    Some(boot - running)
}

/// How much processor time this thread has had, `CLOCK_THREAD_CPUTIME_ID`. `None` where the kernel does not count it.
///
/// Not for a world in which libc is intercepted: there an unknown clock may be the end of the program.
#[must_use]
pub fn thread_time() -> Option<NtpDuration> {
    Some(NtpDuration::from_nanos(nanos(&read(libc::CLOCK_THREAD_CPUTIME_ID).ok()?)))
}

/// The precision of the system clock as RFC 5905 §7.3 understands it, between 2⁻³⁰ and 2⁻⁶ s: the smallest
/// difference that successive reads show, which is its resolution or the time that a read takes, whichever is
/// longer. Rounded up to a power of two. Takes some microseconds.
#[must_use]
pub fn precision() -> Precision {
    precision_of(smallest_difference().or_else(resolution))
}

fn sandwich() -> ClockPair {
    let before = monotonic();
    let raw = raw();
    let after = monotonic();
    let width = after - before;
    ClockPair { monotonic: before + width.half(), raw, width }
}

/// `None` if the clock did not move during the reads, as one that is driven by timer interrupts may.
fn smallest_difference() -> Option<NtpDuration> {
    const READS: u32 = 256;
    let mut last = raw();
    let mut smallest = None;
    for _ in 0..READS {
        let now = raw();
        let difference = now - last;
        last = now;
        // Somebody may set the clock back meanwhile.
        if difference > NtpDuration::ZERO && smallest.is_none_or(|s| difference < s) {
            smallest = Some(difference);
        }
    }
    smallest
}

/// What the kernel says about the resolution of the system clock.
fn resolution() -> Option<NtpDuration> {
    let mut time = zeroed::<libc::timespec>();
    // SAFETY: the pointer is to a `timespec` of ours, which outlives the call.
    check(unsafe { libc::clock_getres(libc::CLOCK_REALTIME, &raw mut time) }).ok()?;
    Some(NtpDuration::from_nanos(nanos(&time)))
}

fn precision_of(difference: Option<NtpDuration>) -> Precision {
    const FINEST: f64 = -30.0;
    const COARSEST: f64 = -6.0;
    let seconds = difference.map_or(1.0, NtpDuration::to_seconds);
    Precision::new(seconds.log2().ceil().clamp(FINEST, COARSEST) as i8)
}

/// A time as the kernel writes it; `None` if it is none, with a fraction below zero.
pub(super) fn raw_time(time: &libc::timespec) -> Option<RawTime> {
    let fraction = u32::try_from(time.tv_nsec).ok()?;
    Some(RawTime::from_unix(wide(time.tv_sec), fraction))
}

/// Nanoseconds since the start of a clock that has not run for 292 years.
fn nanos(time: &libc::timespec) -> i64 {
    wide(time.tv_sec).saturating_mul(1_000_000_000).saturating_add(wide(time.tv_nsec))
}

fn always(clock: libc::clockid_t) -> libc::timespec {
    read(clock).expect("CLOCK_REALTIME and CLOCK_MONOTONIC can be read on every Linux")
}

fn read(clock: libc::clockid_t) -> io::Result<libc::timespec> {
    let mut time = zeroed::<libc::timespec>();
    // SAFETY: the pointer is to a `timespec` of ours, which outlives the call.
    check(unsafe { libc::clock_gettime(clock, &raw mut time) })?;
    Ok(time)
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn raw_time_is_the_time_of_day() {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let expected = RawTime::from_unix(since_epoch.as_secs() as i64, since_epoch.subsec_nanos());
        assert!((raw() - expected).abs() < NtpDuration::from_secs(1));
    }

    #[test]
    fn a_pair_lies_between_the_reads_around_it() {
        let before = monotonic();
        let pair = pair();
        let after = monotonic();
        assert!(before <= pair.monotonic && pair.monotonic <= after);
        assert!(!pair.width.is_negative() && pair.width <= after - before);
    }

    #[test]
    fn time_in_suspension_does_not_shrink() {
        if let Some(first) = suspended() {
            let slack = NtpDuration::from_millis(100);
            assert!(first > -slack);
            assert!(suspended().unwrap() > first - slack);
        }
    }

    #[test]
    fn precision_is_bounded_and_rounded_up() {
        assert!((-30..=-6).contains(&precision().get()));
        assert_eq!(precision_of(Some(NtpDuration::from_nanos(101))).get(), -23);
        assert_eq!(precision_of(Some(NtpDuration::from_nanos(2))).get(), -28);
        assert_eq!(precision_of(Some(NtpDuration::from_ticks(1))).get(), -30);
        assert_eq!(precision_of(Some(NtpDuration::from_millis(4))).get(), -7);
        assert_eq!(precision_of(Some(NtpDuration::ZERO)).get(), -30);
        assert_eq!(precision_of(None).get(), -6);
    }

    #[test]
    fn a_fraction_may_exceed_a_second_but_not_fall_below_zero() {
        let mut time = zeroed::<libc::timespec>();
        time.tv_sec = 5;
        time.tv_nsec = 1_000_000_001;
        assert_eq!(raw_time(&time), Some(RawTime::from_unix(6, 1)));
        time.tv_nsec = -1;
        assert_eq!(raw_time(&time), None);
    }
}
