//! From text to [`Config`]: walks the declared keys over the parsed document and collects every mistake.
//!
//! What a key means is declared by its section; this module finds it, places complaints, and notices keys
//! that nobody asked for.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::Document;
use crate::error::Complaint;
use crate::origin::Places;
use crate::schema::{Kind, Section, Visitor, name_of_type};
use crate::{Config, ConfigError, Errors, agreement, suggest, syntax};

/// Reads a configuration text. `file_name` only serves to name the file in errors.
///
/// # Errors
/// All mistakes of the text at once, with one exception: while the text is not TOML, nothing is said about
/// its keys, because what is left of a broken document says little about what was meant.
///
/// ```
/// let errors = ntp_config::parse("ntpd.toml", "enabled = true\nserver.prot = 123").unwrap_err();
/// assert_eq!(
///     errors.iter().next().unwrap().to_string().lines().last(),
///     Some("help: did you mean port?"),
/// );
/// ```
pub fn parse(file_name: &str, text: &str) -> Result<Config, Errors> {
    let document = Document::new(file_name, text);
    let (root, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        return Err(syntax::errors(&document, &syntax));
    }
    let mut findings = Findings { document: &document, errors: Vec::new(), places: Places::default() };
    let mut config: Config = read_section(root.get_ref(), root.span(), String::new(), &mut findings);
    let Findings { mut errors, places, .. } = findings;
    errors.extend(agreement::check(&config, &places, &document));
    if !errors.is_empty() {
        return Err(Errors::new(errors));
    }
    config.origins = places.into_origins(&document);
    Ok(config)
}

/// What the whole walk is about and what comes of it, besides the values.
struct Findings<'a> {
    document: &'a Document<'a>,
    errors: Vec<ConfigError>,
    places: Places,
}

/// The table as a section; where something is wrong with it, an error is added and the section is not to be
/// used.
fn read_section<S: Section>(
    table: &DeTable<'_>,
    span: Range<usize>,
    path: String,
    findings: &mut Findings<'_>,
) -> S {
    let mut section = S::blank();
    let (known, postponed, failed) = (Vec::new(), Vec::new(), Vec::new());
    let mut reader = TableReader { table, span, path, known, postponed, failed, findings };
    section.visit(&mut reader);
    reader.finish();
    section
}

/// Hands out the keys of one table and remembers which were asked for.
struct TableReader<'a, 'f> {
    table: &'a DeTable<'a>,
    /// Where the table's heading stands: the place of what is missing in it.
    span: Range<usize>,
    /// Dotted path of the table; empty for the whole document.
    path: String,
    /// The keys that this build carries out, as they are asked for.
    known: Vec<&'static str>,
    /// The keys that it does not carry out, or not in this table.
    postponed: Vec<&'static str>,
    /// The keys whose fields still hold their defaults, because what is written cannot be used.
    failed: Vec<&'static str>,
    findings: &'a mut Findings<'f>,
}

impl<'a> TableReader<'a, '_> {
    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn complain(&mut self, span: Range<usize>, key: String, complaint: Complaint) {
        let error = self.findings.document.error(span, key, complaint);
        self.findings.errors.push(error);
    }

    /// Complains about a key that was asked for; its field is not to be trusted.
    fn fail(&mut self, name: &'static str, span: Range<usize>, complaint: Complaint) {
        self.distrust(name);
        self.complain(span, self.path_of(name), complaint);
    }

    fn distrust(&mut self, name: &'static str) {
        self.failed.push(name);
        let path = self.path_of(name);
        self.findings.places.forget(&path);
    }

    /// The value of a key can be used.
    fn note(&mut self, name: &'static str, span: Range<usize>) {
        let path = self.path_of(name);
        self.findings.places.note(path, span);
    }

    /// The value of a key, which is known from now on.
    fn take(&mut self, name: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(name);
        self.table.get(name)
    }

    /// Complains about all keys that nobody asked for.
    fn finish(mut self) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !self.known.contains(&name) && !self.postponed.contains(&name) {
                self.complain(key.span(), self.path_of(&as_written(name)), unknown(name, &self.known));
            }
        }
    }
}

/// A key as a path shows it: bare if it can be, else in quotes.
fn as_written(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_bare { key.to_owned() } else { format!("{key:?}") }
}

