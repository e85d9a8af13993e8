//! The sockets that are served on.
//!
//! ```text
//!  recv ─▶ permission ─▶ respond ─▶ read the clock ─▶ reply
//! ```
//!
//! Nothing is allocated for a packet. Time comes from the snapshot; both stamps are estimated time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ntp_engine::TimeSnapshot;
use ntp_proto::server::{AccessList, Ignored, Permission, respond};
use ntp_proto::time::{NtpDuration, RawTime};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::{spawn_local, yield_now};
use tokio::time::sleep;

use crate::control::ServingReport;
use crate::sys::clock;
use crate::sys::udp::{Peer, UdpSocket};
use crate::sys::watched::watch;

/// More than any request that is answered; longer ones are cut off, and fail to parse or get a short reply.
const BUFFER: usize = 2_048;
/// A datagram does not wait longer than this to be read.
const LONGEST_WAIT: NtpDuration = NtpDuration::from_secs(1);
/// How long a socket that fails is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// So many packets are served before others get their turn.
const BATCH: usize = 64;

/// What all sockets share.
#[derive(Debug)]
pub(super) struct Service {
    access: AccessList,
    snapshot: Rc<Cell<TimeSnapshot>>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    requests: Cell<u64>,
    replies: Cell<u64>,
    denied: Cell<u64>,
    send_failures: Cell<u64>,
    ignored: RefCell<BTreeMap<&'static str, u64>>,
}

impl Service {
    pub(super) fn new(access: AccessList, snapshot: Rc<Cell<TimeSnapshot>>) -> Self {
        Self { access, snapshot, counters: Counters::default() }
    }

    /// Serves on `socket` for as long as it works.
    pub(super) fn start(self: &Rc<Self>, socket: UdpSocket, address: SocketAddr) -> io::Result<()> {
        let socket = watch(socket, Interest::READABLE)?;
        let service = Rc::clone(self);
        spawn_local(async move {
            loop {
                if let Err(error) = service.serve_batch(&socket).await {
                    tracing::debug!(event = "receive_error", %address, %error, "receiving failed");
                    sleep(PAUSE).await;
                }
                yield_now().await;
            }
        });
        Ok(())
    }

    /// What was served so far; the sockets are for the caller to add.
    pub(super) fn report(&self) -> ServingReport {
        let c = &self.counters;
        let ignored = c.ignored.borrow();
        ServingReport {
            sockets: Vec::new(),
            requests: c.requests.get(),
            replies: c.replies.get(),
            denied: c.denied.get(),
            ignored: ignored.iter().map(|(why, count)| ((*why).to_owned(), *count)).collect(),
            send_failures: c.send_failures.get(),
        }
    }

    async fn serve_batch(&self, socket: &AsyncFd<UdpSocket>) -> io::Result<()> {
        let mut ready = socket.readable().await?;
        let mut buffer = [0; BUFFER];
        for _ in 0..BATCH {
            match socket.get_ref().recv(&mut buffer) {
                Ok(received) => {
                    let stamp = received.stamp.unwrap_or_else(clock::raw);
                    self.serve(socket.get_ref(), &mut buffer[..received.len], stamp, &received.peer);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready.clear_ready();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn serve(&self, socket: &UdpSocket, datagram: &mut [u8], at: RawTime, peer: &Peer) {
        count(&self.counters.requests);
        if self.access.permission(peer.remote.ip()) == Permission::Deny {
            count(&self.counters.denied);
            return;
        }
        let snapshot = self.snapshot.get();
        let at = plausible(at, clock::raw());
        let receive = snapshot.estimate(at).to_wire();
        match respond(datagram, receive, &snapshot.system_vars(at)) {
            Ok(reply) => {
                let transmit = snapshot.estimate(clock::raw()).to_wire();
                let sent = socket.reply(reply.depart(transmit), peer);
                count(if sent.is_ok() { &self.counters.replies } else { &self.counters.send_failures });
            }
            Err(ignored) => {
                *self.counters.ignored.borrow_mut().entry(name(ignored)).or_default() += 1;
            }
        }
    }
}

/// A stamp of a datagram that waited while the clock was stepped is of another clock; arrival was about now.
fn plausible(stamp: RawTime, now: RawTime) -> RawTime {
    let waited = now - stamp;
    if waited.is_negative() || waited > LONGEST_WAIT { now } else { stamp }
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

fn name(ignored: Ignored) -> &'static str {
    match ignored {
        Ignored::Malformed(_) => "malformed",
        Ignored::Version(_) => "version",
        Ignored::Mode(_) => "mode",
        Ignored::UnknownKey(_) => "unknown_key",
    }
}
