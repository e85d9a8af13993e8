//! Packet sockets (`man 7 packet`), for which no safe wrappers exist.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::frames::Frame;

/// So many frames are sent at most in one call.
pub(crate) const BURST: usize = 64;

/// A socket that sends raw frames by the interface `index` and hears what comes in there.
pub(crate) fn packet_socket(index: u32) -> io::Result<OwnedFd> {
    let all = (libc::ETH_P_ALL as u16).to_be();
    // SAFETY: takes numbers and returns a descriptor.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, i32::from(all)) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: integers and an array of bytes, for which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = all;
    address.sll_ifindex = index as i32;
    let size = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the pointer and the length are those of `address`, which outlives the call.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) })?;
    Ok(socket)
}

/// Has the socket hear nothing, or one in 2^`sample` of what comes in, with the time of its arrival.
pub(crate) fn listen_to(socket: &OwnedFd, sample: Option<u32>) -> io::Result<()> {
    let op = |code: u32, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    let mut program = match sample {
        None => vec![op(libc::BPF_RET | libc::BPF_K, 0, 0)],
        Some(power) => vec![
            op(
                libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
                0,
                (libc::SKF_AD_OFF + libc::SKF_AD_RANDOM) as u32,
            ),
            op(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, (1 << power) - 1),
            op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, 0),
            op(libc::BPF_RET | libc::BPF_K, 0, u32::MAX),
            op(libc::BPF_RET | libc::BPF_K, 0, 0),
        ],
    };
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)?;
    set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &(4 << 20))?;
    set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1)
}

/// Sends frames, at most [`BURST`], each followed by `tail`; returns how many went.
pub(crate) fn send(socket: &OwnedFd, frames: &[Frame], tail: &[u8]) -> usize {
    let part =
        |bytes: &[u8]| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut parts: [[libc::iovec; 2]; BURST] = std::array::from_fn(|_| [part(&[]), part(tail)]);
    // SAFETY: pointers and integers, for which zero is a value.
    let mut headers: [libc::mmsghdr; BURST] = unsafe { std::mem::zeroed() };
    let count = frames.len().min(BURST);
    for ((frame, parts), header) in frames.iter().zip(&mut parts).zip(&mut headers) {
        parts[0] = part(frame);
        header.msg_hdr.msg_iov = parts.as_mut_ptr();
        header.msg_hdr.msg_iovlen = parts.len() as _;
    }
    // SAFETY: `count` headers are filled in; their pointers stand with the lengths of what they point to, which
    // outlives the call and is only read.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count as u32, 0) };
    usize::try_from(sent).unwrap_or(0)
}

/// Receives a frame, if there is one, and when it arrived, in nanoseconds of Unix time.
pub(crate) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Option<(usize, i128)> {
    #[repr(align(8))]
    struct Room([u8; 128]);
    let mut control = Room([0; 128]);
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: pointers and integers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: the pointers in `message` stand with the lengths of what they point to, which outlives the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
    let length = usize::try_from(length).ok()?;
    // SAFETY: `message` is as the call has left it.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message).as_ref()? };
    if (header.cmsg_level, header.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
        return None;
    }
    // SAFETY: a message of this kind holds a `timespec`; a copy needs no alignment.
    let time = unsafe { libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned() };
    Some((length, i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)))
}

fn set<T>(socket: &OwnedFd, level: i32, option: i32, value: &T) -> io::Result<()> {
    let size = size_of::<T>() as libc::socklen_t;
    // SAFETY: the pointer and the length are those of `value`, which outlives the call.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const *value).cast(), size) })
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
