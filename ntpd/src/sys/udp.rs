//! UDP sockets that know when their datagrams came and went.
//!
//! A stamp made by the kernel is free of the time that a datagram spends waiting for us. Three ways to get
//! them are tried in turn when a socket is made, and which one was granted is remembered: `SO_TIMESTAMPING`
//! for both directions (clients), the same for receiving only (servers), and `SO_TIMESTAMPNS`. Without any of
//! them the caller reads the clock itself; nothing fails.
//!
//! What makes a socket better is asked for and not insisted on; what a caller asks for in [`ClientOptions`] is
//! done or fails. Sockets never block, and nothing here allocates memory, except to word a failure.

mod group;
mod shared;
mod stamps;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::raw::c_int;
use std::time::Duration;

use ntp_proto::time::RawTime;
use tokio::net::TcpSocket;

use super::address::Address;
use super::check;
use super::cmsg::ControlBuffer;
use super::socket;

pub use group::Group;
pub use stamps::{HardwareStamp, Sent, StampSource, Stamping};
use stamps::{Notes, ask_for_client_stamps, ask_for_stamps};

/// A UDP socket. Never blocks, closed on exec.
pub struct UdpSocket {
    fd: OwnedFd,
    stamping: Stamping,
    /// Whether datagrams for more than one of our addresses may arrive.
    wildcard: bool,
}

/// How a client's datagrams leave. By default the routing table decides, and they are not marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientOptions {
    /// The address of ours that servers of IPv4 are asked from.
    pub from_v4: Option<Ipv4Addr>,
    /// The address of ours that servers of IPv6 are asked from.
    pub from_v6: Option<Ipv6Addr>,
    /// The name of the only interface to send and receive by. Linux before 5.7 wants CAP_NET_RAW for it.
    pub device: Option<String>,
    /// The mark for routers on the way, a differentiated services code point (RFC 2474), 0 … 63. 0: none.
    pub dscp: u8,
    /// Whether stamps of interfaces are wanted as well, where they are switched on: see
    /// [`hwstamp`](super::hwstamp). Not for a world in which libc is intercepted.
    pub hardware_stamps: bool,
}

impl ClientOptions {
    /// Whether they say anything of where a conversation with `remote` is held from.
    #[must_use]
    pub fn says_where(&self, remote: SocketAddr) -> bool {
        self.device.is_some() || self.from(remote).is_some()
    }

    /// A TCP socket for a conversation with `remote`, yet to be connected.
    ///
    /// Fails if one of the options cannot be had.
    pub fn tcp_socket(&self, remote: SocketAddr) -> io::Result<TcpSocket> {
        let socket = if remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(device) = &self.device {
            socket::bind_to_device(socket.as_fd(), device)?;
        }
        if let Some(from) = self.from(remote) {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        Ok(socket)
    }

    /// Where a conversation with `remote` is held from, if that was said.
    fn from(&self, remote: SocketAddr) -> Option<IpAddr> {
        match remote {
            SocketAddr::V4(_) => self.from_v4.map(IpAddr::V4),
            SocketAddr::V6(_) => self.from_v6.map(IpAddr::V6),
        }
    }
}

/// The other end of a datagram, and ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Whom it came from.
    pub remote: SocketAddr,
    /// Which of our addresses it was sent to. `None` on a client's socket, where it is always the same
    /// ([`UdpSocket::local_address`]), or if it is none that can be answered from.
    pub local: Option<IpAddr>,
    /// The index of the interface that it came in by, 0 if unknown.
    pub interface: u32,
}

/// What [`UdpSocket::recv`] says about a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many bytes of the buffer are its.
    pub len: usize,
    /// Whom it came from and which of our addresses was asked.
    pub peer: Peer,
    /// When the kernel received it, by the system clock.
    pub stamp: Option<RawTime>,
    /// When it came in, by the clock of the interface.
    pub hardware: Option<HardwareStamp>,
    /// Whether it was longer than the buffer; the rest is lost.
    pub truncated: bool,
}

