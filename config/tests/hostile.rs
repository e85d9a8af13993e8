//! Whatever the text, it is read or refused with a place inside it; nothing panics.

use proptest::prelude::*;

const EVERYTHING: &str = include_str!("everything.toml");

/// Reads the text; if it is refused, renders the errors and looks at their places.
fn read(text: &str) -> Result<(), TestCaseError> {
    let Err(errors) = ntp_config::parse("ntpd.toml", text) else { return Ok(()) };
    prop_assert!(errors.iter().count() > 0);
    let rendered = errors.to_string();
    for error in &errors {
        let line = text.split('\n').nth(error.line - 1).unwrap_or_default();
        prop_assert!(error.column <= line.chars().count() + 1, "{rendered}");
        prop_assert!(line.starts_with(&error.source_line), "{rendered}");
    }
    Ok(())
}

/// A place in the text that does not split a character.
fn boundary(place: prop::sample::Index) -> usize {
    let boundaries: Vec<_> = EVERYTHING.char_indices().map(|(at, _)| at).collect();
    *place.get(&boundaries)
}

proptest! {
    #[test]
    fn any_text_is_survived(text: String) {
        read(&text)?;
    }

    #[test]
    fn a_damaged_file_is_survived(from: prop::sample::Index, to: prop::sample::Index, put in "[-\\[\\]{}=\"'.,0-9a-zö#\r\n ]{0,4}") {
        let (from, to) = (boundary(from), boundary(to));
        let mut text = EVERYTHING.to_owned();
        text.replace_range(from.min(to)..from.max(to).min(from.min(to) + 40), &put);
        read(&text)?;
    }
}
