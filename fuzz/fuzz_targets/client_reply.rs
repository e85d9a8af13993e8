//! Replies to a client that has asked: true ones with bytes changed, cut, repeated or late.
//!
//! Oracle: what is believed carries the origin timestamp of the outstanding request, comes on its socket, is
//! a server's, and comes once; each reply is either believed or counted. Only a refusal that carries that
//! origin ends the asking.

#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use ntp_proto::client::{Association, Params, Request, Standing};
use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, respond};
use ntp_proto::time::{FreeTime, Monotonic, NtpDuration, NtpShort};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

#[derive(Debug)]
enum Op {
    /// The next request leaves.
    Ask,
    /// A reply to the request so many ago, so many bytes of it changed, and cut or lengthened.
    Reply { ago: usize, kiss: bool, changes: Vec<(usize, u8)>, len: usize },
}

impl Arbitrary<'_> for Op {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        if u.ratio(1, 3)? {
            return Ok(Self::Ask);
        }
        let change = |u: &mut Unstructured<'_>| Ok((u.int_in_range(0..=99)?, u.arbitrary()?));
        Ok(Self::Reply {
            ago: u.int_in_range(0..=2)?,
            kiss: u.ratio(1, 8)?,
            changes: (0..u.int_in_range(0..=3)?).map(|_| change(u)).collect::<Result<_>>()?,
            len: if u.ratio(1, 4)? { u.int_in_range(0..=100)? } else { 48 },
        })
    }
}

fuzz_target!(|case: (bool, bool, Vec<Op>)| {
    let (iburst, burst, ops) = case;
    let mut association =
        Association::new(Params { iburst, burst, ..Params::default() }, Monotonic::default());
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut now, start) = (Monotonic::default(), FreeTime::from_unix(1_700_000_000, 0));
    let mut requests: Vec<Request> = Vec::new();
    let mut answered = false;
    for op in ops {
        let free = start + (now - Monotonic::default());
        match op {
            Op::Ask => {
                let Some(due) = association.next_request() else { break };
                assert!(due >= now || requests.is_empty());
                now = now.max(due);
                requests.extend(association.poll_request(now, free, &mut rng));
                answered = false;
            }
            Op::Reply { ago, kiss, changes, len } => {
                let Some(request) = requests.iter().rev().nth(ago).copied() else { continue };
                let bytes = forge(&request, free, kiss, &changes, len);
                let discarded = association.discards().total();
                let result = association.handle_reply(now, request.token, free, &bytes);
                let counted = association.discards().total() - discarded;
                assert_eq!(counted, u64::from(result.is_err()));
                let echoes = bytes.get(24..32) == Some(&request.bytes[40..48]);
                if result.is_ok() {
                    assert!(ago == 0 && !answered && echoes && bytes[0] & 7 == 4);
                    answered = true;
                }
                if matches!(association.standing(), Standing::Refused(_)) {
                    assert!(ago == 0 && echoes, "a forged refusal was obeyed");
                    break;
                }
            }
        }
    }
});

fn forge(request: &Request, now: FreeTime, kiss: bool, changes: &[(usize, u8)], len: usize) -> Vec<u8> {
    let now = (now + NtpDuration::from_millis(1)).to_wire();
    let vars = SystemVars {
        leap: if kiss { Leap::Unsynchronised } else { Leap::None },
        stratum: Stratum::new(if kiss { 0 } else { 2 }),
        precision: Precision::new(-20),
        root_delay: NtpShort::default(),
        root_dispersion: NtpShort::default(),
        ref_id: RefId::from_ascii(if kiss { *b"DENY" } else { *b"GPS\0" }),
        reference: now,
    };
    let mut bytes = request.bytes.to_vec();
    let mut bytes = respond(&mut bytes, now, &vars).expect("a request is a request").depart(now).to_vec();
    bytes.resize(len, 0);
    for (at, value) in changes {
        if let Some(byte) = bytes.get_mut(*at) {
            *byte = *value;
        }
    }
    bytes
}
