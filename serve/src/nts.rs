//! Requests that use NTS: the same decisions, with a client that proves who it is and a reply that is sealed.

use std::fmt;

use ntp_proto::nts::{CookieKeys, FieldError, NtsIgnored, NtsNak, NtsRequest};
use ntp_proto::packet::Mode;
use ntp_proto::time::{NtpDuration, RawTime};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::limit::Verdict;
use crate::responder::{Arrival, Asked, RATE, Responder};
use crate::{Count, Handover, Taker};

/// What a thread needs for NTS.
pub(crate) struct Nts {
    keys: Option<Taker<Option<CookieKeys>>>,
    /// Makes nonces.
    rng: ChaCha8Rng,
    sealing: Sealing,
}

impl Nts {
    pub(crate) fn new(seed: [u64; 3]) -> Self {
        let mut bytes = [0; 32];
        bytes
            .chunks_exact_mut(8)
            .zip(seed)
            .for_each(|(chunk, word)| chunk.copy_from_slice(&word.to_le_bytes()));
        Self { keys: None, rng: ChaCha8Rng::from_seed(bytes), sealing: Sealing::default() }
    }

    pub(crate) fn take_keys_from(&mut self, keys: &Handover<Option<CookieKeys>>) {
        self.keys = Some(keys.taker());
    }

    pub(crate) fn refresh(&mut self) {
        if let Some(keys) = &mut self.keys {
            keys.refresh();
        }
    }

    /// `None`: NTS is not served.
    pub(crate) fn keys(&self) -> Option<&CookieKeys> {
        self.keys.as_ref()?.get().as_ref()
    }

    /// What fresh cookies are made with.
    fn parts(&mut self) -> Option<(&CookieKeys, &mut ChaCha8Rng)> {
        let keys = self.keys.as_ref()?.get().as_ref()?;
        Some((keys, &mut self.rng))
    }
}

/// Shows nothing that nonces could be foretold from.
impl fmt::Debug for Nts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nts")
            .field("keys", &self.keys)
            .field("sealing", &self.sealing)
            .finish_non_exhaustive()
    }
}

impl Responder {
    pub(crate) fn answer_authenticated(
        &mut self,
        request: NtsRequest<'_>,
        arrival: &Arrival,
        clock: impl Fn() -> RawTime,
    ) -> Option<usize> {
        self.activity.counters.count(Count::NtsRequests);
        let verdict = self.judge(Asked { authenticated: true, ..NTS }, arrival);
        let receive = self.time.estimate(self.time.arrival(arrival.stamp));
        let politeness = self.politeness();
        let (keys, rng) = self.nts.parts()?;
        let reply = match verdict {
            Verdict::Serve => request.reply(receive, self.time.template(), keys, rng),
            Verdict::Kiss => {
                self.activity.counters.count(Count::Kisses);
                request.kiss(RATE, politeness, receive, keys, rng)
            }
            Verdict::Drop => return None,
        };
        let now = self.read_clock(&clock)?;
        let departure = now + self.nts.sealing.expected();
        let sealed = reply.depart(self.time.estimate(departure)).ok()?;
        self.nts.sealing.learn(now, clock);
        Some(sealed.len())
    }

    /// Anybody can cause these, so that the limit holds; a kiss that nothing vouches for would not be obeyed.
    pub(crate) fn refuse_cookie(
        &mut self,
        nak: NtsNak<'_>,
        arrival: &Arrival,
        clock: impl Fn() -> RawTime,
    ) -> Option<usize> {
        if self.judge(NTS, arrival) != Verdict::Serve {
            return None;
        }
        let receive = self.time.estimate(self.time.arrival(arrival.stamp));
        let now = self.read_clock(clock)?;
        self.activity.counters.count(Count::NtsNaks);
        Some(nak.reply(receive, self.time.estimate(now)).len())
    }
}

/// NTS is for these alone.
const NTS: Asked = Asked { version: 4, mode: Mode::Client, authenticated: false };

pub(crate) const fn reason(ignored: NtsIgnored) -> Count {
    use FieldError as Field;
    match ignored {
        NtsIgnored::Forged => Count::NtsForged,
        NtsIgnored::Sealed(_) => Count::NtsSealed,
        NtsIgnored::Fields(Field::Malformed) => Count::BadExtension,
        NtsIgnored::Fields(Field::NoUniqueId | Field::ManyUniqueIds | Field::ShortUniqueId) => {
            Count::NtsUniqueId
        }
        NtsIgnored::Fields(Field::NoCookie | Field::ManyCookies) => Count::NtsCookie,
        NtsIgnored::Fields(Field::Placeholder) => Count::NtsPlaceholder,
        NtsIgnored::Fields(Field::NoAuthenticator | Field::Authenticator | Field::Padding) => {
            Count::NtsAuthenticator
        }
    }
}

