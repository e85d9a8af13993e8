//! Requests that all leave from one port: a socket for each family, for as long as the daemon runs.
//!
//! Anybody can send to such a port. What comes from an address that is not being asked is dropped here, as is what
//! comes in excess; what is left has to know the random origin of the request, as ever.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use ntp_clock::Stamp;
use ntp_engine::SourceId;
use ntp_proto::time::RawTime;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::{JoinHandle, spawn_local};

use super::requests::{BUFFER, Exchange, MAX_DATAGRAMS};
use crate::sys::udp::{ClientOptions, Sent, StampSource, UdpSocket};
use crate::sys::watched::watch;

/// So many stamps of departure are waited for; some drivers never make one.
const MAX_OWED: usize = 64;

/// The sockets of both families, each opened with the first request that needs it.
#[derive(Debug)]
pub(super) struct OnePort {
    port: u16,
    v4: Option<Shared>,
    v6: Option<Shared>,
}

#[derive(Debug)]
struct Shared {
    socket: Rc<AsyncFd<UdpSocket>>,
    ledger: Rc<RefCell<Ledger>>,
    has_cards: bool,
    task: JoinHandle<()>,
}

/// Who waits for what.
#[derive(Debug, Default)]
struct Ledger {
    /// The exchange with each address, and how many more datagrams of it are looked at.
    waiting: BTreeMap<(IpAddr, u16), (Exchange, usize)>,
    /// What left and was not stamped yet, with the time just before.
    owed: VecDeque<(RawTime, Exchange)>,
    /// What left and was not stamped by the network card yet.
    owed_by_card: VecDeque<Exchange>,
}

impl OnePort {
    /// Nothing is opened before the first request. 0: the kernel picks the port.
    pub(super) fn new(port: u16) -> Self {
        Self { port, v4: None, v6: None }
    }

    /// Sends `bytes`; what comes back from `remote` is told by `exchange`. Says when it left.
    pub(super) fn send(
        &mut self,
        exchange: Exchange,
        remote: SocketAddr,
        bytes: &[u8],
        options: &ClientOptions,
    ) -> io::Result<Stamp> {
        let port = self.port;
        let place = if remote.is_ipv4() { &mut self.v4 } else { &mut self.v6 };
        let shared = match place {
            Some(shared) => shared,
            None => place.insert(Shared::open(remote.ip(), port, options)?),
        };
        let sent = shared.send(exchange, remote, bytes);
        if sent.is_err() {
            // The interface may have gone and come back as another; the next request opens a new one.
            *place = None;
        }
        sent
    }

    /// Nothing more is expected for this source.
    pub(super) fn forget(&mut self, source: SourceId) {
        for shared in self.v4.iter().chain(&self.v6) {
            shared.ledger.borrow_mut().forget(source);
        }
    }
}

impl Shared {
    fn open(like: IpAddr, port: u16, options: &ClientOptions) -> io::Result<Self> {
        let socket = UdpSocket::shared_client(like, port, options)?;
        let socket = Rc::new(watch(socket, Interest::READABLE | Interest::ERROR)?);
        let ledger = Rc::new(RefCell::default());
        let task = spawn_local(listen(Rc::clone(&socket), Rc::clone(&ledger)));
        Ok(Self { socket, ledger, has_cards: options.hardware_stamps, task })
    }

