//! What the server answers.

use core::fmt;

use super::{COOKIE_MAX, COOKIES, once, port, server_name};
use crate::record::{Malformed, RecordType, Records, Writer};

/// What an Error record says (RFC 8915 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// A critical record was not understood.
    pub const UNRECOGNISED_CRITICAL: Self = Self(0);
    /// The request makes no sense.
    pub const BAD_REQUEST: Self = Self(1);
    /// The server's own fault.
    pub const INTERNAL: Self = Self(2);

    /// What a client is told whose request could not be read.
    #[must_use]
    pub const fn of(malformed: Malformed) -> Self {
        match malformed {
            Malformed::UnknownCritical(_) => Self::UNRECOGNISED_CRITICAL,
            _ => Self::BAD_REQUEST,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UNRECOGNISED_CRITICAL => f.write_str("unrecognised critical record"),
            Self::BAD_REQUEST => f.write_str("bad request"),
            Self::INTERNAL => f.write_str("internal server error"),
            Self(other) => write!(f, "error {other}"),
        }
    }
}

/// A response (RFC 8915 §4). Cookies are secret to nobody who saw the packets that carry them, but there is no
/// use in showing them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The first error.
    pub error: Option<ErrorCode>,
    /// The first warning.
    pub warning: Option<u16>,
    /// The protocols that keys are made for; empty if none that was asked for.
    pub protocols: Option<Vec<u16>>,
    /// The algorithm, or none if it shares none with the client.
    pub aead: Option<Option<u16>>,
    /// The first [`COOKIES`] that are of a useful length.
    pub cookies: Vec<Vec<u8>>,
    /// The time server, by name or address; the machine that answers, if it does not say.
    pub server: Option<String>,
    /// Its UDP port; 123, if it does not say.
    pub port: Option<u16>,
    /// Keys for AES-128-GCM-SIV are exported as RFC 8915 §5.1 has it.
    pub compliant_gcm_siv: bool,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cookies: Vec<usize> = self.cookies.iter().map(Vec::len).collect();
        f.debug_struct("Response")
            .field("error", &self.error)
            .field("warning", &self.warning)
            .field("protocols", &self.protocols)
            .field("aead", &self.aead)
            .field("cookie_lengths", &cookies)
            .field("server", &self.server)
            .field("port", &self.port)
            .field("compliant_gcm_siv", &self.compliant_gcm_siv)
            .finish()
    }
}

