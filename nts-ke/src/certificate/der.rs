//! Reading DER (X.690), as far as certificates need it.

/// A cursor over borrowed bytes that only moves forward and never past the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Der<'a> {
    rest: &'a [u8],
}

/// Identifier octets, as they stand in certificates: all of one byte.
pub(super) mod tag {
    pub(in super::super) const BOOLEAN: u8 = 0x01;
    pub(in super::super) const OCTET_STRING: u8 = 0x04;
    pub(in super::super) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(in super::super) const UTF8_STRING: u8 = 0x0c;
    pub(in super::super) const PRINTABLE_STRING: u8 = 0x13;
    pub(in super::super) const IA5_STRING: u8 = 0x16;
    pub(in super::super) const UTC_TIME: u8 = 0x17;
    pub(in super::super) const GENERALIZED_TIME: u8 = 0x18;
    pub(in super::super) const SEQUENCE: u8 = 0x30;
    pub(in super::super) const SET: u8 = 0x31;
    /// Context-specific 0 … 3, constructed.
    pub(in super::super) const VERSION: u8 = 0xa0;
    pub(in super::super) const EXTENSIONS: u8 = 0xa3;
    /// GeneralName: context-specific 2 and 7, primitive.
    pub(in super::super) const DNS_NAME: u8 = 0x82;
    pub(in super::super) const IP_ADDRESS: u8 = 0x87;
}

impl<'a> Der<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value: its tag and contents.
    pub(super) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.rest.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // Longer lengths would be those of more than 64 KiB, which no certificate here has.
            0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some((tag, contents))
    }

    /// The next value, which has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, contents)| contents)
    }

    /// The next value, to be read in turn, which has this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.expect(tag).map(Self::new)
    }

    /// The next value if it has this tag; otherwise nothing is read.
    pub(super) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let contents = ahead.expect(tag)?;
        *self = ahead;
        Some(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_all_forms_are_read() {
        let mut long = vec![tag::OCTET_STRING, 0x82, 1, 0];
        long.extend([7; 256]);
        assert_eq!(Der::new(&long).expect(tag::OCTET_STRING), Some(&[7; 256][..]));
        assert_eq!(Der::new(&[4, 0x81, 1, 9]).expect(tag::OCTET_STRING), Some(&[9][..]));
        assert_eq!(Der::new(&[4, 0]).expect(tag::OCTET_STRING), Some(&[][..]));
    }

    #[test]
    fn impossible_lengths_are_refused() {
        for bytes in [&[4][..], &[4, 1], &[4, 0x81], &[4, 0x82, 1], &[4, 0x80, 0, 0], &[4, 0xff, 1, 1]] {
            assert_eq!(Der::new(bytes).any(), None, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_optional_may_be_missing() {
        let mut der = Der::new(&[2, 1, 5]);
        assert_eq!(der.optional(tag::BOOLEAN), None);
        assert_eq!(der.optional(2), Some(&[5][..]));
        assert!(der.is_empty());
    }
}
