//! Events for programs: a name that stays, and the numbers of the sentence with their units.

use ntp_proto::packet::Leap;
use serde::Serialize;

use super::Event;

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Field {
    /// Words, an address, a state.
    Text(String),
    /// In the unit at the end of the field's name.
    Number(f64),
    /// How many, or a number that names something.
    Count(u64),
}

/// Fields by name, in the order in which they are best read.
pub type Fields = Vec<(&'static str, Field)>;

fn text(value: impl ToString) -> Field {
    Field::Text(value.to_string())
}

impl Event {
    /// What kind of event it is: a name in `snake_case` that does not change from version to version.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SourceAdded { .. } => "source_added",
            Self::SourceFound { .. } => "source_found",
            Self::SourceLost { .. } => "source_lost",
            Self::SourceKept { .. } => "source_kept",
            Self::SourceReplaced { .. } => "source_replaced",
            Self::Kiss { .. } => "kiss_of_death",
            Self::Falseticker { .. } => "falseticker",
            Self::KeysEstablished { .. } => "keys_established",
            Self::KeysMissing { .. } => "keys_missing",
            Self::Selected { .. } => "selected",
            Self::NoSelection { .. } => "no_selection",
            Self::Synchronised { .. } => "synchronised",
            Self::Unsynchronised => "unsynchronised",
            Self::LocalReference => "local_reference",
            Self::Stepped { .. } => "clock_stepped",
            Self::LeapSecond { .. } => "leap_second",
            Self::SteppedByOther { .. } => "clock_stepped_by_other",
            Self::RateChangedByOther { .. } => "clock_rate_changed_by_other",
            Self::Resumed { .. } => "machine_resumed",
            Self::ClockDenied => "clock_denied",
            Self::ClockAllowed => "clock_allowed",
            Self::HistoryRecalled => "history_recalled",
            Self::HistoryNotUsed => "history_not_used",
            Self::AddressTaken { .. } => "address_taken",
            Self::LookupFailed { .. } => "lookup_failed",
        }
    }

    /// Its particulars. Offsets are reference minus clock, rates are corrections; steps are positive forward.
    #[must_use]
    pub fn fields(&self) -> Fields {
        match self {
            Self::SourceFound { source, address }
            | Self::SourceLost { source, address }
            | Self::SourceKept { source, address }
            | Self::Selected { source, address } => {
                vec![("source", Field::Count(source.number().into())), ("address", text(address))]
            }
            Self::SourceAdded { source, address, name } => vec![
                ("source", Field::Count(source.number().into())),
                ("address", text(address)),
                ("name", text(name)),
            ],
            Self::KeysEstablished { source, address, aead } => vec![
                ("source", Field::Count(source.number().into())),
                ("address", text(address)),
                ("aead", text(aead)),
            ],
            Self::KeysMissing { source, address, why, retry } => vec![
                ("source", Field::Count(source.number().into())),
                ("address", text(address)),
                ("why", text(why)),
                ("retry_s", Field::Number(retry.to_seconds())),
            ],
            Self::SourceReplaced { old, new, why } => {
                vec![("address", text(old)), ("new_address", text(new)), ("why", text(why))]
            }
            Self::Kiss { source, address, code } => vec![
                ("source", Field::Count(source.number().into())),
                ("address", text(address)),
                ("code", Field::Text(format!("{code:?}"))),
            ],
            Self::Falseticker { source, address, state } => vec![
                ("source", Field::Count(source.number().into())),
                ("address", text(address)),
                ("why", text(state)),
            ],
            Self::NoSelection { sources, why } => {
                let why = why.map(|why| ("why", text(why)));
                [("sources", Field::Count(*sources as u64))].into_iter().chain(why).collect()
            }
            Self::Synchronised { offset, frequency } => vec![
                ("offset_s", Field::Number(offset.to_seconds())),
                ("frequency_ppm", Field::Number(frequency.to_ppm())),
            ],
            Self::Stepped { by } | Self::SteppedByOther { by } => {
                vec![("by_s", Field::Number(by.to_seconds()))]
            }
            Self::LeapSecond { leap } => {
                vec![("by_s", Field::Number(if *leap == Leap::Insert { -1.0 } else { 1.0 }))]
            }
            Self::RateChangedByOther { rate } => vec![("rate_ppm", Field::Number(rate.to_ppm()))],
            Self::Resumed { asleep } => vec![("asleep_s", Field::Number(asleep.to_seconds()))],
            Self::AddressTaken { name, address, by } => {
                vec![("name", text(name)), ("address", text(address)), ("used_by", text(by))]
            }
            Self::LookupFailed { name, retry } => {
                vec![("name", text(name)), ("retry_s", Field::Number(retry.to_seconds()))]
            }
            Self::Unsynchronised
            | Self::LocalReference
            | Self::ClockDenied
            | Self::ClockAllowed
            | Self::HistoryRecalled
            | Self::HistoryNotUsed => Vec::new(),
        }
    }
}
