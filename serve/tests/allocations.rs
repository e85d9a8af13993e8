//! A hundred thousand requests of ten thousand clients cost no memory beyond the table, once that is there;
//! some of them use NTS.

#[path = "../../proto/tests/counting/mod.rs"]
mod counting;

use std::net::Ipv4Addr;

use ntp_engine::{SNAPSHOT_WORDS, TimeSnapshot};
use ntp_proto::nts::{Aead, CookieKey, CookieKeys, NtsSession, SessionKeys};
use ntp_proto::server::{AccessList, AccessRule, Permission, Prefix};
use ntp_proto::time::{Monotonic, NtpDuration, RawTime};
use ntp_serve::{Arrival, Count, Handover, Limit, Limits, Policy, Responder, TimePublisher};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

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
    let policy = Handover::new(Policy {
        access,
        limit: Some(Limit::new(&limits)),
        ipv6_prefix: 64,
        ..Policy::default()
    });
    let start = Monotonic::from_nanos(0);
    let responder = Responder::new(TimePublisher::new(&snapshot).reader(), &policy, 1 << 20, SEED, start);
    responder.with_nts(&Handover::new(Some(cookie_keys(1))))
}

fn cookie_keys(id: u32) -> CookieKeys {
    let key = CookieKey::new(id, Aead::AesSivCmac256, &[1; 32]).expect("as long as it has to be");
    CookieKeys::new(key, [])
}

/// A request for several cookies, one of a key that the server does not have, and one that was changed.
fn nts_requests() -> [Vec<u8>; 3] {
    let (mut header, mut rng) = ([0; 48], ChaCha8Rng::seed_from_u64(1));
    header[0] = 0x23;
    let mut request = |key: u32| {
        let keys =
            SessionKeys::new(Aead::Aes128GcmSiv, &[1; 16], &[2; 16]).expect("as long as they have to be");
        let cookie = cookie_keys(key).seal(&keys, &mut rng).as_ref().to_vec();
        let mut request = Vec::new();
        let asked = NtsSession::new(keys, [cookie]).request(&header, 7, &mut rng, &mut request);
        asked.map(|_| request).expect("there is a cookie")
    };
    let (good, unknown) = (request(1), request(2));
    let mut forged = good.clone();
    forged[40] ^= 1;
    [good, unknown, forged]
}

fn ask(responder: &mut Responder, nts: &[Vec<u8>; 3], number: u32) -> bool {
    let mut buffer = [0; 1_000];
    buffer[0] = 0x23;
    let mut len = 48;
    match number % 10 {
        // Some are no requests.
        0 => buffer[0] ^= 7,
        kind @ 1..=3 => {
            let request = &nts[kind as usize - 1];
            len = request.len();
            buffer[..len].copy_from_slice(request);
        }
        _ => {}
    }
    responder.begin(Monotonic::from_nanos(u64::from(number) * 10_000), now);
    let remote = Ipv4Addr::from_bits(0x0a00_0000 + number % 10_000).into();
    let arrival = Arrival { remote, interface: 1 + number % 8, stamp: Some(now()) };
    let answered = responder.answer(&mut buffer[..len], &arrival, now).is_some();
    if answered {
        responder.sent(&arrival, true);
    }
    answered
}

#[test]
fn serving_asks_for_no_memory() {
    let (mut responder, nts) = (responder(), nts_requests());
    (0..20_000).for_each(|number| _ = ask(&mut responder, &nts, number));
    let before = counting::allocations();
    let answered = (20_000..120_000).filter(|number| ask(&mut responder, &nts, *number)).count();
    assert_eq!(counting::allocations() - before, 0);
    let counters = &responder.activity().counters;
    assert!(answered > 50_000, "{answered}");
    for what in
        [Count::Limited, Count::Kisses, Count::Mode, Count::NtsRequests, Count::NtsNaks, Count::NtsForged]
    {
        assert!(counters.get(what) > 100, "{what:?}: {}", counters.get(what));
    }
}
