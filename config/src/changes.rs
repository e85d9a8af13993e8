//! What two configurations say differently, key by key.

use std::collections::BTreeMap;

use crate::Config;
use crate::schema::{Kind, Section, Visitor};
use crate::writer::{Literal, array};

impl Config {
    /// The keys whose values differ, such as `sources.servers[0].minpoll`, in the order of their names. What only one
    /// of the two has differs too.
    #[must_use]
    pub fn changes(&self, other: &Self) -> Vec<String> {
        let (ours, theirs) = (Values::of(self), Values::of(other));
        let differs = |path: &&String| ours.get(*path) != theirs.get(*path);
        let mut changed: Vec<String> = ours.keys().chain(theirs.keys()).filter(differs).cloned().collect();
        changed.sort_unstable();
        changed.dedup();
        changed
    }
}

/// Collects values by their paths.
#[derive(Default)]
struct Values {
    section: String,
    found: BTreeMap<String, Literal>,
}

impl Values {
    fn of(config: &Config) -> BTreeMap<String, Literal> {
        let mut values = Self::default();
        // Visitors want to be able to change what they visit; this one does not.
        config.clone().visit(&mut values);
        values.found
    }

    fn note(&mut self, name: &str, literal: Literal) {
        self.found.insert(format!("{}{name}", self.section), literal);
    }

    fn within<S: Section>(&mut self, name: &str, section: &mut S) {
        let outer = self.section.clone();
        self.section.push_str(name);
        self.section.push('.');
        section.visit(self);
        self.section = outer;
    }
}

impl Visitor for Values {
    fn optional<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value) {
        self.note(name, kind.write(field));
    }

    fn required<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value) {
        self.note(name, kind.write(field));
    }

    fn list<K: Kind>(&mut self, name: &'static str, element: K, field: &mut Vec<K::Value>) {
        self.note(name, array(&element, field));
    }

    fn table<S: Section>(&mut self, name: &'static str, section: &mut S) {
        self.within(name, section);
    }

    fn tables<S: Section>(&mut self, name: &'static str, sections: &mut Vec<S>) {
        for (index, section) in sections.iter_mut().enumerate() {
            self.within(&format!("{name}[{index}]"), section);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parse;

    #[test]
    fn the_keys_that_differ_are_named() {
        let config = |text: &str| parse("test", &format!("enabled = true\n{text}")).unwrap();
        let one = config("server.workers = 2\n[[sources.servers]]\naddress = '192.0.2.1'\nminpoll = 4");
        let two = config("server.port = 124\n[[sources.servers]]\naddress = '192.0.2.1'\nminpoll = 5");
        assert_eq!(one.changes(&two), ["server.port", "server.workers", "sources.servers[0].minpoll"]);
        assert_eq!(one.changes(&one), [""; 0]);
        let none = config("server.workers = 2");
        assert!(one.changes(&none).contains(&"sources.servers[0].address".to_owned()));
        assert_eq!(one.changes(&none), none.changes(&one));
    }
}
