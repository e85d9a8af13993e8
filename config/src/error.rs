//! What is wrong with a configuration text, told so that it can be put right without a manual.
//!
//! Only the shape of an error and its rendering for people live here; who finds an error says what it is.

use std::fmt;

/// One mistake in a configuration text.
///
/// `Display` gives several lines: place, key and problem; the line of the file with a marker; what was
/// expected; what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Name of the file as it was given to [`parse`](crate::parse).
    pub file: String,
    /// Line of the file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Dotted path of the key, such as `sources.servers[1].minpoll`; empty if the text is not TOML.
    pub key: String,
    /// The offending text, as it stands in the file; empty where something is missing.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
    /// What would be right; empty if the problem says it already.
    pub expected: String,
    /// What to do about it, one piece of advice each.
    pub help: Vec<String>,
    /// The whole line of the file, without its end.
    pub source_line: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        writeln!(f, "{}", self.problem)?;
        writeln!(f, "{:>5} | {}", self.line, self.source_line.replace(is_unprintable, "\u{fffd}"))?;
        write!(f, "      | {}{}", self.margin(), "^".repeat(self.marked()))?;
        if !self.expected.is_empty() {
            write!(f, "\nexpected: {}", self.expected)?;
        }
        self.help.iter().try_for_each(|advice| write!(f, "\nhelp: {advice}"))
    }
}

impl ConfigError {
    /// As wide as what stands before the offending text, with tabs where it has tabs.
    fn margin(&self) -> String {
        self.source_line
            .chars()
            .take(self.column.saturating_sub(1))
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect()
    }

    /// How many characters of the line offend; at least one, so that there is something to see.
    fn marked(&self) -> usize {
        self.text.lines().next().map_or(0, |line| line.chars().count()).max(1)
    }
}

fn is_unprintable(c: char) -> bool {
    c.is_control() && c != '\t'
}

impl std::error::Error for ConfigError {}

/// All mistakes of one text, in the order of their places. Never empty.
///
/// `Display` shows them all and counts them in the last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors(Vec<ConfigError>);

impl Errors {
    /// `errors` must not be empty.
    pub(crate) fn new(mut errors: Vec<ConfigError>) -> Self {
        debug_assert!(!errors.is_empty());
        errors.sort_by_key(|error| (error.line, error.column));
        Self(errors)
    }

    /// The mistakes, from the top of the file to its end.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|error| writeln!(f, "{error}\n"))?;
        let file = self.0.first().map_or("", |error| &error.file);
        match self.0.len() {
            1 => write!(f, "{file}: 1 error"),
            count => write!(f, "{file}: {count} errors"),
        }
    }
}

impl std::error::Error for Errors {}

/// A mistake without its place: what finds it knows what is wrong, and the reader knows where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) problem: String,
    pub(crate) expected: String,
    pub(crate) help: Vec<String>,
}

impl Complaint {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), expected: String::new(), help: Vec::new() }
    }

    /// That the schema has this key, but this build does nothing with it (or with this value).
    pub(crate) fn not_carried_out(help: impl Into<String>) -> Self {
        Self::new("is part of the NTPService schema but this version does not carry it out").help(help)
    }

    pub(crate) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: expected.into(), ..self }
    }

    /// Adds what was expected, unless the complaint knows it better.
    pub(crate) fn or_expected(self, expected: impl FnOnce() -> String) -> Self {
        if self.expected.is_empty() { self.expected(expected()) } else { self }
    }

    pub(crate) fn help(mut self, advice: impl Into<String>) -> Self {
        self.help.push(advice.into());
        self
    }
}
