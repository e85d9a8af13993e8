//! An association against replies made by hand.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::*;
use crate::packet::{Header, KissCode, Leap, Mode, PacketView, PollExp, Precision, RefId, Stratum};
use crate::time::{FreeTime, Monotonic, NtpDuration, NtpShort, NtpTimestamp};

struct Bench {
    association: Association,
    rng: ChaCha8Rng,
    now: Monotonic,
}

const PATH: NtpDuration = NtpDuration::from_millis(10);

impl Bench {
    fn new(params: Params) -> Self {
        let association = Association::new(params, Monotonic::default());
        Self { association, rng: ChaCha8Rng::seed_from_u64(1), now: Monotonic::default() }
    }

    fn free(&self) -> FreeTime {
        FreeTime::from_unix(1_700_000_000, 0) + (self.now - Monotonic::default())
    }

    /// Waits for the next request and says how long that took.
    fn request(&mut self) -> (Request, NtpDuration) {
        let due = self.association.next_request().unwrap();
        let waited = due - self.now;
        self.now = due;
        let free = self.free();
        (self.association.poll_request(due, free, &mut self.rng).unwrap(), waited)
    }

    fn reply_to(&self, request: &Request) -> Header {
        let asked = PacketView::parse(&request.bytes).unwrap();
        let now = (self.free() + PATH.half()).to_wire();
        Header {
            leap: Leap::None,
            version: 4,
            mode: Mode::Server,
            stratum: Stratum::new(2),
            poll: asked.poll(),
            precision: Precision::new(-20),
            root_delay: NtpShort::from_bits(0x100),
            root_dispersion: NtpShort::from_bits(0x100),
            ref_id: RefId::from_bits(1),
            reference: now + NtpDuration::from_secs(-10),
            origin: asked.transmit(),
            receive: now,
            transmit: now,
        }
    }

    fn deliver(&mut self, request: &Request, reply: &Header) -> Result<Measurement, Discard> {
        let t4 = self.free() + PATH;
        self.association.handle_reply(self.now, request.token, t4, &reply.to_bytes())
    }

    fn exchange(&mut self, change: impl FnOnce(&mut Header)) -> Result<Measurement, Discard> {
        let (request, _) = self.request();
        let mut reply = self.reply_to(&request);
        change(&mut reply);
        self.deliver(&request, &reply)
    }

    fn counted(&self, name: &str) -> u64 {
        self.association.discards().iter().find(|(n, _)| *n == name).unwrap().1
    }
}

fn iburst() -> Params {
    Params { iburst: true, ..Params::default() }
}

#[test]
fn a_good_reply_is_a_measurement() {
    let mut bench = Bench::new(Params::default());
    let measurement = bench.exchange(|_| {}).unwrap();
    assert_eq!(measurement.exchange.delay(), PATH);
    assert!(measurement.exchange.offset().abs() <= NtpDuration::from_nanos(1));
    assert_eq!(bench.association.reach().bits(), 1);
}

#[test]
fn a_request_tells_nothing_of_our_clock() {
    let mut bench = Bench::new(Params::default());
    let (first, _) = bench.request();
    let (second, _) = bench.request();
    let [a, b] = [first, second].map(|r| PacketView::parse(&r.bytes).unwrap().header());
    for header in [a, b] {
        assert!(header.reference.is_zero() && header.origin.is_zero() && header.receive.is_zero());
        assert_eq!((header.stratum, header.ref_id), (Stratum::UNSPECIFIED, RefId::NONE));
        let hint = header.transmit - bench.free().to_wire();
        assert!(hint.abs() > NtpDuration::from_secs(3_600), "transmit timestamp looks like our time");
    }
    assert_ne!(a.transmit, b.transmit);
}

#[test]
fn a_late_transmit_stamp_replaces_the_first_guess() {
    let mut bench = Bench::new(Params::default());
    let (request, _) = bench.request();
    let left = bench.free() + NtpDuration::from_millis(1);
    bench.association.handle_departure(request.token, left);
    let measurement = bench.deliver(&request, &bench.reply_to(&request)).unwrap();
    assert_eq!(measurement.exchange.t1, left);
    // The next request is not touched by a stamp of the last one.
    let (next, _) = bench.request();
    bench.association.handle_departure(request.token, left);
    assert_ne!(bench.deliver(&next, &bench.reply_to(&next)).unwrap().exchange.t1, left);
}