    fn send(&self, exchange: Exchange, remote: SocketAddr, bytes: &[u8]) -> io::Result<Stamp> {
        let socket = self.socket.get_ref();
        let at = exchange.leaves();
        socket.send_to(bytes, remote)?;
        let is_stamped = socket.stamping().tx == StampSource::Kernel;
        let by_card = is_stamped && self.has_cards;
        self.ledger.borrow_mut().sent(at.time, exchange, remote, (is_stamped, by_card));
        Ok(at)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ledger {
    fn sent(&mut self, at: RawTime, exchange: Exchange, remote: SocketAddr, stamps: (bool, bool)) {
        let (by_kernel, by_card) = stamps;
        if by_kernel {
            self.owed.truncate(MAX_OWED);
            self.owed.push_front((at, exchange.clone()));
        }
        if by_card {
            self.owed_by_card.truncate(MAX_OWED);
            self.owed_by_card.push_front(exchange.clone());
        }
        self.waiting.insert((remote.ip(), remote.port()), (exchange, MAX_DATAGRAMS));
    }

    fn forget(&mut self, source: SourceId) {
        self.waiting.retain(|_, (exchange, _)| exchange.source != source);
    }

    fn owes(&self) -> bool {
        !self.owed.is_empty() || !self.owed_by_card.is_empty()
    }

    /// Tells those whom it concerns. Whether there was anything in it.
    fn hear(&mut self, sent: &Sent) -> bool {
        if let Some(at) = sent.stamp
            && let Some(exchange) = self.departed(at)
        {
            exchange.kernel_says(at);
        }
        if let Some(stamp) = &sent.hardware {
            // Stamps come in the order of sending; where one cannot be meant, that of the request was lost.
            while self.owed_by_card.pop_back().is_some_and(|exchange| !exchange.card_says(stamp)) {}
        }
        *sent != Sent::default()
    }

    /// Whose request was stamped with `at`: the last that left before.
    fn departed(&mut self, at: RawTime) -> Option<Exchange> {
        let index = self.owed.iter().position(|(left, _)| *left <= at)?;
        let owner = self.owed.split_off(index).pop_front()?;
        Some(owner.1)
    }

    /// Who waits for a datagram from `remote`.
    fn arrived(&mut self, remote: SocketAddr) -> Option<Exchange> {
        let (exchange, left) = self.waiting.get_mut(&(remote.ip(), remote.port()))?;
        *left = left.checked_sub(1)?;
        Some(exchange.clone())
    }
}

async fn listen(socket: Rc<AsyncFd<UdpSocket>>, ledger: Rc<RefCell<Ledger>>) {
    let mut buffer = [0; BUFFER];
    loop {
        let Ok(mut ready) = socket.ready(Interest::READABLE | Interest::ERROR).await else { return };
        // The stamp first: the answer is worth more with it.
        while ledger.borrow().owes()
            && let Ok(Some(sent)) = socket.get_ref().sent()
            && ledger.borrow_mut().hear(&sent)
        {}
        match socket.get_ref().recv(&mut buffer) {
            Ok(received) => {
                let waiting = ledger.borrow_mut().arrived(received.peer.remote);
                if let Some(exchange) = waiting {
                    let arrival = exchange.arrival(&received);
                    exchange.tell_arrival(arrival, &received, buffer[..received.len].to_vec());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
            Err(error) => tracing::debug!(event = "receive_error", %error, "receiving failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::UdpSocket as Server;
    use std::time::Duration;

    use ntp_engine::{Options, StampQuality, TimeSnapshot, record};
    use ntp_proto::client::TxToken;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio::task::LocalSet;
    use tokio::time::timeout;

    use super::super::driver::Happening;
    use super::super::hwstamp::HwStamps;
    use super::super::hwstamp::tests::wanted;
    use super::super::requests::Requests;
    use super::*;
    use crate::sys::clock;

    fn named<T: serde::de::DeserializeOwned>(number: u32) -> T {
        serde_json::from_str(&number.to_string()).unwrap()
    }

    fn snapshot() -> TimeSnapshot {
        let now = ntp_engine::Now { monotonic: clock::monotonic(), raw: clock::raw() };
        *record::start(Options::default(), [0; 32], now).snapshot()
    }

    fn server() -> Server {
        let server = Server::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        server
    }

    fn hear(server: &Server) -> SocketAddr {
        server.recv_from(&mut [0; 64]).unwrap().1
    }

    /// What arrives within a while: whose it is, and its first byte.
    async fn arrivals(heard: &mut UnboundedReceiver<Happening>) -> Vec<(SourceId, u8)> {
        let mut arrived = Vec::new();
        while let Ok(Some(happening)) = timeout(Duration::from_millis(200), heard.recv()).await {
            if let Happening::Datagram { source, bytes, .. } = happening {
                arrived.push((source, bytes[0]));
            }
        }
        arrived
    }

    fn run(test: impl AsyncFnOnce(Requests, UnboundedReceiver<Happening>)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let (tell, heard) = unbounded_channel();
            let requests = Requests::new(tell, Rc::new(Cell::new(snapshot())));
            test(requests.leaving(ClientOptions::default(), Some(0)), heard).await;
        });
    }

    #[test]
    fn all_requests_leave_from_one_port_and_replies_find_their_source() {
        run(async |mut requests, mut heard| {
            let servers = [server(), server()];
            for (number, server) in (0..).zip(&servers) {
                let to = server.local_addr().unwrap();
                requests.send(named(number), named(number), to, b"ask").unwrap();
            }
            let ours = servers.each_ref().map(hear);
            assert_eq!(ours[0], ours[1]);
            servers[1].send_to(b"1", ours[1]).unwrap();
            servers[0].send_to(b"0", ours[0]).unwrap();
            server().send_to(b"stranger", ours[0]).unwrap();
            assert_eq!(arrivals(&mut heard).await, [(named(1), b'1'), (named(0), b'0')]);

            requests.forget(named(0));
            servers[0].send_to(b"0", ours[0]).unwrap();
            servers[1].send_to(b"1", ours[1]).unwrap();
            assert_eq!(arrivals(&mut heard).await, [(named(1), b'1')]);
        });
    }

    #[test]
    fn who_answers_too_much_is_not_listened_to() {
        run(async |mut requests, mut heard| {
            let server = server();
            requests.send(named(0), named(0), server.local_addr().unwrap(), b"ask").unwrap();
            let ours = hear(&server);
            for _ in 0..2 * MAX_DATAGRAMS {
                server.send_to(b"again", ours).unwrap();
            }
            assert_eq!(arrivals(&mut heard).await.len(), MAX_DATAGRAMS);
        });
    }

    #[test]
    fn the_kernel_tells_when_a_request_left() {
        run(async |mut requests, mut heard| {
            let server = server();
            let left = requests.send(named(0), named(7), server.local_addr().unwrap(), b"ask").unwrap();
            let told = timeout(Duration::from_secs(5), heard.recv()).await.unwrap();
            let Some(Happening::Departed { token, at, .. }) = told else { panic!("{told:?}") };
            assert_eq!(token, named::<TxToken>(7));
            assert!(at.time >= left.at.time, "{at:?} {left:?}");
            assert_eq!(left.local, Some([127, 0, 0, 1].into()), "the address that loops are recognised by");
        });
    }

    #[test]
    fn where_no_card_stamps_the_kernel_does() {
        run(async |mut requests, mut heard| {
            let server = server();
            for port in [Some(0), None] {
                requests = requests.leaving(ClientOptions::default(), port);
                requests = requests.stamped_by(HwStamps::new(vec![wanted("lo")]));
                requests.send(named(0), named(0), server.local_addr().unwrap(), b"ask").unwrap();
                let told = timeout(Duration::from_secs(5), heard.recv()).await.unwrap();
                assert!(matches!(told, Some(Happening::Departed { quality: StampQuality::Kernel, .. })));
                server.send_to(b"answer", hear(&server)).unwrap();
                assert_eq!(arrivals(&mut heard).await, [(named(0), b'a')]);
            }
        });
    }

    #[test]
    fn a_port_that_is_taken_is_an_error_that_names_the_key() {
        run(async |mut requests, _| {
            let taken = Server::bind("0.0.0.0:0").unwrap();
            requests = requests.leaving(ClientOptions::default(), Some(taken.local_addr().unwrap().port()));
            let error =
                requests.send(named(0), named(0), server().local_addr().unwrap(), b"ask").unwrap_err();
            assert!(error.to_string().contains("(acquisitionport): "), "{error}");
        });
    }
}
