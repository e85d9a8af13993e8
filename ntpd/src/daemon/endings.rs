//! What tells the daemon to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the daemon.
pub(super) struct Endings {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

impl Endings {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Waits for the next one, and names it.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}
