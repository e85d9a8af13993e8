//! Where results and talk go.
//!
//! A reader that has seen enough (`ntpctl sources | head`) is no failure: what follows is dropped without a
//! word, and the exit code is what it would have been.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::exit::{Exit, Failure};

/// Standard output, or what stands for it.
pub(super) struct Output {
    to: Box<dyn Write>,
    is_closed: bool,
}

impl Output {
    /// The one of this process.
    pub(super) fn stdout() -> Self {
        Self::to(io::stdout())
    }

    /// Any other.
    pub(super) fn to(writer: impl Write + 'static) -> Self {
        Self { to: Box::new(writer), is_closed: false }
    }

    /// Whether the reader has gone, so that further results are of no use to anyone.
    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Writes and flushes `text`, which brings its own line ends.
    pub(super) fn print(&mut self, text: &str) -> Result<(), Failure> {
        if self.is_closed {
            return Ok(());
        }
        match self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            Err(error) => Err(Failure::new(Exit::IO, format!("cannot write the results: {error}"))),
        }
    }

    /// Writes `value` as indented JSON.
    pub(super) fn print_json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new(Exit::IO, format!("cannot write the results as JSON: {error}")))?;
        self.print(&(text + "\n"))
    }
}

/// Says something on standard error. If that is closed, there is nobody left to tell.
pub(super) fn talk(message: impl Display) {
    let _ = writeln!(io::stderr(), "ntpctl: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails with `kind` from the first byte on.
    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_leaves_is_no_failure() {
        let mut out = Output::to(Broken(ErrorKind::BrokenPipe));
        assert_eq!(out.print("text"), Ok(()));
        assert!(out.is_closed());
        assert_eq!(out.print("more"), Ok(()));
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let mut out = Output::to(Broken(ErrorKind::StorageFull));
        assert_eq!(out.print("text").unwrap_err().exit, Exit::IO);
    }
}