#[test]
fn each_rfc_5905_test_rejects_and_is_counted() {
    type Change = fn(&mut Header);
    let cases: [(&str, Change); 11] = [
        ("mode", |r| r.mode = Mode::Broadcast),
        ("version", |r| r.version = 0),
        ("bogus_origin", |r| r.origin = NtpTimestamp::from_bits(1)),
        ("missing_timestamp", |r| r.receive = NtpTimestamp::ZERO),
        ("unsynchronised", |r| r.leap = Leap::Unsynchronised),
        ("unsynchronised", |r| r.stratum = Stratum::new(16)),
        ("root_distance", |r| r.root_dispersion = NtpShort::from_bits(16 << 16)),
        ("root_distance", |r| r.root_delay = NtpShort::from_bits(32 << 16)),
        ("inverted", |r| r.receive = r.transmit + NtpDuration::from_secs(1)),
        ("inverted", |r| r.reference = r.transmit + NtpDuration::from_secs(1)),
        ("kiss", |r| {
            r.stratum = Stratum::UNSPECIFIED;
            r.ref_id = RefId::from_ascii(*b"INIT");
        }),
    ];
    for (name, change) in cases {
        let mut bench = Bench::new(Params::default());
        assert_eq!(bench.exchange(change).unwrap_err().name(), name);
        assert_eq!((bench.counted(name), bench.association.discards().total()), (1, 1), "{name}");
        assert!(!bench.association.reach().is_reachable(), "{name}");
    }
}

#[test]
fn a_reply_counts_once() {
    let mut bench = Bench::new(Params::default());
    let (request, _) = bench.request();
    let reply = bench.reply_to(&request);
    assert!(bench.deliver(&request, &reply).is_ok());
    assert_eq!(bench.deliver(&request, &reply), Err(Discard::Duplicate));
}

#[test]
fn a_forged_reply_does_not_spoil_the_true_one() {
    let mut bench = Bench::new(Params::default());
    let (request, _) = bench.request();
    let mut forged = bench.reply_to(&request);
    forged.origin = NtpTimestamp::from_bits(77);
    forged.stratum = Stratum::UNSPECIFIED;
    forged.ref_id = RefId::from_ascii(*b"DENY");
    assert_eq!(bench.deliver(&request, &forged), Err(Discard::BogusOrigin));
    assert!(bench.deliver(&request, &bench.reply_to(&request)).is_ok());
    assert_eq!(bench.association.standing(), Standing::Active);
}

#[test]
fn deny_and_restrict_stop_the_requests_until_resumed() {
    for code in [*b"DENY", *b"RSTR"] {
        let mut bench = Bench::new(Params::default());
        let kiss = bench.exchange(|r| {
            r.stratum = Stratum::UNSPECIFIED;
            r.leap = Leap::Unsynchronised;
            r.ref_id = RefId::from_ascii(code);
        });
        assert!(matches!(kiss, Err(Discard::Kiss(KissCode::Deny | KissCode::Rstr))));
        assert_eq!(bench.association.next_request(), None);
        let later = bench.now + NtpDuration::from_secs(1_000_000);
        assert_eq!(bench.association.poll_request(later, bench.free(), &mut bench.rng), None);
        bench.association.restart(later);
        assert_eq!(bench.association.next_request(), Some(later));
    }
}

#[test]
fn rate_slows_down_for_good_but_never_beyond_1024_seconds() {
    let mut bench = Bench::new(iburst());
    for expected in [7, 8, 9, 10, 10] {
        let asked_at = bench.now;
        let result = bench.exchange(|r| {
            r.stratum = Stratum::UNSPECIFIED;
            r.ref_id = RefId::from_ascii(*b"RATE");
        });
        assert_eq!(result, Err(Discard::Kiss(KissCode::Rate)));
        assert!(bench.now >= asked_at);
        assert!(!bench.association.is_bursting());
        assert_eq!(bench.association.poll().get(), expected);
        let wait = bench.association.next_request().unwrap() - bench.now;
        assert!(wait >= PollExp::new(expected).interval());
        bench.association.set_poll(PollExp::new(6));
        assert_eq!(bench.association.poll().get(), expected, "the floor was raised");
    }
}

#[test]
fn iburst_asks_every_2_seconds_until_four_replies_then_ever_more_slowly() {
    let mut bench = Bench::new(iburst());
    let mut waits = Vec::new();
    for _ in 0..10 {
        let (request, waited) = bench.request();
        waits.push(waited.to_seconds());
        let _ = bench.deliver(&request, &bench.reply_to(&request)).unwrap();
    }
    assert_eq!(waits[0], 0.0);
    assert!(waits[1..4].iter().all(|w| (2.0..2.05).contains(w)), "{waits:?}");
    for (waited, expected) in waits[4..].iter().zip([4.0, 8.0, 16.0, 32.0, 64.0, 64.0]) {
        assert!((expected..expected * 1.02 + 0.01).contains(waited), "{waits:?}");
    }
}

#[test]
fn an_unanswered_burst_ends_after_eight_requests() {
    let mut bench = Bench::new(iburst());
    let waits: Vec<_> = (0..9).map(|_| bench.request().1.to_seconds()).collect();
    assert!(waits[1..8].iter().all(|w| *w < 2.05) && waits[8] >= 64.0, "{waits:?}");
}

#[test]
fn a_silent_server_is_asked_less_often_but_not_forgotten() {
    let mut bench = Bench::new(Params::default());
    let waits: Vec<_> = (0..60).map(|_| bench.request().1.to_seconds()).collect();
    assert!(waits.iter().all(|w| *w < 1_024.0 * 1.02));
    assert!(waits[59] >= 256.0);
    assert_eq!(bench.association.reach().bits(), 0);
}

