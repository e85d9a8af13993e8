//! Any datagram to a server in any state.
//!
//! Oracle: only packets that are a client's are answered, from the first byte alone; a reply is not longer
//! than its request, is a server's, and echoes the request's transmit timestamp; what is not answered is not
//! changed.

#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, respond};
use ntp_proto::time::{NtpShort, NtpTimestamp};

#[derive(Debug)]
struct Case {
    vars: SystemVars,
    receive: NtpTimestamp,
    transmit: NtpTimestamp,
    datagram: Vec<u8>,
}

impl Arbitrary<'_> for Case {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        let leap = *u.choose(&[Leap::None, Leap::Insert, Leap::Delete, Leap::Unsynchronised])?;
        let vars = SystemVars {
            leap,
            stratum: Stratum::new(u.arbitrary()?),
            precision: Precision::new(u.arbitrary()?),
            root_delay: NtpShort::from_bits(u.arbitrary()?),
            root_dispersion: NtpShort::from_bits(u.arbitrary()?),
            ref_id: RefId::from_bits(u.arbitrary()?),
            reference: NtpTimestamp::from_bits(u.arbitrary()?),
        };
        let [receive, transmit] = [u.arbitrary()?, u.arbitrary()?].map(NtpTimestamp::from_bits);
        Ok(Self { vars, receive, transmit, datagram: u.bytes(u.len())?.to_vec() })
    }
}

fuzz_target!(|case: Case| {
    let mut buffer = case.datagram.clone();
    match respond(&mut buffer, case.receive, &case.vars) {
        Ok(reply) => {
            let (asked, reply) = (&case.datagram, reply.depart(case.transmit));
            assert!(reply.len() <= asked.len());
            assert!(matches!((asked[0] >> 3 & 7, asked[0] & 7), (1..=4, 3) | (1, 0)), "asks for nothing");
            assert_eq!(reply[0] & 0b0011_1111, asked[0] & 0b0011_1000 | 4);
            assert_eq!(reply[24..32], asked[40..48]);
            assert_eq!(reply[40..48], case.transmit.to_bits().to_be_bytes());
            assert!(reply[1] < 16, "stratum 16 is 0 on the wire");
        }
        Err(_) => assert_eq!(buffer, case.datagram),
    }
});
