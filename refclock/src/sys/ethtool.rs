//! What an interface says of itself (`linux/ethtool.h`): its time stamps and its speed.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::raw::{c_char, c_ulong};

use super::check;

const SIOCETHTOOL: c_ulong = 0x8946;
const ETHTOOL_GSET: u32 = 0x01;
const ETHTOOL_GET_TS_INFO: u32 = 0x41;

/// What `ETHTOOL_GET_TS_INFO` tells.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StampInfo {
    command: u32,
    /// `SOF_TIMESTAMPING_*` that are granted.
    pub(crate) flags: u32,
    /// The number of the clock that the stamps are of; negative: there is none.
    pub(crate) clock: i32,
    /// Bits by `HWTSTAMP_TX_*`.
    pub(crate) transmit: u32,
    reserved: [u32; 3],
    /// Bits by `HWTSTAMP_FILTER_*`.
    pub(crate) receive: u32,
    more: [u32; 3],
}

const _: () = assert!(size_of::<StampInfo>() == 44);

/// What `ETHTOOL_GSET` tells, as far as it is of interest. The kernel answers it for the drivers of today as well.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct LinkSettings {
    command: u32,
    supported: u32,
    advertised: u32,
    speed_low: u16,
    ports: [u8; 6],
    limits: [u32; 2],
    speed_high: u16,
    crossing: [u8; 2],
    partner: u32,
    reserved: [u32; 2],
}

const _: () = assert!(size_of::<LinkSettings>() == 44);

/// How the interface stamps packets. `EOPNOTSUPP` where its driver knows nothing of the question, `ENODEV` where there
/// is no such interface in our network namespace.
pub(crate) fn stamp_info(interface: &str) -> io::Result<StampInfo> {
    let mut info = StampInfo { command: ETHTOOL_GET_TS_INFO, ..StampInfo::default() };
    ask(interface, &mut info)?;
    Ok(info)
}

/// The speed of the link in Mbit/s; `None` while it is not known, as without a cable.
pub(crate) fn speed(interface: &str) -> io::Result<Option<u32>> {
    let mut settings = LinkSettings { command: ETHTOOL_GSET, ..LinkSettings::default() };
    ask(interface, &mut settings)?;
    let speed = u32::from(settings.speed_high) << 16 | u32::from(settings.speed_low);
    // Older drivers say "unknown" in 16 bits.
    Ok((!matches!(speed, 0 | 0xffff | u32::MAX)).then_some(speed))
}

/// `answer` begins with the number of the question.
fn ask<T>(interface: &str, answer: &mut T) -> io::Result<()> {
    let data = libc::__c_anonymous_ifr_ifru { ifru_data: (&raw mut *answer).cast() };
    let mut request = libc::ifreq { ifr_name: name(interface)?, ifr_ifru: data };
    let socket = socket()?;
    // SAFETY: `request` is the kernel's structure, and its pointer leads to the structure of the question that stands in
    // it: integers only, of the size that the kernel writes. Both outlive the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request) })?;
    Ok(())
}

/// With a zero at its end. Longer ones would be cut off, and name another interface.
fn name(interface: &str) -> io::Result<[c_char; libc::IFNAMSIZ]> {
    let bytes = interface.as_bytes();
    if bytes.is_empty() || bytes.len() >= libc::IFNAMSIZ || bytes.contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no name of an interface"));
    }
    let mut name = [0; libc::IFNAMSIZ];
    for (place, byte) in name.iter_mut().zip(bytes) {
        *place = *byte as c_char;
    }
    Ok(name)
}

/// Any socket can ask.
fn socket() -> io::Result<OwnedFd> {
    // SAFETY: takes numbers and returns a descriptor.
    let fd = check(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the descriptor is new, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_no_clock() {
        // Its stamps are the kernel's own; a kernel without ethtool for it would say EOPNOTSUPP.
        match stamp_info("lo") {
            Ok(info) => assert!(info.clock < 0, "{info:?}"),
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP), "{error}"),
        }
        assert!(!matches!(speed("lo"), Ok(Some(_))));
    }

    #[test]
    fn an_interface_that_is_not_there_is_an_error() {
        for name in ["no-such-device", "", "a-name-of-sixteen", "a\0b"] {
            assert!(stamp_info(name).is_err(), "{name:?}");
        }
    }
}
