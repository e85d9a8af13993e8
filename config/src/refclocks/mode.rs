//! Who may open what we make: the permissions of segments and sockets.

use std::fmt;
use std::str::FromStr;

/// The permissions of a file, a segment or a socket, 0 … 0777; written in octal, `"0600"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileMode(u16);

impl FileMode {
    /// Only its owner: `"0600"`.
    pub const OWNER: Self = Self(0o600);

    /// The bits, as `chmod` has them.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl FromStr for FileMode {
    type Err = InvalidFileMode;

    fn from_str(text: &str) -> Result<Self, InvalidFileMode> {
        let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
        let bits = is_octal.then(|| u16::from_str_radix(text, 8).ok()).flatten();
        bits.filter(|bits| *bits <= 0o777).map(Self).ok_or(InvalidFileMode)
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// A text that does not say who may open something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidFileMode;

impl fmt::Display for InvalidFileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("does not say who may open it")
    }
}

impl std::error::Error for InvalidFileMode {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_octal() {
        let bits = |text: &str| text.parse::<FileMode>().map(FileMode::bits);
        assert_eq!((bits("0600"), bits("666"), bits("0000")), (Ok(0o600), Ok(0o666), Ok(0)));
        for wrong in ["", "6", "0o600", "0800", "1777", "00600", "+600", "rw-------"] {
            assert_eq!(bits(wrong), Err(InvalidFileMode), "{wrong}");
        }
        assert_eq!("640".parse::<FileMode>().unwrap().to_string(), "0640");
    }
}
