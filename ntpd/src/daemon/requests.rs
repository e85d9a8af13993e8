//! A socket for each request: opened with it, closed with its answer or the next request. Unless the operator wants
//! one port for all of them ([`OnePort`]).
//!
//! A fresh socket has a random port (RFC 9109) and, being connected, hears nobody but the server. Stamps of
//! departure come on the error queue; one of the kernel is owed for each request, and one of the network card where
//! such are wanted ([`HwStamps`]). No more are fetched, since an empty queue may hand out something else where libc is
//! intercepted.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use ntp_clock::{ClockEpoch, Stamp};
use ntp_engine::{SourceId, StampQuality, TimeSnapshot};
use ntp_proto::client::TxToken;
use ntp_proto::time::RawTime;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::driver::Happening;
use super::hwstamp::HwStamps;
use super::one_port::OnePort;
use crate::sys::clock;
use crate::sys::udp::{ClientOptions, HardwareStamp, Received, Sent, StampSource, UdpSocket};
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
    hardware: HwStamps,
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
        Self {
            waiting: BTreeMap::new(),
            options: ClientOptions::default(),
            one_port: None,
            hardware: HwStamps::default(),
            tell,
            snapshot,
        }
    }

    /// The same, with requests that leave as `options` say; all from one `port` if there is one.
    pub(super) fn leaving(self, options: ClientOptions, port: Option<u16>) -> Self {
        Self { options, one_port: port.map(OnePort::new), ..self }
    }

    /// The same, with stamps of network cards where there are any. After [`leaving`](Self::leaving).
    pub(super) fn stamped_by(mut self, hardware: HwStamps) -> Self {
        self.options.hardware_stamps = hardware.are_wanted();
        Self { hardware, ..self }
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
        let exchange = Exchange {
            source,
            token,
            leaving: Rc::default(),
            hardware: self.hardware.clone(),
            tell: self.tell.clone(),
            snapshot: Rc::clone(&self.snapshot),
        };
        // Of a socket that is shared, only the one beside it knows which address the routing table chooses.
        let socket = UdpSocket::client(remote, &self.options)?;
        let local = socket.local_address().ok().map(|address| address.ip());
        if let Some(one_port) = &mut self.one_port {
            let at = one_port.send(exchange, remote, bytes, &self.options)?;
            return Ok(Departure { at, local });
        }
        let socket = watch(socket, Interest::READABLE | Interest::ERROR)?;
        let at = exchange.leaves();
        socket.get_ref().send(bytes)?;
        let by_kernel = socket.get_ref().stamping().tx == StampSource::Kernel;
        let mut owed = Owed { by_kernel, by_card: by_kernel && self.options.hardware_stamps };
        // Most drivers stamp a packet while it is being sent: who asks at once need not be woken up for it.
        exchange.fetch_departure(socket.get_ref(), &mut owed);
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

/// When a datagram came, and who says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    at: Stamp,
    quality: StampQuality,
}

/// One request and the wait for its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) source: SourceId,
    token: TxToken,
    leaving: Rc<Cell<Option<Leaving>>>,
    hardware: HwStamps,
    tell: UnboundedSender<Happening>,
    snapshot: Rc<Cell<TimeSnapshot>>,
}

/// What is known of when a request left.
#[derive(Clone, Copy, Debug)]
struct Leaving {
    /// By the kernel's stamp, or before that the moment just before.
    at: Stamp,
    quality: StampQuality,
    /// Whether a card has said it: nobody knows better.
    by_card: bool,
}

/// Whose word is still to be fetched.
#[derive(Clone, Copy, Debug)]
struct Owed {
    by_kernel: bool,
    by_card: bool,
}