fn unknown(name: &str, known: &[&'static str]) -> Complaint {
    let complaint = Complaint::new("unknown key").expected(match known {
        [] => "no key here".to_owned(),
        known => format!("one of {}", known.join(", ")),
    });
    match suggest::nearest(name, known.iter().copied()) {
        Some(key) => complaint.help(format!("did you mean {key}?")),
        None => complaint.help("remove it"),
    }
}

/// Whether a table that this build does not carry out only says that it is switched off.
fn asks_for_nothing(value: &DeValue<'_>) -> bool {
    value.as_table().is_some_and(|table| {
        table.len() == 1
            && table.get("enabled").is_some_and(|enabled| enabled.get_ref().as_bool() == Some(false))
    })
}

impl Visitor for TableReader<'_, '_> {
    fn optional<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value) {
        let Some(value) = self.take(name) else { return };
        match kind.read(value.get_ref()) {
            Ok(read) => {
                *field = read;
                self.note(name, value.span());
            }
            Err(complaint) => {
                let complaint = complaint.or_expected(|| kind.expected());
                self.fail(name, value.span(), or_default(complaint, kind.write(field)));
            }
        }
    }

    fn required<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value) {
        let Some(value) = self.take(name) else {
            let complaint = Complaint::new("is missing").expected(kind.expected());
            let help = format!("write `{name} = …` {}", place(&self.path));
            return self.fail(name, self.span.clone(), complaint.help(help));
        };
        match kind.read(value.get_ref()) {
            Ok(read) => {
                *field = read;
                self.note(name, value.span());
            }
            Err(complaint) => self.fail(name, value.span(), complaint.or_expected(|| kind.expected())),
        }
    }

    fn list<K: Kind>(&mut self, name: &'static str, element: K, field: &mut Vec<K::Value>) {
        let Some(value) = self.take(name) else { return };
        let Some(array) = value.get_ref().as_array() else {
            let complaint = Complaint::new(format!("found {}", name_of_type(value.get_ref())))
                .expected(format!("an array, each element {}", element.expected()))
                .help("write the brackets even around a single value");
            return self.fail(name, value.span(), complaint);
        };
        field.clear();
        self.note(name, value.span());
        let mut failed = false;
        for (index, value) in array.iter().enumerate() {
            let path = format!("{}[{index}]", self.path_of(name));
            match element.read(value.get_ref()) {
                Ok(read) => {
                    field.push(read);
                    self.findings.places.note(path, value.span());
                }
                Err(complaint) => {
                    failed = true;
                    self.complain(value.span(), path, complaint.or_expected(|| element.expected()));
                }
            }
        }
        // With a gap in it, the field and the array no longer count alike.
        if failed {
            self.distrust(name);
        }
    }

    fn table<S: Section>(&mut self, name: &'static str, section: &mut S) {
        let Some(value) = self.take(name) else { return };
        let path = self.path_of(name);
        match value.get_ref() {
            DeValue::Table(table) => {
                *section = read_section(table, value.span(), path, self.findings);
            }
            other => {
                let complaint = Complaint::new(format!("found {}", name_of_type(other)))
                    .expected("one table")
                    .help(format!("write its keys below a heading [{path}]"));
                self.fail(name, value.span(), complaint);
            }
        }
    }

    fn tables<S: Section>(&mut self, name: &'static str, sections: &mut Vec<S>) {
        let Some(value) = self.take(name) else { return };
        let path = self.path_of(name);
        let complaint_about = |found: &DeValue<'_>, expected: &str| {
            Complaint::new(format!("found {}", name_of_type(found)))
                .expected(expected)
                .help(format!("begin each with a heading of its own in double brackets, [[{path}]]"))
        };
        let Some(array) = value.get_ref().as_array() else {
            return self.fail(name, value.span(), complaint_about(value.get_ref(), "any number of tables"));
        };
        for (index, element) in array.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match element.get_ref() {
                DeValue::Table(table) => {
                    sections.push(read_section(table, element.span(), path, self.findings));
                }
                other => {
                    // So that the field and the array count alike; it is never seen.
                    sections.push(S::blank());
                    self.complain(element.span(), path, complaint_about(other, "a table"));
                }
            }
        }
    }

    fn not_yet(&mut self, name: &'static str) {
        self.postponed.push(name);
        let written = self.table.get_key_value(name);
        if let Some((key, _)) = written.filter(|(_, value)| !asks_for_nothing(value.get_ref())) {
            self.complain(key.span(), self.path_of(name), Complaint::not_carried_out("remove it"));
        }
    }

    fn misplaced(&mut self, name: &'static str, complaint: Option<Complaint>) {
        if self.known.contains(&name) {
            return;
        }
        self.postponed.push(name);
        if let (Some((key, _)), Some(complaint)) = (self.table.get_key_value(name), complaint) {
            self.complain(key.span(), self.path_of(name), complaint);
        }
    }

    fn is_trusted(&self, name: &'static str) -> bool {
        !self.failed.contains(&name)
    }

    fn refuse(&mut self, name: &'static str, reason: &'static str) {
        self.postponed.push(name);
        if let Some((key, _)) = self.table.get_key_value(name) {
            let complaint = Complaint::new(format!("is not carried out: {reason}")).help("remove it");
            self.complain(key.span(), self.path_of(name), complaint);
        }
    }

    fn reject(&mut self, keys: &[&'static str], complaint: Complaint) {
        if keys.iter().any(|key| self.failed.contains(key)) {
            return;
        }
        let written = keys.iter().find_map(|key| Some((*key, self.table.get(*key)?)));
        debug_assert!(written.is_some(), "the defaults of {keys:?} contradict each other");
        if let Some((name, value)) = written {
            self.fail(name, value.span(), complaint);
        }
    }
}

/// Where nothing better is known, the default is always a way out.
fn or_default(complaint: Complaint, default: Option<String>) -> Complaint {
    match default {
        Some(default) if complaint.help.is_empty() => {
            complaint.help(format!("without this key it is {default}"))
        }
        _ => complaint,
    }
}

/// Where a key of the table at `path` has to stand.
fn place(path: &str) -> String {
    match path {
        "" => "at the top of the file, above the first [table]".to_owned(),
        element if element.ends_with(']') => "below this heading".to_owned(),
        table => format!("below [{table}]"),
    }
}
