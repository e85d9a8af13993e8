//! Who stamps datagrams, and what the stamps say: the kernel by the system clock, or an interface by its own.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::os::raw::c_int;

use ntp_proto::time::RawTime;
use ntp_refclock::phc::PhcTime;

use super::{ClientOptions, can_answer};
use crate::sys::cmsg::{ControlBuffer, Message};
use crate::sys::socket;

/// Who takes the time of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampSource {
    /// The kernel has agreed to. A single datagram may be without a stamp all the same, and where libc is
    /// intercepted all may be.
    Kernel,
    /// The caller has to read the clock.
    User,
}

/// What stamps a socket was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamping {
    /// For datagrams that arrive: in [`Received::stamp`](super::Received::stamp).
    pub rx: StampSource,
    /// For datagrams that are sent: from [`UdpSocket::tx_stamp`](super::UdpSocket::tx_stamp).
    pub tx: StampSource,
}

/// A stamp by the clock of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardwareStamp {
    /// When the frame began to pass: its preamble had just been sent or received.
    pub time: PhcTime,
    /// The index of the interface, 0 if unknown.
    pub interface: u32,
    /// How long the frame is, in bytes, with its header and without its check sequence; 0 if unknown, as of those that
    /// are sent.
    pub length: u32,
}

/// One word about a datagram that left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// When the kernel handed it to the network, by the system clock.
    pub stamp: Option<RawTime>,
    /// When it left, by the clock of the interface.
    pub hardware: Option<HardwareStamp>,
}

/// What the control messages of a datagram say.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) stamp: Option<RawTime>,
    /// The address of ours, if it can be answered from.
    pub(super) local: Option<IpAddr>,
    /// The index of the interface, 0 if unknown.
    pub(super) interface: u32,
    hardware: Option<PhcTime>,
    /// Interface and length.
    frame: Option<(u32, u32)>,
}

impl Notes {
    pub(super) fn of(control: &ControlBuffer) -> Self {
        let mut notes = Self::default();
        for message in control.messages() {
            match message {
                Message::Stamp { system, hardware } => (notes.stamp, notes.hardware) = (system, hardware),
                Message::Frame { interface, length } => notes.frame = Some((interface, length)),
                Message::PacketInfo { local, interface } => {
                    notes.local = can_answer(local).then_some(local);
                    notes.interface = interface;
                }
                Message::Other => {}
            }
        }
        notes
    }

    pub(super) fn hardware(&self) -> Option<HardwareStamp> {
        let (interface, length) = self.frame.unwrap_or_default();
        // What came by a VLAN came by a card below it, which only the frame names.
        let interface = if interface == 0 { self.interface } else { interface };
        self.hardware.map(|time| HardwareStamp { time, interface, length })
    }
}

/// What a client wants to know of what it sends and receives.
pub(super) fn ask_for_client_stamps(
    fd: BorrowedFd<'_>,
    remote: SocketAddr,
    options: &ClientOptions,
) -> Stamping {
    if options.hardware_stamps && ask_for_hardware_stamps(fd, remote) {
        return Stamping { rx: StampSource::Kernel, tx: StampSource::Kernel };
    }
    ask_for_stamps(fd, true)
}

/// Asks for stamps of interfaces beside those of the kernel, and which interfaces they are. The kernel names the
/// interface that sent only if the datagram comes along. Since Linux 4.13.
fn ask_for_hardware_stamps(fd: BorrowedFd<'_>, remote: SocketAddr) -> bool {
    const FLAGS: u32 = libc::SOF_TIMESTAMPING_SOFTWARE
        | libc::SOF_TIMESTAMPING_RX_SOFTWARE
        | libc::SOF_TIMESTAMPING_TX_SOFTWARE
        | libc::SOF_TIMESTAMPING_RAW_HARDWARE
        | libc::SOF_TIMESTAMPING_RX_HARDWARE
        | libc::SOF_TIMESTAMPING_TX_HARDWARE
        | libc::SOF_TIMESTAMPING_OPT_CMSG
        | libc::SOF_TIMESTAMPING_OPT_PKTINFO
        | libc::SOF_TIMESTAMPING_OPT_TX_SWHW;
    let (level, option) = match remote {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    let granted = |level, option, value: c_int| socket::set_option(fd, level, option, value).is_ok();
    granted(level, option, 1) && granted(libc::SOL_SOCKET, libc::SO_TIMESTAMPING, FLAGS as c_int)
}

/// Asks for the best kind of stamps that there is.
pub(super) fn ask_for_stamps(fd: BorrowedFd<'_>, transmit: bool) -> Stamping {
    const RECEIVE: u32 = libc::SOF_TIMESTAMPING_SOFTWARE | libc::SOF_TIMESTAMPING_RX_SOFTWARE;
    const BOTH: u32 = RECEIVE | libc::SOF_TIMESTAMPING_TX_SOFTWARE;
    // Spares the kernel the copy of the datagram that would come with the stamp. Since Linux 4.0.
    const BOTH_WITHOUT_COPY: u32 = BOTH | libc::SOF_TIMESTAMPING_OPT_TSONLY;

    let granted = |option, value: c_int| socket::set_option(fd, libc::SOL_SOCKET, option, value).is_ok();
    let timestamping = |flags: u32| granted(libc::SO_TIMESTAMPING, flags as c_int);

    if transmit && (timestamping(BOTH_WITHOUT_COPY) || timestamping(BOTH)) {
        Stamping { rx: StampSource::Kernel, tx: StampSource::Kernel }
    } else if timestamping(RECEIVE) || granted(libc::SO_TIMESTAMPNS, 1) {
        Stamping { rx: StampSource::Kernel, tx: StampSource::User }
    } else {
        Stamping { rx: StampSource::User, tx: StampSource::User }
    }
}
