//! Any text as a configuration.
//!
//! Oracle: every error lies inside the file, quotes its line, and can be shown; there is at least one.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Err(errors) = ntp_config::parse("ntp.toml", text) else { return };
    assert!(errors.iter().next().is_some());
    assert!(!errors.to_string().is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for error in &errors {
        assert!(!error.problem.is_empty(), "{error:?}");
        let line = error.line.checked_sub(1).and_then(|line| lines.get(line));
        let line = line.unwrap_or_else(|| panic!("{error:?} is beyond the last line, {}", lines.len()));
        assert!((1..=line.chars().count() + 1).contains(&error.column), "{error:?}");
        assert_eq!(error.source_line, line.trim_end_matches('\r'));
    }
});
