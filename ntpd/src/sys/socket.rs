//! The calls behind [`udp`](super::udp): one per function, with lengths and pointers kept together.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::raw::c_int;

use super::address::Address;
use super::check;
use super::cmsg::ControlBuffer;
use super::plain::zeroed;

/// A new UDP socket of the address's family, without flags: not every library between us and the kernel takes
/// them here. See [`set_close_on_exec`] and [`set_nonblocking`].
pub(super) fn socket(address: &SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: takes numbers and returns a descriptor.
    let fd = check(unsafe { libc::socket(family, libc::SOCK_DGRAM, 0) })?;
    // SAFETY: the descriptor is new, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn set_close_on_exec(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes numbers.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
    Ok(())
}

/// A new socket has no other flags that would have to be kept.
pub(super) fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: takes numbers.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) })?;
    Ok(())
}

pub(super) fn bind(fd: BorrowedFd<'_>, address: SocketAddr) -> io::Result<()> {
    let address = Address::from(address);
    // SAFETY: the pointer and the length are those of an address of ours, which outlives the call.
    check(unsafe { libc::bind(fd.as_raw_fd(), address.as_ptr().cast(), address.len()) })?;
    Ok(())
}

pub(super) fn connect(fd: BorrowedFd<'_>, address: SocketAddr) -> io::Result<()> {
    let address = Address::from(address);
    // SAFETY: the pointer and the length are those of an address of ours, which outlives the call.
    check(unsafe { libc::connect(fd.as_raw_fd(), address.as_ptr().cast(), address.len()) })?;
    Ok(())
}

/// The address that the socket is bound to; `None` if it is of another family.
pub(super) fn getsockname(fd: BorrowedFd<'_>) -> io::Result<Option<SocketAddr>> {
    let mut address = Address::room();
    let mut length = address.len();
    // SAFETY: `length` says how much room there is at the pointer, and both are ours for the call.
    check(unsafe { libc::getsockname(fd.as_raw_fd(), address.as_mut_ptr().cast(), &raw mut length) })?;
    address.set_len(length);
    Ok(address.get())
}

/// Sets an option that is an `int`.
pub(super) fn set_option(fd: BorrowedFd<'_>, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    let size = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the pointer and the length are those of `value`, which outlives the call.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, (&raw const value).cast(), size) })?;
    Ok(())
}

/// How many datagrams the kernel has dropped for want of room in the socket's queue (`SO_MEMINFO`, Linux 4.12).
pub(super) fn drops(fd: BorrowedFd<'_>) -> io::Result<u64> {
    /// `SK_MEMINFO_DROPS`
    const DROPS: usize = 8;
    let mut figures = [0u32; DROPS + 1];
    let mut size = size_of_val(&figures) as libc::socklen_t;
    let room = figures.as_mut_ptr().cast();
    // SAFETY: `size` says how much room there is at the pointer, and both are ours for the call.
    check(unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, room, &raw mut size)
    })?;
    Ok(figures[DROPS].into())
}

/// Has `program` choose among the sockets that share the address of this one.
pub(super) fn attach_choice(fd: BorrowedFd<'_>, program: &mut [libc::sock_filter]) -> io::Result<()> {
    let len = program.len().try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len, filter: program.as_mut_ptr() };
    let size = size_of_val(&program) as libc::socklen_t;
    let option = libc::SO_ATTACH_REUSEPORT_CBPF;
    // SAFETY: the pointer and the length are those of `program`, which points to a slice of the length it tells;
    // both outlive the call, and the kernel copies and checks what they hold.
    check(unsafe {
        libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const program).cast(), size)
    })?;
    Ok(())
}

/// The value of an option that is an `int`.
#[cfg(test)]
pub(super) fn get_option(fd: BorrowedFd<'_>, level: c_int, option: c_int) -> io::Result<c_int> {
    let (mut value, mut size) = (0, size_of::<c_int>() as libc::socklen_t);
    let room = (&raw mut value).cast();
    // SAFETY: `size` says how much room there is at the pointer, and both are ours for the call.
    check(unsafe { libc::getsockopt(fd.as_raw_fd(), level, option, room, &raw mut size) })?;
    Ok(value)
}

/// Ties the socket to the interface of this name.
pub(super) fn bind_to_device(fd: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    // Longer ones would be cut off, and name another interface.
    let size = libc::socklen_t::try_from(name.len()).ok().filter(|_| name.len() < libc::IFNAMSIZ);
    let size = size.ok_or(io::ErrorKind::InvalidInput)?;
    let option = libc::SO_BINDTODEVICE;
    // SAFETY: the pointer and the length are those of one borrowed string; the kernel wants no zero at its end.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, option, name.as_ptr().cast(), size) })?;
    Ok(())
}

/// Sends on a connected socket.
pub(super) fn send(fd: BorrowedFd<'_>, datagram: &[u8]) -> io::Result<()> {
    // SAFETY: the pointer and the length are those of one borrowed slice.
    let sent = unsafe { libc::send(fd.as_raw_fd(), datagram.as_ptr().cast(), datagram.len(), 0) };
    // A datagram is sent whole or not at all.
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sends to an address, with control messages.
pub(super) fn sendmsg(
    fd: BorrowedFd<'_>,
    datagram: &[u8],
    to: &Address,
    control: &ControlBuffer,
) -> io::Result<()> {
    // The C structures know only pointers that may be written through; `sendmsg` does not.
    let mut parts = libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
    let mut message = zeroed::<libc::msghdr>();
    message.msg_name = to.as_ptr().cast_mut();
    message.msg_namelen = to.len();
    message.msg_iov = &raw mut parts;
    message.msg_iovlen = 1;
    if control.len() > 0 {
        message.msg_control = control.as_ptr().cast_mut().cast();
        message.msg_controllen = control.len() as _;
    }
    // SAFETY: every pointer in `message` stands with the length of what it points to, all of which is
    // borrowed for longer than the call, and the call only reads.
    let sent = unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const message, 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What [`recvmsg`] returns besides bytes and control messages.
pub(super) struct Arrival {
    /// Bytes written, never more than there was room for.
    pub(super) len: usize,
    /// `MSG_TRUNC` and the like.
    pub(super) flags: c_int,
    /// The sender.
    pub(super) from: Address,
}

/// Receives one datagram, with its control messages.
pub(super) fn recvmsg(
    fd: BorrowedFd<'_>,
    room: &mut [u8],
    control: &mut ControlBuffer,
    flags: c_int,
) -> io::Result<Arrival> {
    let mut from = Address::room();
    let mut parts = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    let mut message = zeroed::<libc::msghdr>();
    message.msg_name = from.as_mut_ptr();
    message.msg_namelen = from.len();
    message.msg_iov = &raw mut parts;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = control.capacity() as _;
    // SAFETY: every pointer in `message` stands with the length of the room that it points to, all of which
    // is borrowed exclusively for longer than the call.
    let received = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags) };
    if received < 0 {
        return Err(io::Error::last_os_error());
    }
    control.set_len(message.msg_controllen as _);
    from.set_len(message.msg_namelen);
    Ok(Arrival { len: received.unsigned_abs().min(room.len()), flags: message.msg_flags, from })
}
