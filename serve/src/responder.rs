//! One datagram: may it ask, does it ask, not too often, and what is the time.
//!
//! What is different for requests that are authenticated by NTS is in `nts.rs`.

use std::net::IpAddr;
use std::sync::Arc;

use ntp_proto::nts::{CookieKeys, Opening};
use ntp_proto::packet::{Mode, ParseError, PollExp, RefId};
use ntp_proto::server::{AccessList, Ignored, Permission, Request};
use ntp_proto::time::{Monotonic, RawTime};

use crate::clients::{ClientTable, Clients, Key, Seed, Tick};
use crate::limit::Verdict;
use crate::nts::{self, Nts};
use crate::{Count, Counters, Handover, InterfaceCount, Interfaces, Limit, Taker, TimeReader};

/// Who may ask, and how often.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Whose requests are answered.
    pub access: AccessList,
    /// How often a client may ask; `None`: as often as it likes.
    pub limit: Option<Limit>,
    /// Whether that holds for requests that are authenticated too. Nobody can send those in another's name, so
    /// that a limit protects from no attack that is not one by a client of ours.
    pub limit_authenticated: bool,
    /// So many leading bits of an IPv6 address make a client.
    pub ipv6_prefix: u8,
}

/// What one server thread has done, for everybody to read.
#[derive(Debug)]
pub struct Activity {
    /// In all.
    pub counters: Counters,
    /// By interface.
    pub interfaces: Interfaces,
    /// By client; `None` if no records are kept.
    pub clients: Option<Arc<Clients>>,
    /// What the ticks of the clients count from.
    pub start: Monotonic,
}

/// How a datagram came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Who sent it.
    pub remote: IpAddr,
    /// Which interface it came by; 0 if not known.
    pub interface: u32,
    /// When, by the kernel.
    pub stamp: Option<RawTime>,
}

/// Turns requests into replies, for the clients of one thread.
#[derive(Debug)]
pub struct Responder {
    pub(crate) time: TimeReader,
    policy: Taker<Policy>,
    pub(crate) nts: Nts,
    clients: Option<ClientTable>,
    pub(crate) activity: Arc<Activity>,
    random: u64,
    now: Tick,
}

/// What the record of a client and the limit need to know of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) version: u8,
    pub(crate) mode: Mode,
    pub(crate) authenticated: bool,
}

impl Responder {
    /// With records of clients in `memory` bytes; 0: none are kept, and nobody is limited. The seed has to be
    /// random, all 192 bits of it, and unknown to strangers. `start` is now.
    #[must_use]
    pub fn new(
        time: TimeReader,
        policy: &Handover<Policy>,
        memory: usize,
        seed: [u64; 3],
        start: Monotonic,
    ) -> Self {
        let [first, second, random] = seed;
        let table_seed: Seed = [first, second];
        let clients = (memory > 0).then(|| ClientTable::new(memory, table_seed));
        let activity = Activity {
            counters: Counters::default(),
            interfaces: Interfaces::default(),
            clients: clients.as_ref().map(ClientTable::clients),
            start,
        };
        Self {
            time,
            policy: policy.taker(),
            nts: Nts::new(seed),
            clients,
            activity: Arc::new(activity),
            random: random | 1,
            now: Tick::default(),
        }
    }

    /// Serves NTS as well, while there are keys; while there are none, those who use it are answered as if they
    /// did not.
    #[must_use]
    pub fn with_nts(mut self, keys: &Handover<Option<CookieKeys>>) -> Self {
        self.nts.take_keys_from(keys);
        self
    }

    /// For those who read what was done.
    #[must_use]
    pub fn activity(&self) -> Arc<Activity> {
        Arc::clone(&self.activity)
    }

    /// To be called before the first [`answer`](Self::answer) of packets that were received together: takes up
    /// what has changed, and reads the clock. False if that cannot be read; what was received is then
    /// [`lost`](Self::lost).
    pub fn begin(&mut self, now: Monotonic, clock: impl Fn() -> RawTime) -> bool {
        self.policy.refresh();
        self.nts.refresh();
        self.now = Tick::between(self.activity.start, now);
        self.time.read(clock).is_some()
    }

