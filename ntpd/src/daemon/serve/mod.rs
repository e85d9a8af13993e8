//! Serving: sockets, the threads behind them, and what they tell.
//!
//! ```text
//!  Serving::open, close, adapt ─▶ Staff ─▶ a socket for each worker ─▶ Worker (thread) or Inline (main loop) ─▶ ntp_serve::Responder
//!  Serving::publish, withdraw ─▶ time, for all of them at once
//!  Serving::report ◀─ counters, interfaces, clients
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `staff.rs` | who serves: threads or the main loop, as many as are wanted |
//! | `worker.rs` | a thread that serves |
//! | `pace.rs` | when it lets packets gather |
//! | `inline.rs` | the main loop serves |
//! | `report.rs` | what was served, from everybody's counters |
//! | `groups.rs` | clients summed up by network or interface |

mod groups;
mod inline;
mod pace;
mod report;
mod staff;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ntp_engine::TimeSnapshot;
use ntp_proto::nts::CookieKeys;
use ntp_serve::{Activity, Counters, Handover, Interfaces, Policy, Responder, TimePublisher};

use self::staff::Staff;
use crate::sys::clock;
use crate::sys::udp::StampSource;

pub(super) use report::clients;

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
    policy: Handover<Policy>,
    /// The keys of cookies that are accepted; `None`: NTS is not served.
    cookies: Handover<Option<CookieKeys>>,
    staff: Staff,
    former: Former,
}

/// What was done by those who serve no more, so that no sum ever falls.
#[derive(Debug, Default)]
struct Former {
    counters: Counters,
    interfaces: Interfaces,
    kernel_drops: u64,
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
        let cookies = Handover::new(None);
        let hire = hire(&time, &policy, &cookies, options.client_memory, options.workers);
        let staff = Staff::new(options.workers, ipv6_prefix, hire)?;
        Ok(Self { time, policy, cookies, staff, former: Former::default() })
    }

    /// From now on time is served like this; no packet is missed for it. Those who serve already keep their records
    /// of clients, so for a while all of them together may take up to twice the memory.
    ///
    /// # Errors
    /// When there cannot be as many threads; time is served all the same.
    pub(super) fn adapt(&mut self, options: ServingOptions) -> io::Result<()> {
        let ipv6_prefix = options.policy.ipv6_prefix;
        self.policy.replace(options.policy);
        let dropped_before = self.dropped();
        let hire = hire(&self.time, &self.policy, &self.cookies, options.client_memory, options.workers);
        let former = &self.former;
        let farewell = |activity: Arc<Activity>| former.take_over(&activity);
        let resized = self.staff.resize(options.workers, ipv6_prefix, hire, farewell);
        self.former.kernel_drops += dropped_before.saturating_sub(self.dropped());
        resized
    }

    /// From now on cookies of these keys are accepted; `None`: NTS is not served.
    pub(super) fn accept_cookies(&mut self, keys: Option<CookieKeys>) {
        self.cookies.replace(keys);
    }

    /// Serves at `address` from now on; says who makes the receive stamps.
    pub(super) fn open(&mut self, address: SocketAddr) -> io::Result<StampSource> {
        self.staff.open(address)
    }

    /// Serves at `address` no more.
    pub(super) fn close(&mut self, address: SocketAddr) {
        let dropped_before = self.dropped();
        self.staff.close(address);
        self.former.kernel_drops += dropped_before.saturating_sub(self.dropped());
    }

    /// From now on `snapshot` holds.
    pub(super) fn publish(&mut self, snapshot: &TimeSnapshot) {
        self.time.publish(snapshot);
    }

    /// The clock is about to be changed; to be followed by [`publish`](Self::publish) at once.
    pub(super) fn withdraw(&mut self) {
        self.time.withdraw();
    }

    /// What each of those who serve has done.
    pub(super) fn activities(&self) -> Vec<Arc<Activity>> {
        self.staff.activities().into_iter().cloned().collect()
    }

    /// What the kernel has dropped at the sockets that are open.
    fn dropped(&self) -> u64 {
        self.staff.sockets().filter_map(|socket| socket.drops()).sum()
    }
}

impl Former {
    fn take_over(&self, activity: &Activity) {
        self.counters.absorb(&activity.counters);
        self.interfaces.absorb(&activity.interfaces);
    }
}

/// Makes what each of `share` servants works with.
fn hire<'a>(
    time: &'a TimePublisher,
    policy: &'a Handover<Policy>,
    cookies: &'a Handover<Option<CookieKeys>>,
    memory: usize,
    share: u16,
) -> impl FnMut() -> io::Result<Responder> + use<'a> {
    let memory = memory / usize::from(share.max(1));
    move || {
        let responder = Responder::new(time.reader(), policy, memory, seed()?, clock::monotonic());
        Ok(responder.with_nts(cookies))
    }
}

fn seed() -> io::Result<[u64; 3]> {
    let mut bytes = [[0; 8]; 3];
    for word in &mut bytes {
        getrandom::fill(word).map_err(io::Error::other)?;
    }
    Ok(bytes.map(u64::from_ne_bytes))
}
