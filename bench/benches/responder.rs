//! What the responder alone costs: no sockets, a clock that stands still.

#![allow(missing_docs, reason = "the functions that criterion makes have none")]
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, criterion_group, criterion_main};
use ntp_engine::{SNAPSHOT_WORDS, TimeSnapshot};
use ntp_proto::server::{AccessList, AccessRule, Permission, Prefix};
use ntp_proto::time::{Monotonic, NtpDuration, RawTime};
use ntp_serve::{Arrival, Handover, Limit, Limits, Policy, Responder, TimePublisher};

/// As good as random: the table's places depend on all bits of it.
const SEED: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9];

fn now() -> RawTime {
    RawTime::from_unix(1_800_000_000, 0)
}

fn access(networks: u32) -> AccessList {
    let rule = |i: u32| {
        let address = Ipv4Addr::from_bits((0x0b00_0000 + i * 0x100) & 0xffff_ff00);
        let network = Prefix::new(address.into(), 24).expect("no bits beyond it");
        AccessRule { network, permission: Permission::Allow }
    };
    let ten = Prefix::new(Ipv4Addr::new(10, 0, 0, 0).into(), 8).expect("no bits beyond it");
    let ten = AccessRule { network: ten, permission: Permission::Allow };
    AccessList::new(&(0..networks).map(rule).chain([ten]).collect::<Vec<_>>())
}

/// A responder with everything, or with as little as there can be.
fn responder(networks: u32, everything: bool) -> Responder {
    let snapshot = TimeSnapshot {
        anchor: now(),
        valid_until: now() + NtpDuration::from_secs(3_600),
        ..TimeSnapshot::from_words(&[0; SNAPSHOT_WORDS])
    };
    let limits = Limits { interval_s: 1e-3, burst: 255, leak: 2, kod: 0 };
    let limit = everything.then(|| Limit::new(&limits));
    let policy =
        Handover::new(Policy { access: access(networks), limit, ipv6_prefix: 64, ..Policy::default() });
    let memory = if everything { 4 << 20 } else { 0 };
    let start = Monotonic::from_nanos(0);
    Responder::new(TimePublisher::new(&snapshot).reader(), &policy, memory, SEED, start)
}

fn serve(c: &mut Criterion, name: &str, mut responder: Responder) {
    let mut request = [0; 48];
    request[0] = 0xe3;
    let (mut client, mut nanos) = (0u32, 0);
    c.bench_function(name, |b| {
        b.iter(|| {
            client = (client + 7_919) % 10_000;
            nanos += 5_000;
            responder.begin(Monotonic::from_nanos(nanos), now);
            let remote = IpAddr::V4(Ipv4Addr::from_bits(0x0a64_0000 + client));
            let arrival = Arrival { remote, interface: 2, stamp: Some(now()) };
            let mut datagram = request;
            let answered = responder.answer(black_box(&mut datagram), &arrival, now);
            responder.sent(&arrival, true);
            answered
        });
    });
}

fn responders(c: &mut Criterion) {
    serve(c, "plain", responder(0, false));
    serve(c, "limited, recorded, 1 000 networks", responder(1_000, true));
    serve(c, "limited, recorded, 100 000 networks", responder(100_000, true));
}

fn look_ups(c: &mut Criterion) {
    let list = access(100_000);
    let mut address = 0u32;
    c.bench_function("look-up among 100 000 networks", |b| {
        b.iter(|| {
            address = address.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            list.permission(black_box(IpAddr::V4(Ipv4Addr::from_bits(address))))
        });
    });
}

criterion_group!(benches, responders, look_ups);
criterion_main!(benches);
