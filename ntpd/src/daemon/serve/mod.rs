//! Serving: sockets, the threads behind them, and what they tell.
//!
//! ```text
//!  Serving::open ─▶ a socket for each worker ─▶ Worker (thread) or Inline (main loop) ─▶ ntp_serve::Responder
//!  Serving::publish, withdraw ─▶ time, for all of them at once
//!  Serving::report ◀─ counters, interfaces, clients
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `worker.rs` | a thread that serves |
//! | `pace.rs` | when it lets packets gather |
//! | `inline.rs` | the main loop serves |
//! | `report.rs` | what was served, from everybody's counters |

mod inline;
mod pace;
mod report;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ntp_engine::TimeSnapshot;
use ntp_serve::{Activity, Handover, Policy, Responder, TimePublisher};

use self::inline::Inline;
use self::worker::Worker;
use crate::sys::clock;
use crate::sys::udp::{StampSource, UdpSocket};

pub(super) use report::clients;

/// Room for some milliseconds of packets at the highest rate, in bytes as the kernel counts them: as long as
/// somebody else may have the processor.
const QUEUE: u32 = 1 << 20;

/// What serving is made from.
#[derive(Debug)]
pub(super) struct ServingOptions {
    /// Threads; 0: the main loop serves.
    pub(super) workers: u16,
    /// Who may ask, and how often.
    pub(super) policy: Policy,
    /// Memory for records of clients, in bytes, for all workers together.
    pub(super) client_memory: usize,
}

/// Everything that serves.
#[derive(Debug)]
pub(super) struct Serving {
    time: TimePublisher,
    staff: Staff,
    activities: Vec<Arc<Activity>>,
    ipv6_prefix: u8,
    sockets: Vec<Arc<UdpSocket>>,
}

#[derive(Debug)]
enum Staff {
    Workers(Vec<Worker>),
    MainLoop(Inline),
}

impl Serving {
    /// Starts the threads, which have nothing to do yet. Where there can be none, the main loop serves.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    pub(super) fn new(options: ServingOptions, snapshot: &TimeSnapshot) -> io::Result<Self> {
        let time = TimePublisher::new(snapshot);
        let ipv6_prefix = options.policy.ipv6_prefix;
        let policy = Handover::new(options.policy);
        let responder = |share: usize| {
            let memory = options.client_memory / share.max(1);
            Ok::<_, io::Error>(Responder::new(time.reader(), &policy, memory, seed()?, clock::monotonic()))
        };
        let (mut staff, mut activities) = (Vec::new(), Vec::new());
        for number in 0..usize::from(options.workers) {
            let responder = responder(options.workers.into())?;
            let activity = responder.activity();
            match Worker::start(number, responder) {
                Ok(worker) => staff.push(worker),
                Err(error) => {
                    tracing::warn!(event = "workers_missing", %error, "no more than {number} server threads can be had");
                    break;
                }
            }
            activities.push(activity);
        }
        let staff = if staff.is_empty() {
            let responder = responder(1)?;
            activities.push(responder.activity());
            Staff::MainLoop(Inline::new(responder))
        } else {
            Staff::Workers(staff)
        };
        Ok(Self { time, staff, activities, ipv6_prefix, sockets: Vec::new() })
    }

    /// Serves at `address` from now on; says who makes the receive stamps.
    pub(super) fn open(&mut self, address: SocketAddr) -> io::Result<StampSource> {
        let count = match &self.staff {
            Staff::Workers(workers) => u16::try_from(workers.len()).unwrap_or(u16::MAX),
            Staff::MainLoop(_) => 1,
        };
        let opened = UdpSocket::servers(address, count, self.ipv6_prefix)?;
        let opened: Vec<Arc<UdpSocket>> = opened.into_iter().map(Arc::new).collect();
        let stamps = opened.first().map_or(StampSource::User, |socket| socket.stamping().rx);
        match &mut self.staff {
            Staff::Workers(workers) => {
                opened.iter().for_each(|socket| socket.ask_for_queues(QUEUE));
                workers.iter_mut().zip(&opened).for_each(|(worker, socket)| worker.serve(Arc::clone(socket)));
            }
            Staff::MainLoop(inline) => {
                opened.iter().try_for_each(|socket| inline.serve(Arc::clone(socket), address))?;
            }
        }
        self.sockets.extend(opened);
        Ok(stamps)
    }

    /// From now on `snapshot` holds.
    pub(super) fn publish(&mut self, snapshot: &TimeSnapshot) {
        self.time.publish(snapshot);
    }

    /// The clock is about to be changed; to be followed by [`publish`](Self::publish) at once.
    pub(super) fn withdraw(&mut self) {
        self.time.withdraw();
    }

    /// How many threads serve; 0: the main loop does.
    fn threads(&self) -> usize {
        match &self.staff {
            Staff::Workers(workers) => workers.len(),
            Staff::MainLoop(_) => 0,
        }
    }

    /// What each worker has done.
    pub(super) fn activities(&self) -> Vec<Arc<Activity>> {
        self.activities.clone()
    }
}

fn seed() -> io::Result<[u64; 3]> {
    let mut bytes = [[0; 8]; 3];
    for word in &mut bytes {
        getrandom::fill(word).map_err(io::Error::other)?;
    }
    Ok(bytes.map(u64::from_ne_bytes))
}
