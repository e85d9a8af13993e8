//! What the operator wants, in the engine's terms.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ntp_clock::{select, steer};
use ntp_proto::client;
use ntp_proto::nts::NtsSession;
use ntp_proto::packet::{Precision, Stratum};
use ntp_proto::time::{Frequency, NtpDuration, Offset};
use serde::{Deserialize, Serialize};

use crate::action::Drift;
use crate::refclock::RefclockOptions;

/// The addresses behind a name seldom change.
const TWO_WEEKS: NtpDuration = NtpDuration::from_secs(1_209_600);
/// Servers are trusted so long for having shown their certificate once.
const FOUR_WEEKS: NtpDuration = NtpDuration::from_secs(2_419_200);
/// 2026-01-01: no clock that is right shows a time before the making of this version.
pub(crate) const MADE: i64 = 1_767_225_600;

/// Everything that an engine is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The servers and pools, in the order of the file.
    pub entries: Vec<Entry>,
    /// After how long names of sources that work are looked up again; `None`: never.
    pub refresh: Option<NtpDuration>,
    /// Which sources are believed.
    pub selection: select::Limits,
    /// How the clock is corrected.
    pub steering: steer::Limits,
    /// Whether the clock may be touched at all (`-x`: it may not).
    pub adjust: bool,
    /// What to be when no source is left.
    pub local: Option<Local>,
    /// Never claim to be better than this.
    pub best_stratum: Stratum,
    /// Precision of the system clock.
    pub precision: Precision,
    /// What an earlier run found out about the clock.
    pub drift: Option<Drift>,
    /// The correction that the system clock's rate has now.
    pub initial_rate: Frequency,
    /// What the difference between authenticated and other sources means to selection.
    pub auth_select: AuthSelect,
    /// How long keys are used, and when certificates are believed.
    pub nts: NtsPolicy,
    /// Keys of an earlier run.
    pub saved_keys: Vec<SavedKeys>,
    /// The reference clocks of this machine.
    pub refclocks: Vec<RefclockOptions>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            refresh: Some(TWO_WEEKS),
            selection: select::Limits::default(),
            steering: steer::Limits::default(),
            adjust: true,
            local: None,
            best_stratum: Stratum::PRIMARY,
            precision: Precision::new(-23),
            drift: None,
            initial_rate: Frequency::ZERO,
            auth_select: AuthSelect::Mix,
            nts: NtsPolicy::default(),
            saved_keys: Vec::new(),
            refclocks: Vec::new(),
        }
    }
}

/// What the difference between authenticated and other sources means to selection. Sources that are never selected
/// count as neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthSelect {
    /// Only authenticated ones are selected.
    Require,
    /// Only authenticated ones are selected, if there are any.
    Prefer,
    /// Others have to agree with the authenticated ones, if there are both.
    Mix,
    /// Nothing.
    Ignore,
}

/// What holds for the keys of all sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NtsPolicy {
    /// After so long new keys are fetched.
    pub lifetime: NtpDuration,
    /// Until there were so many updates of the clock, the dates of certificates are not looked at.
    pub unchecked_updates: u32,
    /// It is later than this for sure, in Unix seconds: when this program was made, or an earlier run ended.
    pub not_before: i64,
}

impl Default for NtsPolicy {
    fn default() -> Self {
        Self { lifetime: FOUR_WEEKS, unchecked_updates: 0, not_before: MADE }
    }
}

/// How keys are established with a source's server (RFC 8915 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtsOptions {
    /// TCP port.
    pub port: u16,
    /// The set of certificates that are trusted.
    pub cert_set: u8,
}

/// What an earlier run has left of the keys of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedKeys {
    /// As the source is configured.
    pub host: Host,
    /// Whom the keys are from.
    pub address: IpAddr,
    /// Where time is asked for with them.
    pub server: SocketAddr,
    /// The keys, and the cookies that are left.
    pub session: NtsSession,
}

/// The own clock as a reference of last resort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// The stratum that it is served with.
    pub stratum: Stratum,
}

/// One server or pool of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it is.
    pub host: Host,
    /// UDP port.
    pub port: u16,
    /// One server or several behind one name.
    pub kind: SourceKind,
    /// How each of them is treated.
    pub options: SourceOptions,
}

/// A server or pool that a file of lines names, beside the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FromFile {
    /// The file, as it is shown.
    pub file: String,
    /// What it names.
    pub entry: Entry,
}

/// Who wants an entry that is not the configuration's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// An operator, while the service runs.
    Operator,
    /// A file of lines.
    File(String),
}

/// An address, or a name that has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// A literal address.
    Address(IpAddr),
    /// A name to be looked up.
    Name(String),
}

impl From<&str> for Host {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Address)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// How many sources an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// One: the first address that the name has.
    Server,
    /// Up to `servers` different addresses.
    Pool {
        /// How many are kept.
        servers: usize,
    },
}

/// How a source is treated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceOptions {
    /// When and how it is asked.
    pub association: client::Params,
    /// What selection makes of it.
    pub flags: select::Flags,
    /// Added to every measured offset.
    pub offset: Offset,
    /// Round trips beyond this are not used.
    pub max_delay: NtpDuration,
    /// Round trips beyond this multiple of the shortest are not used.
    pub max_delay_ratio: Option<f64>,
    /// Round trips that exceed the shortest by more than this many deviations are not used.
    pub max_delay_deviation: Option<f64>,
    /// It counts as having at least this stratum.
    pub min_stratum: Stratum,
    /// So many samples are needed before it is selected; `None`: what the limits of selection say.
    pub min_samples: Option<u64>,
    /// For so many polls it may stay selected after it fell silent.
    pub max_unreach: u32,
    /// While it is selected, its stratum and reference identifier are served as if they were ours: two daemons
    /// of one host look like one server.
    pub copy: bool,
    /// Asked with NTS; `None`: without authentication.
    pub nts: Option<NtsOptions>,
    /// Only addresses of this family.
    pub family: Option<Family>,
    /// Left alone until somebody says that there is a way to it.
    pub offline: bool,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            association: client::Params::default(),
            flags: select::Flags::default(),
            offset: Offset::ZERO,
            max_delay: NtpDuration::from_secs(3),
            max_delay_ratio: None,
            max_delay_deviation: Some(10.0),
            min_stratum: Stratum::UNSPECIFIED,
            min_samples: None,
            max_unreach: 100_000,
            copy: false,
            nts: None,
            family: None,
            offline: false,
        }
    }
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Whether the address is of this family.
    #[must_use]
    pub const fn contains(self, address: IpAddr) -> bool {
        matches!((self, address), (Self::V4, IpAddr::V4(_)) | (Self::V6, IpAddr::V6(_)))
    }
}
