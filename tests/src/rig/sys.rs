//! System calls for which no safe wrapper exists.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::AtomicU32;

/// Adjusts the clock `clock` as `request.modes` says and returns what the kernel filled in; with
/// `modes == 0` it only reads.
///
/// # Errors
/// What the kernel says: `EPERM` without `CAP_SYS_TIME`, `EINVAL` for values out of range.
pub fn clock_adjtime(clock: libc::clockid_t, mut request: libc::timex) -> io::Result<libc::timex> {
    // SAFETY: the pointer is to a whole `timex` on our stack, which outlives the call; the kernel writes
    // nothing beyond it and keeps no reference.
    let state = unsafe { libc::clock_adjtime(clock, &raw mut request) };
    if state < 0 { Err(io::Error::last_os_error()) } else { Ok(request) }
}

/// A request that changes nothing, to be filled in.
#[must_use]
pub fn empty_timex() -> libc::timex {
    // SAFETY: `timex` consists of integers alone, for which zero is a value; padding is never read.
    unsafe { std::mem::zeroed() }
}

/// Puts this thread before all ordinary ones, with real-time priority `priority`.
///
/// # Errors
/// `EPERM` without `CAP_SYS_NICE`, `EINVAL` for priorities that there are not.
pub fn run_first(priority: libc::c_int) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: the pointer is to a whole `sched_param` on our stack, which the kernel only reads.
    let refused = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) };
    if refused < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Finds or makes the System V segment of `N` 32-bit words under `key`, with these permissions if it is made.
///
/// # Errors
/// `EACCES` if it is another's, `EINVAL` if there is a smaller one.
pub fn shmget<const N: usize>(key: i32, mode: i32) -> io::Result<Segment<N>> {
    // SAFETY: the call takes no pointer.
    let id = unsafe { libc::shmget(key, size_of::<[AtomicU32; N]>(), libc::IPC_CREAT | mode) };
    if id < 0 { Err(io::Error::last_os_error()) } else { Ok(Segment { id }) }
}

/// A System V segment that is known to hold `N` 32-bit words.
#[derive(Clone, Copy, Debug)]
pub struct Segment<const N: usize> {
    id: libc::c_int,
}

/// Maps a segment, for as long as the program lives.
///
/// # Errors
/// `EACCES` if it is another's, `EIDRM` if it is gone.
pub fn shmat<const N: usize>(segment: Segment<N>) -> io::Result<&'static [AtomicU32; N]> {
    // SAFETY: the kernel chooses the address, so nothing of ours is mapped over.
    let address = unsafe { libc::shmat(segment.id, std::ptr::null(), 0) };
    if address.addr() == usize::MAX {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel gave a page-aligned address of a segment of at least this size, readable and writable, and
    // we never unmap it. Other programs write to it at any time, which atomics are for; any bits are a number.
    Ok(unsafe { &*address.cast() })
}
