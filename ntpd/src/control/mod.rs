//! The unix socket that `ntpctl` speaks to: one JSON value a line in each direction.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | what can be asked and what is answered |
//! | `server.rs` | the daemon's end |
//! | `connections.rs` | who makes room when there are too many |
//! | `client.rs` | the other end |

pub mod client;
mod connections;
pub mod server;

use std::path::PathBuf;

use ntp_engine::{Command, Report};
use serde::{Deserialize, Serialize};

/// The longest question that is read.
pub const MAX_QUESTION: usize = 1 << 20;
/// The longest answer that is read: a thousand sources are a megabyte.
pub const MAX_ANSWER: usize = 256 << 20;

/// Where the socket is unless someone says otherwise: in `RUNTIME_DIRECTORY`, else in `/run/ntpd`. Where that
/// cannot be, because an ordinary user runs the daemon, it is in the user's own `XDG_RUNTIME_DIR`.
#[must_use]
pub fn default_socket() -> PathBuf {
    const SYSTEM: &str = "/run/ntpd";
    const NAME: &str = "ntpd.sock";
    if let Some(directory) = std::env::var_os("RUNTIME_DIRECTORY") {
        return PathBuf::from(directory).join(NAME);
    }
    let system = PathBuf::from(SYSTEM).join(NAME);
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(|d| PathBuf::from(d).join("ntpd").join(NAME));
    match own {
        Some(own) if !system.exists() && std::fs::create_dir_all(SYSTEM).is_err() => own,
        _ => system,
    }
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Everything there is to show.
    Report,
    /// Leave what the sources have taught for a next run with `-r`.
    Dump,
    /// Read the files of `sources.sourcedir` again; answered once their sources are asked.
    ReloadSources,
    /// Do something; answered once it took effect.
    Do(Command),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// To [`Request::Report`].
    Report(Box<DaemonReport>),
    /// It was done.
    Done,
    /// It was done, except for this.
    Skipped(Vec<String>),
    /// It cannot be done, and why.
    Error(String),
}

/// A whole daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonReport {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// How long it has run.
    pub uptime_s: f64,
    /// The configuration file, or none for the built-in default.
    pub config_file: Option<PathBuf>,
    /// False: it was told to do nothing.
    pub enabled: bool,
    /// Clock and sources.
    #[serde(flatten)]
    pub time: Report,
    /// How long its main loop is busy at a time.
    pub main_loop: LoopReport,
    /// What it serves.
    pub serving: ServingReport,
    /// What does not work right now, each in a sentence. All of it is retried.
    pub problems: Vec<String>,
}

/// How long the main loop is busy between waking up and going back to sleep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoopReport {
    /// How often it woke up since the start.
    pub turns: u64,
    /// The longest since the start.
    pub longest: TurnReport,
    /// The longest of the last minute, as far as it is known in pieces of 5 s.
    pub last_minute: TurnReport,
}

/// The longest of some turns by either clock; they need not be the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnReport {
    /// By the clock on the wall: what other programs took from us counts in it.
    pub wall_s: f64,
    /// Processor time of the turn; absent where it is not counted.
    pub cpu_s: Option<f64>,
}

/// What a daemon serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServingReport {
    /// Its sockets.
    pub sockets: Vec<SocketReport>,
    /// Datagrams that arrived.
    pub requests: u64,
    /// Replies that were sent.
    pub replies: u64,
    /// Datagrams from networks that may not ask.
    pub denied: u64,
    /// Datagrams that are no request, by reason.
    pub ignored: Vec<(String, u64)>,
    /// Replies that the kernel would not send.
    pub send_failures: u64,
}

/// One socket that is served on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SocketReport {
    /// Where it listens.
    pub address: String,
    /// Whether it is open.
    pub open: bool,
    /// Who makes its receive stamps: `kernel` or `user`.
    pub receive_stamps: String,
    /// Why it is not open.
    pub problem: Option<String>,
}