    /// So many datagrams were received and cannot be answered, as [`begin`](Self::begin) has said.
    pub fn lost(&self, datagrams: usize) {
        for what in [Count::Requests, Count::NoTime] {
            (0..datagrams).for_each(|_| self.activity.counters.count(what));
        }
    }

    /// Makes the reply to `datagram` in its place, and returns its length; the clock is read last. `None`:
    /// there is nothing to say.
    pub fn answer(
        &mut self,
        datagram: &mut [u8],
        arrival: &Arrival,
        clock: impl Fn() -> RawTime,
    ) -> Option<usize> {
        self.count(Count::Requests, arrival, InterfaceCount::Requests);
        if arrival.stamp.is_some() {
            self.activity.counters.count(Count::KernelStamps);
        }
        if self.policy.get().access.permission(arrival.remote) == Permission::Deny {
            self.count(Count::Denied, arrival, InterfaceCount::Denied);
            return None;
        }
        let opening = match self.nts.keys() {
            Some(keys) => Opening::new(datagram, keys),
            None => Opening::Plain(datagram),
        };
        match opening {
            Opening::Plain(datagram) => self.answer_plain(datagram, arrival, clock),
            Opening::Opened(request) => self.answer_authenticated(request, arrival, clock),
            Opening::Unknown(nak) => self.refuse_cookie(nak, arrival, clock),
            Opening::Ignored(why) => {
                self.count(nts::reason(why), arrival, InterfaceCount::Ignored);
                None
            }
        }
    }

    fn answer_plain(
        &mut self,
        datagram: &mut [u8],
        arrival: &Arrival,
        clock: impl Fn() -> RawTime,
    ) -> Option<usize> {
        let request = match Request::accept(datagram) {
            Ok(request) => request,
            Err(ignored) => {
                self.count(reason(ignored), arrival, InterfaceCount::Ignored);
                return None;
            }
        };
        let asked = Asked { version: request.version(), mode: request.mode(), authenticated: false };
        let verdict = self.judge(asked, arrival);
        let receive = self.time.estimate(self.time.arrival(arrival.stamp));
        let reply = match verdict {
            Verdict::Serve => request.reply(receive, self.time.template()),
            Verdict::Kiss => {
                self.activity.counters.count(Count::Kisses);
                request.kiss(RATE, self.politeness(), receive)
            }
            Verdict::Drop => return None,
        };
        let now = self.read_clock(clock)?;
        Some(reply.depart(self.time.estimate(now)).len())
    }

    /// What became of the reply to a datagram that came in like this.
    pub fn sent(&self, arrival: &Arrival, success: bool) {
        if success {
            self.count(Count::Replies, arrival, InterfaceCount::Replies);
        } else {
            self.activity.counters.count(Count::SendFailures);
        }
    }

    pub(crate) fn count(&self, what: Count, arrival: &Arrival, there: InterfaceCount) {
        self.activity.counters.count(what);
        self.activity.interfaces.count(arrival.interface, there);
    }

    /// The clock, at the latest moment.
    pub(crate) fn read_clock(&mut self, clock: impl Fn() -> RawTime) -> Option<RawTime> {
        let now = self.time.read(clock);
        if now.is_none() {
            self.activity.counters.count(Count::NoTime);
        }
        now
    }

    /// Keeps the record of the client, and the limit.
    pub(crate) fn judge(&mut self, asked: Asked, arrival: &Arrival) -> Verdict {
        let verdict = self.record(asked, arrival);
        if verdict != Verdict::Serve {
            self.count(Count::Limited, arrival, InterfaceCount::Limited);
        }
        verdict
    }

