//! Any text as lines of a recording.
//!
//! Oracle: what was read and is written again reads back the same. An engine that a line brings, however odd, was
//! refused or lives: it takes the inputs that follow, runs on and reports without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ntp_engine::record::{Line, replay};
use ntp_engine::{Input, Now};
use ntp_proto::time::NtpDuration;

fuzz_target!(|text: &str| {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for text in text.lines() {
        let Ok(line) = serde_json::from_str::<Line<'_>>(text) else { continue };
        assert_eq!(read_back(&line), line);
        lines.push(line);
    }
    let beginning = lines.iter().position(|line| line.engine().is_some()).unwrap_or(lines.len());
    let Some((mut now, _)) = lines.get(beginning).and_then(Line::engine) else { return };
    for line in &lines[beginning..] {
        if let Line::Input { now: at, .. } = line {
            now = *at;
        }
    }
    let mut engine = replay(lines.drain(beginning..), |_, _| {}).expect("it begins with an engine");
    for _ in 0..3 {
        let span = NtpDuration::from_secs(100);
        now = Now { monotonic: now.monotonic + span, raw: now.raw + span };
        engine.handle(now, Input::Tick);
        while engine.poll_action().is_some() {}
        while engine.poll_event().is_some() {}
        assert!(!serde_json::to_string(&engine.report(now)).expect("a report can be written").is_empty());
    }
});

fn read_back(line: &Line<'_>) -> Line<'static> {
    let written = serde_json::to_string(line).expect("a line can be written");
    serde_json::from_str(&written).unwrap_or_else(|error| panic!("{error}: {written}"))
}
