//! Who serves: threads, or the main loop, as many as are wanted, at as many addresses as are open.
//!
//! Both can change while time is served. A thread that leaves first answers what is still in its sockets, which get
//! nothing new by then, see [`Group`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ntp_serve::{Activity, Responder};

use super::inline::Inline;
use super::worker::Worker;
use crate::sys::udp::{Group, StampSource, UdpSocket};

/// Room for some milliseconds of packets at the highest rate, in bytes as the kernel counts them: as long as
/// somebody else may have the processor.
const QUEUE: u32 = 1 << 20;

/// Those who serve.
#[derive(Debug)]
pub(super) struct Staff {
    servants: Servants,
    places: Vec<Place>,
    /// So many leading bits of an IPv6 address make a client.
    prefix: u8,
}

#[derive(Debug)]
enum Servants {
    Workers(Vec<Worker>),
    MainLoop(Inline),
}

/// Where time is served, with a socket for each servant.
#[derive(Debug)]
struct Place {
    /// As it was asked for: the port may be the kernel's choice.
    address: SocketAddr,
    group: Group,
}

impl Staff {
    /// `count` threads, as far as they can be had; where there can be none, and for 0, the main loop. `hire` makes
    /// what each of them works with.
    pub(super) fn new(
        count: u16,
        prefix: u8,
        mut hire: impl FnMut() -> io::Result<Responder>,
    ) -> io::Result<Self> {
        let workers = start(0..count, &mut hire)?;
        let servants = match workers.is_empty() {
            true => Servants::MainLoop(Inline::new(hire()?)),
            false => Servants::Workers(workers),
        };
        Ok(Self { servants, places: Vec::new(), prefix })
    }

    /// How many threads serve; 0: the main loop does.
    pub(super) const fn threads(&self) -> usize {
        match &self.servants {
            Servants::Workers(workers) => workers.len(),
            Servants::MainLoop(_) => 0,
        }
    }

    /// What each of them has done.
    pub(super) fn activities(&self) -> Vec<&Arc<Activity>> {
        match &self.servants {
            Servants::Workers(workers) => workers.iter().map(Worker::activity).collect(),
            Servants::MainLoop(inline) => vec![inline.activity()],
        }
    }

    /// All sockets.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Arc<UdpSocket>> {
        self.places.iter().flat_map(|place| place.group.members())
    }

    /// Serves at `address` from now on; says who makes the receive stamps.
    pub(super) fn open(&mut self, address: SocketAddr) -> io::Result<StampSource> {
        let group = Group::open(address, self.sockets_needed(), self.prefix)?;
        let stamps = group.members().first().map_or(StampSource::User, |socket| socket.stamping().rx);
        self.hand_out(&group, 0)?;
        self.places.push(Place { address, group });
        Ok(stamps)
    }

    /// Serves at `address` no more.
    pub(super) fn close(&mut self, address: SocketAddr) {
        for place in self.places.extract_if(.., |place| place.address == address) {
            match &mut self.servants {
                Servants::Workers(workers) => workers
                    .iter_mut()
                    .zip(place.group.members())
                    .for_each(|(worker, socket)| worker.leave(Arc::clone(socket))),
                Servants::MainLoop(inline) => {
                    place.group.members().iter().for_each(|socket| inline.leave(socket));
                }
            }
        }
    }

    /// From now on so many threads serve, or the main loop. Those that are no longer needed end; what each had done
    /// goes to `farewell`, with its sockets.
    ///
    /// # Errors
    /// When there are fewer than wanted now; time is served all the same.
    pub(super) fn resize(
        &mut self,
        count: u16,
        prefix: u8,
        mut hire: impl FnMut() -> io::Result<Responder>,
        mut farewell: impl FnMut(Arc<Activity>),
    ) -> io::Result<()> {
        self.prefix = prefix;
        match (&mut self.servants, count) {
            (Servants::MainLoop(_), 0) => Ok(()),
            (Servants::MainLoop(_), _) => {
                let workers = start(0..count, &mut hire)?;
                if workers.is_empty() {
                    return Ok(());
                }
                let before = std::mem::replace(&mut self.servants, Servants::Workers(workers));
                if let Servants::MainLoop(inline) = before {
                    farewell(inline.end());
                }
                self.fill_places(0)
            }
            (Servants::Workers(workers), _) => {
                let before = workers.len();
                let kept = usize::from(count.max(1));
                if kept > before {
                    workers.extend(start(before as u16..count, &mut hire)?);
                    return self.fill_places(before);
                }
                self.let_go(kept, &mut farewell)?;
                if count == 0 { self.move_to_main_loop(&mut hire, &mut farewell) } else { Ok(()) }
            }
        }
    }

    /// Threads beyond the first `kept` end, after they have answered what has reached them.
    fn let_go(&mut self, kept: usize, farewell: &mut impl FnMut(Arc<Activity>)) -> io::Result<()> {
        for place in &mut self.places {
            place.group.resize(kept as u16, self.prefix)?;
        }
        if let Servants::Workers(workers) = &mut self.servants {
            workers.split_off(kept).into_iter().for_each(|worker| farewell(worker.end()));
        }
        Ok(())
    }

    fn move_to_main_loop(
        &mut self,
        hire: &mut impl FnMut() -> io::Result<Responder>,
        farewell: &mut impl FnMut(Arc<Activity>),
    ) -> io::Result<()> {
        let inline = Servants::MainLoop(Inline::new(hire()?));
        if let Servants::Workers(workers) = std::mem::replace(&mut self.servants, inline) {
            workers.into_iter().for_each(|worker| farewell(worker.end()));
        }
        self.fill_places(0)
    }

    /// A socket at each place for each servant; those from `first` on have none yet.
    fn fill_places(&mut self, first: usize) -> io::Result<()> {
        let needed = self.sockets_needed();
        let mut places = std::mem::take(&mut self.places);
        let filled = places.iter_mut().try_for_each(|place| {
            place.group.resize(needed, self.prefix)?;
            self.hand_out(&place.group, first)
        });
        self.places = places;
        filled
    }

    /// The sockets of a place from `first` on go to their servants.
    fn hand_out(&mut self, group: &Group, first: usize) -> io::Result<()> {
        let mut sockets = group.members().iter().skip(first);
        match &mut self.servants {
            Servants::Workers(workers) => {
                for (worker, socket) in workers.iter_mut().skip(first).zip(sockets) {
                    socket.ask_for_queues(QUEUE);
                    worker.serve(Arc::clone(socket));
                }
                Ok(())
            }
            Servants::MainLoop(inline) => sockets.try_for_each(|socket| inline.serve(Arc::clone(socket))),
        }
    }

    fn sockets_needed(&self) -> u16 {
        u16::try_from(self.threads()).unwrap_or(u16::MAX).max(1)
    }
}

/// Threads with these numbers, as many as can be had.
fn start(
    numbers: std::ops::Range<u16>,
    hire: &mut impl FnMut() -> io::Result<Responder>,
) -> io::Result<Vec<Worker>> {
    let mut workers = Vec::new();
    for number in numbers {
        match Worker::start(number, hire()?) {
            Ok(worker) => workers.push(worker),
            Err(error) => {
                tracing::warn!(event = "workers_missing", %error, "no more than {number} server threads can be had");
                break;
            }
        }
    }
    Ok(workers)
}
