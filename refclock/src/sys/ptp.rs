//! The calls of PTP hardware clocks (`linux/ptp_clock.h`), answered as the kernel answers them; `phc` judges.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{Ioctl, ptp_clock_caps, ptp_clock_time, ptp_extts_request, ptp_pin_desc};
use libc::{ptp_sys_offset, ptp_sys_offset_extended, ptp_sys_offset_precise};

use super::check;

// The numbers of the calls carry these sizes; they are the same on all machines.
const _: () = assert!(size_of::<ptp_clock_time>() == 16);
const _: () = assert!(size_of::<ptp_clock_caps>() == 80);
const _: () = assert!(size_of::<ptp_sys_offset>() == 16 + 51 * 16);
const _: () = assert!(size_of::<ptp_sys_offset_extended>() == 16 + 75 * 16);
const _: () = assert!(size_of::<ptp_sys_offset_precise>() == 64);
const _: () = assert!(size_of::<ptp_pin_desc>() == 96);
const _: () = assert!(size_of::<ptp_extts_request>() == 16);
const _: () = assert!(size_of::<Event>() == 32);

/// So many samples are taken in one call at most.
pub(crate) const MAX_SAMPLES: usize = libc::PTP_MAX_SAMPLES as usize;
/// So many events are fetched in one call at most; the kernel keeps 128.
pub(crate) const MAX_EVENTS: usize = 32;

/// Stamp what comes in.
pub(crate) const ENABLE: u32 = 1;
/// Where the signal rises.
pub(crate) const RISING_EDGE: u32 = 2;
/// Where the signal falls.
pub(crate) const FALLING_EDGE: u32 = 4;

/// Something that came in by a pin.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// When, by the clock.
    pub(crate) at: ptp_clock_time,
    /// The channel.
    pub(crate) channel: u32,
    flags: u32,
    reserved: [u32; 2],
}

/// A C structure that is a valid value whatever its bytes are.
///
/// # Safety
/// Every field must be an integer, or a structure or array of such.
unsafe trait Plain: Copy {}

// SAFETY: integers, and arrays of them.
unsafe impl Plain for ptp_clock_caps {}
// SAFETY: times, which are integers, and integers.
unsafe impl Plain for ptp_sys_offset_precise {}
// SAFETY: integers and an array of times.
unsafe impl Plain for ptp_sys_offset_extended {}
// SAFETY: integers and an array of times.
unsafe impl Plain for ptp_sys_offset {}
// SAFETY: integers, and arrays of them.
unsafe impl Plain for ptp_pin_desc {}
// SAFETY: integers, and an array of them.
unsafe impl Plain for ptp_extts_request {}
// SAFETY: a time and integers.
unsafe impl Plain for Event {}

/// The structure with all bytes zero, whatever fields it has: some are named by newer kernels only.
fn zeroed<T: Plain>() -> T {
    // SAFETY: `Plain` promises that any bytes are a value, and so are zeros.
    unsafe { std::mem::zeroed() }
}

/// What the clock can do. Fails with `ENOTTY` for what is no PTP clock.
pub(crate) fn capabilities(clock: BorrowedFd<'_>) -> io::Result<ptp_clock_caps> {
    let mut caps: ptp_clock_caps = zeroed();
    call(clock, libc::PTP_CLOCK_GETCAPS, &mut caps)?;
    Ok(caps)
}

/// One moment on the clock and on the system clock, as the hardware puts them together.
pub(crate) fn precise(clock: BorrowedFd<'_>) -> io::Result<ptp_sys_offset_precise> {
    let mut pair: ptp_sys_offset_precise = zeroed();
    call(clock, libc::PTP_SYS_OFFSET_PRECISE, &mut pair)?;
    Ok(pair)
}

/// System clock, clock, system clock, so many times; the driver reads the system clock as close as it can.
pub(crate) fn extended(clock: BorrowedFd<'_>, samples: usize) -> io::Result<Vec<[ptp_clock_time; 3]>> {
    let samples = samples.min(MAX_SAMPLES);
    // Words that are zero ask for the system clock as the one to compare with.
    let mut table: ptp_sys_offset_extended = zeroed();
    table.n_samples = samples as u32;
    call(clock, libc::PTP_SYS_OFFSET_EXTENDED, &mut table)?;
    Ok(table.ts[..samples].to_vec())
}

/// The same, with the system clock read outside of the driver.
pub(crate) fn basic(clock: BorrowedFd<'_>, samples: usize) -> io::Result<Vec<[ptp_clock_time; 3]>> {
    let samples = samples.min(MAX_SAMPLES);
    let mut table: ptp_sys_offset = zeroed();
    table.n_samples = samples as u32;
    call(clock, libc::PTP_SYS_OFFSET, &mut table)?;
    Ok((0..samples).map(|i| [table.ts[2 * i], table.ts[2 * i + 1], table.ts[2 * i + 2]]).collect())
}

