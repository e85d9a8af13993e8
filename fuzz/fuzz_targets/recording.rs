//! Any text as a line of a recording.
//!
//! Oracle: what was read and is written again reads back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ntp_engine::record::Line;

fuzz_target!(|text: &str| {
    for text in text.lines() {
        let Ok(line) = serde_json::from_str::<Line<'_>>(text) else { continue };
        let written = serde_json::to_string(&line).expect("a line can be written");
        let again: Line<'_> = serde_json::from_str(&written).expect("what we wrote can be read");
        assert_eq!(again, line, "{written}");
    }
});
