//! A thread that serves: some sockets, one responder, and nothing that it shares a lock with.
//!
//! ```text
//!  sleep ─▶ receive up to 64 ─▶ for each: answer, read the clock, send ─▶ receive again while there are any
//! ```

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::ops::Range;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, atomic::AtomicBool, atomic::Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ntp_serve::{Activity, Arrival, Responder};

use super::pace::Pace;
use crate::sys::batch::{BATCH, Batch, GROUP};
use crate::sys::clock;
use crate::sys::udp::UdpSocket;
use crate::sys::waiting::{Waiting, be_punctual};

/// So many batches in a row are fetched from one socket before the others get their turn.
const TURN: usize = 8;
/// From so many on, received together by a thread that is hardly ever idle, replies are sent in groups …
const CROWD: usize = 8;
/// … and by others from so many on.
const THRONG: usize = 32;
/// So many batches are answered at most before a socket is closed.
const LAST_BATCHES: usize = 64;
/// How long a socket that fails is left alone.
const PAUSE: Duration = Duration::from_millis(100);

/// A running thread; it ends when this is dropped, after it has answered what is in its sockets.
#[derive(Debug)]
pub(super) struct Worker {
    thread: Option<JoinHandle<()>>,
    orders: Sender<Order>,
    /// Wakes it up; when it is closed, for good.
    bell: PipeWriter,
    ending: Arc<AtomicBool>,
    activity: Arc<Activity>,
}

/// What it is told.
#[derive(Debug)]
enum Order {
    Serve(Arc<UdpSocket>),
    Leave(Arc<UdpSocket>),
}

impl Worker {
    /// Starts the thread, which has nothing to do yet.
    pub(super) fn start(number: u16, responder: Responder) -> io::Result<Self> {
        let (heard, bell) = io::pipe()?;
        let (orders, inbox) = channel();
        let ending = Arc::new(AtomicBool::new(false));
        let (told, activity) = (Arc::clone(&ending), responder.activity());
        let work = move || Shift::new(responder, inbox, heard, told).run();
        let thread = thread::Builder::new().name(format!("serve-{number}")).spawn(work)?;
        Ok(Self { thread: Some(thread), orders, bell, ending, activity })
    }

    /// One more socket to serve on.
    pub(super) fn serve(&mut self, socket: Arc<UdpSocket>) {
        self.tell(Order::Serve(socket));
    }

    /// This one is answered once more, and then closed.
    pub(super) fn leave(&mut self, socket: Arc<UdpSocket>) {
        self.tell(Order::Leave(socket));
    }

    /// What it has done so far.
    pub(super) const fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Waits until it has ended; says what it has done.
    pub(super) fn end(self) -> Arc<Activity> {
        Arc::clone(&self.activity)
    }

