//! The descriptor of a serial line, which the crate `serialport` shows as a bare number.

use std::os::fd::{AsRawFd, BorrowedFd};

use serialport::TTYPort;

/// The descriptor of `port`, for as long as that is borrowed.
pub(crate) fn descriptor(port: &TTYPort) -> BorrowedFd<'_> {
    // SAFETY: the port owns an open descriptor until it is dropped, and cannot be while the result lives.
    unsafe { BorrowedFd::borrow_raw(port.as_raw_fd()) }
}
