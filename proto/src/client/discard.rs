//! Why a reply was not used: one variant for each test, each counted.

use core::fmt;

use crate::nts::NtsDiscard;
use crate::packet::{KissCode, Mode, ParseError};

/// The test that a reply failed. An outcome and not a fault of ours; each is counted and can be shown.
///
/// The first group is decided by the [`Association`](super::Association) from the packet alone; the second
/// by whoever knows the path and the other sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Discard {
    /// The datagram is no packet.
    Malformed(ParseError),
    /// A version that does not exist.
    Version(u8),
    /// Not a server's packet.
    Mode(Mode),
    /// The same reply again (RFC 5905 test 1).
    Duplicate,
    /// It answers no request of ours (test 2): forged, or too late.
    BogusOrigin,
    /// A timestamp that must be there is zero (test 3).
    MissingTimestamp,
    /// A kiss-o'-death instead of the time.
    Kiss(KissCode),
    /// The server says that its own clock is not set (test 6).
    Unsynchronised,
    /// The server is too far from its primary clock, 16 s or more (test 7).
    RootDistance,
    /// Times that run backwards: sent before received, or set after sent (test 7).
    Inverted,
    /// It answers a request that only warmed up the way.
    WarmUp,
    /// Nothing proves that it is the server's (RFC 8915 §5.7).
    Nts(NtsDiscard),

    /// The round trip is longer than `maxdelay`, or negative.
    Delay,
    /// The round trip is longer than `maxdelayratio` times the shortest.
    DelayRatio,
    /// The round trip exceeds the shortest by more than `maxdelaydevratio` deviations.
    DelayDeviation,
    /// The server is synchronised to us.
    Loop,
    /// The clock was stepped by an unknown amount between request and reply.
    ClockChanged,
}

impl Discard {
    const COUNT: usize = 22;

    /// A word for tables and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        DiscardCounters::NAMES[self.index()]
    }

    const fn index(self) -> usize {
        match self {
            Self::Malformed(_) => 0,
            Self::Version(_) => 1,
            Self::Mode(_) => 2,
            Self::Duplicate => 3,
            Self::BogusOrigin => 4,
            Self::MissingTimestamp => 5,
            Self::Kiss(_) => 6,
            Self::Unsynchronised => 7,
            Self::RootDistance => 8,
            Self::Inverted => 9,
            Self::Delay => 10,
            Self::DelayRatio => 11,
            Self::DelayDeviation => 12,
            Self::Loop => 13,
            Self::ClockChanged => 14,
            Self::WarmUp => 15,
            Self::Nts(NtsDiscard::NotOurs) => 16,
            Self::Nts(NtsDiscard::Duplicate) => 17,
            Self::Nts(NtsDiscard::Nak) => 18,
            Self::Nts(NtsDiscard::Fields(_)) => 19,
            Self::Nts(NtsDiscard::Forged) => 20,
            Self::Nts(NtsDiscard::Sealed(_)) => 21,
        }
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Version(version) => write!(f, "reply has version {version}"),
            Self::Mode(mode) => write!(f, "reply has mode {}, expected 4", mode.to_bits()),
            Self::Duplicate => f.write_str("the same reply came twice"),
            Self::BogusOrigin => f.write_str("reply answers no request of ours"),
            Self::MissingTimestamp => f.write_str("reply lacks a timestamp"),
            Self::Kiss(KissCode::Rate) => f.write_str("server asks for fewer requests (RATE)"),
            Self::Kiss(KissCode::Deny) => f.write_str("server denies service (DENY)"),
            Self::Kiss(KissCode::Rstr) => f.write_str("server restricts access (RSTR)"),
            Self::Kiss(KissCode::NtsNak) => f.write_str("server cannot open the NTS cookie"),
            Self::Kiss(KissCode::Unknown(id)) => match id.to_ascii() {
                Some(letters) => write!(f, "server says {letters} instead of the time"),
                None => f.write_str("server says that it has no time"),
            },
            Self::Unsynchronised => f.write_str("server is not synchronised"),
            Self::RootDistance => f.write_str("server is 16 s or more from its primary clock"),
            Self::Inverted => f.write_str("server's timestamps run backwards"),
            Self::Nts(discard) => discard.fmt(f),
            Self::WarmUp => f.write_str("reply to a request that only warmed up the way"),
            Self::Delay => f.write_str("round trip exceeds maxdelay"),
            Self::DelayRatio => f.write_str("round trip exceeds maxdelayratio"),
            Self::DelayDeviation => f.write_str("round trip exceeds maxdelaydevratio"),
            Self::Loop => f.write_str("server is synchronised to this host"),
            Self::ClockChanged => f.write_str("the clock was stepped during the exchange"),
        }
    }
}

/// How often each test failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct DiscardCounters([u64; Discard::COUNT]);

impl DiscardCounters {
    const NAMES: [&'static str; Discard::COUNT] = [
        "malformed",
        "version",
        "mode",
        "duplicate",
        "bogus_origin",
        "missing_timestamp",
        "kiss",
        "unsynchronised",
        "root_distance",
        "inverted",
        "delay",
        "delay_ratio",
        "delay_deviation",
        "loop",
        "clock_changed",
        "warm_up",
        "nts_not_ours",
        "nts_duplicate",
        "nts_refused_cookie",
        "nts_fields",
        "nts_forged",
        "nts_sealed",
    ];

    /// One more of this kind.
    pub fn count(&mut self, discard: Discard) {
        self.0[discard.index()] += 1;
    }

    /// Name and count of every test.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Self::NAMES.into_iter().zip(self.0)
    }

    /// The largest count.
    pub(super) fn largest(&self) -> u64 {
        self.0.into_iter().max().unwrap_or(0)
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
