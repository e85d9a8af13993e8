//! Histories, which come from a file: whatever is in it is refused or harmless. An engine that recalled it
//! runs on and every figure that it reports is finite.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ntp_engine::record::start;
use ntp_engine::{Entry, History, Host, Input, Now, Options, SourceKind, SourceOptions};
use ntp_proto::time::{Monotonic, NtpDuration, RawTime};

fuzz_target!(|text: &str| {
    let Ok(history) = serde_json::from_str::<History>(text) else { return };
    let mut now =
        Now { monotonic: Monotonic::from_nanos(5_000_000_000), raw: RawTime::from_unix(1_800_000_005, 0) };
    let host = Host::Address([192, 0, 2, 1].into());
    let entry = Entry { host, port: 123, kind: SourceKind::Server, options: SourceOptions::default() };
    let mut engine = start(Options { entries: vec![entry], ..Options::default() }, [0; 32], now);
    engine.handle(now, Input::Recall(Box::new(history)));
    for _ in 0..3 {
        let span = NtpDuration::from_secs(100);
        now = Now { monotonic: now.monotonic + span, raw: now.raw + span };
        engine.handle(now, Input::Tick);
        while engine.poll_action().is_some() {}
        let report = engine.report(now);
        for source in &report.sources {
            let figures = [source.offset_s, source.stddev_s, source.frequency_ppm, source.error_bound_s];
            assert!(figures.iter().flatten().all(|f| f.is_finite()), "{source:?}");
        }
        let again = serde_json::to_string(&engine.history(now)).expect("a history can be written");
        serde_json::from_str::<History>(&again).expect("and read");
    }
});
