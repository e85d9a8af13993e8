//! Hearing that the system clock was set.
//!
//! Linux tells holders of a timer on `CLOCK_REALTIME` when that clock has jumped. The timer itself is never
//! meant to expire.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::check;
use super::plain::zeroed;

/// A descriptor that becomes readable when the system clock jumps: set by anyone, ourselves included, by a
/// leap second, or by the wake-up from suspension. Slewing does not count.
///
/// It says neither by how much nor how often; compare [`clock::pair`](super::clock::pair) with an earlier
/// one.
///
/// Not for a world in which libc is intercepted: its timers may know no such flag and end the program.
#[derive(Debug)]
pub struct ClockWatch(OwnedFd);

impl ClockWatch {
    /// Listens from now on. Never blocks, and is closed on exec.
    pub fn open() -> io::Result<Self> {
        let watch = Self(create()?);
        watch.arm()?;
        Ok(watch)
    }

    /// To be called when readable: whether the clock has jumped since the last call. Listens on.
    pub fn acknowledge(&self) -> io::Result<bool> {
        let jumped = match self.expirations() {
            Ok(_) => false,
            Err(error) if is(&error, libc::ECANCELED) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        };
        self.arm()?;
        Ok(jumped)
    }

    /// Sets the timer to the end of time.
    fn arm(&self) -> io::Result<()> {
        match settime(self.0.as_fd()) {
            // The clock jumped during the call. The timer is set nevertheless, and nobody can have learnt
            // anything from a reading in between.
            Err(error) if is(&error, libc::ECANCELED) => Ok(()),
            other => other,
        }
    }

    fn expirations(&self) -> io::Result<u64> {
        let mut count = [0; size_of::<u64>()];
        // SAFETY: the pointer and the length are those of one array of ours, which outlives the call.
        let length = unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
        if length < 0 { Err(io::Error::last_os_error()) } else { Ok(u64::from_ne_bytes(count)) }
    }
}

impl AsFd for ClockWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for ClockWatch {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn is(error: &io::Error, errno: i32) -> bool {
    error.raw_os_error() == Some(errno)
}

fn create() -> io::Result<OwnedFd> {
    // SAFETY: takes numbers and returns a descriptor.
    let fd =
        check(unsafe { libc::timerfd_create(libc::CLOCK_REALTIME, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) })?;
    // SAFETY: the descriptor is new, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn settime(fd: BorrowedFd<'_>) -> io::Result<()> {
    const FLAGS: libc::c_int = libc::TFD_TIMER_ABSTIME | libc::TFD_TIMER_CANCEL_ON_SET;
    let mut end_of_time = zeroed::<libc::itimerspec>();
    // On musl the type is marked because its width will change; its largest value will do at either width.
    #[allow(deprecated)]
    let last_second = libc::time_t::MAX;
    end_of_time.it_value.tv_sec = last_second;
    // SAFETY: the pointer is to an `itimerspec` of ours, which outlives the call; the old value is not asked
    // for.
    check(unsafe {
        libc::timerfd_settime(fd.as_raw_fd(), FLAGS, &raw const end_of_time, std::ptr::null_mut())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_clock_has_nothing_to_acknowledge() {
        let watch = ClockWatch::open().unwrap();
        assert!(!watch.acknowledge().unwrap());
        assert!(!watch.acknowledge().unwrap());
    }
}
