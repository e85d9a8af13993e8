//! What happened, for logs, hooks and people: what an operator would put in a diary.

mod fields;

use ntp_clock::select::State;
use ntp_proto::nts::Aead;
use ntp_proto::packet::{KissCode, Leap};
use ntp_proto::time::{Frequency, NtpDuration, Offset};
use std::fmt;

use crate::address::SourceAddress;
use crate::source::SourceId;

pub use fields::{Field, Fields};

/// One entry of the diary.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A source is asked from now on.
    SourceAdded {
        /// Which.
        source: SourceId,
        /// Its address.
        address: SourceAddress,
        /// As it was configured.
        name: String,
    },
    /// A source answered for the first time, or again.
    SourceFound {
        /// Which.
        source: SourceId,
        /// Its address.
        address: SourceAddress,
    },
    /// A source did not answer the last eight requests.
    SourceLost {
        /// Which.
        source: SourceId,
        /// Its address.
        address: SourceAddress,
    },
    /// The selected source fell silent and nobody else can be selected.
    SourceKept {
        /// Which.
        source: SourceId,
        /// Its address.
        address: SourceAddress,
    },
    /// Another address took the place of a source.
    SourceReplaced {
        /// Who goes.
        old: SourceAddress,
        /// Who comes.
        new: SourceAddress,
        /// What selection last said of the one that goes.
        why: State,
    },
    /// A source wants to be left alone, or asked less often.
    Kiss {
        /// Which.
        source: SourceId,
        /// Its address.
        address: SourceAddress,
        /// What it said.
        code: KissCode,
    },
    /// A source contradicts the majority.
    Falseticker {
        /// Which.
        source: SourceId,
        /// Its address.
        address: SourceAddress,
        /// Why, with the numbers.
        state: State,
    },
    /// A source has keys.
    KeysEstablished {
        /// Which.
        source: SourceId,
        /// Where it is asked for time.
        address: SourceAddress,
        /// What it is authenticated by.
        aead: Aead,
    },
    /// A source has no keys, or no new ones.
    KeysMissing {
        /// Which.
        source: SourceId,
        /// Its address.
        address: SourceAddress,
        /// Why.
        why: String,
        /// When the next attempt is made.
        retry: NtpDuration,
    },
    /// The clock is set by this source from now on.
    Selected {
        /// Which.
        source: SourceId,
        /// Its address.
        address: SourceAddress,
    },
    /// No source can be used any more.
    NoSelection {
        /// How many there are.
        sources: usize,
        /// Why the best of them cannot be used.
        why: Option<State>,
    },
    /// The clock is set for the first time, or again.
    Synchronised {
        /// What it was off by.
        offset: Offset,
        /// The correction of its rate.
        frequency: Frequency,
    },
    /// The clock is not known well enough any more.
    Unsynchronised,
    /// The own clock is served, since there is nothing better.
    LocalReference,
    /// We set the clock.
    Stepped {
        /// Forward when positive.
        by: NtpDuration,
    },
    /// The kernel carried out a leap second.
    LeapSecond {
        /// Which way.
        leap: Leap,
    },
    /// Somebody else set the clock.
    SteppedByOther {
        /// Forward when positive.
        by: NtpDuration,
    },
    /// Somebody else changed the clock's rate.
    RateChangedByOther {
        /// To this.
        rate: Frequency,
    },
    /// The machine slept.
    Resumed {
        /// For so long.
        asleep: NtpDuration,
    },
    /// The kernel does not let us touch the clock.
    ClockDenied,
    /// The kernel lets us touch the clock again.
    ClockAllowed,
    /// What the last run learnt from its sources was taken over.
    HistoryRecalled,
    /// It could not be, as the clock was set since.
    HistoryNotUsed,
    /// What is configured comes to nothing, since another source has its address.
    AddressTaken {
        /// What is configured.
        name: String,
        /// Its address.
        address: SourceAddress,
        /// The name of the source that has it.
        by: String,
    },
    /// A name has no address; it is tried again.
    LookupFailed {
        /// The name.
        name: String,
        /// When the next attempt is made.
        retry: NtpDuration,
    },
}

