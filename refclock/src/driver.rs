//! What all drivers have in common.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use ntp_clock::Reading;
use ntp_proto::time::RawTime;

/// What to wait for before looking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until the descriptor becomes readable, be that ever so long.
    Readable,
    /// So long, whatever the descriptor does meanwhile.
    For(Duration),
    /// Until the descriptor becomes readable, but not longer than this.
    ReadableOr(Duration),
}

/// One open reference clock.
pub trait Driver: std::fmt::Debug {
    /// What [`Driver::look`] is to be called after.
    fn wait(&self) -> Wait;

    /// What may become readable; `None`: there is nothing to wait for but time. The same for as long as the driver
    /// lives.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;

    /// Takes what there is and adds it to `readings`. Returns at once, with nothing new if there is nothing. Where the
    /// kernel did not stamp what arrived, the moment of the call counts: `clock` reads the system clock.
    ///
    /// # Errors
    /// When the device cannot be read any more; the driver is of no further use then.
    fn look(&mut self, clock: fn() -> RawTime, readings: &mut Vec<Reading>) -> io::Result<()>;
}
