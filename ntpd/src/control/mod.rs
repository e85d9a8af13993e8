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

use std::net::IpAddr;
use std::path::PathBuf;

use ntp_engine::{Command, Explanation, Report, Target};
use ntp_refclock::phc::{Gait, Method};
use serde::{Deserialize, Serialize};

pub use crate::daemon::refclocks::{DeviceReport, DeviceStatus};

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
    /// Who asked for the time.
    Clients(ClientsQuery),
    /// Why the clock is set by whom it is set, and why these sources are used or not.
    Explain(Target),
    /// Leave what the sources have taught for a next run with `-r`.
    Dump,
    /// Read the configuration again; answered once what may change while the daemon runs holds.
    Reload,
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
    /// To [`Request::Clients`].
    Clients(ClientsReport),
    /// To [`Request::Explain`].
    Explanation(Box<Explanation>),
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
    /// The devices behind reference clocks.
    pub devices: Vec<DeviceReport>,
    /// How long its main loop is busy at a time.
    pub main_loop: LoopReport,
    /// What it serves.
    pub serving: ServingReport,
    /// The interfaces that stamp packets for it.
    pub hardware_stamps: Vec<HardwareStampReport>,
    /// Who gets keys for NTS from it; none if that is not wanted.
    pub key_server: Option<KeyServerReport>,
    /// What does not work right now, each in a sentence. All of it is retried.
    pub problems: Vec<String>,
}

/// An interface that stamps packets by its own clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HardwareStampReport {
    /// Its name.
    pub interface: String,
    /// The number of the clock: N of `/dev/ptpN`.
    pub clock: u32,
    /// Whether it stamps what is sent.
    pub sending: bool,
    /// Whether it stamps NTP that arrives.
    pub receiving: bool,
    /// How its clock is read together with the system clock.
    pub method: Method,
    /// Why not in a better way that was tried.
    pub fallback: Option<String>,
    /// Whether its clock goes as clocks do; its stamps are used only then.
    pub gait: Gait,
    /// How long the latest reading of its clock took.
    pub window_s: Option<f64>,
    /// How much faster than the system clock it runs.
    pub rate_ppm: Option<f64>,
    /// The speed of the link, if it is known: what arrives is counted from its end.
    pub link_mbps: Option<u32>,
    /// How many of its stamps of requests were used.
    pub sent: u64,
    /// How many of its stamps of replies were used.
    pub received: u64,
    /// How many of its stamps were not used, because nothing was known of its clock or they were not plausible.
    pub refused: u64,
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
    /// How late a turn began that was planned.
    pub late_s: f64,
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
    /// Requests of clients that ask too often, answered by a kiss or not at all.
    pub limited: u64,
    /// Clients that ask too often were told so.
    pub kisses: u64,
    /// Requests that were authenticated by NTS, whatever came of them.
    pub nts_requests: u64,
    /// Clients were told that their cookie cannot be opened.
    pub nts_naks: u64,
    /// Requests that met a clock that was being changed.
    pub without_time: u64,
    /// Replies that the kernel would not send.
    pub send_failures: u64,
    /// Datagrams whose arrival was stamped by the kernel.
    pub kernel_stamps: u64,
    /// Datagrams that the kernel dropped because nobody fetched them in time; not among the requests.
    pub kernel_drops: u64,
    /// Requests of clients that the table had no room for; they were answered all the same.
    pub clients_unrecorded: u64,
    /// Records of clients that made room for others.
    pub clients_forgotten: u64,
    /// Threads that serve; 0: the main loop does.
    pub threads: usize,
    /// Each thread, or the main loop.
    pub workers: Vec<WorkerReport>,
    /// Each interface over which anybody asked.
    pub interfaces: Vec<InterfaceReport>,
}

/// The server of keys for NTS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeyServerReport {
    /// Where it listens.
    pub ports: Vec<KeyPortReport>,
    /// What it proves itself by.
    pub certificates: Vec<CertificateReport>,
    /// Whether other servers have the same keys of cookies.
    pub is_fleet: bool,
    /// The keys of cookies, the youngest first; never more of them than this.
    pub keys: Vec<CookieKeyReport>,
    /// Connections now.
    pub connections: usize,
    /// What became of connections and requests, by name; what never happened is left out.
    pub counters: Vec<(String, u64)>,
}

