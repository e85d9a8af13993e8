//! A timer that wakes up once, and to the microsecond.
//!
//! The event loop's own timers sleep in whole milliseconds, and wake up several times on the way to a far moment to sort
//! it in anew, which at rest makes a third of all that happens.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// Becomes readable when its time has come. By the monotonic clock, which does not count sleep of the machine.
///
/// Not for a world in which libc is intercepted: it may know no such timers.
#[derive(Debug)]
pub struct Timer(TimerFd);

impl Timer {
    /// Not set. Never blocks, and is closed on exec.
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        Ok(Self(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?))
    }

    /// Readable after this, and not before; whatever was set is forgotten.
    pub fn set(&self, after: Duration) -> io::Result<()> {
        // Zero would mean never.
        let after = TimeSpec::from_duration(after.max(Duration::from_nanos(1)));
        Ok(self.0.set(Expiration::OneShot(after), TimerSetTimeFlags::empty())?)
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use nix::poll::{PollFd, PollFlags, poll};

    use super::*;

    fn is_ready(timer: &Timer, within_ms: u16) -> bool {
        poll(&mut [PollFd::new(timer.as_fd(), PollFlags::POLLIN)], within_ms).unwrap() > 0
    }

    #[test]
    fn it_is_readable_once_its_time_has_come_and_not_before() {
        let timer = Timer::new().unwrap();
        assert!(!is_ready(&timer, 0));
        timer.set(Duration::from_millis(20)).unwrap();
        assert!(!is_ready(&timer, 0) && is_ready(&timer, 5_000));
        timer.set(Duration::from_secs(100)).unwrap();
        assert!(!is_ready(&timer, 0));
        timer.set(Duration::ZERO).unwrap();
        assert!(is_ready(&timer, 5_000));
    }
}