    fn tell(&mut self, order: Order) {
        // It listens for as long as we live.
        let _ = self.orders.send(order);
        let _ = self.bell.write_all(&[0]);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        let _ = self.bell.write_all(&[0]);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The thread's own.
struct Shift {
    responder: Responder,
    batch: Batch,
    sockets: Vec<Arc<UdpSocket>>,
    waiting: Waiting,
    pace: Pace,
    inbox: Receiver<Order>,
    bell: PipeReader,
    ending: Arc<AtomicBool>,
}

/// The bell's place among the descriptors; sockets come after it.
const BELL: usize = 0;

impl Shift {
    fn new(responder: Responder, inbox: Receiver<Order>, bell: PipeReader, ending: Arc<AtomicBool>) -> Self {
        let mut waiting = Waiting::default();
        waiting.add(bell.as_fd());
        let pace = Pace::new(clock::monotonic());
        Self { responder, batch: Batch::default(), sockets: Vec::new(), waiting, pace, inbox, bell, ending }
    }

    fn run(mut self) {
        be_punctual();
        while !self.ending.load(Ordering::Relaxed) {
            // A packet that trips over a mistake of ours is lost; the clients of this thread are not.
            if catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
                tracing::error!(
                    event = "worker_panicked",
                    "a server thread stumbled over a packet, and goes on"
                );
                thread::sleep(PAUSE);
            }
        }
        (0..self.sockets.len()).for_each(|place| self.finish(place));
    }

    fn work(&mut self) {
        while !self.ending.load(Ordering::Relaxed) {
            let since = clock::monotonic();
            if let Err(error) = self.waiting.wait() {
                tracing::error!(event = "worker_blind", %error, "a server thread cannot wait for packets");
                thread::sleep(PAUSE);
            }
            self.pace.idled(since, clock::monotonic());
            for place in 0..self.sockets.len() {
                if self.waiting.ready(place + 1) {
                    self.serve(place);
                }
            }
            if self.waiting.ready(BELL) {
                self.answer_the_bell();
            }
        }
    }

    fn answer_the_bell(&mut self) {
        // How often it was rung does not matter.
        let _ = self.bell.read(&mut [0; 64]);
        while let Ok(order) = self.inbox.try_recv() {
            match order {
                Order::Serve(socket) => {
                    self.waiting.add(socket.as_fd());
                    self.sockets.push(socket);
                }
                Order::Leave(socket) => {
                    if let Some(place) = self.sockets.iter().position(|known| Arc::ptr_eq(known, &socket)) {
                        self.finish(place);
                        self.waiting.remove(place + 1);
                        self.sockets.remove(place);
                    }
                }
            }
        }
    }

    /// Answers what is in a socket that gets nothing new.
    fn finish(&mut self, place: usize) {
        let socket = Arc::clone(&self.sockets[place]);
        // As much as a queue holds, should something come all the same.
        for _ in 0..LAST_BATCHES {
            if !self.serve_batch(&socket).is_ok_and(|served| served > 0) {
                return;
            }
        }
    }

    fn serve(&mut self, place: usize) {
        let socket = Arc::clone(&self.sockets[place]);
        for _ in 0..TURN {
            match self.serve_batch(&socket) {
                // One packet at a time: there is hardly another.
                Ok(0 | 1) => return,
                Ok(served) => {
                    let since = clock::monotonic();
                    if let Some(length) = self.pace.nap(served, since) {
                        thread::sleep(Duration::from_nanos(length.to_nanos().unsigned_abs()));
                        self.pace.idled(since, clock::monotonic());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::debug!(event = "receive_error", %error, "receiving failed");
                    return thread::sleep(PAUSE);
                }
            }
        }
    }

    fn serve_batch(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        let received = self.batch.receive(socket)?.min(BATCH);
        if !self.responder.begin(clock::monotonic(), clock::raw) {
            self.responder.lost(received);
            return Ok(received);
        }
        // Each reply leaves as soon as its time is in it, unless there is so much to do that calls count.
        let crowd = if self.pace.is_busy() { CROWD } else { THRONG };
        let group = if received >= crowd { GROUP } else { 1 };
        for first in (0..received).step_by(group) {
            self.serve_group(socket, first..received.min(first + group));
        }
        Ok(received)
    }

    fn serve_group(&mut self, socket: &UdpSocket, group: Range<usize>) {
        let mut replies = [(0, 0); GROUP];
        let mut arrivals: [Option<Arrival>; GROUP] = [None; GROUP];
        let mut count = 0;
        for index in group {
            let Some(inbound) = self.batch.get(index) else { continue };
            let arrival =
                Arrival { remote: inbound.remote.ip(), interface: inbound.interface, stamp: inbound.stamp };
            if let Some(length) = self.responder.answer(inbound.datagram, &arrival, clock::raw) {
                replies[count] = (index, length);
                arrivals[count] = Some(arrival);
                count += 1;
            }
        }
        let mut next = 0;
        while next < count {
            let sent = self.batch.reply(&replies[next..count], socket);
            arrivals[next..next + sent].iter().flatten().for_each(|a| self.responder.sent(a, true));
            // The one after those that left is the one that could not.
            arrivals[next + sent..count].iter().take(1).flatten().for_each(|a| self.responder.sent(a, false));
            next += sent + 1;
        }
    }
}