impl Event {
    /// Whether someone should look at it.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::Falseticker { .. }
                | Self::NoSelection { .. }
                | Self::SourceKept { .. }
                | Self::Unsynchronised
                | Self::SteppedByOther { .. }
                | Self::RateChangedByOther { .. }
                | Self::ClockDenied
                | Self::Kiss { .. }
                | Self::AddressTaken { .. }
                | Self::KeysMissing { .. }
        )
    }
}

/// A sentence.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SourceAdded { address, name, .. } if address.short() == *name => {
                write!(f, "source {address} added")
            }
            Self::SourceAdded { address, name, .. } => write!(f, "source {address} ({name}) added"),
            Self::SourceFound { address: clock @ SourceAddress::Refclock(_), .. } => {
                write!(f, "reference clock {clock} gives time")
            }
            Self::SourceLost { address: clock @ SourceAddress::Refclock(_), .. } => {
                write!(f, "reference clock {clock} lost: it gave no usable time for eight polls")
            }
            Self::SourceFound { address, .. } => write!(f, "source {address} answers"),
            Self::SourceLost { address, .. } => {
                write!(f, "source {address} lost: no answer to the last eight requests")
            }
            Self::SourceKept { address, .. } => {
                write!(f, "no source answers that could be used; keeping to what {address} has said")
            }
            Self::SourceReplaced { old, new, why } => write!(f, "source {old} replaced by {new}: it {why}"),
            Self::Kiss { address, code, .. } => match code {
                KissCode::Rate => write!(f, "source {address} asks for fewer requests; slowing down"),
                KissCode::Deny | KissCode::Rstr => {
                    write!(f, "source {address} refuses to serve us; not asking it any more")
                }
                _ => write!(f, "source {address} sent {code:?}"),
            },
            Self::KeysEstablished { address, aead, .. } => {
                write!(f, "source {address} has NTS keys ({aead})")
            }
            Self::KeysMissing { address, why, retry, .. } => {
                write!(f, "source {address} has no NTS keys: {why}; next attempt in {retry}")
            }
            Self::Falseticker { address, state, .. } => write!(f, "source {address} {state}"),
            Self::Selected { address, .. } => write!(f, "selected source {address}"),
            Self::NoSelection { sources: 0, .. } => f.write_str("there is no source to set the clock by"),
            Self::NoSelection { sources, why } => {
                write!(f, "none of {sources} sources can be used")?;
                why.map_or(Ok(()), |why| write!(f, "; the best one: {why}"))
            }
            Self::Synchronised { offset, frequency } => {
                write!(f, "clock synchronised; it was {offset}, rate corrected by {frequency}")
            }
            Self::Unsynchronised => f.write_str("clock not synchronised any more: its error may exceed 16 s"),
            Self::LocalReference => f.write_str("serving the local clock, since no source can be used"),
            Self::Stepped { by } => write!(f, "clock stepped by {by}"),
            Self::LeapSecond { leap: Leap::Insert } => f.write_str("leap second inserted"),
            Self::LeapSecond { .. } => f.write_str("leap second deleted"),
            Self::SteppedByOther { by } => write!(f, "another program stepped the clock by {by}"),
            Self::RateChangedByOther { rate } => {
                write!(f, "another program set the clock's rate to {rate}; taking it back")
            }
            Self::Resumed { asleep } => write!(f, "machine resumed after {asleep} of sleep"),
            Self::ClockDenied => f.write_str(
                "the kernel does not let us adjust the clock (is CAP_SYS_TIME missing?); measuring and serving only",
            ),
            Self::ClockAllowed => f.write_str("allowed to adjust the clock again"),
            Self::HistoryRecalled => f.write_str("taken over what the last run learnt from its sources"),
            Self::HistoryNotUsed => f.write_str(
                "the clock was set since the last run; what it learnt from its sources is not used",
            ),
            Self::AddressTaken { name, address, by } => {
                write!(f, "{name} is not asked: {address} is asked already, as {by}")
            }
            Self::LookupFailed { name, retry } => write!(f, "no address for {name}; next attempt in {retry}"),
        }
    }
}
