//! The edge to the kernel: one call per function, safe from outside, and no policy. Drivers call it.
//!
//! What the kernel fills has a size that is asserted beside its use.

// The one place that may; each block says why it is sound.
#![allow(unsafe_code)]

pub(crate) mod ethtool;
pub(crate) mod local_time;
pub(crate) mod monotonic_raw;
pub(crate) mod pps;
pub(crate) mod ptp;
pub(crate) mod rtc;
pub(crate) mod serial;
pub(crate) mod shm;

use std::io;
use std::os::raw::c_int;

/// The result of a libc call that reports failure as a negative number and `errno`.
fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