    fn record(&mut self, asked: Asked, arrival: &Arrival) -> Verdict {
        let random = self.random();
        let Some(clients) = &mut self.clients else { return Verdict::Serve };
        let policy = self.policy.get();
        let key = Key::new(arrival.remote, policy.ipv6_prefix);
        let Some(mut entry) = clients.entry(key, self.now) else {
            self.activity.counters.count(Count::Unrecorded);
            return Verdict::Serve;
        };
        if entry.displaced {
            self.activity.counters.count(Count::Forgotten);
        }
        let client = &mut entry.client;
        let after = self.now.since(client.last);
        let is_limited = policy.limit_authenticated || !asked.authenticated;
        let verdict = match policy.limit.as_ref().filter(|_| is_limited) {
            None => Verdict::Serve,
            Some(limit) => {
                if client.requests == 0 {
                    client.tokens = limit.full();
                }
                limit.judge(client, after, random)
            }
        };
        client.looks(asked, arrival.interface);
        client.asked(after, verdict == Verdict::Serve);
        entry.keep(self.now);
        verdict
    }

    pub(crate) fn politeness(&self) -> PollExp {
        PollExp::new(self.policy.get().limit.map_or(0, |limit| limit.poll()))
    }

    /// Marsaglia's xorshift64*: nobody gains by foreseeing it but for a few replies more.
    const fn random(&mut self) -> u32 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }
}

/// Kiss code of a server that is asked too often (RFC 5905 §7.4).
pub(crate) const RATE: RefId = RefId::from_ascii(*b"RATE");

