//! Names of network interfaces.
//!
//! Decides what the kernel would take for a name at all. Whether there is such an interface is found out by
//! those who use it.

use std::fmt;
use std::str::FromStr;

/// The name of an interface as Linux has them: 1 … 15 bytes without `/`, `:` and blanks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InterfaceName(String);

impl InterfaceName {
    /// The longest name, in bytes (`IFNAMSIZ` without the zero at its end).
    const LONGEST: usize = 15;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InterfaceName {
    type Err = InvalidInterfaceName;

    fn from_str(text: &str) -> Result<Self, InvalidInterfaceName> {
        let is_out_of_place = |c: &char| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control();
        match text.chars().find(is_out_of_place) {
            _ if text.is_empty() => Err(InvalidInterfaceName::Empty),
            _ if text.len() > Self::LONGEST => Err(InvalidInterfaceName::TooLong),
            _ if matches!(text, "." | "..") => Err(InvalidInterfaceName::Dots),
            Some(character) => Err(InvalidInterfaceName::Character(character)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text cannot name an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidInterfaceName {
    /// There is nothing.
    Empty,
    /// It is longer than 15 bytes.
    TooLong,
    /// It is a name that folders have.
    Dots,
    /// It has a character that no interface has.
    Character(char),
}

impl fmt::Display for InvalidInterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong => write!(f, "is longer than {} bytes", InterfaceName::LONGEST),
            Self::Dots => f.write_str("has dots only"),
            Self::Character(c) => write!(f, "has the character {c:?} in it, which no interface has"),
        }
    }
}

impl std::error::Error for InvalidInterfaceName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_linux_takes() {
        for good in ["eth0", "enp3s0.10", "br-lan", "wg_0", "größe", "a.b", "123456789012345"] {
            assert_eq!(good.parse::<InterfaceName>().unwrap().as_str(), good);
        }
        let error = |text: &str| text.parse::<InterfaceName>().unwrap_err();
        assert_eq!(error(""), InvalidInterfaceName::Empty);
        assert_eq!(error("1234567890123456"), InvalidInterfaceName::TooLong);
        assert_eq!(error(".."), InvalidInterfaceName::Dots);
        assert_eq!(error("eth0:1"), InvalidInterfaceName::Character(':'));
        assert_eq!(error("eth 0"), InvalidInterfaceName::Character(' '));
        assert_eq!(error("eth0\0"), InvalidInterfaceName::Character('\0'));
    }
}
