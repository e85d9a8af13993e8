//! Samples by datagrams to a unix socket: chrony's "SOCK", which gpsd and others send to.
//!
//! The socket is made here and must be there before the sender starts: gpsd looks for one with the name of its device
//! once, when it opens that. It sends on to the same socket ever after, so if we start again, gpsd must start again too,
//! or be told to open the device again. gpsd itself may start again as it likes.
//!
//! | path | gpsd sends there |
//! |---|---|
//! | `/run/chrony.pps0.sock` | pulses of `/dev/pps0`, with the number of their second |
//! | `/run/chrony.ttyS0.sock` | pulses on a line of `/dev/ttyS0`, likewise |
//! | `/run/chrony.clk.ttyS0.sock` | the time on `/dev/ttyS0`, from version 3.25 on; before, only [`shm`](crate::shm) has it |
//!
//! Whoever may write to the socket sets our time, so only its owner may unless more is configured. A flood costs at most
//! [`BATCH`] datagrams in [`PAUSE`], and the kernel keeps the rest from being sent.

mod inbox;
mod mailbox;
mod sample;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

use ntp_clock::Reading;
use ntp_proto::time::RawTime;
use serde::{Deserialize, Serialize};

use crate::context::explained;
use crate::{Driver, Wait};
pub use inbox::BATCH;
use inbox::Inbox;
use mailbox::Mailbox;
pub use sample::{Refusal, decode};

/// So long nothing is read after a look that found more.
pub const PAUSE: Duration = Duration::from_millis(10);

/// Where to receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The path of the socket.
    pub path: PathBuf,
    /// Who may send, as for files.
    pub permissions: u32,
}

impl Options {
    /// At `path`, from nobody but us and root.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), permissions: 0o600 }
    }
}

/// A socket that samples are sent to.
#[derive(Debug)]
pub struct Sock {
    options: Options,
    mailbox: Mailbox,
    inbox: Inbox,
}

/// How the samples are, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The path of the socket.
    pub path: String,
    /// Whether the path still leads to our socket; if not, no new sender finds us.
    pub reachable: bool,
    /// Samples taken.
    pub samples: u64,
    /// Datagrams of another length.
    pub wrong_size: u64,
    /// Datagrams of the right length that are no samples.
    pub wrong_magic: u64,
    /// Samples with values that no sender has.
    pub nonsense: u64,
    /// Samples that were not made just now.
    pub stale: u64,
    /// Looks at which more was there than is read at once.
    pub floods: u64,
    /// How long ago the last sample that was taken was made.
    pub age_s: Option<f64>,
}

impl Sock {
    /// Makes the socket. A socket that is there and that nobody receives from is replaced.
    ///
    /// # Errors
    /// If it cannot be made, another program receives there, or something else is at the path.
    pub fn open(options: &Options) -> io::Result<Self> {
        let mailbox = Mailbox::open(&options.path, options.permissions)?;
        Ok(Self { options: options.clone(), mailbox, inbox: Inbox::default() })
    }

    /// How the samples are at `now`.
    #[must_use]
    pub fn status(&self, now: RawTime) -> Status {
        let counts = &self.inbox.counts;
        Status {
            path: self.options.path.display().to_string(),
            reachable: self.mailbox.is_reachable(),
            samples: counts.taken,
            wrong_size: counts.size,
            wrong_magic: counts.magic,
            nonsense: counts.nonsense,
            stale: counts.stale,
            floods: counts.floods,
            age_s: self.inbox.last_at.map(|at| (now - at).to_seconds()),
        }
    }
}

impl Driver for Sock {
    fn wait(&self) -> Wait {
        if self.inbox.flooded { Wait::For(PAUSE) } else { Wait::Readable }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.mailbox.socket.as_fd())
    }

    fn look(&mut self, clock: fn() -> RawTime, readings: &mut Vec<Reading>) -> io::Result<()> {
        let socket = &self.mailbox.socket;
        self.inbox.take_portion(|room| socket.recv(room), clock, readings).map_err(|error| {
            explained(&error, self.options.path.display(), "nothing can be received any more")
        })
    }
}