#[test]
fn polls_are_spread_by_two_percent() {
    let mut bench = Bench::new(Params::default());
    let waits: Vec<_> = (0..8).map(|_| bench.request().1.to_seconds()).skip(1).collect();
    assert!(waits.iter().all(|w| (64.0..65.28).contains(w)), "{waits:?}");
    let spread = waits.iter().fold(0f64, |m, w| m.max((w - waits[0]).abs()));
    assert!(spread > 0.05, "{waits:?}");
}

#[test]
fn burst_repeats_only_lost_requests_and_keeps_the_average() {
    let params = Params { burst: true, ..Params::default() };
    let mut bench = Bench::new(params);
    bench.exchange(|_| {}).unwrap();
    bench.association.set_poll(PollExp::new(8));
    let _lost = bench.request();
    let (request, waited) = bench.request();
    assert!(waited.to_seconds() < 2.05, "{waited}");
    bench.deliver(&request, &bench.reply_to(&request)).unwrap();
    // At the shortest interval there is no room for a burst.
    let mut short = Bench::new(params);
    let waits: Vec<_> = (0..4).map(|_| short.request().1.to_seconds()).skip(1).collect();
    assert!(waits.iter().all(|w| *w >= 64.0), "{waits:?}");
}

#[test]
fn hostile_replies_never_panic_or_pass() {
    let mut bench = Bench::new(Params::default());
    let (request, _) = bench.request();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for round in 0..100_000u32 {
        let mut bytes = bench.reply_to(&request).to_bytes().to_vec();
        bytes[24..32].fill(round as u8);
        let at = rand_core::RngCore::next_u32(&mut rng) as usize % bytes.len();
        bytes[at] = round as u8;
        bytes.truncate((rand_core::RngCore::next_u32(&mut rng) % 60) as usize);
        let t4 = bench.free();
        assert!(bench.association.handle_reply(bench.now, request.token, t4, &bytes).is_err());
    }
    assert_eq!(bench.association.discards().total(), 100_000);
}

#[test]
fn an_offline_server_is_left_alone_and_asked_at_once_when_it_is_back() {
    let mut bench = Bench::new(iburst());
    let _ = bench.request();
    bench.association.go_offline();
    assert_eq!(bench.association.next_request(), None);
    let later = bench.now + NtpDuration::from_secs(10_000);
    bench.association.restart(later);
    assert_eq!(bench.association.next_request(), Some(later));
    assert!(bench.association.is_bursting());
}

#[test]
fn a_burst_on_request_ends_with_its_replies() {
    let mut bench = Bench::new(Params::default());
    bench.exchange(|_| {}).unwrap();
    bench.association.burst(bench.now, 2, 5);
    let mut waits = Vec::new();
    for _ in 0..3 {
        let (request, waited) = bench.request();
        waits.push(waited.to_seconds());
        bench.deliver(&request, &bench.reply_to(&request)).unwrap();
    }
    assert!(waits[0] == 0.0 && waits[1] < 2.05 && waits[2] >= 64.0, "{waits:?}");
}

#[test]
fn a_warm_up_goes_two_seconds_ahead_and_is_never_a_sample() {
    let presend = Some(PollExp::new(7));
    let mut bench = Bench::new(Params { presend, ..Params::default() });
    bench.exchange(|_| {}).unwrap();
    assert_eq!(bench.association.requests(), 1, "64 s are below the limit");

    bench.association.set_poll(PollExp::new(7));
    let (warm_up, waited) = bench.request();
    assert!(warm_up.is_warm_up && waited >= NtpDuration::from_secs(128), "{waited}");
    assert_eq!(bench.deliver(&warm_up, &bench.reply_to(&warm_up)), Err(Discard::WarmUp));
    assert_eq!((bench.association.requests(), bench.association.reach().bits()), (1, 1));

    let (real, waited) = bench.request();
    assert_eq!((real.is_warm_up, waited), (false, NtpDuration::from_secs(2)));
    assert_ne!(real.token, warm_up.token);
    assert!(bench.deliver(&warm_up, &bench.reply_to(&warm_up)).is_err(), "too late as well");
    bench.deliver(&real, &bench.reply_to(&real)).unwrap();
    assert_eq!((bench.association.requests(), bench.association.reach().bits()), (2, 3));
    assert!(bench.request().0.is_warm_up, "before each of them");
}

#[test]
fn a_burst_needs_no_warm_up() {
    let mut bench = Bench::new(Params { presend: Some(PollExp::new(6)), ..iburst() });
    for _ in 0..4 {
        assert!(!bench.request().0.is_warm_up);
    }
    bench.association.go_offline();
    bench.association.restart(bench.now);
    bench.association.burst(bench.now, 1, 1);
    assert!(!bench.request().0.is_warm_up);
}