impl Response {
    /// Nothing but an error.
    #[must_use]
    pub fn error(code: ErrorCode) -> Self {
        Self { error: Some(code), ..Self::default() }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Malformed`]: what no client has to understand.
    pub fn parse(message: &[u8]) -> Result<Self, Malformed> {
        let mut response = Self::default();
        for record in Records::parse(message)? {
            let kind = record.kind;
            match kind {
                // These stand as often as the server has something to say; the first decides.
                RecordType::ERROR => {
                    response.error.get_or_insert(ErrorCode(record.number()?));
                }
                RecordType::WARNING => {
                    response.warning.get_or_insert(record.number()?);
                }
                RecordType::NEXT_PROTOCOL => {
                    once(&mut response.protocols, record.numbers()?.collect(), kind)?;
                }
                RecordType::AEAD => {
                    let aead = if record.body.is_empty() { None } else { Some(record.number()?) };
                    once(&mut response.aead, aead, kind)?;
                }
                RecordType::COOKIE => response.keep_cookie(record.body),
                RecordType::SERVER => once(&mut response.server, server_name(&record)?, kind)?,
                RecordType::PORT => once(&mut response.port, port(&record)?, kind)?,
                // The number is not registered: with a body it is somebody else's record.
                RecordType::COMPLIANT_GCM_SIV if record.body.is_empty() => response.compliant_gcm_siv = true,
                _ if record.critical => return Err(Malformed::UnknownCritical(kind)),
                _ => {}
            }
        }
        Ok(response)
    }

    fn keep_cookie(&mut self, cookie: &[u8]) {
        if self.cookies.len() < COOKIES && (1..=COOKIE_MAX).contains(&cookie.len()) {
            self.cookies.push(cookie.to_vec());
        }
    }

    /// The message. What would not fit is left out.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let number = |writer: &mut Writer, critical, kind, value: Option<u16>| {
            value.map(|value| writer.numbers(critical, kind, [value].into_iter()))
        };
        number(&mut writer, true, RecordType::ERROR, self.error.map(|code| code.0));
        number(&mut writer, true, RecordType::WARNING, self.warning);
        if let Some(protocols) = &self.protocols {
            writer.numbers(true, RecordType::NEXT_PROTOCOL, protocols.iter().copied());
        }
        if let Some(aead) = self.aead {
            writer.numbers(true, RecordType::AEAD, aead.into_iter());
        }
        if self.compliant_gcm_siv {
            writer.record(false, RecordType::COMPLIANT_GCM_SIV, &[]);
        }
        if let Some(server) = &self.server {
            writer.record(true, RecordType::SERVER, server.as_bytes());
        }
        number(&mut writer, true, RecordType::PORT, self.port);
        for cookie in &self.cookies {
            writer.record(false, RecordType::COOKIE, cookie);
        }
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_response()(
            codes in prop::option::of(any::<u16>()),
            warning in prop::option::of(any::<u16>()),
            protocols in prop::option::of(prop::collection::vec(any::<u16>(), 0..5)),
            aead in prop::option::of(prop::option::of(any::<u16>())),
            cookies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..COOKIE_MAX), 0..=COOKIES),
            server in prop::option::of("[a-z0-9.:-]{1,255}"),
            port in prop::option::of(1..u16::MAX),
            compliant_gcm_siv: bool,
        ) -> Response {
            let error = codes.map(ErrorCode);
            Response { error, warning, protocols, aead, cookies, server, port, compliant_gcm_siv }
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(response in any_response()) {
            prop_assert_eq!(Response::parse(&response.write()), Ok(response));
        }
    }

    fn of(records: &[(bool, RecordType, &[u8])]) -> Result<Response, Malformed> {
        let mut writer = Writer::default();
        for (critical, kind, body) in records {
            assert!(writer.record(*critical, *kind, body));
        }
        Response::parse(&writer.finish())
    }

    #[test]
    fn cookies_are_bounded_in_number_and_length() {
        let kind = RecordType::COOKIE;
        let mut records: Vec<(bool, RecordType, &[u8])> =
            vec![(false, kind, &[]), (false, kind, &[1; 1_025])];
        records.extend([(false, kind, &[2; 100][..]); 20]);
        let response = of(&records).unwrap();
        assert_eq!(response.cookies, vec![vec![2; 100]; COOKIES]);
    }

    #[test]
    fn each_fault_has_its_reason() {
        use RecordType as R;
        assert_eq!(of(&[(true, R(77), &[])]), Err(Malformed::UnknownCritical(R(77))));
        assert_eq!(of(&[(true, R::ERROR, &[1])]), Err(Malformed::BadLength(R::ERROR)));
        assert_eq!(of(&[(true, R::AEAD, &[0, 15, 0, 30])]), Err(Malformed::BadLength(R::AEAD)));
        let twice = (true, R::NEXT_PROTOCOL, &[0, 0][..]);
        assert_eq!(of(&[twice, twice]), Err(Malformed::Duplicate(R::NEXT_PROTOCOL)));
        assert_eq!(of(&[(true, R::SERVER, b"")]), Err(Malformed::BadLength(R::SERVER)));
        assert_eq!(of(&[(true, R::SERVER, b"a\0b")]), Err(Malformed::BadValue(R::SERVER)));
    }

    #[test]
    fn the_reason_of_a_refusal_is_told() {
        assert_eq!(ErrorCode::of(Malformed::UnknownCritical(RecordType(9))).0, 0);
        assert_eq!(ErrorCode::of(Malformed::TooLong).0, 1);
        let bytes = Response::error(ErrorCode::BAD_REQUEST).write();
        assert_eq!(bytes, [0x80, 2, 0, 2, 0, 1, 0x80, 0, 0, 0]);
    }
}
