//! A UDP socket whose datagrams come and go with the kernel's stamps, told in true time.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::socket::sockopt::Timestamping;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, TimestampingFlag, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;

use super::packet::Packet;
use super::truth::{Look, SECOND, Truth};

/// Which moment counts as the arrival of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Stamps {
    /// When the kernel took it from the network.
    Kernel,
    /// When the program got it.
    User,
}

/// A bound IPv4 socket.
#[derive(Debug)]
pub struct Socket {
    inner: UdpSocket,
    truth: Truth,
    stamps: Stamps,
}

/// What arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The packet; `None` if the datagram was none.
    pub packet: Option<Packet>,
    /// Who sent it.
    pub from: SocketAddrV4,
    /// When it arrived: true time, ns of Unix time.
    pub at: i64,
}

impl Socket {
    /// Binds to an address and port; port 0 is any.
    ///
    /// # Errors
    /// When the address is taken, not ours, or not allowed.
    pub fn bind(address: Ipv4Addr, port: u16, truth: Truth, stamps: Stamps) -> Result<Self> {
        let inner = UdpSocket::bind((address, port)).with_context(|| format!("bind {address}:{port}"))?;
        let flags = TimestampingFlag::SOF_TIMESTAMPING_RX_SOFTWARE
            | TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE
            | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE;
        setsockopt(&inner, Timestamping, &flags).context("ask for stamps")?;
        Ok(Self { inner, truth, stamps })
    }

    /// Lets [`Self::receive`] give up after `patience`.
    ///
    /// # Errors
    /// When the socket refuses.
    pub fn set_patience(&self, patience: Duration) -> Result<()> {
        self.inner.set_read_timeout(Some(patience)).context("set receive timeout")
    }

    /// Sends a packet and says when it left: true time, ns of Unix time. `None` if the network did not take it,
    /// which is the network's affair, or if the kernel does not say.
    ///
    /// # Errors
    /// When a clock cannot be read.
    pub fn send(&self, packet: &Packet, to: SocketAddrV4) -> Result<Option<i64>> {
        if self.inner.send_to(packet.as_bytes(), to).is_err() {
            return Ok(None);
        }
        // The kernel hands the packet back with its stamp; on a virtual Ethernet it does so before `send_to`
        // returns. A stamp that came too late for its turn would pass for the next packet's: read them all.
        let mut left = None;
        let mut bytes = [0; 1_024];
        let mut control = nix::cmsg_space!([TimeSpec; 3], [u8; 64]);
        loop {
            let mut vectors = [IoSliceMut::new(&mut bytes)];
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let returned =
                recvmsg::<SockaddrIn>(self.inner.as_raw_fd(), &mut vectors, Some(&mut control), flags);
            let Ok(message) = returned else { return Ok(left) };
            let stamp = message.cmsgs().context("read control messages")?.find_map(stamp);
            if let Some(stamp) = stamp {
                left = Some(at(stamp, self.truth.look()?));
            }
        }
    }

    /// Waits for a datagram; `None` when patience ran out.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn receive(&self) -> Result<Option<Arrival>> {
        let mut bytes = [0; 1_024];
        let mut control = nix::cmsg_space!([TimeSpec; 3]);
        let mut vectors = [IoSliceMut::new(&mut bytes)];
        let fd = self.inner.as_raw_fd();
        let received = recvmsg::<SockaddrIn>(fd, &mut vectors, Some(&mut control), MsgFlags::empty());
        let look = self.truth.look()?;
        let message = match received {
            Ok(message) => message,
            // ECONNREFUSED tells of an earlier send to a closed port: nothing came.
            Err(nix::Error::EAGAIN | nix::Error::EINTR | nix::Error::ECONNREFUSED) => return Ok(None),
            Err(error) => return Err(error).context("receive"),
        };
        let stamp = match self.stamps {
            Stamps::Kernel => message.cmsgs().context("read control messages")?.find_map(stamp),
            Stamps::User => None,
        };
        let at = stamp.map_or(look.truth, |stamp| at(stamp, look));
        let from = message.address.context("datagram without sender")?;
        let (from, length) = (SocketAddrV4::new(from.ip(), from.port()), message.bytes);
        Ok(Some(Arrival { packet: Packet::parse(&bytes[..length]), from, at }))
    }
}

/// The software stamp in a control message, in the clock under test.
fn stamp(item: ControlMessageOwned) -> Option<TimeSpec> {
    match item {
        ControlMessageOwned::ScmTimestampsns(stamps) => Some(stamps.system),
        _ => None,
    }
}

/// True time of a stamp, by a look taken shortly afterwards. The stamp is in the clock under test; only its age is
/// taken from it, some µs, in which no slew makes a difference that counts.
const fn at(stamp: TimeSpec, look: Look) -> i64 {
    look.truth - (look.real - (stamp.tv_sec() * SECOND + stamp.tv_nsec()))
}
