//! C structures as bytes, and integers whose width depends on the machine.
//!
//! What the kernel hands out in a control message or as an address is a structure at some place in a byte
//! buffer. It is copied in and out here, with the length checked and no alignment asked for.

use std::mem;

/// A C structure that is a valid value whatever its bytes are.
///
/// # Safety
/// Every field must be an integer, a raw pointer, or a structure or array of such.
pub(super) unsafe trait Plain: Copy {}

/// A [`Plain`] structure that can also be written out as bytes.
///
/// # Safety
/// The structure must have no padding, which would have no defined bytes.
pub(super) unsafe trait Solid: Plain {}

// SAFETY: integers, and structures of integers.
unsafe impl Plain for libc::timespec {}
// SAFETY: two `timespec`s.
unsafe impl Plain for libc::itimerspec {}
// SAFETY: integers and a `timeval`, which is two integers.
unsafe impl Plain for libc::timex {}
// SAFETY: raw pointers and integers.
unsafe impl Plain for libc::msghdr {}
// SAFETY: a `msghdr` and an integer.
unsafe impl Plain for libc::mmsghdr {}
// SAFETY: a raw pointer and an integer.
unsafe impl Plain for libc::iovec {}
// SAFETY: three integers.
unsafe impl Plain for libc::cmsghdr {}
// SAFETY: integers and two addresses, which are integers.
unsafe impl Plain for libc::in_pktinfo {}
// SAFETY: an array of bytes and an integer.
unsafe impl Plain for libc::in6_pktinfo {}
// SAFETY: integers, an address, and an array of bytes.
unsafe impl Plain for libc::sockaddr_in {}
// SAFETY: integers and an array of bytes.
unsafe impl Plain for libc::sockaddr_in6 {}

// SAFETY: an integer and an array of integers.
unsafe impl Plain for libc::sockaddr_un {}

// SAFETY: a word and two `int`s; where the word is shorter, libc names the gap as a field.
unsafe impl Solid for libc::cmsghdr {}
// SAFETY: three fields of four bytes.
unsafe impl Solid for libc::in_pktinfo {}
// SAFETY: sixteen bytes and a field of four.
unsafe impl Solid for libc::in6_pktinfo {}
// SAFETY: 2 + 2 + 4 + 8 bytes, each at a multiple of its size.
unsafe impl Solid for libc::sockaddr_in {}
// SAFETY: 2 + 2 + 4 + 16 + 4 bytes, with the sixteen aligned to four.
unsafe impl Solid for libc::sockaddr_in6 {}

/// The structure with all bytes zero, whatever private fields it has on this machine.
pub(super) fn zeroed<T: Plain>() -> T {
    // SAFETY: `Plain` promises that any bytes are a value, and so are zeros.
    unsafe { mem::zeroed() }
}

/// The structure at the start of `bytes`, or `None` where they are too few.
pub(super) fn read<T: Plain>(bytes: &[u8]) -> Option<T> {
    let bytes = bytes.get(..size_of::<T>())?;
    // SAFETY: the slice is as long as the structure, a copy needs no alignment, and `Plain` promises that any
    // bytes are a value.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// Puts the structure at the start of `bytes`; `None`, and nothing written, where they are too few.
pub(super) fn write<T: Solid>(bytes: &mut [u8], value: T) -> Option<()> {
    let bytes = bytes.get_mut(..size_of::<T>())?;
    // SAFETY: the slice is as long as the structure, a copy needs no alignment, and `Solid` promises that
    // every byte written is defined.
    unsafe { bytes.as_mut_ptr().cast::<T>().write_unaligned(value) };
    Some(())
}

/// An integer that C leaves to the machine (`long`, `time_t`), as 64 bits.
///
/// A plain `i64::from` would be a conversion to the same type on some machines, which the lints refuse.
pub(super) fn wide(value: impl Into<i64>) -> i64 {
    value.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_read_from_any_place_and_never_beyond_the_end() {
        let info = libc::in_pktinfo {
            ipi_ifindex: 7,
            ipi_spec_dst: libc::in_addr { s_addr: 1 },
            ipi_addr: libc::in_addr { s_addr: 2 },
        };
        let mut bytes = [0; size_of::<libc::in_pktinfo>() + 1];
        write(&mut bytes[1..], info).unwrap();
        assert_eq!(read::<libc::in_pktinfo>(&bytes[1..]).unwrap().ipi_addr.s_addr, 2);
        assert!(read::<libc::in_pktinfo>(&bytes[2..]).is_none());
        assert!(write(&mut bytes[2..], info).is_none());
    }

    #[test]
    fn solid_structures_have_the_size_of_their_fields() {
        assert_eq!(size_of::<libc::in_pktinfo>(), 12);
        assert_eq!(size_of::<libc::in6_pktinfo>(), 20);
        assert_eq!(size_of::<libc::sockaddr_in>(), 16);
        assert_eq!(size_of::<libc::sockaddr_in6>(), 28);
    }
}
