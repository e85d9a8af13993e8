//! Errors that say what was tried and what to do about it.

use std::fmt::Display;
use std::io;

/// The error with what it happened to and advice for whoever runs the machine; of the same kind as before.
pub(crate) fn explained(error: &io::Error, what: impl Display, advice: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}; {advice}"))
}