const fn reason(ignored: Ignored) -> Count {
    match ignored {
        Ignored::Malformed(ParseError::TooShort) => Count::TooShort,
        Ignored::Malformed(ParseError::BadExtension) => Count::BadExtension,
        Ignored::Malformed(ParseError::BadMac) => Count::BadMac,
        Ignored::Version(_) => Count::Version,
        Ignored::Mode(_) => Count::Mode,
        Ignored::UnknownKey(_) => Count::UnknownKey,
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use ntp_engine::{SNAPSHOT_WORDS, TimeSnapshot};
    use ntp_proto::packet::{Leap, PacketView, Stratum};
    use ntp_proto::server::{AccessRule, Prefix};
    use ntp_proto::time::NtpDuration;

    use super::*;
    use crate::{Limits, TimePublisher};

    const SEED: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 7];
    const START: Monotonic = Monotonic::from_nanos(0);

    fn start() -> RawTime {
        RawTime::from_unix(1_800_000_000, 0)
    }

    fn publisher() -> TimePublisher {
        let snapshot = TimeSnapshot {
            anchor: start(),
            offset: NtpDuration::from_secs(2),
            stratum: Stratum::new(3),
            leap: Leap::Insert,
            valid_until: start() + NtpDuration::from_secs(3_600),
            ..TimeSnapshot::from_words(&[0; SNAPSHOT_WORDS])
        };
        TimePublisher::new(&snapshot)
    }

    fn policy(limit: Option<Limits>) -> Policy {
        let network = Prefix::new("192.0.2.0".parse().unwrap(), 24).unwrap();
        let access = AccessList::new(&[AccessRule { network, permission: Permission::Allow }]);
        Policy { access, limit: limit.as_ref().map(Limit::new), ipv6_prefix: 64, ..Policy::default() }
    }

    fn arrival(address: &str) -> Arrival {
        let stamp = Some(start() + NtpDuration::from_millis(500));
        Arrival { remote: address.parse().unwrap(), interface: 2, stamp }
    }

    fn request() -> Vec<u8> {
        let mut bytes = vec![0; 48];
        bytes[0] = 0x23;
        bytes[40..].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        bytes
    }

    fn later() -> RawTime {
        start() + NtpDuration::from_secs(1)
    }

    #[test]
    fn both_times_of_a_reply_are_the_best_estimate() {
        let mut responder =
            Responder::new(publisher().reader(), &Handover::new(policy(None)), 1 << 16, SEED, START);
        assert!(responder.begin(START, later));
        let mut datagram = request();
        let arrival = arrival("192.0.2.7");
        assert_eq!(responder.answer(&mut datagram, &arrival, later), Some(48));
        responder.sent(&arrival, true);
        let reply = PacketView::parse(&datagram).unwrap();
        let ahead = NtpDuration::from_secs(2);
        assert_eq!(reply.receive(), (start() + ahead + NtpDuration::from_millis(500)).to_wire());
        assert_eq!(reply.transmit(), (later() + ahead).to_wire());
        assert_eq!((reply.leap(), reply.stratum().get()), (Leap::Insert, 3));
        let activity = responder.activity();
        assert_eq!(activity.counters.get(Count::Replies), 1);
        let clients: Vec<_> = activity.clients.as_ref().unwrap().read().collect();
        assert_eq!((clients[0].version, clients[0].mode, clients[0].interface), (4, 3, 2));
    }

    #[test]
    fn whatever_is_not_answered_is_counted_once_under_its_reason() {
        let handover = Handover::new(policy(None));
        let mut responder = Responder::new(publisher().reader(), &handover, 0, SEED, START);
        responder.begin(START, later);
        let with = |change: fn(&mut Vec<u8>)| {
            let mut bytes = request();
            change(&mut bytes);
            bytes
        };
        for (what, address, mut datagram) in [
            (Count::Denied, "192.0.3.1", request()),
            (Count::TooShort, "192.0.2.1", with(|b| b.truncate(47))),
            (Count::BadMac, "192.0.2.1", with(|b| b.extend([0; 5]))),
            (Count::BadExtension, "192.0.2.1", with(|b| b.extend([0; 96]))),
            (Count::Version, "192.0.2.1", with(|b| b[0] = 0x2b)),
            (Count::Mode, "192.0.2.1", with(|b| b[0] = 0x26)),
            (Count::UnknownKey, "192.0.2.1", with(|b| b.extend([1; 20]))),
        ] {
            let asked = datagram.clone();
            assert_eq!(responder.answer(&mut datagram, &arrival(address), later), None);
            assert_eq!(datagram, asked, "{what:?} changed the datagram");
            assert_eq!(responder.activity().counters.get(what), 1, "{what:?}");
        }
        let activity = responder.activity();
        let sum: u64 = Count::IGNORED.iter().map(|why| activity.counters.get(*why)).sum();
        assert_eq!((sum, activity.counters.get(Count::Requests)), (6, 7));
        let here = activity.interfaces.read().next().unwrap();
        assert_eq!((here.get(InterfaceCount::Ignored), here.get(InterfaceCount::Denied)), (6, 1));
    }

    #[test]
    fn what_cannot_be_answered_is_counted() {
        let mut publisher = publisher();
        let mut responder = Responder::new(publisher.reader(), &Handover::new(policy(None)), 0, SEED, START);
        publisher.withdraw();
        assert!(!responder.begin(START, later));
        responder.lost(3);
        let counters = &responder.activity().counters;
        assert_eq!((counters.get(Count::Requests), counters.get(Count::NoTime)), (3, 3));
    }

    #[test]
    fn who_asks_too_often_is_told_so_or_not_answered_and_others_are() {
        let limits = Limits { interval_s: 8.0, burst: 4, leak: 4, kod: 1 };
        let handover = Handover::new(policy(Some(limits)));
        let mut responder = Responder::new(publisher().reader(), &handover, 1 << 16, SEED, START);
        responder.begin(START, later);
        let mut kisses = 0;
        for _ in 0..200 {
            let mut datagram = request();
            if responder.answer(&mut datagram, &arrival("192.0.2.1"), later).is_some() {
                let reply = PacketView::parse(&datagram).unwrap();
                kisses += u64::from(reply.ref_id() == RATE && reply.poll() == PollExp::new(3));
            }
        }
        let counters = &responder.activity().counters;
        assert!(counters.get(Count::Limited) > 150 && (50..150).contains(&kisses));
        assert_eq!(counters.get(Count::Kisses), kisses);
        assert!(responder.answer(&mut request(), &arrival("192.0.2.2"), later).is_some());
        // A new policy holds from the next packets on.
        handover.replace(policy(None));
        responder.begin(START, later);
        assert!((0..50).all(|_| responder.answer(&mut request(), &arrival("192.0.2.1"), later).is_some()));
    }
}
