//! From [`Config`] to text: prints the declared keys with their values, and tells the defaults apart.
//!
//! A key counts as a default when its value is that of a blank section, whether or not it was written.

use crate::Config;
use crate::schema::{Kind, Section, Visitor};

/// The whole tree. The visitors want to be able to change what they visit; this one does not.
pub(crate) fn to_toml(config: &mut Config) -> String {
    let mut text = Writer::of(config, String::new()).finish("");
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// The value of a key as TOML; nothing where the key is absent.
type Literal = Option<String>;

fn array<K: Kind>(element: &K, values: &[K::Value]) -> Literal {
    let elements: Vec<_> = values.iter().filter_map(|value| element.write(value)).collect();
    Some(format!("[{}]", elements.join(", ")))
}

/// Collects the values of a section's own keys, without those of the tables in it.
#[derive(Default)]
struct Defaults(Vec<(&'static str, Literal)>);

impl Defaults {
    fn of<S: Section>() -> Self {
        let mut defaults = Self::default();
        S::blank().visit(&mut defaults);
        defaults
    }

    fn is_default(&self, name: &str, literal: &Literal) -> bool {
        self.0.iter().any(|(key, default)| *key == name && default == literal)
    }
}

impl Visitor for Defaults {
    fn optional<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value) {
        self.0.push((name, kind.write(field)));
    }

    fn required<K: Kind>(&mut self, _name: &'static str, _kind: K, _field: &mut K::Value) {}

    fn list<K: Kind>(&mut self, name: &'static str, element: K, field: &mut Vec<K::Value>) {
        self.0.push((name, array(&element, field)));
    }

    fn table<S: Section>(&mut self, _name: &'static str, _section: &mut S) {}

    fn tables<S: Section>(&mut self, _name: &'static str, _sections: &mut Vec<S>) {}
}

/// Prints one section. TOML wants a table's own keys before the tables in it, so they are kept apart.
struct Writer {
    path: String,
    defaults: Defaults,
    keys: String,
    tables: String,
}

impl Writer {
    fn of<S: Section>(section: &mut S, path: String) -> Self {
        let mut writer =
            Self { path, defaults: Defaults::of::<S>(), keys: String::new(), tables: String::new() };
        section.visit(&mut writer);
        writer
    }

    /// The section below its heading; without keys of its own it needs none.
    fn finish(self, heading: &str) -> String {
        if self.keys.is_empty() { self.tables } else { format!("{heading}{}\n{}", self.keys, self.tables) }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn line(&mut self, name: &str, literal: &Literal) {
        let line = match literal {
            Some(value) if self.defaults.is_default(name, literal) => format!("{name} = {value} # default\n"),
            Some(value) => format!("{name} = {value}\n"),
            None => format!("# {name} is not set # default\n"),
        };
        self.keys.push_str(&line);
    }
}

impl Visitor for Writer {
    fn optional<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value) {
        self.line(name, &kind.write(field));
    }

    fn required<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value) {
        self.line(name, &kind.write(field));
    }

    fn list<K: Kind>(&mut self, name: &'static str, element: K, field: &mut Vec<K::Value>) {
        self.line(name, &array(&element, field));
    }

    fn table<S: Section>(&mut self, name: &'static str, section: &mut S) {
        let path = self.path_of(name);
        self.tables += &Self::of(section, path.clone()).finish(&format!("[{path}]\n"));
    }

    fn tables<S: Section>(&mut self, name: &'static str, sections: &mut Vec<S>) {
        let path = self.path_of(name);
        for section in sections {
            self.tables += &Self::of(section, path.clone()).finish(&format!("[[{path}]]\n"));
        }
    }
}
