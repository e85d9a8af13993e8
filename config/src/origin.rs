//! Where each value stands in its text.
//!
//! The reader notes the place of every value that it takes; checks that compare values find their places
//! here, and what is left in the finished configuration says which line a value comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::document::Document;

/// The places of values in bytes, by their paths, such as `sources.servers[1].minpoll`.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: BTreeMap<String, Range<usize>>,
    /// The paths of values that are written and cannot be used.
    wrong: BTreeSet<String>,
}

impl Places {
    /// The value of `path` was taken from `span`.
    pub(crate) fn note(&mut self, path: String, span: Range<usize>) {
        self.taken.insert(path, span);
    }

    /// The value of `path` is wrong: neither it nor what is below it is to be compared.
    pub(crate) fn forget(&mut self, path: &str) {
        let is_below = |noted: &str| {
            noted.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let noted = self.taken.range(path.to_owned()..).map(|(noted, _)| noted);
        let ours = noted.take_while(|noted| noted.starts_with(path)).filter(|noted| is_below(noted));
        for noted in ours.cloned().collect::<Vec<_>>() {
            self.taken.remove(&noted);
        }
        self.wrong.insert(path.to_owned());
    }

    /// Where the value was taken from; nowhere if it is a default, or wrong by itself.
    pub(crate) fn of(&self, path: &str) -> Option<Range<usize>> {
        self.taken.get(path).cloned()
    }

    /// Whether the value is written and cannot be used, so that its field means nothing.
    pub(crate) fn is_wrong(&self, path: &str) -> bool {
        self.wrong.contains(path)
    }

    /// The same in lines.
    pub(crate) fn into_origins(self, document: &Document<'_>) -> Origins {
        let lines = self.taken.into_iter().map(|(path, span)| (path, document.line(span.start)));
        Origins { file: document.file.to_owned(), lines: lines.collect() }
    }
}

/// The file of a configuration and the lines of its values.
///
/// Two configurations that say the same are equal, wherever it is written: any two origins are equal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    file: String,
    lines: BTreeMap<String, usize>,
}

impl Origins {
    /// The name of the file as it was given to the parser.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The line of a value, from 1; none if it is not written.
    pub(crate) fn line(&self, path: &str) -> Option<usize> {
        self.lines.get(path).copied()
    }
}

impl PartialEq for Origins {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgetting_takes_what_is_below_along_and_nothing_else() {
        let mut places = Places::default();
        for path in ["a.b", "a.b[0]", "a.b.c", "a.bc", "a", "b"] {
            places.note(path.to_owned(), 0..1);
        }
        places.forget("a.b");
        assert_eq!(places.taken.keys().collect::<Vec<_>>(), ["a", "a.bc", "b"]);
        assert!(places.is_wrong("a.b") && !places.is_wrong("a"));
    }

    #[test]
    fn any_two_origins_are_equal() {
        let mut places = Places::default();
        places.note("a".to_owned(), 2..3);
        let origins = places.into_origins(&Document::new("f", "\n\na"));
        assert_eq!((origins.line("a"), origins.line("b"), origins.file()), (Some(3), None, "f"));
        assert_eq!(origins, Origins::default());
    }
}
