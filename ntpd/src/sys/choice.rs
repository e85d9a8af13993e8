//! Which of several sockets at one address a client reaches.
//!
//! The kernel would look at address and port, but clients change their ports. A small program (classic BPF) that
//! it runs for each datagram looks at the address alone, so one socket sees all that a client sends.

use std::io;
use std::os::fd::BorrowedFd;

use super::socket::attach_choice;

/// Where the kernel shows programs the network header, as an offset in its two's complement.
const NETWORK_HEADER: u32 = libc::SKF_NET_OFF.cast_unsigned();
/// Source addresses in the headers of IPv4 (RFC 791) and IPv6 (RFC 8200).
const SOURCE_V4: u32 = NETWORK_HEADER.wrapping_add(12);
const SOURCE_V6: u32 = NETWORK_HEADER.wrapping_add(8);
/// 2³² divided by the golden ratio: neighbouring addresses fall far apart.
const SPREAD: u32 = 0x9e37_79b1;

/// Lets the address choose among the `count` sockets that share that of `fd`, in the order in which they were
/// bound: all of an IPv4 address, `prefix` bits of an IPv6 address, at most 64.
pub(super) fn by_client(fd: BorrowedFd<'_>, v4: bool, count: u16, prefix: u8) -> io::Result<()> {
    let mut program = if v4 { vec![load(SOURCE_V4)] } else { network_v6(prefix) };
    program.extend([
        op(libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K, SPREAD),
        op(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 16),
        op(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, u32::from(count.max(1))),
        op(libc::BPF_RET | libc::BPF_A, 0),
    ]);
    attach_choice(fd, &mut program)
}

/// Two words of the address become one.
fn network_v6(prefix: u8) -> Vec<libc::sock_filter> {
    let mask = u64::MAX.checked_shl(64 - u32::from(prefix.min(64))).unwrap_or(0);
    let and = |mask: u32| op(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, mask);
    vec![
        load(SOURCE_V6),
        and((mask >> 32) as u32),
        op(libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K, SPREAD),
        op(libc::BPF_MISC | libc::BPF_TAX, 0),
        load(SOURCE_V6.wrapping_add(4)),
        and(mask as u32),
        op(libc::BPF_ALU | libc::BPF_XOR | libc::BPF_X, 0),
    ]
}

fn load(from: u32) -> libc::sock_filter {
    op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, from)
}

fn op(code: u32, k: u32) -> libc::sock_filter {
    // All codes fit into 16 bits.
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}
