//! What is wished for in the selection of a source, whatever kind it is of.

use crate::error::Complaint;
use crate::schema::Visitor;

/// The four keys that selection looks at.
pub(crate) struct Wishes {
    pub(crate) prefer: bool,
    pub(crate) noselect: bool,
    pub(crate) trust: bool,
    pub(crate) require: bool,
}

impl Wishes {
    /// What is never selected can be neither a favourite nor indispensable.
    pub(crate) fn check<V: Visitor>(&self, v: &mut V) {
        for (wish, why) in self.wished().filter(|_| self.noselect) {
            let problem = format!("{wish} and noselect are both true, but what is never selected {why}");
            let help = format!("remove `noselect` to use the source, or `{wish}` to only measure it");
            v.reject(&[wish, "noselect"], Complaint::new(problem).help(help));
        }
    }

    /// The keys that wish for a source to be selected, and what goes without saying of one that never is.
    pub(crate) fn wished(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let wishes = [
            ("prefer", self.prefer, "cannot be preferred"),
            ("trust", self.trust, "has no say in which sources are right"),
            ("require", self.require, "cannot be required: nothing would be selected at all"),
        ];
        wishes.into_iter().filter(|(_, wished, _)| *wished).map(|(wish, _, why)| (wish, why))
    }
}
