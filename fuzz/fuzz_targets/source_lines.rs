//! Any text as a file of sources in chrony's words.
//!
//! Oracle: every line that is no comment is a source or complained about, once, unless there are too many of either;
//! line numbers rise and lie inside the file; the polls of what is accepted are in order.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ntp_config::LineSource;

fuzz_target!(|text: &str| {
    let lines = ntp_config::parse_source_lines(text);
    let count = text.lines().count();
    assert!(lines.sources.len() <= 1_000 && lines.complaints.len() <= 21);
    assert!(lines.sources.is_sorted_by(|a, b| a.line < b.line));
    assert!(lines.complaints.is_sorted_by_key(|complaint| complaint.line));
    assert!(lines.complaints.iter().all(|complaint| (1..=count).contains(&complaint.line)));
    for line in &lines.sources {
        let options = match &line.source {
            LineSource::Server(server) => &server.options,
            LineSource::Pool(pool) => &pool.options,
        };
        assert!((1..=count).contains(&line.line) && options.minpoll <= options.maxpoll, "{line:?}");
    }
});
