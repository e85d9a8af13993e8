//! How many descriptors this process may have open.

use std::io;

use super::check;

/// Raises the limit as far as it goes without privileges: every source that waits for an answer has a socket.
///
/// # Errors
/// When the kernel does not want that; the limit is then what it was.
pub fn raise_limit() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a live value of the right type.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: as above, and read only.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    Ok(())
}
