//! Records of NTS key establishment (RFC 8915 §4): the frame that both sides speak in.
//!
//! ```text
//!  C | type (15 bits) | length of the body (16) | body
//! ```
//!
//! A message is a row of records up to End of Message. [`Inbox`] gathers one from a stream and says when it is
//! whole; [`Records`] walks through it; [`Writer`] makes one. What records mean is decided in `message.rs`.

use core::fmt;

/// The longest message that is read or written, in bytes. Eight cookies and all that is negotiated fit many times.
pub const MESSAGE_MAX: usize = 16_384;
/// Type and length.
const HEADER: usize = 4;
const CRITICAL: u16 = 0x8000;

/// What a record is. Unknown types survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(pub u16);

impl RecordType {
    /// §4.1.1: nothing follows.
    pub const END_OF_MESSAGE: Self = Self(0);
    /// §4.1.2: the protocols that the keys are for.
    pub const NEXT_PROTOCOL: Self = Self(1);
    /// §4.1.3: the server could not do it.
    pub const ERROR: Self = Self(2);
    /// §4.1.4: the server has doubts.
    pub const WARNING: Self = Self(3);
    /// §4.1.5: algorithms.
    pub const AEAD: Self = Self(4);
    /// §4.1.6: a cookie.
    pub const COOKIE: Self = Self(5);
    /// §4.1.7: the time server's name or address.
    pub const SERVER: Self = Self(6);
    /// §4.1.8: its UDP port.
    pub const PORT: Self = Self(7);
    /// chrony since 4.6.1: keys for AES-128-GCM-SIV are exported as RFC 8915 §5.1 has it. Not registered.
    pub const COMPLIANT_GCM_SIV: Self = Self(1024);
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::END_OF_MESSAGE => f.write_str("End of Message"),
            Self::NEXT_PROTOCOL => f.write_str("NTS Next Protocol Negotiation"),
            Self::ERROR => f.write_str("Error"),
            Self::WARNING => f.write_str("Warning"),
            Self::AEAD => f.write_str("AEAD Algorithm Negotiation"),
            Self::COOKIE => f.write_str("New Cookie"),
            Self::SERVER => f.write_str("NTPv4 Server Negotiation"),
            Self::PORT => f.write_str("NTPv4 Port Negotiation"),
            Self(other) => write!(f, "type {other}"),
        }
    }
}

/// Why bytes are no message. Small and without strings: strangers cause these at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// Longer than [`MESSAGE_MAX`].
    TooLong,
    /// The bytes end inside a record.
    Truncated,
    /// The bytes end without End of Message.
    NoEnd,
    /// Bytes follow End of Message.
    AfterEnd,
    /// A record that has to be understood and is not.
    UnknownCritical(RecordType),
    /// A record that may stand once stands twice.
    Duplicate(RecordType),
    /// A body whose length cannot be.
    BadLength(RecordType),
    /// A body that says what cannot be.
    BadValue(RecordType),
    /// A record that has to be there is not.
    Missing(RecordType),
    /// A record that only the other side may send.
    Misplaced(RecordType),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "message is longer than {MESSAGE_MAX} bytes"),
            Self::Truncated => f.write_str("message ends inside a record"),
            Self::NoEnd => f.write_str("message ends without End of Message"),
            Self::AfterEnd => f.write_str("bytes follow End of Message"),
            Self::UnknownCritical(kind) => write!(f, "critical record of unknown {kind}"),
            Self::Duplicate(kind) => write!(f, "second record {kind}"),
            Self::BadLength(kind) => write!(f, "record {kind} has an impossible length"),
            Self::BadValue(kind) => write!(f, "record {kind} has an impossible value"),
            Self::Missing(kind) => write!(f, "no record {kind}"),
            Self::Misplaced(kind) => write!(f, "record {kind} comes from the wrong side"),
        }
    }
}

impl std::error::Error for Malformed {}

/// One record, borrowed from its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Who does not know the type has to give up.
    pub critical: bool,
    /// What it is.
    pub kind: RecordType,
    /// What it says.
    pub body: &'a [u8],
}

