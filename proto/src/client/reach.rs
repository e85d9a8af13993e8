//! Who answers.

use core::fmt;

/// The reach register (RFC 5905 §13): one bit for each of the last eight requests, the latest in bit 0. For a clock
/// that is not asked, one for each of the last eight intervals in which it should have given something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Reach(u8);

impl Reach {
    /// A request leaves.
    pub const fn shift(&mut self) {
        self.0 <<= 1;
    }

    /// A reply came that a synchronised server sent.
    pub const fn mark(&mut self) {
        self.0 |= 1;
    }

    /// The register.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether any of the last eight requests was answered.
    #[must_use]
    pub const fn is_reachable(self) -> bool {
        self.0 != 0
    }
}

/// Octal, as everybody knows it.
impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03o}", self.0)
    }
}
