//! What a request that uses NTS costs, part by part, and the responder with it: no sockets, a clock that stands
//! still.

#![allow(missing_docs, reason = "the functions that criterion makes have none")]
use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, criterion_group, criterion_main};
use ntp_engine::{SNAPSHOT_WORDS, TimeSnapshot};
use ntp_proto::nts::{Aead, Cipher, CookieKey, CookieKeys, NtsSession, Opening, SessionKeys};
use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
use ntp_proto::server::{AccessList, AccessRule, Permission, Prefix, SystemVars, Template};
use ntp_proto::time::{Monotonic, NtpDuration, NtpShort, NtpTimestamp, RawTime};
use ntp_serve::{Arrival, Handover, Policy, Responder, TimePublisher};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

const SEED: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9];
/// Longer than any request here.
const BUFFER: usize = 1_232;

fn now() -> RawTime {
    RawTime::from_unix(1_800_000_000, 0)
}

fn keys() -> CookieKeys {
    let key = |id| CookieKey::new(id, Aead::AesSivCmac256, &[id as u8; 32]).expect("as long as it has to be");
    CookieKeys::new(key(1), [key(2), key(3), key(4)])
}

fn session(aead: Aead) -> SessionKeys {
    let [c2s, s2c] = [[1; 32], [2; 32]];
    SessionKeys::new(aead, &c2s[..aead.key_len()], &s2c[..aead.key_len()])
        .expect("as long as they have to be")
}

/// A request that asks for `cookies`.
fn request(aead: Aead, cookies: usize) -> Vec<u8> {
    let (mut header, mut rng, mut out) = ([0; 48], ChaCha8Rng::seed_from_u64(1), Vec::new());
    header[0] = 0xe3;
    let cookie = keys().seal(&session(aead), &mut rng).as_ref().to_vec();
    let mut session = NtsSession::new(session(aead), [cookie]);
    session.request(&header, cookies - 1, &mut rng, &mut out).expect("there is a cookie");
    out
}

fn template() -> Template {
    Template::new(&SystemVars {
        leap: Leap::None,
        stratum: Stratum::new(3),
        precision: Precision::new(-25),
        root_delay: NtpShort::default(),
        root_dispersion: NtpShort::default(),
        ref_id: RefId::LOCAL,
        reference: NtpTimestamp::ZERO,
    })
}

fn parts(c: &mut Criterion) {
    let (keys, mut rng) = (keys(), ChaCha8Rng::seed_from_u64(2));
    for aead in Aead::ALL {
        let (session, request) = (session(aead), request(aead, 1));
        let cookie = keys.seal(&session, &mut rng);
        c.bench_function(&format!("{aead}: open a cookie"), |b| {
            b.iter(|| keys.open(black_box(cookie.as_ref())));
        });
        c.bench_function(&format!("{aead}: seal a cookie"), |b| {
            b.iter(|| keys.seal(black_box(&session), &mut rng));
        });
        let key = session.c2s();
        c.bench_function(&format!("{aead}: make a cipher"), |b| b.iter(|| Cipher::new(aead, black_box(key))));
        let (with, mut text) = (&request[..188], [0; 16]);
        c.bench_function(&format!("{aead}: cipher over a request"), |b| {
            b.iter(|| {
                let cipher = Cipher::new(aead, black_box(key)).expect("as long as it has to be");
                cipher.seal_in_place(&[3; 16][..aead.nonce_len()], with, &mut text)
            });
        });
        let (with, mut text) = (&request[..84], [0; 120]);
        c.bench_function(&format!("{aead}: cipher over a reply"), |b| {
            b.iter(|| {
                let cipher = Cipher::new(aead, black_box(key)).expect("as long as it has to be");
                cipher.seal_in_place(&[3; 16][..aead.nonce_len()], with, &mut text)
            });
        });
    }
    let mut nonce = [0; 16];
    c.bench_function("make a nonce", |b| b.iter(|| rng.fill_bytes(black_box(&mut nonce))));
}

fn whole(c: &mut Criterion) {
    let (keys, mut rng, template) = (keys(), ChaCha8Rng::seed_from_u64(2), template());
    for aead in Aead::ALL {
        for cookies in [1, 8] {
            let request = request(aead, cookies);
            c.bench_function(&format!("{aead}: request opened, {cookies} cookies"), |b| {
                b.iter(|| {
                    let mut buffer = [0; BUFFER];
                    buffer[..request.len()].copy_from_slice(&request);
                    matches!(Opening::new(black_box(&mut buffer[..request.len()]), &keys), Opening::Opened(_))
                });
            });
            c.bench_function(&format!("{aead}: request to reply, {cookies} cookies"), |b| {
                b.iter(|| {
                    let mut buffer = [0; BUFFER];
                    buffer[..request.len()].copy_from_slice(&request);
                    let opening = Opening::new(black_box(&mut buffer[..request.len()]), &keys);
                    let Opening::Opened(opened) = opening else { panic!("not opened") };
                    let reply = opened.reply(NtpTimestamp::ZERO, &template, &keys, &mut rng);
                    reply.depart(NtpTimestamp::ZERO).map(<[u8]>::len)
                });
            });
        }
    }
}

fn responder(c: &mut Criterion) {
    let snapshot = TimeSnapshot {
        anchor: now(),
        valid_until: now() + NtpDuration::from_secs(3_600),
        ..TimeSnapshot::from_words(&[0; SNAPSHOT_WORDS])
    };
    let network = Prefix::new(Ipv4Addr::new(10, 0, 0, 0).into(), 8).expect("no bits beyond it");
    let access = AccessList::new(&[AccessRule { network, permission: Permission::Allow }]);
    let policy = Handover::new(Policy { access, ipv6_prefix: 64, ..Policy::default() });
    let start = Monotonic::from_nanos(0);
    let time = TimePublisher::new(&snapshot).reader();
    let handover = Handover::new(Some(keys()));
    let mut responder = Responder::new(time, &policy, 4 << 20, SEED, start).with_nts(&handover);
    responder.begin(start, now);
    let mut plain = vec![0; 48];
    plain[0] = 0xe3;
    let mut changed = request(Aead::AesSivCmac256, 1);
    changed[40] ^= 1;
    for (name, request) in [
        ("responder, plain", plain),
        ("responder, AES-SIV-CMAC-256", request(Aead::AesSivCmac256, 1)),
        ("responder, AES-128-GCM-SIV", request(Aead::Aes128GcmSiv, 1)),
        ("responder, AES-SIV-CMAC-256, forged", changed),
    ] {
        let mut client = 0;
        c.bench_function(name, |b| {
            b.iter(|| {
                client = (client + 7_919) % 10_000;
                let remote = Ipv4Addr::from_bits(0x0a64_0000 + client).into();
                let arrival = Arrival { remote, interface: 2, stamp: Some(now()) };
                let mut buffer = [0; BUFFER];
                buffer[..request.len()].copy_from_slice(&request);
                responder.answer(black_box(&mut buffer[..request.len()]), &arrival, now)
            });
        });
    }
}

criterion_group!(benches, parts, whole, responder);
criterion_main!(benches);
