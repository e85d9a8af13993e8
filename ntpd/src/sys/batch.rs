//! Many datagrams in one call, and a reply to each, without asking for memory.
//!
//! A reply is made in the buffer of its request and goes to the address as the kernel wrote it, so hardly
//! anything is converted.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use ntp_proto::time::RawTime;

use super::address::Address;
use super::cmsg::{ControlBuffer, Message, Messages, SOURCE};
use super::plain::zeroed;
use super::udp::{UdpSocket, can_answer};

/// So many are received at most in one call.
pub const BATCH: usize = 64;
/// So many are sent at most in one call: the last one leaves later than it says by what the others take.
pub const GROUP: usize = 4;
/// More than any request that is answered; longer ones are cut off. A power of two would put all headers into
/// the same few lines of the processor's cache.
const ROOM: usize = 2048 + 64;
/// What the kernel says about a datagram takes less than 150 bytes.
const CONTROL: usize = 192;

/// Room for [`BATCH`] datagrams and what the kernel says about them.
#[derive(Debug)]
pub struct Batch {
    slots: Box<[Slot]>,
    headers: Box<[libc::mmsghdr]>,
    parts: Box<[libc::iovec]>,
    received: usize,
}

// SAFETY: the pointers in `headers` and `parts` lead into boxes of the same value, which move with it and stay where
// they are in memory.
unsafe impl Send for Batch {}

#[repr(C, align(64))]
struct Slot {
    buffer: [u8; ROOM],
    control: [u8; CONTROL],
    from: Address,
    /// The local address that was asked, where that matters for the reply.
    local: Option<IpAddr>,
    lengths: Lengths,
}

/// What belongs to a reply besides its bytes.
struct Outgoing {
    part: libc::iovec,
    source: ControlBuffer<SOURCE>,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { part: zeroed(), source: ControlBuffer::empty() }
    }
}

/// What the kernel has written.
#[derive(Clone, Copy, Default)]
struct Lengths {
    datagram: usize,
    control: usize,
}

/// A datagram as it came in.
#[derive(Debug)]
pub struct Inbound<'b> {
    /// Its bytes, as far as they fit.
    pub datagram: &'b mut [u8],
    /// Who sent it.
    pub remote: SocketAddr,
    /// The index of the interface, 0 if not known.
    pub interface: u32,
    /// When the kernel received it, by the system clock.
    pub stamp: Option<RawTime>,
}

impl Default for Batch {
    fn default() -> Self {
        let slot = || Slot {
            buffer: [0; ROOM],
            control: [0; CONTROL],
            from: Address::room(),
            local: None,
            lengths: Lengths::default(),
        };
        let mut batch = Self {
            slots: (0..BATCH).map(|_| slot()).collect(),
            headers: (0..BATCH).map(|_| zeroed()).collect(),
            parts: (0..BATCH).map(|_| zeroed()).collect(),
            received: 0,
        };
        batch.connect();
        batch
    }
}

