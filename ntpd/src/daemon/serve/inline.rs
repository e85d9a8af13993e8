//! Serving from the main loop, for `server.workers = 0`: the same responder, with one ordinary call for each
//! datagram, so that it runs under libraries that stand between it and libc.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ntp_serve::{Activity, Arrival, Responder};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::{JoinHandle, spawn_local, yield_now};
use tokio::time::sleep;

use crate::sys::clock;
use crate::sys::udp::UdpSocket;
use crate::sys::watched::watch;

/// More than any request that is answered; longer ones are cut off, and fail to parse or get a short reply.
const BUFFER: usize = 2_048;
/// How long a socket that fails is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// So many packets are served before others get their turn.
const BATCH: usize = 64;

/// A responder on the main thread.
#[derive(Debug)]
pub(super) struct Inline {
    responder: Rc<RefCell<Responder>>,
    activity: Arc<Activity>,
    tasks: Vec<(Arc<UdpSocket>, JoinHandle<()>)>,
}

impl Inline {
    pub(super) fn new(responder: Responder) -> Self {
        let activity = responder.activity();
        Self { responder: Rc::new(RefCell::new(responder)), activity, tasks: Vec::new() }
    }

    /// Serves on `socket` for as long as it works.
    pub(super) fn serve(&mut self, socket: Arc<UdpSocket>) -> io::Result<()> {
        let watched = watch(Arc::clone(&socket), Interest::READABLE)?;
        let responder = Rc::clone(&self.responder);
        let task = spawn_local(async move {
            loop {
                if let Err(error) = serve_batch(&responder, &watched).await {
                    tracing::debug!(event = "receive_error", %error, "receiving failed");
                    sleep(PAUSE).await;
                }
                yield_now().await;
            }
        });
        self.tasks.push((socket, task));
        Ok(())
    }

    /// Serves no more on `socket`.
    pub(super) fn leave(&mut self, socket: &Arc<UdpSocket>) {
        self.tasks.retain(|(served, task)| {
            let stays = !Arc::ptr_eq(served, socket);
            if !stays {
                task.abort();
            }
            stays
        });
    }

    /// What it has done so far.
    pub(super) const fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Serves no more; says what it has done.
    pub(super) fn end(self) -> Arc<Activity> {
        self.tasks.iter().for_each(|(_, task)| task.abort());
        self.activity
    }
}

async fn serve_batch(responder: &RefCell<Responder>, socket: &AsyncFd<Arc<UdpSocket>>) -> io::Result<()> {
    let mut ready = socket.readable().await?;
    let mut responder = responder.borrow_mut();
    if !responder.begin(clock::monotonic(), clock::raw) {
        return Ok(());
    }
    for _ in 0..BATCH {
        match serve_one(&mut responder, socket.get_ref()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready.clear_ready();
                return Ok(());
            }
            result => result?,
        }
    }
    Ok(())
}

fn serve_one(responder: &mut Responder, socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    let received = socket.recv(&mut buffer)?;
    let peer = received.peer;
    let arrival = Arrival { remote: peer.remote.ip(), interface: peer.interface, stamp: received.stamp };
    if let Some(length) = responder.answer(&mut buffer[..received.len], &arrival, clock::raw) {
        let sent = socket.reply(&buffer[..length], &peer);
        responder.sent(&arrival, sent.is_ok());
    }
    Ok(())
}