/// One TCP port of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeyPortReport {
    /// Where.
    pub address: String,
    /// Whether it is open.
    pub open: bool,
    /// Why it is not.
    pub problem: Option<String>,
}

/// One certificate of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CertificateReport {
    /// Its file.
    pub file: PathBuf,
    /// Whom it is for; none as long as it cannot be read.
    pub subject: Option<String>,
    /// The names that it holds for.
    pub names: Vec<String>,
    /// Until when, in Unix seconds.
    pub not_after_unix: Option<i64>,
    /// Why the file, as it is now, cannot be used.
    pub problem: Option<String>,
}

/// One key of cookies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CookieKeyReport {
    /// What cookies name it by, in hexadecimal.
    pub id: String,
    /// `next`: it opens cookies and will seal them; `current`: it seals and opens; `previous`: it opens.
    pub role: String,
    /// Its algorithm.
    pub aead: String,
    /// For how long it has been current, or since then, in seconds; negative: so long before it will be.
    pub age_s: i64,
}

/// One thread that serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Datagrams that arrived.
    pub requests: u64,
    /// Replies that were sent.
    pub replies: u64,
}

/// One interface over which somebody asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InterfaceReport {
    /// Its name; `#` and its index if it is gone; `other` for those without counters of their own.
    pub interface: String,
    /// Datagrams that arrived.
    pub requests: u64,
    /// Replies that were sent.
    pub replies: u64,
    /// Datagrams from networks that may not ask.
    pub denied: u64,
    /// Datagrams that are no request.
    pub ignored: u64,
    /// Requests of clients that ask too often.
    pub limited: u64,
}

/// Which clients to show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientsQuery {
    /// So many at most.
    pub most: usize,
    /// Which ones first.
    pub order: ClientOrder,
    /// Only those of this network: its address and how many leading bits of it count.
    pub network: Option<(IpAddr, u8)>,
    /// Only those whose latest request came in by the interface of this name.
    pub interface: Option<String>,
    /// Sums instead of single clients.
    pub by: Option<Grouping>,
}

/// What clients are summed up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// So many leading bits of their addresses.
    Network {
        /// Of IPv4.
        v4: u8,
        /// Of IPv6.
        v6: u8,
    },
    /// The interface of their latest requests.
    Interface,
}

/// Which clients come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientOrder {
    /// Those with the most requests.
    Requests,
    /// Those with the most requests beyond their limit.
    Drops,
    /// Those that asked last.
    Last,
}

/// Who asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientsReport {
    /// Those that were asked for; none if sums were.
    pub clients: Vec<ClientReport>,
    /// The sums that were asked for, the most requests first.
    pub groups: Vec<ClientGroupReport>,
    /// How many clients or sums there are of that kind.
    pub matching: usize,
    /// How many there are in all.
    pub known: usize,
    /// How many records there can be.
    pub capacity: usize,
}

/// Several clients together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientGroupReport {
    /// Their network or interface.
    pub name: String,
    /// How many they are.
    pub clients: u64,
    /// How often they asked.
    pub requests: u64,
    /// How many of these were beyond a limit and not answered with the time.
    pub drops: u64,
    /// When one of them asked last, in seconds before now.
    pub last_ago_s: f64,
}

/// One client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientReport {
    /// Its address, or the first one of its IPv6 network.
    pub address: IpAddr,
    /// How often it asked.
    pub requests: u32,
    /// How many of these were beyond its limit and not answered with the time.
    pub drops: u32,
    /// When it asked first, in seconds before now.
    pub first_ago_s: f64,
    /// When it asked last, in seconds before now.
    pub last_ago_s: f64,
    /// Average seconds between its requests; none after a single one.
    pub interval_s: Option<f64>,
    /// Version of the latest request.
    pub version: u8,
    /// Mode of the latest request.
    pub mode: u8,
    /// Whether the latest request was authenticated.
    pub authenticated: bool,
    /// The interface of the latest request, if it still has a name.
    pub interface: Option<String>,
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
