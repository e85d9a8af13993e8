//! Files of lines such as `server 192.0.2.1 iburst`, in chrony's words: what DHCP clients and their hooks leave behind
//! for a time daemon, beside the configuration and changing while the daemon runs.
//!
//! Other programs write them, so a line that makes no sense is skipped and complained about, and the others count. The
//! options are those of the configuration ([`SourceOptions`](crate::SourceOptions)), declared once: here they are only
//! found by another grammar. Looks at nothing but the text.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::DeValue;

use crate::error::Complaint;
use crate::schema::{Kind, Section, Visitor};
use crate::{PoolSource, ServerSource, suggest};

/// Nobody writes longer lines.
const LONGEST_LINE: usize = 1_000;
/// Sources of one file beyond this are skipped.
const MAX_SOURCES: usize = 1_000;
/// So many complaints about one file say enough.
const MAX_COMPLAINTS: usize = 20;

/// Options that stand alone.
const FLAGS: [&str; 11] =
    ["iburst", "burst", "offline", "prefer", "noselect", "trust", "require", "copy", "ipv4", "ipv6", "nts"];
/// Options that a number follows, and that are carried out or refused by the declared keys.
const NUMBERS: [&str; 18] = [
    "port",
    "minpoll",
    "maxpoll",
    "version",
    "offset",
    "maxdelay",
    "maxdelayratio",
    "maxdelaydevratio",
    "minstratum",
    "minsamples",
    "maxsamples",
    "maxunreach",
    "presend",
    "maxsources",
    "key",
    "mindelay",
    "ntsport",
    "certset",
];
/// What chrony has and the declared keys do not know at all.
const ELSEWHERE: [&str; 7] =
    ["xleave", "auto_offline", "maxdelayquant", "asymmetry", "filter", "polltarget", "extfield"];

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceLines {
    /// The lines that make sense, in their order; at most 1000.
    pub sources: Vec<SourceLine>,
    /// Why others were skipped; at most 21.
    pub complaints: Vec<LineComplaint>,
}

/// A line that makes sense.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceLine {
    /// Its number, from 1.
    pub line: usize,
    /// What it says.
    pub source: LineSource,
}

/// What a line stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum LineSource {
    /// `server`
    Server(ServerSource),
    /// `pool`
    Pool(PoolSource),
}

/// Why a line was skipped.
///
/// `Display` is `line 3: what is wrong with it`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineComplaint {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it, and what was expected.
    pub problem: String,
}

impl fmt::Display for LineComplaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// Reads a file of lines in chrony's format: `server` and `pool` with their options, in any case; blank lines and those
/// that begin with one of `! ; # %` are comments.
///
/// ```
/// let lines = ntp_config::parse_source_lines("server 192.0.2.1 iburst\nserver 192.0.2.2 minpol 4\n");
/// assert_eq!(lines.sources.len(), 1);
/// assert_eq!(lines.complaints[0].to_string(), "line 2: unknown option minpol; did you mean minpoll?");
/// ```
#[must_use]
pub fn parse_source_lines(text: &str) -> SourceLines {
    let mut lines = SourceLines::default();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with(['!', ';', '#', '%']) {
            continue;
        }
        match source(text) {
            Ok(_) if lines.sources.len() == MAX_SOURCES => {
                lines.complain(line, format!("only {MAX_SOURCES} sources of a file are used"));
                break;
            }
            Ok(source) => lines.sources.push(SourceLine { line, source }),
            Err(problem) => lines.complain(line, problem),
        }
        if lines.complaints.len() == MAX_COMPLAINTS {
            lines
                .complaints
                .push(LineComplaint { line, problem: "the rest is not read: too many mistakes".into() });
            break;
        }
    }
    lines
}

impl SourceLines {
    fn complain(&mut self, line: usize, problem: String) {
        self.complaints.push(LineComplaint { line, problem });
    }
}

fn source(line: &str) -> Result<LineSource, String> {
    if line.len() > LONGEST_LINE {
        return Err(format!("is longer than {LONGEST_LINE} bytes"));
    }
    let mut words = line.split_ascii_whitespace();
    let directive = words.next().unwrap_or_default().to_ascii_lowercase();
    match directive.as_str() {
        "server" => section(words, "address").map(LineSource::Server),
        "pool" => section(words, "name").map(LineSource::Pool),
        "peer" => Err(not_carried_out("peer")),
        other => Err(format!("{other:?} is no source; expected server or pool")),
    }
}

