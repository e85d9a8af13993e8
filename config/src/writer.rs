//! From [`Config`] to text: prints the declared keys with their values, and says where each comes from.
//!
//! A key that is not written is a default when its value is that of a blank section; else somebody has changed
//! it since.

use crate::Config;
use crate::origin::Origins;
use crate::schema::{Kind, Section, Visitor};

/// The whole tree. The visitors want to be able to change what they visit; this one does not.
pub(crate) fn to_toml(config: &mut Config) -> String {
    let origins = config.origins.clone();
    let mut text = Writer::of(config, String::new(), &origins).finish("");
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// The value of a key as TOML; nothing where the key is absent.
pub(crate) type Literal = Option<String>;

/// A list as TOML.
pub(crate) fn array<K: Kind>(element: &K, values: &[K::Value]) -> Literal {
    let elements: Vec<_> = values.iter().filter_map(|value| element.write(value)).collect();
    Some(format!("[{}]", elements.join(", ")))
}

/// Collects the values of a section's own keys, without those of the tables in it.
#[derive(Default)]
struct Defaults(Vec<(&'static str, Literal)>);

impl Defaults {
    fn of<S: Section>(section: &S) -> Self {
        let mut defaults = Self::default();
        section.blank_like().visit(&mut defaults);
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
struct Writer<'o> {
    /// As origins know it: with the numbers of elements.
    path: String,
    origins: &'o Origins,
    defaults: Defaults,
    keys: String,
    tables: String,
}

impl<'o> Writer<'o> {
    fn of<S: Section>(section: &mut S, path: String, origins: &'o Origins) -> Self {
        let (keys, tables) = (String::new(), String::new());
        let mut writer = Self { path, origins, defaults: Defaults::of(section), keys, tables };
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
        let setting = match literal {
            Some(value) => format!("{name} = {value}"),
            None => format!("# {name} is not set"),
        };
        let origin = match self.origins.line(&self.path_of(name)) {
            Some(line) => format!(" # line {line}"),
            None if self.defaults.is_default(name, literal) => " # default".to_owned(),
            None => String::new(),
        };
        self.keys.push_str(&format!("{setting}{origin}\n"));
    }
}

impl Visitor for Writer<'_> {
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
        self.tables += &Self::of(section, path.clone(), self.origins).finish(&format!("[{path}]\n"));
    }

    fn tables<S: Section>(&mut self, name: &'static str, sections: &mut Vec<S>) {
        let path = self.path_of(name);
        for (index, section) in sections.iter_mut().enumerate() {
            let element = format!("{path}[{index}]");
            self.tables += &Self::of(section, element, self.origins).finish(&format!("[[{path}]]\n"));
        }
    }
}