impl<'a> Record<'a> {
    /// Splits the first record off; `None` if it is not there as a whole.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let length = u16::from_be_bytes([header[2], header[3]]);
        let (body, rest) = rest.split_at_checked(length.into())?;
        let record = Self { critical: kind & CRITICAL != 0, kind: RecordType(kind & !CRITICAL), body };
        Some((record, rest))
    }

    /// The body as one number of 16 bits.
    ///
    /// # Errors
    /// [`Malformed::BadLength`].
    pub fn number(&self) -> Result<u16, Malformed> {
        let body = self.body.try_into().map_err(|_| Malformed::BadLength(self.kind))?;
        Ok(u16::from_be_bytes(body))
    }

    /// The body as a row of such numbers.
    ///
    /// # Errors
    /// [`Malformed::BadLength`] for an odd length.
    pub fn numbers(&self) -> Result<impl Iterator<Item = u16> + use<'a>, Malformed> {
        let (pairs, []) = self.body.as_chunks::<2>() else { return Err(Malformed::BadLength(self.kind)) };
        Ok(pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
    }
}

/// The records of a message in their order, without End of Message.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Checks the frame of a whole message.
    ///
    /// # Errors
    /// [`Malformed`]: its length, its end, or what follows that.
    pub fn parse(message: &'a [u8]) -> Result<Self, Malformed> {
        if message.len() > MESSAGE_MAX {
            return Err(Malformed::TooLong);
        }
        let mut rest = message;
        loop {
            if rest.is_empty() {
                return Err(Malformed::NoEnd);
            }
            let (record, after) = Record::split(rest).ok_or(Malformed::Truncated)?;
            if record.kind == RecordType::END_OF_MESSAGE {
                return match (record.body, after) {
                    ([], []) => Ok(Self { rest: message }),
                    ([], _) => Err(Malformed::AfterEnd),
                    _ => Err(Malformed::BadLength(record.kind)),
                };
            }
            rest = after;
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;
    fn next(&mut self) -> Option<Record<'a>> {
        let (record, rest) = Record::split(self.rest)?;
        if record.kind == RecordType::END_OF_MESSAGE {
            return None;
        }
        self.rest = rest;
        Some(record)
    }
}

/// Gathers one message from a stream, in whatever pieces it comes.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// Everything before is whole records; none is looked at twice.
    walked: usize,
}

impl Inbox {
    /// Takes what has arrived, and says whether the message is whole now.
    ///
    /// # Errors
    /// [`Malformed::TooLong`] as soon as it is certain, however little of it is there;
    /// [`Malformed::AfterEnd`] if more arrived than the message.
    pub fn take(&mut self, piece: &[u8]) -> Result<bool, Malformed> {
        if self.bytes.len() + piece.len() > MESSAGE_MAX {
            return Err(Malformed::TooLong);
        }
        self.bytes.extend_from_slice(piece);
        loop {
            let rest = self.bytes.get(self.walked..).unwrap_or_default();
            let Some((record, after)) = Record::split(rest) else { break };
            if record.kind == RecordType::END_OF_MESSAGE {
                return if after.is_empty() { Ok(true) } else { Err(Malformed::AfterEnd) };
            }
            self.walked = self.bytes.len() - after.len();
        }
        match self.bytes.get(self.walked..) {
            Some([_, _, high, low, ..]) => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if self.walked + HEADER + length > MESSAGE_MAX { Err(Malformed::TooLong) } else { Ok(false) }
            }
            _ => Ok(false),
        }
    }

    /// What has arrived.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.bytes
    }
}

