//! Pulses as the kernel stamps them: RFC 2783 in the form of `linux/pps.h`.
//!
//! The numbers of these calls hold the size of a pointer, not of what the pointer leads to, so they differ between 32
//! and 64 bits. The structures are arrays of words here: where they hold 64-bit numbers, i386 and the 64-bit kernel
//! that serves a 32-bit program pad less than everybody else, but only behind the last word that is read here, and
//! what stands there for the kernel to read is zero in either form.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::check;

/// Rising edges are captured, or can be (`PPS_CAPTUREASSERT`).
pub(crate) const CAPTURE_ASSERT: u32 = 0x01;
/// Falling edges are captured, or can be (`PPS_CAPTURECLEAR`).
pub(crate) const CAPTURE_CLEAR: u32 = 0x02;

/// The letter of these calls.
const TYPE: u32 = b'p' as u32;
const GETPARAMS: libc::Ioctl = libc::_IOR::<*const u32>(TYPE, 0xa1);
const SETPARAMS: libc::Ioctl = libc::_IOW::<*const u32>(TYPE, 0xa2);
const GETCAP: libc::Ioctl = libc::_IOR::<*const u32>(TYPE, 0xa3);
const FETCH: libc::Ioctl = libc::_IOWR::<*const u32>(TYPE, 0xa4);

/// `struct pps_kparams`: version, mode, and a correction for either edge.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters([u32; 10]);

/// `struct pps_fdata`: two sequence numbers, two stamps, the mode, and how long to wait.
#[repr(C, align(8))]
struct Fetched([u32; 16]);

const _: () = assert!(size_of::<Parameters>() == 40 && size_of::<Fetched>() == 64);

impl Parameters {
    /// What is captured and how, in the bits of [`capabilities`].
    pub(crate) const fn mode(&self) -> u32 {
        self.0[1]
    }

    /// The same with more captured.
    pub(crate) const fn with(mut self, mode: u32) -> Self {
        self.0[1] |= mode;
        self
    }
}

/// The latest edge of a kind; not to be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    /// Rises by one with each edge.
    pub sequence: u32,
    /// Unix seconds, of the system clock.
    pub seconds: i64,
    /// Nanoseconds beyond these.
    pub nanos: i32,
}

/// The latest edge of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edges {
    /// Rising.
    pub assert: Edge,
    /// Falling.
    pub clear: Edge,
}

impl Fetched {
    fn edges(&self) -> Edges {
        Edges { assert: self.edge(0, 2), clear: self.edge(1, 6) }
    }

    fn edge(&self, sequence: usize, stamp: usize) -> Edge {
        let words = &self.0;
        // Two halves of one number, in whatever order this machine keeps them.
        let halves = [words[stamp].to_ne_bytes(), words[stamp + 1].to_ne_bytes()];
        let mut bytes = [0; 8];
        bytes.copy_from_slice(halves.as_flattened());
        Edge {
            sequence: words[sequence],
            seconds: i64::from_ne_bytes(bytes),
            nanos: words[stamp + 2].cast_signed(),
        }
    }
}

/// What the device can do, as mode bits.
pub(crate) fn capabilities(device: BorrowedFd<'_>) -> io::Result<u32> {
    let mut mode = 0u32;
    // SAFETY: the kernel writes one int, which there is room for.
    check(unsafe { libc::ioctl(device.as_raw_fd(), GETCAP, &raw mut mode) })?;
    Ok(mode)
}

/// What the device does now.
pub(crate) fn parameters(device: BorrowedFd<'_>) -> io::Result<Parameters> {
    let mut parameters = Parameters([0; 10]);
    // SAFETY: the kernel writes 40 bytes, see the assertion.
    check(unsafe { libc::ioctl(device.as_raw_fd(), GETPARAMS, &raw mut parameters) })?;
    Ok(parameters)
}

/// Changes that, for everybody who uses the device. Needs `CAP_SYS_TIME`.
pub(crate) fn set_parameters(device: BorrowedFd<'_>, parameters: &Parameters) -> io::Result<()> {
    // SAFETY: the kernel reads 40 bytes, see the assertion.
    check(unsafe { libc::ioctl(device.as_raw_fd(), SETPARAMS, &raw const *parameters) })?;
    Ok(())
}

/// The latest edges, without waiting for another.
pub(crate) fn fetch(device: BorrowedFd<'_>) -> io::Result<Edges> {
    // A time of zero, and no flag that would say that there is none: returns at once.
    let mut fetched = Fetched([0; 16]);
    // SAFETY: the kernel reads and writes 64 bytes at most, see the assertion.
    check(unsafe { libc::ioctl(device.as_raw_fd(), FETCH, &raw mut fetched) })?;
    Ok(fetched.edges())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "arm", target_arch = "aarch64"))]
    fn the_numbers_of_calls_hold_the_size_of_a_pointer() {
        let numbers = [GETPARAMS, SETPARAMS, GETCAP, FETCH].map(|number| number as u32);
        let wide = [0x8008_70a1, 0x4008_70a2, 0x8008_70a3, 0xc008_70a4];
        let narrow = [0x8004_70a1, 0x4004_70a2, 0x8004_70a3, 0xc004_70a4];
        assert_eq!(numbers, if size_of::<usize>() == 8 { wide } else { narrow });
        // What this machine does not compile.
        let other = libc::_IOWR::<u32>(TYPE, 0xa4) as u32;
        assert_eq!(other, narrow[3]);
    }

    #[test]
    fn stamps_are_taken_from_where_the_kernel_puts_them() {
        let mut words = [0; 16];
        (words[0], words[1], words[4], words[8]) = (7, 8, 999_999_999, 5);
        let seconds = |value: i64| {
            let bytes = value.to_ne_bytes();
            [0, 4].map(|at| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
        };
        words[2..4].copy_from_slice(&seconds(1 << 40));
        words[6..8].copy_from_slice(&seconds(-3));
        let edges = Fetched(words).edges();
        assert_eq!(edges.assert, Edge { sequence: 7, seconds: 1 << 40, nanos: 999_999_999 });
        assert_eq!(edges.clear, Edge { sequence: 8, seconds: -3, nanos: 5 });
    }

    #[test]
    fn what_is_no_such_device_says_so() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(fetch(file.as_fd()).unwrap_err().raw_os_error(), Some(libc::ENOTTY));
        assert_eq!(capabilities(file.as_fd()).unwrap_err().raw_os_error(), Some(libc::ENOTTY));
        let parameters = Parameters([0; 10]).with(CAPTURE_ASSERT);
        assert_eq!(set_parameters(file.as_fd(), &parameters).unwrap_err().raw_os_error(), Some(libc::ENOTTY));
    }
}
