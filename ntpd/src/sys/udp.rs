//! UDP sockets that know when their datagrams came and went.
//!
//! A stamp made by the kernel is free of the time that a datagram spends waiting for us. Three ways to get
//! them are tried in turn when a socket is made, and which one was granted is remembered: `SO_TIMESTAMPING`
//! for both directions (clients), the same for receiving only (servers), and `SO_TIMESTAMPNS`. Without any of
//! them the caller reads the clock itself; nothing fails.
//!
//! Every option is asked for and none is insisted on. Sockets never block, and nothing here allocates memory.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::raw::c_int;
use std::time::Duration;

use ntp_proto::time::RawTime;

use super::address::Address;
use super::check;
use super::cmsg::{ControlBuffer, Message};
use super::socket;

/// A UDP socket. Never blocks, closed on exec.
pub struct UdpSocket {
    fd: OwnedFd,
    stamping: Stamping,
}

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
    /// For datagrams that arrive: in [`Received::stamp`].
    pub rx: StampSource,
    /// For datagrams that are sent: from [`UdpSocket::tx_stamp`].
    pub tx: StampSource,
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
    /// Whether it was longer than the buffer; the rest is lost.
    pub truncated: bool,
}

impl UdpSocket {
    /// A socket for one conversation with `remote`, with a port that the kernel picks at random. Datagrams of
    /// others do not reach it. Asks for stamps in both directions.
    ///
    /// Fails if the family is not there or no route leads to `remote`.
    pub fn client(remote: SocketAddr) -> io::Result<Self> {
        let fd = open(&remote)?;
        let stamping = ask_for_stamps(fd.as_fd(), true);
        socket::connect(fd.as_fd(), remote)?;
        Ok(Self { fd, stamping })
    }

    /// A socket that answers those who ask `address`, which may be a wildcard; a wildcard of IPv6 does not
    /// stand for IPv4 too. Asks for stamps of what it receives.
    ///
    /// Fails if the family is not there or the address is taken, not ours or privileged.
    pub fn server(address: SocketAddr) -> io::Result<Self> {
        let fd = open(&address)?;
        ask_for_packet_info(fd.as_fd(), address.ip());
        let stamping = ask_for_stamps(fd.as_fd(), false);
        socket::bind(fd.as_fd(), address)?;
        Ok(Self { fd, stamping })
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
        let mut received = Received {
            len: arrival.len,
            peer: Peer { remote, local: None, interface: 0 },
            stamp: None,
            truncated: arrival.flags & libc::MSG_TRUNC != 0,
        };
        for message in control.messages() {
            received.note(message);
        }
        Ok(received)
    }

    /// Fetches one transmit stamp: when the kernel handed a datagram to the network, by the system clock.
    /// `None` if there is none yet; some network drivers never make one. Stamps come in the order of sending.
    ///
    /// Only to be called while a stamp is owed: where libc is intercepted the call may otherwise take a
    /// received datagram away. On the other hand stamps should be fetched, as one that waits keeps the socket
    /// in the state of error that `epoll` reports.
    pub fn tx_stamp(&self) -> io::Result<Option<RawTime>> {
        // The datagram may come along, even with headers of other layers in front. It is of no interest.
        let mut nothing = [0];
        let mut control = ControlBuffer::empty();
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        match socket::recvmsg(self.as_fd(), &mut nothing, &mut control, flags) {
            Ok(_) => Ok(control.messages().find_map(as_stamp)),
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

impl Received {
    fn note(&mut self, message: Message) {
        match message {
            Message::Stamp(time) => self.stamp = Some(time),
            Message::PacketInfo { local, interface } => {
                self.peer.local = can_answer(local).then_some(local);
                self.peer.interface = interface;
            }
            Message::Other => {}
        }
    }
}

/// Nothing can be sent from a group or from nowhere; the kernel then chooses the address.
fn can_answer(local: IpAddr) -> bool {
    !local.is_multicast() && !local.is_unspecified()
}

fn as_stamp(message: Message) -> Option<RawTime> {
    match message {
        Message::Stamp(time) => Some(time),
        Message::PacketInfo { .. } | Message::Other => None,
    }
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

/// Asks for the best kind of stamps that there is.
fn ask_for_stamps(fd: BorrowedFd<'_>, transmit: bool) -> Stamping {
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
        UdpSocket::client(SocketAddr::new(ip.parse().unwrap(), port)).unwrap()
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
        match UdpSocket::server("[::1]:0".parse().unwrap()) {
            Ok(_) => reply_leaves_from_where_it_was_asked(&server("[::]:0"), "::1"),
            Err(error) => eprintln!("skipped, no ::1 here: {error}"),
        }
    }

    #[test]
    fn both_families_may_share_a_port() {
        if let Err(error) = UdpSocket::server("[::1]:0".parse().unwrap()) {
            eprintln!("skipped, no ::1 here: {error}");
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
    fn waiting_ends_with_a_datagram_or_with_patience() {
        let server = server("127.0.0.1:0");
        let client = client_of(&server, "127.0.0.1");
        assert!(!server.wait(Duration::from_millis(1)).unwrap());
        client.send(b"ask").unwrap();
        assert!(server.wait(Duration::from_secs(10)).unwrap());
    }
}
