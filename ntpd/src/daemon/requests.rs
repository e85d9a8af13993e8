//! A socket for each request: opened with it, closed with its answer or the next request. Unless the operator wants
//! one port for all of them ([`OnePort`]).
//!
//! A fresh socket has a random port (RFC 9109) and, being connected, hears nobody but the server. Stamps of
//! departure come on the error queue; one is owed for each request, and no more are fetched, since an empty
//! queue may hand out something else where libc is intercepted.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use ntp_clock::Stamp;
use ntp_engine::{SourceId, StampQuality, TimeSnapshot};
use ntp_proto::client::TxToken;
use ntp_proto::time::RawTime;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{JoinHandle, spawn_local};

use super::driver::Happening;
use super::one_port::OnePort;
use crate::sys::clock;
use crate::sys::udp::{ClientOptions, StampSource, UdpSocket};
use crate::sys::watched::watch;

/// More than any server sends; the rest is cut off and fails to parse.
pub(super) const BUFFER: usize = 2_048;
/// A request that brought this much is closed: whoever sends it is not answering.
pub(super) const MAX_DATAGRAMS: usize = 16;

/// The sockets that wait for an answer.
#[derive(Debug)]
pub(super) struct Requests {
    waiting: BTreeMap<SourceId, JoinHandle<()>>,
    options: ClientOptions,
    one_port: Option<OnePort>,
    tell: UnboundedSender<Happening>,
    snapshot: Rc<Cell<TimeSnapshot>>,
}

/// A request that left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Departure {
    pub(super) at: Stamp,
    pub(super) local: Option<std::net::IpAddr>,
}

impl Requests {
    /// What arrives goes to `tell`, stamped by the clock of the current `snapshot`.
    pub(super) fn new(tell: UnboundedSender<Happening>, snapshot: Rc<Cell<TimeSnapshot>>) -> Self {
        Self { waiting: BTreeMap::new(), options: ClientOptions::default(), one_port: None, tell, snapshot }
    }

    /// The same, with requests that leave as `options` say; all from one `port` if there is one.
    pub(super) fn leaving(self, options: ClientOptions, port: Option<u16>) -> Self {
        Self { options, one_port: port.map(OnePort::new), ..self }
    }

    /// Sends `bytes` from a fresh socket or from the one port, and waits for what comes back.
    pub(super) fn send(
        &mut self,
        source: SourceId,
        token: TxToken,
        remote: SocketAddr,
        bytes: &[u8],
    ) -> io::Result<Departure> {
        self.forget(source);
        let exchange =
            Exchange { source, token, tell: self.tell.clone(), snapshot: Rc::clone(&self.snapshot) };
        // Of a socket that is shared, only the one beside it knows which address the routing table chooses.
        let socket = UdpSocket::client(remote, &self.options)?;
        let local = socket.local_address().ok().map(|address| address.ip());
        if let Some(one_port) = &mut self.one_port {
            let at = stamp(&self.snapshot, one_port.send(exchange, remote, bytes, &self.options)?);
            return Ok(Departure { at, local });
        }
        let socket = watch(socket, Interest::READABLE | Interest::ERROR)?;
        let at = stamp(&self.snapshot, clock::raw());
        socket.get_ref().send(bytes)?;
        // Most drivers stamp a packet while it is being sent: who asks at once need not be woken up for it.
        let owed = socket.get_ref().stamping().tx == StampSource::Kernel
            && !exchange.fetch_departure(socket.get_ref());
        self.waiting.insert(source, spawn_local(exchange.listen(socket, owed)));
        Ok(Departure { at, local })
    }

    /// Closes the source's socket.
    pub(super) fn forget(&mut self, source: SourceId) {
        if let Some(task) = self.waiting.remove(&source) {
            task.abort();
        }
        if let Some(one_port) = &mut self.one_port {
            one_port.forget(source);
        }
    }
}

/// One request and the wait for its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) source: SourceId,
    token: TxToken,
    tell: UnboundedSender<Happening>,
    snapshot: Rc<Cell<TimeSnapshot>>,
}

impl Exchange {
    /// `owed`: the kernel has not said yet when the request left.
    async fn listen(self, socket: AsyncFd<UdpSocket>, mut owed: bool) {
        let mut left = MAX_DATAGRAMS;
        let mut buffer = [0; BUFFER];
        while left > 0 {
            let Ok(mut ready) = socket.ready(Interest::READABLE | Interest::ERROR).await else { return };
            // The stamp first: the answer is worth more with it.
            if owed && self.fetch_departure(socket.get_ref()) {
                owed = false;
            }
            match socket.get_ref().recv(&mut buffer) {
                Ok(received) => {
                    left -= 1;
                    let bytes = buffer[..received.len].to_vec();
                    self.tell_arrival(received.stamp, bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) => {
                    // An ICMP message, say: the next datagram may be fine.
                    left -= 1;
                    tracing::debug!(event = "receive_error", source = self.source.number(), %error, "receiving failed");
                }
            }
        }
    }

    fn fetch_departure(&self, socket: &UdpSocket) -> bool {
        let Ok(Some(at)) = socket.tx_stamp() else { return false };
        self.tell_departure(at);
        true
    }

    /// The kernel says when the request left.
    pub(super) fn tell_departure(&self, at: RawTime) {
        let at = stamp(&self.snapshot, at);
        let _ = self.tell.send(Happening::Departed { source: self.source, token: self.token, at });
    }

    /// A datagram came, stamped by the kernel or not.
    pub(super) fn tell_arrival(&self, by_kernel: Option<RawTime>, bytes: Vec<u8>) {
        let quality = if by_kernel.is_some() { StampQuality::Kernel } else { StampQuality::User };
        let at = stamp(&self.snapshot, by_kernel.unwrap_or_else(clock::raw));
        let (source, token) = (self.source, self.token);
        let _ = self.tell.send(Happening::Datagram { source, token, at, quality, bytes });
    }
}

fn stamp(snapshot: &Cell<TimeSnapshot>, time: RawTime) -> Stamp {
    Stamp { time, epoch: snapshot.get().epoch }
}
