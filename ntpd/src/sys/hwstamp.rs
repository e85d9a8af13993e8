//! Whether an interface stamps packets (`linux/net_tstamp.h`): asking, and switching on, which wants CAP_NET_ADMIN.
//!
//! Not for a world in which libc is intercepted, which has no such interfaces.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::raw::{c_char, c_int, c_ulong};

use super::{check, socket};

/// Nothing that leaves is stamped.
pub const TX_OFF: u32 = libc::HWTSTAMP_TX_OFF;
/// What leaves is stamped if its sender wants that.
pub const TX_ON: u32 = libc::HWTSTAMP_TX_ON;
/// Nothing that arrives is stamped.
pub const RX_NONE: u32 = libc::HWTSTAMP_FILTER_NONE;
/// All that arrives is stamped.
pub const RX_ALL: u32 = libc::HWTSTAMP_FILTER_ALL;
/// PTP over UDP is stamped.
pub const RX_PTP_UDP: u32 = libc::HWTSTAMP_FILTER_PTP_V2_L4_EVENT;
/// PTP is stamped, by UDP or without.
pub const RX_PTP: u32 = libc::HWTSTAMP_FILTER_PTP_V2_EVENT;
/// NTP is stamped.
pub const RX_NTP: u32 = libc::HWTSTAMP_FILTER_NTP_ALL;

/// What an interface stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StampConfig {
    /// `TX_*`
    pub transmit: u32,
    /// `RX_*`, or another filter of the kernel's.
    pub receive: u32,
}

const _: () = assert!(size_of::<libc::hwtstamp_config>() == 12);

/// What the interface stamps now. Some drivers do not tell.
pub fn get(interface: &str) -> io::Result<StampConfig> {
    ask(interface, libc::SIOCGHWTSTAMP, StampConfig { transmit: TX_OFF, receive: RX_NONE })
}

/// The interface is to stamp this. Returns what it does stamp from now on, which may be more.
pub fn set(interface: &str, config: StampConfig) -> io::Result<StampConfig> {
    ask(interface, libc::SIOCSHWTSTAMP, config)
}

fn ask(interface: &str, question: c_ulong, config: StampConfig) -> io::Result<StampConfig> {
    let mut exchanged = libc::hwtstamp_config {
        flags: 0,
        tx_type: config.transmit as c_int,
        rx_filter: config.receive as c_int,
    };
    let data = libc::__c_anonymous_ifr_ifru { ifru_data: (&raw mut exchanged).cast() };
    let mut request = libc::ifreq { ifr_name: name(interface)?, ifr_ifru: data };
    let socket = any_socket()?;
    // SAFETY: `request` is the kernel's structure, and its pointer leads to the one that both questions are asked and
    // answered in, whose size is asserted above. Both outlive the call.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), question as _, &raw mut request) })?;
    Ok(StampConfig { transmit: exchanged.tx_type as u32, receive: exchanged.rx_filter as u32 })
}

/// With a zero at its end. Longer ones would be cut off, and name another interface.
fn name(interface: &str) -> io::Result<[c_char; libc::IFNAMSIZ]> {
    let bytes = interface.as_bytes();
    if bytes.is_empty() || bytes.len() >= libc::IFNAMSIZ || bytes.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut name = [0; libc::IFNAMSIZ];
    for (place, byte) in name.iter_mut().zip(bytes) {
        *place = *byte as c_char;
    }
    Ok(name)
}

/// Any socket can ask.
fn any_socket() -> io::Result<OwnedFd> {
    let socket = socket::socket(&([127, 0, 0, 1], 0).into())?;
    socket::set_close_on_exec(socket.as_fd())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_stamps_nothing_by_hardware() {
        assert!(get("lo").is_err());
        assert!(set("lo", StampConfig { transmit: TX_ON, receive: RX_ALL }).is_err());
    }

    #[test]
    fn what_is_no_interface_is_an_error() {
        for name in ["no-such-device", "", "a-name-of-sixteen"] {
            assert!(get(name).is_err(), "{name:?}");
        }
    }
}
