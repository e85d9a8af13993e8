//! Names of reference clocks.
//!
//! Decides what can stand in the reference identifier of a packet (RFC 5905 §7.3) for a clock of this machine, and how
//! clocks are called that nobody gave a name.

use std::fmt;
use std::str::FromStr;

/// The name of a reference clock: 1 … 4 printable characters of ASCII without blanks, such as `GPS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RefclockId([u8; 4]);

impl RefclockId {
    /// What `[sources.hardware.gps]` is called.
    pub const GPS: Self = Self(*b"GPS\0");
    /// What `[sources.hardware.pps]` is called.
    pub const PPS: Self = Self(*b"PPS\0");

    /// As it stands in packets: the letters, then zeros.
    #[must_use]
    pub const fn bytes(self) -> [u8; 4] {
        self.0
    }

    /// Three letters and the number of the clock; two letters from the tenth on. Of a number only the last two digits
    /// count.
    pub(crate) fn numbered(letters: [u8; 3], number: usize) -> Self {
        let [first, second, third] = letters;
        let (tens, ones) = ((number / 10 % 10) as u8, (number % 10) as u8);
        Self([first, second, if number < 10 { third } else { b'0' + tens }, b'0' + ones])
    }
}

impl FromStr for RefclockId {
    type Err = InvalidRefclockId;

    fn from_str(text: &str) -> Result<Self, InvalidRefclockId> {
        if let Some(character) = text.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(InvalidRefclockId::Character(character));
        }
        let mut bytes = [0; 4];
        match bytes.get_mut(..text.len()) {
            Some([]) => Err(InvalidRefclockId::Empty),
            Some(letters) => {
                letters.copy_from_slice(text.as_bytes());
                Ok(Self(bytes))
            }
            None => Err(InvalidRefclockId::TooLong),
        }
    }
}

impl fmt::Display for RefclockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.0.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
        f.pad(&text)
    }
}

/// Why a text cannot name a reference clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidRefclockId {
    /// There is nothing.
    Empty,
    /// It has more than four characters.
    TooLong,
    /// It has a character that cannot be printed, is a blank, or is not ASCII.
    Character(char),
}

impl fmt::Display for InvalidRefclockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong => f.write_str("has more than 4 characters"),
            Self::Character(c) => write!(f, "has the character {c:?} in it"),
        }
    }
}

impl std::error::Error for InvalidRefclockId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_padded_in_packets_and_not_in_texts() {
        let id: RefclockId = "GPS".parse().unwrap();
        assert_eq!((id, id.bytes()), (RefclockId::GPS, *b"GPS\0"));
        assert_eq!((id.to_string(), format!("{id:>5}")), ("GPS".to_owned(), "  GPS".to_owned()));
        assert_eq!("P#1~".parse::<RefclockId>().unwrap().bytes(), *b"P#1~");
        assert_eq!("".parse::<RefclockId>(), Err(InvalidRefclockId::Empty));
        assert_eq!("GPS01".parse::<RefclockId>(), Err(InvalidRefclockId::TooLong));
        for (text, character) in [("G S", ' '), ("G\0", '\0'), ("GPSö", 'ö'), ("\u{7f}", '\u{7f}')] {
            assert_eq!(text.parse::<RefclockId>(), Err(InvalidRefclockId::Character(character)));
        }
    }

    #[test]
    fn a_hundred_clocks_have_names_of_their_own() {
        let name = |number| RefclockId::numbered(*b"SHM", number);
        assert_eq!(
            [name(0), name(9), name(10), name(99)].map(|id| id.to_string()),
            ["SHM0", "SHM9", "SH10", "SH99"]
        );
        let names: std::collections::BTreeSet<_> = (0..100).map(name).collect();
        assert_eq!(names.len(), 100);
    }
}