/// Reads what follows the directive; `host` is the key that the first word is the value of.
fn section<'a, S: Section>(
    mut words: impl Iterator<Item = &'a str>,
    host: &'static str,
) -> Result<S, String> {
    let mut given = BTreeMap::new();
    let first = words.next().ok_or_else(|| format!("{host} is missing"))?;
    given.insert(host, Given::Text(first));
    while let Some(word) = words.next() {
        let (name, value) = option(word, &mut words)?;
        if given.insert(name, value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    let mut section = S::blank();
    let mut line = Line { given, problem: None };
    section.visit(&mut line);
    match (line.problem, line.given.keys().next()) {
        (Some(problem), _) => Err(problem),
        (None, Some(name)) => Err(format!("{} does not belong here", spelling(name))),
        (None, None) => Ok(section),
    }
}

/// The key that the word stands for, and its value.
fn option<'a>(
    word: &'a str,
    rest: &mut impl Iterator<Item = &'a str>,
) -> Result<(&'static str, Given<'a>), String> {
    let word = word.to_ascii_lowercase();
    let is = |name: &&&str| **name == word;
    if let Some(name) = ELSEWHERE.iter().find(is) {
        return Err(not_carried_out(name));
    }
    if let Some(name) = FLAGS.iter().find(is) {
        return Ok((name, Given::Flag));
    }
    let Some(name) = NUMBERS.iter().find(is) else {
        let known = FLAGS.into_iter().chain(NUMBERS);
        let help = suggest::nearest(&word, known).map(|name| format!("; did you mean {name}?"));
        return Err(format!("unknown option {word}{}", help.unwrap_or_default()));
    };
    let value = rest.next().ok_or_else(|| format!("{name} needs a value"))?;
    let number = number(value).ok_or_else(|| format!("{name}: {value:?} is no number"))?;
    Ok((key(name), Given::Number(number)))
}

/// Where chrony's word is another than ours.
fn key(word: &'static str) -> &'static str {
    if word == "maxsources" { "servers" } else { word }
}

fn spelling(key: &str) -> &str {
    if key == "servers" { "maxsources" } else { key }
}

fn not_carried_out(what: &str) -> String {
    format!("this version does not carry out {what}")
}

/// A number as TOML writes it; here a point may stand at either end.
fn number(text: &str) -> Option<String> {
    match text.parse::<i64>() {
        Ok(whole) => Some(whole.to_string()),
        Err(_) => text.parse::<f64>().ok().map(|number| format!("{number:?}").replace("NaN", "nan")),
    }
}

enum Given<'a> {
    Text(&'a str),
    Number(String),
    Flag,
}

/// What one line gives to the declared keys; what they take is gone from it.
struct Line<'a> {
    given: BTreeMap<&'static str, Given<'a>>,
    /// The first thing that is wrong.
    problem: Option<String>,
}

impl Line<'_> {
    fn fail(&mut self, problem: impl FnOnce() -> String) {
        self.problem.get_or_insert_with(problem);
    }

    fn read<K: Kind>(&mut self, name: &'static str, kind: &K, field: &mut K::Value) {
        let Some(given) = self.given.remove(name) else { return };
        let read = match &given {
            Given::Text(text) => kind.read(&DeValue::String((*text).into())),
            Given::Flag => kind.read(&DeValue::Boolean(true)),
            Given::Number(number) => match DeValue::parse(number) {
                Ok(value) => kind.read(value.get_ref()),
                Err(_) => Err(Complaint::new(format!("{number} is no number"))),
            },
        };
        match read {
            Ok(read) => *field = read,
            Err(complaint) => {
                let complaint = complaint.or_expected(|| kind.expected());
                self.fail(|| {
                    format!("{}: {}; expected {}", spelling(name), complaint.problem, complaint.expected)
                });
            }
        }
    }
}

