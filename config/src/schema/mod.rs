//! What a declaration of keys is made of.
//!
//! A [`Section`] is a table of the file. Its `visit` names every key that the table may have, once, with the
//! [`Kind`] of its value and the field that holds it. Who walks the sections is a [`Visitor`]: the reader
//! fills the fields, the writer prints them, the collector of defaults looks at a blank section. So what is
//! read, printed and offered as a suggestion cannot drift apart, and a generator of a schema is one more
//! visitor.

mod device;
mod kind;
mod number;
mod text;

pub(crate) use device::Absolute;
pub(crate) use kind::{Boolean, Kind, Optional, name_of_type};
pub(crate) use number::{Integer, Interval, Number, OrOff, Ppm, Seconds, Whole};
pub(crate) use text::{Choice, Text, Textual};

use crate::error::Complaint;

/// A table of the file.
pub(crate) trait Section: Sized {
    /// All keys at their defaults; those that must be written have values without meaning, which the reader
    /// never lets out.
    fn blank() -> Self;

    /// All keys at their defaults, where what one of them says decides on the defaults of others, or on which others
    /// there are.
    fn blank_like(&self) -> Self {
        Self::blank()
    }

    /// Tells the visitor of every key, in the order in which they are best read.
    fn visit<V: Visitor>(&mut self, v: &mut V);
}

/// Who walks the keys of a section.
pub(crate) trait Visitor {
    /// A key that may be left out; the field holds its default before it is read.
    fn optional<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value);

    /// A key that must be written.
    fn required<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value);

    /// A key with an array of values, all of one kind. May be left out.
    fn list<K: Kind>(&mut self, name: &'static str, element: K, field: &mut Vec<K::Value>);

    /// A table, `[name]`. May be left out.
    fn table<S: Section>(&mut self, name: &'static str, section: &mut S);

    /// Any number of tables, `[[name]]`.
    fn tables<S: Section>(&mut self, name: &'static str, sections: &mut Vec<S>);

    /// A key of the platform's schema that this build does not carry out.
    fn not_yet(&mut self, _name: &'static str) {}

    /// A key that other time daemons have and that this one leaves out on purpose.
    fn refuse(&mut self, _name: &'static str, _reason: &'static str) {}

    /// A key that other tables of this kind have, and this one has not if it was not asked for before. Without a
    /// complaint nothing can be said about it.
    fn misplaced(&mut self, _name: &'static str, _complaint: Option<Complaint>) {}

    /// Whether the field of a key that was asked for holds what is meant.
    fn is_trusted(&self, _name: &'static str) -> bool {
        true
    }

    /// The values of these keys are well in themselves, but wrong together. The first of the keys that is
    /// written takes the blame.
    fn reject(&mut self, _keys: &[&'static str], _complaint: Complaint) {}
}
