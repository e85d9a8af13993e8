//! What the client asks for.

use super::{NTPV4, once, port, server_name};
use crate::record::{Malformed, RecordType, Records, Writer};

/// A request (RFC 8915 §4). Numbers of protocols and algorithms that we do not know survive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The protocols that keys are wanted for.
    pub protocols: Vec<u16>,
    /// The algorithms that the client speaks, its favourite first.
    pub aeads: Vec<u16>,
    /// The time server that it would like, by name or address.
    pub server: Option<String>,
    /// The UDP port that it would like.
    pub port: Option<u16>,
    /// It exports keys for AES-128-GCM-SIV as RFC 8915 §5.1 has it, if the server says the same
    /// ([`RecordType::COMPLIANT_GCM_SIV`]).
    pub compliant_gcm_siv: bool,
}

impl Request {
    /// A request for NTPv4 with these algorithms, and nothing else.
    #[must_use]
    pub fn ntpv4(aeads: &[u16]) -> Self {
        let (protocols, aeads) = (vec![NTPV4], aeads.to_vec());
        Self { protocols, aeads, server: None, port: None, compliant_gcm_siv: true }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Malformed`]: what the server has to refuse.
    pub fn parse(message: &[u8]) -> Result<Self, Malformed> {
        let (mut protocols, mut aeads, mut server, mut wanted_port) = (None, None, None, None);
        let mut compliant_gcm_siv = false;
        for record in Records::parse(message)? {
            let kind = record.kind;
            match kind {
                RecordType::NEXT_PROTOCOL => once(&mut protocols, record.numbers()?.collect(), kind)?,
                RecordType::AEAD => once(&mut aeads, record.numbers()?.collect(), kind)?,
                RecordType::SERVER => once(&mut server, server_name(&record)?, kind)?,
                RecordType::PORT => once(&mut wanted_port, port(&record)?, kind)?,
                // The number is not registered: with a body it is somebody else's record.
                RecordType::COMPLIANT_GCM_SIV if record.body.is_empty() => compliant_gcm_siv = true,
                RecordType::ERROR | RecordType::WARNING | RecordType::COOKIE => {
                    return Err(Malformed::Misplaced(kind));
                }
                _ if record.critical => return Err(Malformed::UnknownCritical(kind)),
                _ => {}
            }
        }
        let protocols: Vec<u16> = protocols.ok_or(Malformed::Missing(RecordType::NEXT_PROTOCOL))?;
        // §4.1.5: whoever wants NTPv4 has to say by which algorithms.
        if protocols.contains(&NTPV4) && aeads.is_none() {
            return Err(Malformed::Missing(RecordType::AEAD));
        }
        let aeads = aeads.unwrap_or_default();
        Ok(Self { protocols, aeads, server, port: wanted_port, compliant_gcm_siv })
    }

    /// The message. What would not fit is left out.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.numbers(true, RecordType::NEXT_PROTOCOL, self.protocols.iter().copied());
        writer.numbers(true, RecordType::AEAD, self.aeads.iter().copied());
        if let Some(server) = &self.server {
            writer.record(false, RecordType::SERVER, server.as_bytes());
        }
        if let Some(port) = self.port {
            writer.numbers(false, RecordType::PORT, [port].into_iter());
        }
        if self.compliant_gcm_siv {
            writer.record(false, RecordType::COMPLIANT_GCM_SIV, &[]);
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_request()(
            protocols in prop::collection::vec(any::<u16>(), 0..5),
            aeads in prop::collection::vec(any::<u16>(), 0..40),
            server in prop::option::of("[a-z0-9.:-]{1,255}"),
            port in prop::option::of(1..u16::MAX),
            compliant_gcm_siv: bool,
        ) -> Request {
            Request { protocols, aeads, server, port, compliant_gcm_siv }
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(request in any_request()) {
            prop_assert_eq!(Request::parse(&request.write()), Ok(request));
        }
    }

    /// A good request with these records before it.
    fn with(records: &[(bool, u16, &[u8])]) -> Result<Request, Malformed> {
        let mut writer = Writer::default();
        for (critical, kind, body) in records {
            assert!(writer.record(*critical, RecordType(*kind), body));
        }
        let mut bytes = writer.finish();
        bytes.truncate(bytes.len() - 4);
        bytes.extend(Request::ntpv4(&[15]).write());
        Request::parse(&bytes)
    }

    #[test]
    fn each_fault_has_its_reason() {
        let unknown = RecordType(99);
        assert_eq!(with(&[(true, 99, b"x")]), Err(Malformed::UnknownCritical(unknown)));
        assert_eq!(with(&[(true, 1, &[0, 0])]), Err(Malformed::Duplicate(RecordType::NEXT_PROTOCOL)));
        assert_eq!(with(&[(true, 4, &[0, 15])]), Err(Malformed::Duplicate(RecordType::AEAD)));
        assert_eq!(with(&[(true, 4, &[0])]), Err(Malformed::BadLength(RecordType::AEAD)));
        assert_eq!(with(&[(true, 1, &[0])]), Err(Malformed::BadLength(RecordType::NEXT_PROTOCOL)));
        assert_eq!(with(&[(false, 7, &[0, 0])]), Err(Malformed::BadValue(RecordType::PORT)));
        assert_eq!(with(&[(false, 7, &[0])]), Err(Malformed::BadLength(RecordType::PORT)));
        assert_eq!(with(&[(false, 6, b"a b")]), Err(Malformed::BadValue(RecordType::SERVER)));
        assert_eq!(with(&[(false, 6, &[b'a'; 256])]), Err(Malformed::BadLength(RecordType::SERVER)));
        for kind in [RecordType::ERROR, RecordType::WARNING, RecordType::COOKIE] {
            assert_eq!(with(&[(false, kind.0, &[0, 0])]), Err(Malformed::Misplaced(kind)));
        }
        let missing = |kind: u16| {
            let mut writer = Writer::default();
            writer.numbers(true, RecordType(kind), [0].into_iter());
            Request::parse(&writer.finish())
        };
        assert_eq!(missing(4), Err(Malformed::Missing(RecordType::NEXT_PROTOCOL)));
        assert_eq!(missing(1), Err(Malformed::Missing(RecordType::AEAD)));
    }

    #[test]
    fn what_is_unknown_and_not_critical_is_passed_over() {
        let plain = Request { compliant_gcm_siv: true, ..Request::ntpv4(&[15]) };
        assert_eq!(with(&[(false, 99, b"whatever"), (false, 1024, b"somebody else's")]), Ok(plain));
    }
}
