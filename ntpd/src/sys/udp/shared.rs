//! A client's socket that many conversations share, for those who want their requests to leave from one port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

use super::{ClientOptions, UdpSocket, ask_for_client_stamps, explain, prepare};
use crate::sys::address::Address;
use crate::sys::cmsg::ControlBuffer;
use crate::sys::socket;

impl UdpSocket {
    /// A socket for conversations with whatever servers of the family of `like`, from `port`, or from one that
    /// the kernel picks if it is 0. Anybody can send to it. Asks for stamps in both directions.
    ///
    /// Fails if the family is not there, the port is taken or privileged, or one of the options cannot be had.
    pub fn shared_client(like: IpAddr, port: u16, options: &ClientOptions) -> io::Result<Self> {
        let any = match like {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let family = SocketAddr::new(any, port);
        let from = SocketAddr::new(options.from(family).unwrap_or(any), port);
        let fd = prepare(family, options)?;
        if any.is_ipv6() {
            // Else it would take the port in the other family too.
            socket::set_option(fd.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
        }
        let bound = socket::bind(fd.as_fd(), from);
        bound.map_err(|error| explain(&error, format_args!("cannot send from {from} (acquisitionport)")))?;
        let stamping = ask_for_client_stamps(fd.as_fd(), family, options);
        Ok(Self { fd, stamping, wildcard: false })
    }

    /// Sends to `remote` from a shared client's socket. Stamps as with [`send`](Self::send).
    pub fn send_to(&self, datagram: &[u8], remote: SocketAddr) -> io::Result<()> {
        socket::sendmsg(self.as_fd(), datagram, &Address::from(remote), &ControlBuffer::empty())
    }
}
