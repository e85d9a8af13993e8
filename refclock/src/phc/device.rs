//! Which hardware clock an interface has, and what it stamps with it.

use std::io;
use std::path::{Path, PathBuf};

use crate::sys::ethtool;

/// How an interface stamps packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceStamping {
    /// `SOF_TIMESTAMPING_*` that are granted.
    pub flags: u32,
    /// The number of its clock: N of `/dev/ptpN`.
    pub clock: Option<u32>,
    /// What of that which leaves can be stamped: bits by `HWTSTAMP_TX_*`.
    pub transmit: u32,
    /// What of that which arrives can be stamped: bits by `HWTSTAMP_FILTER_*`.
    pub receive: u32,
}

/// The number of the hardware clock that the interface stamps with; `None`: it has none.
///
/// # Errors
/// If there is no such interface in our network namespace.
pub fn phc_of_interface(name: &str) -> io::Result<Option<u32>> {
    Ok(stamping_of_interface(name)?.clock)
}

/// How the interface stamps packets. One whose driver knows nothing of stamps has none.
///
/// # Errors
/// If there is no such interface in our network namespace.
pub fn stamping_of_interface(name: &str) -> io::Result<InterfaceStamping> {
    match ethtool::stamp_info(name) {
        Ok(info) => Ok(InterfaceStamping {
            flags: info.flags,
            clock: u32::try_from(info.clock).ok(),
            transmit: info.transmit,
            receive: info.receive,
        }),
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(InterfaceStamping::default()),
        Err(error) => Err(error),
    }
}

/// The speed of the interface's link in Mbit/s; `None` while it is not known.
#[must_use]
pub fn link_speed(name: &str) -> Option<u32> {
    ethtool::speed(name).ok().flatten()
}

/// The device that is meant: a path, or the clock of an interface.
pub(super) fn path(device: &str) -> io::Result<PathBuf> {
    if device.starts_with('/') {
        return Ok(PathBuf::from(device));
    }
    match phc_of_interface(device)? {
        Some(number) => Ok(PathBuf::from(format!("/dev/ptp{number}"))),
        None => {
            Err(io::Error::new(io::ErrorKind::NotFound, format!("interface {device} has no hardware clock")))
        }
    }
}

/// N of `/dev/ptpN`; `None` for devices by other names.
pub(super) fn number(path: &Path) -> Option<u32> {
    let resolved = path.canonicalize().ok()?;
    resolved.to_str()?.strip_prefix("/dev/ptp")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is() {
        assert_eq!(path("/dev/ptp7").unwrap(), Path::new("/dev/ptp7"));
    }

    #[test]
    fn an_interface_without_a_clock_says_so() {
        assert_eq!(phc_of_interface("lo").unwrap(), None);
        assert_eq!(path("lo").unwrap_err().to_string(), "interface lo has no hardware clock");
        assert!(path("no-such-device").is_err());
    }

    #[test]
    fn only_clocks_have_numbers() {
        assert_eq!(number(Path::new("/dev/null")), None);
        assert_eq!(number(Path::new("/dev/no-such-ptp")), None);
    }
}