/// Leads a pin to a channel for external signals.
pub(crate) fn lead_pin(clock: BorrowedFd<'_>, pin: u32, channel: u32) -> io::Result<()> {
    let mut request: ptp_pin_desc = zeroed();
    (request.index, request.func, request.chan) = (pin, libc::PTP_PF_EXTTS, channel);
    call(clock, libc::PTP_PIN_SETFUNC2, &mut request)
}

/// Stamps external signals of a channel as `flags` say, or not at all. The driver is to refuse what it cannot do.
pub(crate) fn request_strictly(clock: BorrowedFd<'_>, channel: u32, flags: u32) -> io::Result<()> {
    let mut request: ptp_extts_request = zeroed();
    (request.index, request.flags) = (channel, flags);
    call(clock, libc::PTP_EXTTS_REQUEST2, &mut request)
}

/// The same; the driver may stamp other edges too.
pub(crate) fn request(clock: BorrowedFd<'_>, channel: u32, flags: u32) -> io::Result<()> {
    let mut request: ptp_extts_request = zeroed();
    (request.index, request.flags) = (channel, flags);
    call(clock, libc::PTP_EXTTS_REQUEST, &mut request)
}

/// Whether there are events to fetch.
pub(crate) fn has_events(clock: BorrowedFd<'_>) -> io::Result<bool> {
    let mut wanted = libc::pollfd { fd: clock.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the pointer is to a `pollfd` of ours that outlives the call, and one is announced.
    check(unsafe { libc::poll(&raw mut wanted, 1, 0) })?;
    if wanted.revents & (libc::POLLERR | libc::POLLHUP) != 0 {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    Ok(wanted.revents & libc::POLLIN != 0)
}

/// Fetches events. Waits if there are none, whatever flags the descriptor has: ask [`has_events`] first.
pub(crate) fn events(clock: BorrowedFd<'_>) -> io::Result<Vec<Event>> {
    let mut room: [Event; MAX_EVENTS] = [zeroed(); MAX_EVENTS];
    // SAFETY: the pointer and the length are those of `room`, which outlives the call, and `Plain` promises that any
    // bytes are a value.
    let read = unsafe { libc::read(clock.as_raw_fd(), room.as_mut_ptr().cast(), size_of_val(&room)) };
    let bytes = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
    Ok(room[..(bytes / size_of::<Event>()).min(MAX_EVENTS)].to_vec())
}

/// A call with a structure that the number of the call names the size of.
fn call<T: Plain>(clock: BorrowedFd<'_>, number: Ioctl, argument: &mut T) -> io::Result<()> {
    // SAFETY: all callers pass the structure that belongs to `number`, of the size that the kernel reads and writes,
    // which is asserted above; it is borrowed exclusively for longer than the call, and any bytes are a value.
    check(unsafe { libc::ioctl(clock.as_raw_fd(), number, &raw mut *argument) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_is_no_clock_says_so() {
        let file = File::open("/dev/null").unwrap();
        let fd = file.as_fd();
        let errors = [
            capabilities(fd).map(drop).unwrap_err(),
            precise(fd).map(drop).unwrap_err(),
            extended(fd, 1).map(drop).unwrap_err(),
            basic(fd, usize::MAX).map(drop).unwrap_err(),
            request(fd, 0, ENABLE).unwrap_err(),
            request_strictly(fd, 0, ENABLE).unwrap_err(),
            lead_pin(fd, 0, 0).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.raw_os_error(), Some(libc::ENOTTY), "{error}");
        }
        assert!(events(fd).unwrap().is_empty(), "the end of a file is no event");
    }

    #[test]
    fn the_numbers_are_those_of_the_headers() {
        // As the kernel's headers work out on x86 and ARM.
        if cfg!(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "arm")) {
            assert_eq!(libc::PTP_CLOCK_GETCAPS as u32, 0x8050_3d01);
            assert_eq!(libc::PTP_SYS_OFFSET as u32, 0x4340_3d05);
            assert_eq!(libc::PTP_SYS_OFFSET_PRECISE as u32, 0xc040_3d08);
            assert_eq!(libc::PTP_SYS_OFFSET_EXTENDED as u32, 0xc4c0_3d09);
            assert_eq!(libc::PTP_EXTTS_REQUEST2 as u32, 0x4010_3d0b);
            assert_eq!(libc::PTP_PIN_SETFUNC2 as u32, 0x4060_3d10);
        }
    }
}
