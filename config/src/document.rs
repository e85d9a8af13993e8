//! A text and its places: turns spans of bytes into lines and columns for people.

use std::ops::Range;

use crate::ConfigError;
use crate::error::Complaint;

/// The text of a configuration file and the name by which its user knows it.
pub(crate) struct Document<'t> {
    pub(crate) file: &'t str,
    pub(crate) text: &'t str,
    /// Where each line but the first begins.
    starts: Vec<usize>,
}

impl<'t> Document<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        let starts = text.match_indices('\n').map(|(end, _)| end + 1).collect();
        Self { file, text, starts }
    }

    /// The line of a place in bytes, from 1.
    pub(crate) fn line(&self, place: usize) -> usize {
        self.starts.partition_point(|start| *start <= place) + 1
    }

    /// Puts a complaint in its place. `span` is in bytes; one that lies outside of the text is clipped.
    pub(crate) fn error(&self, span: Range<usize>, key: String, complaint: Complaint) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let rest = &self.text[before.len()..];
        let indent = before.rsplit('\n').next().unwrap_or_default();
        let tail = rest.split('\n').next().unwrap_or_default();
        ConfigError {
            file: self.file.to_owned(),
            line: self.line(before.len()),
            column: indent.chars().count() + 1,
            key,
            text: self.text.get(span).unwrap_or_default().to_owned(),
            problem: complaint.problem,
            expected: complaint.expected,
            help: complaint.help,
            source_line: format!("{indent}{tail}").trim_end_matches('\r').to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, span: Range<usize>, line: usize, column: usize, source_line: &str) {
        let error = Document::new("f", text).error(span, String::new(), Complaint::new(""));
        assert_eq!((error.line, error.column, &*error.source_line), (line, column, source_line));
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        check("", 0..0, 1, 1, "");
        check("ab = 1\ncd = 2\n", 0..2, 1, 1, "ab = 1");
        check("ab = 1\ncd = 2\n", 7..9, 2, 1, "cd = 2");
        check("ab = 1\ncd = 2\n", 12..13, 2, 6, "cd = 2");
        check("\n\nx", 2..3, 3, 1, "x");
        check("ä = ö\r\n", 5..7, 1, 5, "ä = ö");
    }

    #[test]
    fn places_at_and_beyond_the_end_are_the_end() {
        check("a =", 3..3, 1, 4, "a =");
        check("a = 1\n", 6..6, 2, 1, "");
        check("a", 17..20, 1, 2, "a");
    }
}