/// How long the sealing of a reply takes, which comes between the reading of the clock and the departure.
#[derive(Clone, Copy, Debug, Default)]
struct Sealing {
    mean: NtpDuration,
    /// Counts the replies.
    replies: u8,
}

impl Sealing {
    /// Of so many replies one is measured, as reading the clock takes time too.
    const SAMPLE: u8 = 16;
    /// The share of a measurement in the mean is one in so many.
    const MEMORY: i64 = 8;
    /// What takes longer was interrupted: that is no property of the sealing.
    const LONGEST: NtpDuration = NtpDuration::from_nanos(20_000);

    const fn expected(self) -> NtpDuration {
        self.mean
    }

    /// A reply has been sealed; the clock was read before that at `begin`.
    fn learn(&mut self, begin: RawTime, clock: impl Fn() -> RawTime) {
        self.replies = self.replies.wrapping_add(1);
        if !self.replies.is_multiple_of(Self::SAMPLE) {
            return;
        }
        let took = clock() - begin;
        if !took.is_negative() && took <= Self::LONGEST {
            let step = (took - self.mean).as_ticks() / Self::MEMORY;
            self.mean += NtpDuration::from_ticks(step);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::cell::Cell;

    use ntp_engine::{SNAPSHOT_WORDS, TimeSnapshot};
    use ntp_proto::nts::{Accepted, Aead, CookieKey, NtsDiscard, NtsSession, Pending, SessionKeys};
    use ntp_proto::packet::{PacketView, PollExp};
    use ntp_proto::server::{AccessList, AccessRule, Permission, Prefix};
    use ntp_proto::time::Monotonic;

    use super::*;
    use crate::{Client, Limit, Limits, Policy, TimePublisher};

    const SEED: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 7];
    const START: Monotonic = Monotonic::from_nanos(0);

    fn now() -> RawTime {
        RawTime::from_unix(1_800_000_000, 0)
    }

    fn keys(id: u32) -> CookieKeys {
        let key = CookieKey::new(id, Aead::AesSivCmac256, &[id as u8; 32]).unwrap();
        CookieKeys::new(key, [])
    }

    /// A limit that nobody keeps to, which holds for those with NTS or does not.
    fn policy(limit_authenticated: bool) -> Policy {
        let network = Prefix::new("192.0.2.0".parse().unwrap(), 24).unwrap();
        let access = AccessList::new(&[AccessRule { network, permission: Permission::Allow }]);
        let limits = Limits { interval_s: 8.0, burst: 1, leak: 8, kod: 1 };
        Policy { access, limit: Some(Limit::new(&limits)), limit_authenticated, ipv6_prefix: 64 }
    }

    fn responder(policy: Policy, handover: &Handover<Option<CookieKeys>>) -> Responder {
        let snapshot = TimeSnapshot {
            anchor: now(),
            valid_until: now() + NtpDuration::from_secs(3_600),
            ..TimeSnapshot::from_words(&[0; SNAPSHOT_WORDS])
        };
        let time = TimePublisher::new(&snapshot).reader();
        let mut responder =
            Responder::new(time, &Handover::new(policy), 1 << 16, SEED, START).with_nts(handover);
        assert!(responder.begin(START, now));
        responder
    }

    struct Asker {
        session: NtsSession,
        rng: ChaCha8Rng,
    }

    impl Asker {
        fn new() -> Self {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let session = SessionKeys::new(Aead::AesSivCmac256, &[1; 32], &[2; 32]).unwrap();
            let cookies: Vec<_> =
                (0..8).map(|_| keys(1).seal(&session, &mut rng).as_ref().to_vec()).collect();
            Self { session: NtsSession::new(session, cookies), rng }
        }

        fn request(&mut self) -> (Pending, Vec<u8>) {
            let (mut header, mut out) = ([0; 48], Vec::new());
            header[0] = 0x23;
            (self.session.request(&header, 7, &mut self.rng, &mut out).unwrap(), out)
        }

        /// One request; what came of it.
        fn ask(&mut self, responder: &mut Responder) -> Option<(Vec<u8>, Result<Accepted, NtsDiscard>)> {
            let (pending, mut datagram) = self.request();
            let len = responder.answer(&mut datagram, &arrival(), now)?;
            datagram.truncate(len);
            let accepted = self.session.accept(&pending, &datagram);
            Some((datagram, accepted))
        }
    }

    fn arrival() -> Arrival {
        Arrival { remote: "192.0.2.1".parse().unwrap(), interface: 2, stamp: Some(now()) }
    }

    fn count(responder: &Responder, what: Count) -> u64 {
        responder.activity().counters.get(what)
    }

    fn client(responder: &Responder) -> Client {
        responder.activity().clients.as_ref().unwrap().read().next().unwrap()
    }

    #[test]
    fn who_is_authenticated_is_served_whatever_the_limit() {
        let handover = Handover::new(Some(keys(1)));
        let (mut responder, mut asker) = (responder(policy(false), &handover), Asker::new());
        for _ in 0..50 {
            let (_, accepted) = asker.ask(&mut responder).unwrap();
            assert_eq!(accepted, Ok(Accepted { cookies: 1 }));
        }
        assert_eq!((count(&responder, Count::NtsRequests), count(&responder, Count::Limited)), (50, 0));
        assert!(client(&responder).authenticated);
    }

    #[test]
    fn a_limit_that_holds_for_all_is_told_to_the_authenticated_in_a_sealed_kiss() {
        let handover = Handover::new(Some(keys(1)));
        let (mut responder, mut kisses) = (responder(policy(true), &handover), 0);
        for _ in 0..50 {
            if let Some((reply, accepted)) = Asker::new().ask(&mut responder) {
                assert_eq!(accepted, Ok(Accepted { cookies: 1 }));
                let view = PacketView::parse(&reply).unwrap();
                kisses += u64::from(view.ref_id() == RATE && view.poll() == PollExp::new(3));
            }
        }
        assert!((10..40).contains(&kisses), "{kisses}");
        assert_eq!(count(&responder, Count::Kisses), kisses);
    }

    #[test]
    fn cookies_of_keys_that_are_gone_are_refused_within_the_limit() {
        let handover = Handover::new(Some(keys(2)));
        let mut responder = responder(policy(false), &handover);
        let (_, accepted) = Asker::new().ask(&mut responder).unwrap();
        assert_eq!(accepted, Err(NtsDiscard::Nak));
        (0..200).for_each(|_| _ = Asker::new().ask(&mut responder));
        let naks = count(&responder, Count::NtsNaks);
        assert_eq!(naks + count(&responder, Count::Limited), 201);
        assert!(naks < 10, "{naks}");
        assert!(!client(&responder).authenticated);
        // From the next packets on the keys are others.
        handover.replace(Some(keys(1)));
        responder.begin(START, now);
        assert!(Asker::new().ask(&mut responder).unwrap().1.is_ok());
    }

    #[test]
    fn a_server_without_keys_answers_as_if_there_were_no_nts() {
        let mut responder = responder(policy(false), &Handover::new(None));
        let (reply, accepted) = Asker::new().ask(&mut responder).unwrap();
        assert_eq!((reply.len(), accepted), (48, Err(NtsDiscard::NotOurs)));
        assert_eq!(count(&responder, Count::NtsRequests), 0);
    }

    #[test]
    fn what_is_wrong_with_nts_is_counted_under_its_reason() {
        let mut responder = responder(policy(false), &Handover::new(Some(keys(1))));
        let (_, request) = Asker::new().request();
        let with = |change: fn(&mut Vec<u8>)| {
            let mut changed = request.clone();
            change(&mut changed);
            changed
        };
        for (what, mut datagram) in [
            (Count::NtsForged, with(|b| b[40] ^= 1)),
            (Count::NtsUniqueId, with(|b| b[48] = 0x20)),
            (Count::NtsCookie, with(|b| b[84] = 0x03)),
            (Count::NtsPlaceholder, with(|b| _ = b.splice(84..84, [3, 4, 0, 16].into_iter().chain([0; 12])))),
            (Count::NtsAuthenticator, with(|b| b.truncate(188))),
            (Count::BadExtension, with(|b| b.truncate(189))),
        ] {
            assert_eq!(responder.answer(&mut datagram, &arrival(), now), None, "{what:?}");
            assert_eq!(count(&responder, what), 1, "{what:?}");
        }
    }

    #[test]
    fn the_transmit_timestamp_foresees_the_sealing() {
        let handover = Handover::new(Some(keys(1)));
        let (mut responder, mut asker) = (responder(policy(false), &handover), Asker::new());
        let micro = NtpDuration::from_nanos(1_000);
        let transmitted = |responder: &mut Responder, asker: &mut Asker| {
            // Each look at the clock is a microsecond after the one before.
            let looks = Cell::new(0);
            let clock = || {
                looks.set(looks.get() + 1);
                now() + NtpDuration::from_nanos(looks.get() * 1_000)
            };
            let (_, mut datagram) = asker.request();
            let len = responder.answer(&mut datagram, &arrival(), clock).unwrap();
            asker.session = Asker::new().session;
            PacketView::parse(&datagram[..len]).unwrap().transmit() - (now() + micro).to_wire()
        };
        assert_eq!(transmitted(&mut responder, &mut asker), NtpDuration::ZERO);
        let foreseen = (0..1_000).map(|_| transmitted(&mut responder, &mut asker)).last().unwrap();
        assert!((foreseen - micro).abs() < NtpDuration::from_nanos(10), "{foreseen:?}");
    }
}