/// Makes a message.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Adds a record. One that does not fit, by its own length or that of the message, is left out: `false`.
    pub fn record(&mut self, critical: bool, kind: RecordType, body: &[u8]) -> bool {
        let Ok(length) = u16::try_from(body.len()) else { return false };
        // Room for End of Message is kept.
        if self.bytes.len() + HEADER + body.len() + HEADER > MESSAGE_MAX {
            return false;
        }
        let kind = kind.0 | if critical { CRITICAL } else { 0 };
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(body);
        true
    }

    /// Adds a record of numbers.
    pub fn numbers(&mut self, critical: bool, kind: RecordType, numbers: impl Iterator<Item = u16>) -> bool {
        let body: Vec<u8> = numbers.flat_map(u16::to_be_bytes).collect();
        self.record(critical, kind, &body)
    }

    /// The message, with its end.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&(CRITICAL | RecordType::END_OF_MESSAGE.0).to_be_bytes());
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Plain = (bool, u16, Vec<u8>);

    fn any_records() -> impl Strategy<Value = Vec<Plain>> {
        let body = prop::collection::vec(any::<u8>(), 0..300);
        prop::collection::vec((any::<bool>(), 1..0x8000_u16, body), 0..20)
    }

    fn write(records: &[Plain]) -> Vec<u8> {
        let mut writer = Writer::default();
        for (critical, kind, body) in records {
            assert!(writer.record(*critical, RecordType(*kind), body));
        }
        writer.finish()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(records in any_records()) {
            let bytes = write(&records);
            let read: Vec<Plain> = Records::parse(&bytes)
                .unwrap()
                .map(|r| (r.critical, r.kind.0, r.body.to_vec()))
                .collect();
            prop_assert_eq!(read, records);
        }

        #[test]
        fn a_message_in_pieces_is_whole_at_its_last_byte(records in any_records(), piece in 1..50_usize) {
            let bytes = write(&records);
            let mut inbox = Inbox::default();
            let mut taken = 0;
            for piece in bytes.chunks(piece) {
                taken += piece.len();
                prop_assert_eq!(inbox.take(piece).unwrap(), taken == bytes.len());
            }
            prop_assert_eq!(inbox.message(), &bytes);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let whole = Inbox::default().take(&bytes);
            match Records::parse(&bytes) {
                Ok(records) => {
                    prop_assert_eq!(whole, Ok(true));
                    let length: usize = records.map(|r| HEADER + r.body.len()).sum();
                    prop_assert_eq!(length + HEADER, bytes.len());
                }
                Err(Malformed::BadLength(_)) => {}
                Err(_) => prop_assert_ne!(whole, Ok(true)),
            }
        }

        #[test]
        fn a_message_cut_short_is_none(records in any_records(), share in 0.0..1.0) {
            let bytes = write(&records);
            let cut = (bytes.len() as f64 * share) as usize;
            let error = Records::parse(&bytes[..cut]).unwrap_err();
            prop_assert!(matches!(error, Malformed::Truncated | Malformed::NoEnd));
        }
    }

    #[test]
    fn the_end_is_the_end() {
        let end = Writer::default().finish();
        assert_eq!(end, [0x80, 0, 0, 0]);
        assert_eq!(Records::parse(&end).unwrap().count(), 0);
        assert_eq!(Records::parse(&[0x80, 0, 0, 0, 7]).unwrap_err(), Malformed::AfterEnd);
        assert_eq!(
            Records::parse(&[0x80, 0, 0, 1, 7]).unwrap_err(),
            Malformed::BadLength(RecordType::END_OF_MESSAGE)
        );
        assert_eq!(Records::parse(&[]).unwrap_err(), Malformed::NoEnd);
    }

    #[test]
    fn a_giant_is_refused_by_its_header() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take(&[0, 5, 0xff, 0xff]), Err(Malformed::TooLong));
        let mut endless = Inbox::default();
        let refused =
            std::iter::repeat_with(|| endless.take(&[0, 99, 0, 0])).take(5_000).find(Result::is_err);
        assert_eq!(refused, Some(Err(Malformed::TooLong)));
        assert!(endless.message().len() <= MESSAGE_MAX);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut writer = Writer::default();
        assert!(writer.record(false, RecordType::COOKIE, &[0; 16_000]));
        assert!(!writer.record(false, RecordType::COOKIE, &[0; 1_000]));
        assert!(!writer.record(false, RecordType::COOKIE, &[0; 70_000]));
        let bytes = writer.finish();
        assert_eq!(Records::parse(&bytes).unwrap().count(), 1);
    }

    #[test]
    fn numbers_come_in_pairs_of_bytes() {
        let record = |body| Record { critical: true, kind: RecordType::AEAD, body };
        assert_eq!(record(&[0, 15, 0, 30]).numbers().unwrap().collect::<Vec<_>>(), [15, 30]);
        assert!(record(&[0, 15, 0]).numbers().is_err());
        assert_eq!(record(&[1, 2]).number(), Ok(0x0102));
        assert_eq!(record(&[1]).number(), Err(Malformed::BadLength(RecordType::AEAD)));
    }
}