impl Batch {
    /// Receives what is there, without waiting, and says how many that are. `WouldBlock` if there is nothing.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.make_room();
        let (room, flags) = (self.headers.as_mut_ptr(), libc::MSG_DONTWAIT);
        // SAFETY: BATCH headers are announced and there; each stands with pointers into `slots` and `parts` (see
        // `connect`; the boxes are never replaced) and the lengths of what they point to (see `make_room`), all of
        // which is borrowed exclusively for longer than the call.
        let received = unsafe {
            libc::recvmmsg(socket.as_fd().as_raw_fd(), room, BATCH as _, flags as _, std::ptr::null_mut())
        };
        self.received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?.min(BATCH);
        for (slot, header) in self.slots.iter_mut().zip(&self.headers).take(self.received) {
            let control: usize = header.msg_hdr.msg_controllen as _;
            let datagram = (header.msg_len as usize).min(ROOM);
            slot.lengths = Lengths { datagram, control: control.min(CONTROL) };
            slot.from.set_len(header.msg_hdr.msg_namelen);
        }
        Ok(self.received)
    }

    /// One of those that were received; `None` if it is none, or from an address that is no address.
    pub fn get(&mut self, index: usize) -> Option<Inbound<'_>> {
        let slot = self.slots.get_mut(index).filter(|_| index < self.received)?;
        let remote = slot.from.get()?;
        let (mut stamp, mut interface) = (None, 0);
        slot.local = None;
        for message in Messages::of(&slot.control[..slot.lengths.control]) {
            match message {
                Message::Stamp { system, .. } => stamp = system,
                Message::PacketInfo { local, interface: index } => {
                    slot.local = can_answer(local).then_some(local);
                    interface = index;
                }
                Message::Frame { .. } | Message::Other => {}
            }
        }
        Some(Inbound { datagram: &mut slot.buffer[..slot.lengths.datagram], remote, interface, stamp })
    }

    /// Sends the first bytes of these buffers back to where their datagrams came from, from the addresses that
    /// were asked, in one call for at most [`GROUP`]. Of each an index and a length. Returns how many were sent
    /// before one could not be.
    pub fn reply(&mut self, replies: &[(usize, usize)], socket: &UdpSocket) -> usize {
        let mut outgoing: [Outgoing; GROUP] = std::array::from_fn(|_| Outgoing::default());
        let mut headers: [libc::mmsghdr; GROUP] = std::array::from_fn(|_| zeroed());
        let mut count = 0;
        for ((index, length), (out, header)) in replies.iter().zip(outgoing.iter_mut().zip(&mut headers)) {
            let Some(slot) = self.slots.get_mut(*index) else { break };
            out.part =
                libc::iovec { iov_base: slot.buffer.as_mut_ptr().cast(), iov_len: (*length).min(ROOM) };
            let message = &mut header.msg_hdr;
            message.msg_name = slot.from.as_mut_ptr();
            message.msg_namelen = slot.from.len();
            message.msg_iov = &raw mut out.part;
            message.msg_iovlen = 1;
            if let Some(source) = slot.local.filter(|_| socket.is_wildcard()) {
                out.source = ControlBuffer::with_source(source);
                message.msg_control = out.source.as_mut_ptr().cast();
                message.msg_controllen = out.source.len() as _;
            }
            count += 1;
        }
        let (first, flags) = (headers.as_mut_ptr(), libc::MSG_DONTWAIT);
        // SAFETY: `count` headers are filled in; every pointer in them stands with the length of what it points to,
        // all of which outlives the call and is borrowed exclusively.
        let sent = unsafe { libc::sendmmsg(socket.as_fd().as_raw_fd(), first, count, flags as _) };
        usize::try_from(sent).unwrap_or(0)
    }

    /// Says in each header where the kernel may write.
    fn connect(&mut self) {
        let slots = self.slots.iter_mut().zip(&mut self.parts).zip(&mut self.headers);
        for ((slot, part), header) in slots {
            *part = libc::iovec { iov_base: slot.buffer.as_mut_ptr().cast(), iov_len: ROOM };
            let message = &mut header.msg_hdr;
            message.msg_name = slot.from.as_mut_ptr();
            message.msg_iov = part;
            message.msg_iovlen = 1;
            message.msg_control = slot.control.as_mut_ptr().cast();
        }
        self.received = BATCH;
        self.make_room();
    }

    /// Takes back what the kernel has said about lengths.
    fn make_room(&mut self) {
        for (slot, header) in self.slots.iter_mut().zip(&mut self.headers).take(self.received) {
            slot.from.clear();
            header.msg_hdr.msg_namelen = slot.from.len();
            header.msg_hdr.msg_controllen = CONTROL as _;
        }
        self.received = 0;
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("from", &self.from.get()).finish_non_exhaustive()
    }
}
