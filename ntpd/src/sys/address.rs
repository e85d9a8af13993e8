//! Socket addresses in the form that the kernel reads and writes.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::raw::{c_int, c_void};

use super::plain::{Solid, read, write, zeroed};

/// An IPv4 or IPv6 address with its port as a `sockaddr`, or room for one.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Address {
    /// A `sockaddr_in` or `sockaddr_in6`, and zeros.
    bytes: [u8; ROOM],
    /// How much of it is used.
    length: libc::socklen_t,
}

const ROOM: usize = size_of::<libc::sockaddr_storage>();

impl Address {
    /// Room for the kernel to fill.
    pub(super) const fn room() -> Self {
        Self { bytes: [0; ROOM], length: ROOM as libc::socklen_t }
    }

    /// Room for the kernel again.
    pub(super) const fn clear(&mut self) {
        self.length = ROOM as libc::socklen_t;
    }

    /// The address, if it is IPv4 or IPv6 and complete.
    pub(super) fn get(&self) -> Option<SocketAddr> {
        let used = self.bytes.get(..self.length as usize)?;
        let family = c_int::from(u16::from_ne_bytes(*used.first_chunk()?));
        match family {
            libc::AF_INET => v4(&read(used)?),
            libc::AF_INET6 => v6(&read(used)?),
            _ => None,
        }
    }

    /// For a call that only reads it: [`len`](Self::len) bytes.
    pub(super) const fn as_ptr(&self) -> *const c_void {
        self.bytes.as_ptr().cast()
    }

    /// For a call that may write as many bytes as [`room`](Self::room) has.
    pub(super) const fn as_mut_ptr(&mut self) -> *mut c_void {
        self.bytes.as_mut_ptr().cast()
    }

    /// Bytes in use.
    pub(super) const fn len(&self) -> libc::socklen_t {
        self.length
    }

    /// What the kernel says about the length. If it had more to say than there was room for, the address does
    /// not come out.
    pub(super) const fn set_len(&mut self, length: libc::socklen_t) {
        self.length = length;
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => Self::of(sockaddr_in(&v4)),
            SocketAddr::V6(v6) => Self::of(sockaddr_in6(&v6)),
        }
    }
}

impl Address {
    fn of<T: Solid>(address: T) -> Self {
        let mut room = Self::room();
        write(&mut room.bytes, address).expect("a sockaddr_storage has room for every address");
        room.set_len(size_of::<T>() as libc::socklen_t);
        room
    }
}

fn sockaddr_in(address: &SocketAddrV4) -> libc::sockaddr_in {
    let mut sockaddr = zeroed::<libc::sockaddr_in>();
    sockaddr.sin_family = libc::AF_INET as libc::sa_family_t;
    sockaddr.sin_port = address.port().to_be();
    sockaddr.sin_addr.s_addr = address.ip().to_bits().to_be();
    sockaddr
}

fn sockaddr_in6(address: &SocketAddrV6) -> libc::sockaddr_in6 {
    let mut sockaddr = zeroed::<libc::sockaddr_in6>();
    sockaddr.sin6_family = libc::AF_INET6 as libc::sa_family_t;
    sockaddr.sin6_port = address.port().to_be();
    sockaddr.sin6_addr.s6_addr = address.ip().octets();
    sockaddr.sin6_flowinfo = address.flowinfo();
    sockaddr.sin6_scope_id = address.scope_id();
    sockaddr
}

fn v4(sockaddr: &libc::sockaddr_in) -> Option<SocketAddr> {
    let ip = Ipv4Addr::from_bits(u32::from_be(sockaddr.sin_addr.s_addr));
    Some(SocketAddrV4::new(ip, u16::from_be(sockaddr.sin_port)).into())
}

fn v6(sockaddr: &libc::sockaddr_in6) -> Option<SocketAddr> {
    let ip = Ipv6Addr::from(sockaddr.sin6_addr.s6_addr);
    let port = u16::from_be(sockaddr.sin6_port);
    Some(SocketAddrV6::new(ip, port, sockaddr.sin6_flowinfo, sockaddr.sin6_scope_id).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_kernel_form() {
        for text in ["192.0.2.1:123", "[2001:db8::1]:11123", "[fe80::1%3]:123"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(Address::from(address).get(), Some(address));
        }
    }

    #[test]
    fn ports_and_addresses_are_in_network_order() {
        let address = Address::from("192.0.2.1:123".parse::<SocketAddr>().unwrap());
        assert_eq!(address.bytes[2..8], [0, 123, 192, 0, 2, 1]);
    }

    #[test]
    fn incomplete_and_foreign_addresses_do_not_come_out() {
        assert_eq!(Address::room().get(), None);
        let mut short = Address::from("192.0.2.1:123".parse::<SocketAddr>().unwrap());
        for length in [0, 1, 2, 15, ROOM as libc::socklen_t + 1] {
            short.set_len(length);
            assert_eq!(short.get(), None);
        }
    }
}
