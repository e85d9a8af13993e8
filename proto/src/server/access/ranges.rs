//! Rules as disjoint ranges.

use super::{AccessRule, Permission};

/// Where a permission starts to hold; it does so up to the next start.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges {
    starts: Vec<(u128, Permission)>,
}

impl Ranges {
    pub(super) fn new(rules: impl Iterator<Item = AccessRule>) -> Self {
        let mut rules: Vec<_> = rules.collect();
        // Outer networks before inner ones; stable, so that of equal prefixes the last comes last.
        rules.sort_by_key(|r| (r.network.range().0, r.network.len));
        let mut ranges = Self::default();
        let mut open: Vec<(u128, Permission)> = Vec::new();
        for rule in rules {
            let (first, last) = rule.network.range();
            ranges.close(&mut open, Some(first));
            ranges.start(first, rule.permission);
            open.push((last, rule.permission));
        }
        ranges.close(&mut open, None);
        ranges
    }

    /// Ends the open networks that lie wholly before `until`, innermost first.
    fn close(&mut self, open: &mut Vec<(u128, Permission)>, until: Option<u128>) {
        while let Some((last, _)) = open.pop_if(|(last, _)| until.is_none_or(|first| *last < first)) {
            let outer = open.last().map_or(Permission::Deny, |(_, permission)| *permission);
            if let Some(next) = last.checked_add(1) {
                self.start(next, outer);
            }
        }
    }

    fn start(&mut self, at: u128, permission: Permission) {
        self.starts.pop_if(|(start, _)| *start == at);
        let before = self.starts.last().map_or(Permission::Deny, |(_, permission)| *permission);
        if permission != before {
            self.starts.push((at, permission));
        }
    }

    /// Where each permission starts to hold, in order; before the first nobody is served.
    pub(super) fn starts(&self) -> &[(u128, Permission)] {
        &self.starts
    }

    /// Whether anybody is served at all.
    pub(super) fn serve_anyone(&self) -> bool {
        self.starts.iter().any(|(_, permission)| *permission > Permission::Deny)
    }
}