impl UdpSocket {
    /// A socket for one conversation with `remote`, with a port that the kernel picks at random. Datagrams of
    /// others do not reach it. Asks for stamps in both directions.
    ///
    /// Fails if the family is not there, no route leads to `remote`, or one of the options cannot be had.
    pub fn client(remote: SocketAddr, options: &ClientOptions) -> io::Result<Self> {
        let fd = prepare(remote, options)?;
        if let Some(from) = options.from(remote) {
            let bound = socket::bind(fd.as_fd(), SocketAddr::new(from, 0));
            bound.map_err(|error| explain(&error, format_args!("cannot send from {from}")))?;
        }
        let stamping = ask_for_client_stamps(fd.as_fd(), remote, options);
        socket::connect(fd.as_fd(), remote)?;
        Ok(Self { fd, stamping, wildcard: false })
    }

    /// A socket that answers those who ask `address`, which may be a wildcard; a wildcard of IPv6 does not
    /// stand for IPv4 too. Asks for stamps of what it receives.
    ///
    /// An address that is not ours is taken all the same where the kernel allows it, and served from the
    /// moment that it is. Fails if the family is not there or the address is taken or its port privileged.
    pub fn server(address: SocketAddr) -> io::Result<Self> {
        Self::listening(address, false)
    }

    /// As [`server`](Self::server); `shared`: others may be bound to the address too.
    fn listening(address: SocketAddr, shared: bool) -> io::Result<Self> {
        let fd = open(&address)?;
        if shared {
            socket::set_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
        }
        allow_foreign_address(fd.as_fd(), address.ip());
        ask_for_packet_info(fd.as_fd(), address.ip());
        let stamping = ask_for_stamps(fd.as_fd(), false);
        socket::bind(fd.as_fd(), address)?;
        Ok(Self { fd, stamping, wildcard: address.ip().is_unspecified() })
    }

    /// Asks for room for `bytes` of datagrams that wait to be fetched, and as much for those that wait to leave.
    /// Without CAP_NET_ADMIN there is at most what `net.core.rmem_max` and `wmem_max` say.
    pub fn ask_for_queues(&self, bytes: u32) {
        let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
        let granted = |option| socket::set_option(self.as_fd(), libc::SOL_SOCKET, option, bytes).is_ok();
        // Refusal is no error: a queue is then as long as it is.
        let _ = granted(libc::SO_RCVBUFFORCE) || granted(libc::SO_RCVBUF);
        let _ = granted(libc::SO_SNDBUFFORCE) || granted(libc::SO_SNDBUF);
    }

    /// How many datagrams the kernel has dropped because nobody fetched them in time. `None` if it does not say.
    #[must_use]
    pub fn drops(&self) -> Option<u64> {
        socket::drops(self.as_fd()).ok()
    }

    /// Whether a reply has to name the address that it leaves from.
    pub(super) const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Who stamps what.
    #[must_use]
    pub const fn stamping(&self) -> Stamping {
        self.stamping
    }

