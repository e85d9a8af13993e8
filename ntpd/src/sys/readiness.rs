//! Whether a descriptor would block.

use std::os::fd::{AsRawFd, BorrowedFd};

/// Whether a line can be written to `fd` right now without waiting: for a pipe at least `PIPE_BUF` bytes.
/// An error counts as "yes", since writing will then tell what is wrong.
#[must_use]
pub fn is_writable(fd: BorrowedFd<'_>) -> bool {
    let mut wanted = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both pointers are to live values of the right type, one element is announced, and a null
    // signal mask means that it stays as it is.
    let ready = unsafe { libc::ppoll(&raw mut wanted, 1, &raw const at_once, std::ptr::null()) };
    ready != 0
}
