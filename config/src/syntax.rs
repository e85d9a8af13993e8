//! When the text is not TOML: the parser's errors in the form of all others.

use toml::de::Error;

use crate::document::Document;
use crate::error::Complaint;
use crate::{ConfigError, Errors};

/// The errors of the parser, of which there must be one at least.
///
/// The parser goes on after an error and may stumble again over the same line; the first is the true one.
pub(crate) fn errors(document: &Document<'_>, found: &[Error]) -> Errors {
    let mut errors: Vec<_> = found.iter().map(|error| place(document, error)).collect();
    errors.sort_by_key(|error| (error.line, error.column));
    errors.dedup_by_key(|error| error.line);
    Errors::new(errors)
}

fn place(document: &Document<'_>, error: &Error) -> ConfigError {
    let span = error.span().unwrap_or_default();
    let text = document.text.get(span.clone()).unwrap_or_default();
    document.error(span, String::new(), complaint(error.message(), text))
}

fn complaint(message: &str, text: &str) -> Complaint {
    let (problem, expected) = match message.split_once(", expected ") {
        Some((problem, "nothing")) => (problem, ""),
        Some(parts) => parts,
        None => (message, ""),
    };
    match problem {
        "string values must be quoted" => without_quotes(text),
        // The parser goes by the first letter: it takes `none` for a misspelled `nan`.
        "invalid float" | "invalid boolean" if text.starts_with(char::is_alphabetic) => without_quotes(text),
        "duplicate key" => Complaint::new(format!("{text} stands twice"))
            .expected("each key once, and each [table] once")
            .help("bring the two together; only tables in double brackets, [[…]], may repeat"),
        _ => Complaint::new(problem)
            .expected(expected)
            .help("the file is TOML: lines of `key = value` below headings such as [server]"),
    }
}

fn without_quotes(text: &str) -> Complaint {
    Complaint::new("this value is neither a number nor true or false")
        .expected("a string in double quotes, a number, true, false, or an array or table of them")
        .help(format!("if it is meant as a string, write {text:?}"))
}
