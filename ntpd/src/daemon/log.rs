//! Where words go: to standard error, and never at the price of waiting for it.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::Level;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{MakeWriter, format::Writer};

use crate::sys::readiness::is_writable;

/// Lines that nobody took in time.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Lines that were lost because standard error was stalled.
#[must_use]
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Sends everything from `level` up to standard error. Under systemd the journal adds the time.
pub fn start(level: Level) {
    let in_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        .with_timer(Clock { silent: in_journal })
        .with_writer(Stderr)
        .init();
}

struct Clock {
    silent: bool,
}

impl FormatTime for Clock {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        if self.silent { Ok(()) } else { SystemTime.format_time(w) }
    }
}

/// Standard error, or nothing while it would block.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr();
        if is_writable(stderr.as_fd()) {
            // A log that cannot be written is no reason to stop telling the time.
            let _ = stderr.lock().write_all(line);
        } else {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        Self
    }
}