    /// The address and port of our end. On a client's socket, the ones that its datagrams leave from.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        socket::getsockname(self.as_fd())?.ok_or_else(foreign_address)
    }

    /// Sends to the remote end of a client's socket. If [`stamping`](Self::stamping) promises a transmit
    /// stamp, there will be one to fetch with [`tx_stamp`](Self::tx_stamp).
    ///
    /// `ConnectionRefused` and its like are about an earlier datagram that came back; this one was not sent.
    pub fn send(&self, datagram: &[u8]) -> io::Result<()> {
        socket::send(self.as_fd(), datagram)
    }

    /// Answers from a server's socket, from the address that was asked. The interface is the routing table's
    /// choice, since the way back may be another.
    pub fn reply(&self, datagram: &[u8], to: &Peer) -> io::Result<()> {
        let control = to.local.map_or_else(ControlBuffer::empty, ControlBuffer::with_source);
        socket::sendmsg(self.as_fd(), datagram, &Address::from(to.remote), &control)
    }

    /// Receives one datagram into `buf`. `WouldBlock` if there is none.
    ///
    /// On a client's socket `ConnectionRefused` and its like say that an earlier datagram of ours came back
    /// as undeliverable; there may be more to receive.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<Received> {
        let mut control = ControlBuffer::empty();
        let arrival = socket::recvmsg(self.as_fd(), buf, &mut control, 0)?;
        let remote = arrival.from.get().ok_or_else(foreign_address)?;
        let notes = Notes::of(&control);
        Ok(Received {
            len: arrival.len,
            peer: Peer { remote, local: notes.local, interface: notes.interface },
            stamp: notes.stamp,
            hardware: notes.hardware(),
            truncated: arrival.flags & libc::MSG_TRUNC != 0,
        })
    }

    /// Fetches one transmit stamp: when the kernel handed a datagram to the network, by the system clock.
    /// `None` if there is none yet; some network drivers never make one. Stamps come in the order of sending.
    ///
    /// Only to be called while a stamp is owed: where libc is intercepted the call may otherwise take a
    /// received datagram away. On the other hand stamps should be fetched, as one that waits keeps the socket
    /// in the state of error that `epoll` reports.
    pub fn tx_stamp(&self) -> io::Result<Option<RawTime>> {
        Ok(self.sent()?.and_then(|sent| sent.stamp))
    }

    /// The same, with what the interface says of it: on a socket that was asked for such stamps there may be one word
    /// of the kernel's and one of the interface's about each datagram. `None` if there is nothing to fetch.
    pub fn sent(&self) -> io::Result<Option<Sent>> {
        // The datagram may come along, even with headers of other layers in front. It is of no interest.
        let mut nothing = [0];
        let mut control = ControlBuffer::empty();
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        match socket::recvmsg(self.as_fd(), &mut nothing, &mut control, flags) {
            Ok(_) => {
                let notes = Notes::of(&control);
                Ok(Some(Sent { stamp: notes.stamp, hardware: notes.hardware() }))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl UdpSocket {
    /// Blocks until there is a datagram or an error to receive or a transmit stamp to fetch, for `patience` at
    /// most, and says whether there is. Whole milliseconds, rounded up. A signal ends it early.
    pub fn wait(&self, patience: Duration) -> io::Result<bool> {
        let mut wanted = libc::pollfd { fd: self.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let millis = patience.as_nanos().div_ceil(1_000_000);
        let millis = c_int::try_from(millis).unwrap_or(c_int::MAX);
        // SAFETY: the pointer is to a `pollfd` of ours that outlives the call, and one is announced.
        match check(unsafe { libc::poll(&raw mut wanted, 1, millis) }) {
            Ok(ready) => Ok(ready != 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket")
            .field("fd", &self.fd.as_raw_fd())
            .field("local", &self.local_address().ok())
            .field("stamping", &self.stamping)
            .finish()
    }
}

/// Nothing can be sent from a group or from nowhere; the kernel then chooses the address.
pub(super) fn can_answer(local: IpAddr) -> bool {
    !local.is_multicast() && !local.is_unspecified()
}

fn foreign_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "an address that is neither IPv4 nor IPv6")
}

fn open(address: &SocketAddr) -> io::Result<OwnedFd> {
    let fd = socket::socket(address)?;
    socket::set_close_on_exec(fd.as_fd())?;
    socket::set_nonblocking(fd.as_fd())?;
    Ok(fd)
}

/// A socket of the family of `remote` with the options that do not depend on where it is bound.
fn prepare(remote: SocketAddr, options: &ClientOptions) -> io::Result<OwnedFd> {
    let fd = open(&remote)?;
    // Before anything else: the interface says by which routing table the rest is judged.
    if let Some(device) = &options.device {
        let bound = socket::bind_to_device(fd.as_fd(), device);
        bound.map_err(|error| explain(&error, format_args!("cannot use interface {device}")))?;
    }
    if options.dscp != 0 {
        let marked = mark(fd.as_fd(), remote, options.dscp);
        marked.map_err(|error| explain(&error, format_args!("cannot set DSCP {}", options.dscp)))?;
    }
    Ok(fd)
}

/// The same failure with what it was that failed in front. A code of the system stays visible as a kind only.
fn explain(error: &io::Error, what: fmt::Arguments<'_>) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Marks what leaves with a code point, which fills the upper six bits of the octet (RFC 2474 §3).
fn mark(fd: BorrowedFd<'_>, remote: SocketAddr, dscp: u8) -> io::Result<()> {
    let (level, option) = match remote {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_TOS),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
    };
    socket::set_option(fd, level, option, c_int::from(dscp) << 2)
}

/// Lets the socket be bound to an address that no interface has yet. Where that is refused, `bind` fails as
/// it would have, and the caller tries again later.
fn allow_foreign_address(fd: BorrowedFd<'_>, address: IpAddr) {
    let (level, option) = match address {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_FREEBIND),
        // Since Linux 4.15.
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_FREEBIND),
    };
    // Refusal is no error; see above.
    let _ = socket::set_option(fd, level, option, 1);
}

/// Asks which address each datagram was sent to, for IPv6 to be kept apart from IPv4, and that the size of
/// packets is not learnt from the network: datagrams of time are small, and a forged ICMP message could make
/// us send fragments. What is refused shows where it matters: in [`Peer::local`], in the result of `bind`, or
/// not.
fn ask_for_packet_info(fd: BorrowedFd<'_>, address: IpAddr) {
    let options: &[(c_int, c_int, c_int)] = match address {
        IpAddr::V4(_) => &[
            (libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
            (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE),
        ],
        IpAddr::V6(_) => &[
            (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1),
            (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
            (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE),
        ],
    };
    for (level, option, value) in options {
        // Refusal is no error; see above.
        let _ = socket::set_option(fd, *level, *option, *value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ntp_proto::time::NtpDuration;

    use super::super::clock;
    use super::*;

    /// Tries until there is something; two seconds are more than any loopback needs.
    fn eventually<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
        (0..2000).find_map(|_| {
            let result = attempt();
            if result.is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            result
        })
    }

    fn receive(socket: &UdpSocket, buf: &mut [u8]) -> Received {
        eventually(|| match socket.recv(buf) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            other => Some(other.unwrap()),
        })
        .expect("a datagram on the loopback interface")
    }

    fn server(address: &str) -> UdpSocket {
        UdpSocket::server(address.parse().unwrap()).unwrap()
    }

    /// A client of `server`, under one of the addresses that it listens to.
    fn client_of(server: &UdpSocket, ip: &str) -> UdpSocket {
        let port = server.local_address().unwrap().port();
        UdpSocket::client(SocketAddr::new(ip.parse().unwrap(), port), &ClientOptions::default()).unwrap()
    }

    /// What comes of a socket that is to talk to nobody in particular at `ip`.
    fn client_with(ip: &str, options: &ClientOptions) -> io::Result<UdpSocket> {
        UdpSocket::client(SocketAddr::new(ip.parse().unwrap(), 123), options)
    }

    fn has_ipv6() -> bool {
        let there = UdpSocket::server("[::1]:0".parse().unwrap()).is_ok()
            && std::fs::read_to_string("/proc/net/if_inet6").is_ok_and(|text| text.contains(" lo"));
        if !there {
            eprintln!("skipped, no ::1 here");
        }
        there
    }

    fn is_recent(stamp: RawTime) -> bool {
        (clock::raw() - stamp).abs() < NtpDuration::from_secs(1)
    }

    /// Asks a wildcard at `ip` and lets it reply. A client is connected, so a reply from elsewhere never
    /// arrives.
    fn reply_leaves_from_where_it_was_asked(server: &UdpSocket, ip: &str) {
        let client = client_of(server, ip);
        client.send(b"ask").unwrap();
        let mut buf = [0; 16];
        let request = receive(server, &mut buf);
        assert_eq!(request.peer.local, Some(ip.parse().unwrap()));
        assert_eq!(request.peer.remote, client.local_address().unwrap());
        assert_ne!(request.peer.interface, 0);

        server.reply(b"answer", &request.peer).unwrap();
        let reply = receive(&client, &mut buf);
        assert_eq!(&buf[..reply.len], b"answer");
        assert_eq!(reply.peer.remote.ip(), ip.parse::<IpAddr>().unwrap());
    }

    #[test]
    fn replies_leave_from_the_address_that_was_asked() {
        let server = server("0.0.0.0:0");
        reply_leaves_from_where_it_was_asked(&server, "127.0.0.1");
        reply_leaves_from_where_it_was_asked(&server, "127.0.0.2");
    }

    #[test]
    fn replies_leave_from_the_address_that_was_asked_over_ipv6() {
        if has_ipv6() {
            reply_leaves_from_where_it_was_asked(&server("[::]:0"), "::1");
        }
    }

    #[test]
    fn both_families_may_share_a_port() {
        if !has_ipv6() {
            return;
        }
        // A stranger may hold the port in the other family, but hardly ten times.
        let shared = (0..10).any(|_| {
            let v4 = server("0.0.0.0:0");
            let port = v4.local_address().unwrap().port();
            UdpSocket::server(SocketAddr::new("::".parse().unwrap(), port)).is_ok()
        });
        assert!(shared);
    }

    #[test]
    fn arrivals_are_stamped_by_the_kernel() {
        let server = server("127.0.0.1:0");
        let client = client_of(&server, "127.0.0.1");
        assert_eq!(server.stamping(), Stamping { rx: StampSource::Kernel, tx: StampSource::User });
        assert_eq!(client.stamping().rx, StampSource::Kernel);
        // The kernel starts to stamp a moment after the first socket on the machine asked for it.
        let stamp = eventually(|| {
            client.send(b"ask").unwrap();
            receive(&server, &mut [0; 16]).stamp
        });
        assert!(is_recent(stamp.unwrap()));
    }

    #[test]
    fn departures_are_stamped_by_the_kernel_in_order() {
        let server = server("127.0.0.1:0");
        let client = client_of(&server, "127.0.0.1");
        assert_eq!(client.stamping().tx, StampSource::Kernel);
        let before = clock::raw();
        client.send(b"first").unwrap();
        client.send(b"second").unwrap();
        let first = eventually(|| client.tx_stamp().unwrap()).unwrap();
        let second = eventually(|| client.tx_stamp().unwrap()).unwrap();
        assert!(is_recent(first));
        assert!(before <= first && first <= second);
        assert_eq!(client.tx_stamp().unwrap(), None);
    }

    #[test]
    fn where_no_interface_stamps_the_kernel_does() {
        let wanted = ClientOptions { hardware_stamps: true, ..ClientOptions::default() };
        for ip in ["127.0.0.1", "::1"] {
            if ip == "::1" && !has_ipv6() {
                continue;
            }
            let server = server(&SocketAddr::new(ip.parse().unwrap(), 0).to_string());
            let client = UdpSocket::client(server.local_address().unwrap(), &wanted).unwrap();
            let mut buf = [0; 16];
            let reply = eventually(|| {
                client.send(b"ask").unwrap();
                let request = receive(&server, &mut buf);
                server.reply(b"answer", &request.peer).unwrap();
                Some(receive(&client, &mut buf)).filter(|reply| reply.stamp.is_some())
            });
            let reply = reply.unwrap();
            assert!(is_recent(reply.stamp.unwrap()) && reply.hardware.is_none() && reply.peer.interface != 0);
            let sent = eventually(|| client.sent().unwrap()).unwrap();
            assert!(is_recent(sent.stamp.unwrap()) && sent.hardware.is_none());
        }
    }

    #[test]
    fn a_stamp_leaves_datagrams_alone() {
        let server = server("127.0.0.1:0");
        let client = client_of(&server, "127.0.0.1");
        client.send(b"ask").unwrap();
        let mut buf = [0; 16];
        let request = receive(&server, &mut buf);
        server.reply(b"answer", &request.peer).unwrap();
        assert!(eventually(|| client.tx_stamp().unwrap()).is_some());
        assert_eq!(receive(&client, &mut buf).len, b"answer".len());
    }

    #[test]
    fn an_empty_socket_would_block() {
        let socket = server("127.0.0.1:0");
        assert_eq!(socket.recv(&mut [0; 16]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(socket.tx_stamp().unwrap(), None);
    }

    #[test]
    fn what_does_not_fit_is_reported() {
        let server = server("127.0.0.1:0");
        let client = client_of(&server, "127.0.0.1");
        let mut buf = [0; 4];
        client.send(b"1234").unwrap();
        client.send(b"12345").unwrap();
        let whole = receive(&server, &mut buf);
        assert!(!whole.truncated && whole.len == 4);
        let cut = receive(&server, &mut buf);
        assert!(cut.truncated && cut.len == 4);
    }

    #[test]
    fn an_address_that_is_taken_is_an_error() {
        let socket = server("127.0.0.1:0");
        let taken = UdpSocket::server(socket.local_address().unwrap()).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_address_that_is_not_ours_yet_can_be_served() {
        let socket = server("192.0.2.123:0");
        assert_eq!(socket.local_address().unwrap().ip(), "192.0.2.123".parse::<IpAddr>().unwrap());
        if has_ipv6() {
            let socket = server("[2001:db8::123]:0");
            assert_eq!(socket.local_address().unwrap().ip(), "2001:db8::123".parse::<IpAddr>().unwrap());
        }
    }

    #[test]
    fn a_client_asks_from_the_address_of_the_servers_family() {
        let options = ClientOptions {
            from_v4: Some([127, 0, 0, 7].into()),
            from_v6: Some("2001:db8::7".parse().unwrap()),
            ..ClientOptions::default()
        };
        let first = client_with("127.0.0.1", &options).unwrap().local_address().unwrap();
        let second = client_with("127.0.0.1", &options).unwrap().local_address().unwrap();
        assert_eq!(first.ip(), "127.0.0.7".parse::<IpAddr>().unwrap());
        // The kernel picks the port (RFC 9109); it may pick one twice, but not while the other is open.
        assert!(first.port() != 0 && second.port() != 0);
        if has_ipv6() {
            let error = client_with("::1", &options).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
            assert!(error.to_string().starts_with("cannot send from 2001:db8::7: "), "{error}");
        }
    }

    #[test]
    fn a_client_keeps_to_its_interface() {
        let by = |device: &str| ClientOptions { device: Some(device.to_owned()), ..ClientOptions::default() };
        let error = client_with("127.0.0.1", &by("no-such-device")).unwrap_err();
        assert!(error.to_string().starts_with("cannot use interface no-such-device: "), "{error}");

        let server = server("127.0.0.1:0");
        match UdpSocket::client(server.local_address().unwrap(), &by("lo")) {
            Ok(client) => {
                client.send(b"ask").unwrap();
                assert_eq!(receive(&server, &mut [0; 16]).len, 3);
            }
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
                eprintln!("skipped, interfaces may not be chosen here: {error}");
            }
        }
    }

    #[test]
    fn requests_bear_the_mark_that_was_asked_for() {
        let expedited = ClientOptions { dscp: 46, ..ClientOptions::default() };
        let mark_of = |ip: &str, level, option| {
            let client = client_with(ip, &expedited).unwrap();
            socket::get_option(client.as_fd(), level, option).unwrap()
        };
        assert_eq!(mark_of("127.0.0.1", libc::IPPROTO_IP, libc::IP_TOS), 46 << 2);
        if has_ipv6() {
            assert_eq!(mark_of("::1", libc::IPPROTO_IPV6, libc::IPV6_TCLASS), 46 << 2);
        }
    }

    #[test]
    fn waiting_ends_with_a_datagram_or_with_patience() {
        let server = server("127.0.0.1:0");
        let client = client_of(&server, "127.0.0.1");
        assert!(!server.wait(Duration::from_millis(1)).unwrap());
        client.send(b"ask").unwrap();
        assert!(server.wait(Duration::from_secs(10)).unwrap());
    }
}
