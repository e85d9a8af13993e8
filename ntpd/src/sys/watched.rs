//! Descriptors that the event loop waits for.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::clock_watch::ClockWatch;
use super::timer::Timer;
use super::udp::UdpSocket;

/// What owns exactly one open descriptor and never gives it away.
///
/// # Safety
/// `as_raw_fd` has to return the same open descriptor for as long as the value lives.
pub unsafe trait OwnsDescriptor: AsRawFd {}

// SAFETY: holds one `OwnedFd` that is set when it is made, has no method that replaces it, and closes it when
// dropped.
unsafe impl OwnsDescriptor for UdpSocket {}

// SAFETY: as above.
unsafe impl OwnsDescriptor for ClockWatch {}

// SAFETY: as above.
unsafe impl OwnsDescriptor for Timer {}

// SAFETY: as above; what is shared lives as long as the one that shares it.
unsafe impl OwnsDescriptor for Arc<UdpSocket> {}

// SAFETY: it is what the trait is about.
unsafe impl OwnsDescriptor for OwnedFd {}

/// Has the running event loop wait for `owner`'s descriptor.
///
/// # Errors
/// When the kernel cannot watch it.
pub fn watch<T: OwnsDescriptor>(owner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: what is asked for is just what `OwnsDescriptor` promises.
    let watched = unsafe { AsyncFd::register_with_interest(owner, interest) };
    watched.map_err(io::Error::from)
}
