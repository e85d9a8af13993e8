//! The clock of the board that runs on a battery (`rtc(4)`, `linux/rtc.h`).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::check;

/// The letter of these calls.
const TYPE: u32 = b'p' as u32;
const UIE_ON: libc::Ioctl = libc::_IO(TYPE, 0x03);
const UIE_OFF: libc::Ioctl = libc::_IO(TYPE, 0x04);
const RD_TIME: libc::Ioctl = libc::_IOR::<RtcTime>(TYPE, 0x09);

/// `struct rtc_time`, whose fields are those of `struct tm`; not to be trusted.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RtcTime {
    /// 0 to 59.
    pub second: i32,
    /// 0 to 59.
    pub minute: i32,
    /// 0 to 23.
    pub hour: i32,
    /// 1 to 31.
    pub day: i32,
    /// 0 to 11.
    pub month: i32,
    /// From 1900 on.
    pub year: i32,
    /// Which day of the week and of the year it is, and whether in summer; few drivers fill them in.
    pub rest: [i32; 3],
}

const _: () = assert!(size_of::<RtcTime>() == 36);

/// The second that the clock shows. Some clocks wait until it does not change meanwhile, some are behind a slow bus:
/// this can take milliseconds.
pub(crate) fn read_time(clock: BorrowedFd<'_>) -> io::Result<RtcTime> {
    let mut time = RtcTime::default();
    // SAFETY: the kernel writes 36 bytes, see the assertion.
    check(unsafe { libc::ioctl(clock.as_raw_fd(), RD_TIME, &raw mut time) })?;
    Ok(time)
}

/// Has the clock interrupt when a second begins, or no longer. It stops by itself when the descriptor is closed.
pub(crate) fn set_interrupts(clock: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    let request = if on { UIE_ON } else { UIE_OFF };
    // SAFETY: the call has no argument.
    check(unsafe { libc::ioctl(clock.as_raw_fd(), request, 0) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "arm", target_arch = "aarch64"))]
    fn the_numbers_of_calls_are_those_of_the_kernel() {
        assert_eq!([UIE_ON, UIE_OFF, RD_TIME].map(|number| number as u32), [0x7003, 0x7004, 0x8024_7009]);
    }

    #[test]
    fn what_is_no_clock_says_so() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(read_time(file.as_fd()).unwrap_err().raw_os_error(), Some(libc::ENOTTY));
        assert_eq!(set_interrupts(file.as_fd(), true).unwrap_err().raw_os_error(), Some(libc::ENOTTY));
    }
}
