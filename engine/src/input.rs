//! What can happen to an engine: a closed list, so that every cause of work can be named and recorded.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ntp_clock::{Reading, Stamp};
use ntp_proto::client::TxToken;
use ntp_proto::nts::NtsSession;
use ntp_proto::time::{Frequency, Monotonic, NtpDuration, RawTime};
use serde::{Deserialize, Serialize};

use crate::action::{CertificateDates, Drift};
use crate::directory::LookupId;
use crate::history::History;
use crate::options::{Entry, FromFile, Host};
use crate::source::{Source, SourceId};

/// The time at which something is told: both clocks, read together. The raw time belongs to the engine's
/// current epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For deadlines.
    pub monotonic: Monotonic,
    /// What the system clock shows.
    pub raw: RawTime,
}

/// Who made a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StampQuality {
    /// This program, some time after the kernel handled the packet.
    User,
    /// The kernel, as the packet passed.
    Kernel,
    /// The network card, as the packet was on the wire.
    Hardware,
}

impl StampQuality {
    /// How late such a stamp may be.
    pub(crate) const fn lateness(self) -> NtpDuration {
        match self {
            Self::User => USER_STAMP_RESOLUTION,
            Self::Kernel | Self::Hardware => NtpDuration::ZERO,
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input<'a> {
    /// Nothing but time passed.
    Tick,
    /// A request left. May come more than once: first by the program's own clock, then by better ones.
    Departed {
        /// Whose request.
        source: SourceId,
        /// Which one.
        token: TxToken,
        /// When.
        at: Stamp,
        /// By whose clock reading.
        quality: StampQuality,
        /// The address it left from, if known.
        local: Option<IpAddr>,
    },
    /// A datagram arrived on the socket of a request.
    Datagram {
        /// Whose socket.
        source: SourceId,
        /// Of which request.
        token: TxToken,
        /// When.
        at: Stamp,
        /// By whose clock reading.
        quality: StampQuality,
        /// What.
        #[serde(with = "crate::hex::datagram")]
        bytes: Cow<'a, [u8]>,
    },
    /// A reference clock was read.
    Reading {
        /// Which.
        source: SourceId,
        /// When, as the reading says, and by which clock.
        at: Stamp,
        /// What it showed.
        reading: Reading,
    },
    /// A name was looked up. No address: it failed, or the name has none.
    Resolved {
        /// Which look-up.
        lookup: LookupId,
        /// The addresses, in the resolver's order.
        addresses: Vec<IpAddr>,
    },
    /// Keys were established with the server of a source, or not.
    KeysEstablished {
        /// Of which source.
        source: SourceId,
        /// By what time the dates of its certificate were judged.
        dates: CertificateDates,
        /// The keys, or why there are none.
        result: Result<Box<KeyExchange>, KeyFailure>,
    },
    /// A clock command was carried out, or not.
    Clock(ClockOutcome),
    /// Somebody else set the clock. `Now` is after the step.
    SteppedByOther {
        /// Forward when positive.
        by: NtpDuration,
    },
    /// The machine slept and woke up.
    Resumed {
        /// How long, by the machine's own account.
        asleep: NtpDuration,
    },
    /// Somebody else changed the rate of the clock, nobody knows when.
    RateChangedByOther {
        /// What it was found to be.
        rate: Frequency,
    },
    /// An operator wants something.
    Command(Command),
    /// What an earlier run has learnt from its sources.
    Recall(Box<History>),
    /// The service ends: the clock is left at a rate that is right without us.
    Shutdown,
}

/// What a server has given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyExchange {
    /// The keys and the first cookies.
    pub session: NtsSession,
    /// What the server may have meant instead, as some derive keys in a way of their own.
    pub alternative: Option<NtsSession>,
    /// Where to ask for time; `None`: at the address of the source.
    pub server: Option<SocketAddr>,
    /// The certificate is valid from then on, in Unix seconds.
    pub not_before: i64,
    /// And until then.
    pub not_after: i64,
}

/// Why there are no keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFailure {
    /// The server was there and did not agree with us, or is not who it should be; else there is no way to it.
    pub is_refusal: bool,
    /// For people.
    pub words: String,
}

/// What became of a [`ClockCommand`](crate::ClockCommand).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockOutcome {
    /// The clock runs at a new rate.
    RateSet {
        /// What it showed when the rate took hold.
        at: RawTime,
        /// The rate as the kernel was able to set it.
        rate: Frequency,
    },
    /// The clock was set.
    Stepped {
        /// What it showed just before.
        at: RawTime,
        /// Forward when positive.
        by: NtpDuration,
    },
    /// The kernel did not allow it.
    Denied,
}

/// What an operator can ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Step away what is left of a correction, now.
    Step,
    /// Ask every source at once, as at the start, and look up every name.
    Refresh,
    /// There is a way to these sources: ask them.
    Online(Target),
    /// There is no way to these sources: leave them alone.
    Offline(Target),
    /// Ask these sources every 2 s.
    Burst {
        /// Which.
        whom: Target,
        /// Until there were so many good replies …
        replies: u8,
        /// … or so many requests.
        requests: u8,
    },
    /// One more server or pool, until the next restart.
    Add(Box<Entry>),
    /// No more of this server or pool, until the next restart.
    Delete(Host),
    /// The servers and pools of files of lines are these from now on: those that are new are asked, those that are
    /// gone are not, and what is as it was is not touched.
    SourceFiles(Vec<FromFile>),
}

/// Which sources a command is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// All.
    All,
    /// Those that are configured so, or have this address.
    Host(Host),
}

impl Target {
    pub(crate) fn includes(&self, source: &Source) -> bool {
        match self {
            Self::All => true,
            Self::Host(Host::Address(address)) => source.address().is_at(*address),
            Self::Host(Host::Name(name)) => source.name == *name,
        }
    }
}

/// As it is typed.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step => f.write_str("step"),
            Self::Refresh => f.write_str("refresh"),
            Self::Online(whom) => write!(f, "online {whom}"),
            Self::Offline(whom) => write!(f, "offline {whom}"),
            Self::Burst { whom, replies, requests } => write!(f, "burst {whom}, {replies} of {requests}"),
            Self::Add(entry) => write!(f, "add {}, port {}", entry.host, entry.port),
            Self::Delete(host) => write!(f, "delete {host}"),
            Self::SourceFiles(entries) => write!(f, "take {} sources of files", entries.len()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all sources"),
            Self::Host(host) => host.fmt(f),
        }
    }
}

/// How a stamp without the kernel's help is judged: it may be late by this much.
const USER_STAMP_RESOLUTION: NtpDuration = NtpDuration::from_nanos(20_000);

impl Drift {
    /// A skew that was too good to be believed after a pause: temperature changes more than that.
    pub(crate) const LEAST_SKEW: Frequency = Frequency::from_ppm(0.2);
}
