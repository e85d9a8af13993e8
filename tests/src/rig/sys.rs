//! `clock_adjtime`, for which no safe wrapper exists.
#![allow(unsafe_code)]

use std::io;

/// Adjusts the system clock as `request.modes` says and returns what the kernel filled in; with
/// `modes == 0` it only reads.
///
/// # Errors
/// What the kernel says: `EPERM` without `CAP_SYS_TIME`, `EINVAL` for values out of range.
pub fn clock_adjtime(mut request: libc::timex) -> io::Result<libc::timex> {
    // SAFETY: the pointer is to a whole `timex` on our stack, which outlives the call; the kernel writes
    // nothing beyond it and keeps no reference.
    let state = unsafe { libc::clock_adjtime(libc::CLOCK_REALTIME, &raw mut request) };
    if state < 0 { Err(io::Error::last_os_error()) } else { Ok(request) }
}

/// A request that changes nothing, to be filled in.
#[must_use]
pub fn empty_timex() -> libc::timex {
    // SAFETY: `timex` consists of integers alone, for which zero is a value; padding is never read.
    unsafe { std::mem::zeroed() }
}