impl Visitor for Line<'_> {
    fn optional<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value) {
        self.read(name, &kind, field);
    }

    fn required<K: Kind>(&mut self, name: &'static str, kind: K, field: &mut K::Value) {
        self.read(name, &kind, field);
    }

    /// No line has a list or a table.
    fn list<K: Kind>(&mut self, _name: &'static str, _element: K, _field: &mut Vec<K::Value>) {}
    fn table<S: Section>(&mut self, _name: &'static str, _section: &mut S) {}
    fn tables<S: Section>(&mut self, _name: &'static str, _sections: &mut Vec<S>) {}

    fn not_yet(&mut self, name: &'static str) {
        if self.given.remove(name).is_some() {
            self.fail(|| not_carried_out(name));
        }
    }

    fn refuse(&mut self, name: &'static str, reason: &'static str) {
        if self.given.remove(name).is_some() {
            self.fail(|| format!("{name} is not carried out: {reason}"));
        }
    }

    fn reject(&mut self, _keys: &[&'static str], complaint: Complaint) {
        self.fail(|| complaint.problem);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Family, Host, NtsOptions, SourceOptions};

    fn complaint(line: &str) -> String {
        let lines = parse_source_lines(line);
        assert!(lines.sources.is_empty(), "{lines:?}");
        lines.complaints[0].to_string()
    }

    #[test]
    fn what_hooks_write_is_understood() {
        let lines = parse_source_lines(
            "# left by a hook\n\nserver 192.0.2.1 iburst\r\n  SERVER ntp.example Prefer minpoll 4 maxdelay .5 ipv6\n\
             pool pool.example maxsources 3 presend 9 copy nts certset 2\n! the end",
        );
        assert_eq!(lines.complaints, []);
        let [first, second, third] = &lines.sources[..] else { panic!("{lines:?}") };
        let LineSource::Server(server) = &first.source else { panic!("{first:?}") };
        assert_eq!((first.line, &server.address), (3, &Host::Address([192, 0, 2, 1].into())));
        assert_eq!(server.options, SourceOptions { iburst: true, ..SourceOptions::default() });
        let LineSource::Server(server) = &second.source else { panic!("{second:?}") };
        assert!(server.options.prefer && server.options.family == Some(Family::V6));
        assert_eq!((server.options.minpoll.get(), server.options.maxdelay.to_seconds()), (4, 0.5));
        let LineSource::Pool(pool) = &third.source else { panic!("{third:?}") };
        assert_eq!((pool.name.as_str(), pool.servers, pool.options.copy), ("pool.example", 3, true));
        assert_eq!(pool.options.nts, Some(NtsOptions { certset: 2, ..NtsOptions::default() }));
    }

    #[test]
    fn every_declared_option_can_be_written() {
        let mut keys = Declared(Vec::new());
        PoolSource::blank().visit(&mut keys);
        for name in keys.0.into_iter().filter(|name| *name != "name").map(spelling) {
            assert!(FLAGS.contains(&name) || NUMBERS.contains(&name), "{name}");
        }
    }

    struct Declared(Vec<&'static str>);

    impl Visitor for Declared {
        fn optional<K: Kind>(&mut self, name: &'static str, _: K, _: &mut K::Value) {
            self.0.push(name);
        }
        fn required<K: Kind>(&mut self, name: &'static str, _: K, _: &mut K::Value) {
            self.0.push(name);
        }
        fn list<K: Kind>(&mut self, name: &'static str, _: K, _: &mut Vec<K::Value>) {
            self.0.push(name);
        }
        fn table<S: Section>(&mut self, name: &'static str, _: &mut S) {
            self.0.push(name);
        }
        fn tables<S: Section>(&mut self, name: &'static str, _: &mut Vec<S>) {
            self.0.push(name);
        }
        fn not_yet(&mut self, name: &'static str) {
            self.0.push(name);
        }
        fn refuse(&mut self, name: &'static str, _: &'static str) {
            self.0.push(name);
        }
    }

    #[test]
    fn a_bad_line_says_why_and_spares_the_others() {
        let lines = parse_source_lines("server a minpoll 30\nserver b");
        assert_eq!(lines.sources.len(), 1);
        assert_eq!(
            lines.complaints[0].to_string(),
            "line 1: minpoll: 30 is out of range; expected an integer from -7 to 24"
        );
        assert_eq!(complaint("server"), "line 1: address is missing");
        assert_eq!(complaint("server a key 1"), "line 1: this version does not carry out key");
        assert_eq!(complaint("server a ntsport 1"), "line 1: means nothing without `nts = true`");
        assert_eq!(complaint("server a xleave"), "line 1: this version does not carry out xleave");
        assert_eq!(complaint("peer a"), "line 1: this version does not carry out peer");
        assert_eq!(complaint("makestep 1 3"), "line 1: \"makestep\" is no source; expected server or pool");
        assert_eq!(complaint("server a minpoll"), "line 1: minpoll needs a value");
        assert_eq!(complaint("server a minpoll x"), "line 1: minpoll: \"x\" is no number");
        assert_eq!(complaint("server a iburst iburst"), "line 1: iburst is given twice");
        assert_eq!(complaint("server a maxsources 2"), "line 1: maxsources does not belong here");
        assert!(complaint("server a minpoll 8 maxpoll 6").contains("above maxpoll"));
        assert!(complaint("server a prefer noselect").contains("never selected"));
        assert!(complaint("server a maxsamples 8").contains("not carried out: samples count less"));
        assert!(complaint("pool 192.0.2.1").starts_with("line 1: name: "));
        assert!(complaint("server a maxdelay nan").contains("out of range"));
    }

    #[test]
    fn neither_sources_nor_complaints_grow_without_end() {
        let lines = parse_source_lines(&"server\n".repeat(1_000));
        assert_eq!(lines.complaints.len(), MAX_COMPLAINTS + 1);
        let lines = parse_source_lines(&"server a\n".repeat(2_000));
        assert_eq!((lines.sources.len(), lines.complaints.len()), (MAX_SOURCES, 1));
        assert!(complaint(&format!("server {}", "a ".repeat(600))).contains("longer than"));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: String) {
            let lines = parse_source_lines(&text);
            let last = text.lines().count();
            prop_assert!(lines.complaints.iter().all(|c| (1..=last).contains(&c.line)));
        }

        #[test]
        fn any_words_are_read_or_complained_about(
            words in prop::collection::vec("(server|pool|a\\.b|iburst|copy|ipv4|nts|minpoll|maxsources|offset|key|[-+.e0-9]{1,6}|inf|nan|\\PC{1,4})", 1..9)
        ) {
            let line = words.join(" ");
            let lines = parse_source_lines(&line);
            let is_comment = line.trim().is_empty() || line.trim().starts_with(['!', ';', '#', '%']);
            prop_assert_eq!(lines.sources.len() + lines.complaints.len(), usize::from(!is_comment));
        }
    }
}
