//! A hundred thousand requests of ten thousand clients cost no memory beyond the table, once that is there.

#[path = "../../proto/tests/counting/mod.rs"]
mod counting;

use std::net::Ipv4Addr;

use ntp_engine::{SNAPSHOT_WORDS, TimeSnapshot};
use ntp_proto::server::{AccessList, AccessRule, Permission, Prefix};
use ntp_proto::time::{Monotonic, NtpDuration, RawTime};
use ntp_serve::{Arrival, Count, Handover, Limit, Limits, Policy, Responder, TimePublisher};

/// As good as random: the table's places depend on all bits of it.
const SEED: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9];

fn now() -> RawTime {
    RawTime::from_unix(1_800_000_000, 0)
}

fn responder() -> Responder {
    let snapshot = TimeSnapshot {
        anchor: now(),
        valid_until: now() + NtpDuration::from_secs(3_600),
        ..TimeSnapshot::from_words(&[0; SNAPSHOT_WORDS])
    };
    let network = Prefix::new(Ipv4Addr::new(10, 0, 0, 0).into(), 8).expect("no bits beyond it");
    let access = AccessList::new(&[AccessRule { network, permission: Permission::Allow }]);
    let limits = Limits { interval_s: 0.5, burst: 8, leak: 2, kod: 2 };
    let policy = Handover::new(Policy { access, limit: Some(Limit::new(&limits)), ipv6_prefix: 64 });
    let start = Monotonic::from_nanos(0);
    Responder::new(TimePublisher::new(&snapshot).reader(), &policy, 1 << 20, SEED, start)
}

fn ask(responder: &mut Responder, number: u32) -> bool {
    let mut datagram = [0; 48];
    datagram[0] = 0x23;
    // Some are no requests.
    datagram[0] ^= u8::from(number.is_multiple_of(10)) * 7;
    responder.begin(Monotonic::from_nanos(u64::from(number) * 10_000), now);
    let remote = Ipv4Addr::from_bits(0x0a00_0000 + number % 10_000).into();
    let arrival = Arrival { remote, interface: 1 + number % 8, stamp: Some(now()) };
    let answered = responder.answer(&mut datagram, &arrival, now).is_some();
    if answered {
        responder.sent(&arrival, true);
    }
    answered
}

#[test]
fn serving_asks_for_no_memory() {
    let mut responder = responder();
    (0..20_000).for_each(|number| _ = ask(&mut responder, number));
    let before = counting::allocations();
    let answered = (20_000..120_000).filter(|number| ask(&mut responder, *number)).count();
    assert_eq!(counting::allocations() - before, 0);
    let counters = &responder.activity().counters;
    assert!(answered > 50_000, "{answered}");
    for what in [Count::Limited, Count::Kisses, Count::Mode] {
        assert!(counters.get(what) > 100, "{what:?}: {}", counters.get(what));
    }
}