impl Exchange {
    async fn listen(self, socket: AsyncFd<UdpSocket>, mut owed: Owed) {
        let mut left = MAX_DATAGRAMS;
        let mut buffer = [0; BUFFER];
        while left > 0 {
            let Ok(mut ready) = socket.ready(Interest::READABLE | Interest::ERROR).await else { return };
            // The stamp first: the answer is worth more with it.
            self.fetch_departure(socket.get_ref(), &mut owed);
            match socket.get_ref().recv(&mut buffer) {
                Ok(received) => {
                    left -= 1;
                    // Before any waiting, after which the card's clock would be less well known.
                    let arrival = self.arrival(&received);
                    self.wait_for_card(&socket, card(&received), &mut owed).await;
                    self.tell_arrival(arrival, &received, buffer[..received.len].to_vec());
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

    /// As much of what is owed as is there.
    fn fetch_departure(&self, socket: &UdpSocket, owed: &mut Owed) {
        while owed.by_kernel || owed.by_card {
            let Ok(Some(sent)) = socket.sent() else { return };
            if let Some(at) = sent.stamp {
                owed.by_kernel = false;
                self.kernel_says(at);
            }
            if let Some(stamp) = &sent.hardware {
                owed.by_card = false;
                self.card_says(stamp);
            }
            if sent == Sent::default() {
                return;
            }
        }
    }

    /// It leaves now.
    pub(super) fn leaves(&self) -> Stamp {
        let at = self.stamp(clock::raw());
        self.leaving.set(Some(Leaving { at, quality: StampQuality::User, by_card: false }));
        at
    }

    /// The kernel says when it left.
    pub(super) fn kernel_says(&self, at: RawTime) {
        let (at, quality) = (self.stamp(at), StampQuality::Kernel);
        let by_card = self.leaving.get().is_some_and(|leaving| leaving.by_card);
        self.leaving.set(Some(Leaving { at, quality, by_card }));
        if !by_card {
            self.tell_departure(at, quality);
        }
    }

    /// A card says when it left. Whether that can be believed.
    pub(super) fn card_says(&self, stamp: &HardwareStamp) -> bool {
        let Some(leaving) = self.leaving.get() else { return false };
        let Some(at) = self.hardware.departure(stamp, leaving.at.time, self.epoch()) else { return false };
        self.leaving.set(Some(Leaving { by_card: true, ..leaving }));
        self.tell_departure(self.stamp(at), StampQuality::Hardware);
        true
    }

    /// The answer may be here before the card has said when the request left, if only by a little.
    async fn wait_for_card(&self, socket: &AsyncFd<UdpSocket>, interface: u32, owed: &mut Owed) {
        if !owed.by_card {
            return;
        }
        let Some(patience) = self.hardware.patience(interface) else { return };
        let word = async {
            while owed.by_card {
                let Ok(mut ready) = socket.ready(Interest::ERROR).await else { return };
                self.fetch_departure(socket.get_ref(), owed);
                ready.clear_ready();
            }
        };
        if timeout(patience, word).await.is_err() {
            self.hardware.waited_in_vain(interface);
        }
    }

    fn tell_departure(&self, at: Stamp, quality: StampQuality) {
        let (source, token) = (self.source, self.token);
        let _ = self.tell.send(Happening::Departed { source, token, at, quality });
    }

    /// When a datagram came, by the best stamp that it has.
    pub(super) fn arrival(&self, received: &Received) -> Arrival {
        let arrival = self.arrival_without_card(received);
        let beside = arrival.at.time;
        let card = received.hardware.and_then(|stamp| self.hardware.arrival(&stamp, beside, self.epoch()));
        card.map_or(arrival, |at| Arrival { at: self.stamp(at), quality: StampQuality::Hardware })
    }

    fn arrival_without_card(&self, received: &Received) -> Arrival {
        let (at, quality) = match received.stamp {
            Some(at) => (at, StampQuality::Kernel),
            None => (clock::raw(), StampQuality::User),
        };
        Arrival { at: self.stamp(at), quality }
    }

    /// A datagram came, at `arrival`.
    pub(super) fn tell_arrival(&self, arrival: Arrival, received: &Received, bytes: Vec<u8>) {
        let Arrival { at, quality } = self.match_departure(arrival, received);
        let (source, token) = (self.source, self.token);
        let _ = self.tell.send(Happening::Datagram { source, token, at, quality, bytes });
    }

    /// Stamps of a card count for both ways or for neither: the kernel's are late when something arrives and early
    /// when something leaves, and only together that hardly shifts the offset.
    fn match_departure(&self, arrival: Arrival, received: &Received) -> Arrival {
        let Some(leaving) = self.leaving.get() else { return arrival };
        let came_by_card = arrival.quality == StampQuality::Hardware;
        if came_by_card == leaving.by_card || !self.hardware.is_two_way(card(received)) {
            return arrival;
        }
        if came_by_card {
            return self.arrival_without_card(received);
        }
        self.tell_departure(leaving.at, leaving.quality);
        arrival
    }

    fn stamp(&self, time: RawTime) -> Stamp {
        Stamp { time, epoch: self.epoch() }
    }

    fn epoch(&self) -> ClockEpoch {
        self.snapshot.get().epoch
    }
}

/// The card that a datagram came in by, which is below a VLAN.
fn card(received: &Received) -> u32 {
    received.hardware.map_or(received.peer.interface, |stamp| stamp.interface)
}
