//! Where words go: to standard error, and never at the price of waiting for it.
//!
//! What is told has a name in its field `event` (docs/log-events.md) and a sentence; further fields say the same in
//! numbers, those of the engine's events as one JSON object in the field `details`. As text, the sentence is all that is
//! shown, except for debugging.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};

use ntp_engine::Event;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Level, Subscriber};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, format::Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::sys::readiness::is_writable;

/// Lines that nobody took in time.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Lines that were lost because standard error was stalled.
#[must_use]
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A sentence, for people
    Text,
    /// A JSON object on each line, for programs
    Json,
}

/// Sends everything from `level` up to standard error. If that is the journal, which adds the time, text has the
/// priorities that it understands instead.
pub fn start(level: Level, format: Format) {
    let form = match format {
        Format::Json => Form::Json,
        Format::Text if is_journal() => Form::Journal,
        Format::Text => Form::Text,
    };
    tracing_subscriber::fmt().with_max_level(level).event_format(form).with_writer(Stderr).init();
}

/// Tells an event of the engine.
pub(super) fn diary(event: &Event) {
    let fields = event.fields().into_iter().map(|(name, field)| (name.to_owned(), serde_json::json!(field)));
    let details = Value::Object(fields.collect());
    if event.is_warning() {
        tracing::warn!(event = event.name(), %details, "{event}");
    } else {
        tracing::info!(event = event.name(), %details, "{event}");
    }
}

/// Whether standard error is what systemd says that the journal reads: it may have been redirected since.
fn is_journal() -> bool {
    let Ok(promised) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let found = stderr.and_then(|stderr| stderr.metadata());
    found.is_ok_and(|found| promised == format!("{}:{}", found.dev(), found.ino()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Journal,
    Json,
}

impl<S, N> FormatEvent<S, N> for Form
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        let mut told = Told::default();
        event.record(&mut told);
        let level = *event.metadata().level();
        match self {
            Self::Json => write!(line, "{}", told.into_json(level, &now()?)),
            Self::Journal => write!(line, "<{}>{}", priority(level), told.into_text(level)),
            Self::Text => write!(line, "{} {level:>5} {}", now()?, told.into_text(level)),
        }?;
        writeln!(line)
    }
}

/// RFC 3339, in UTC.
fn now() -> Result<String, fmt::Error> {
    let mut text = String::new();
    SystemTime.format_time(&mut Writer::new(&mut text))?;
    Ok(text)
}

/// As syslog counts them.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// What one call told.
#[derive(Default)]
struct Told {
    sentence: String,
    name: String,
    fields: Map<String, Value>,
}

impl Told {
    fn into_json(self, level: Level, time: &str) -> Value {
        let mut line = Map::new();
        line.insert("time".to_owned(), time.into());
        line.insert("level".to_owned(), level.as_str().to_lowercase().into());
        line.insert("event".to_owned(), self.name.into());
        line.insert("message".to_owned(), self.sentence.into());
        line.extend(self.fields);
        Value::Object(line)
    }

    /// On one line, whatever is in it: names come from outside.
    fn into_text(self, level: Level) -> String {
        let mut text = self.sentence;
        if level > Level::INFO {
            self.fields.iter().for_each(|(name, value)| text += &format!(" {name}={value}"));
        }
        text.replace(|c: char| c.is_control(), "\u{fffd}")
    }

    fn note(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(sentence)) => self.sentence = sentence,
            ("event", Value::String(name)) => self.name = name,
            ("details", Value::String(details)) => {
                if let Ok(Value::Object(details)) = serde_json::from_str(&details) {
                    self.fields.extend(details);
                }
            }
            (name, value) => _ = self.fields.insert(name.to_owned(), value),
        }
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.note(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, value.into());
    }
}

/// Standard error, or nothing while it would block.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr();
        if is_writable(stderr.as_fd()) {
            // A log that cannot be written is no reason to stop telling the time.
            let _ = stderr.lock().write_all(line);
        } else {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ntp_proto::time::NtpDuration;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(form: Form, tell: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let log = tracing_subscriber::fmt().with_max_level(Level::DEBUG).event_format(form);
        let log = log.with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(log, tell);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn lookup_failed() {
        diary(&Event::LookupFailed { name: "a.example".to_owned(), retry: NtpDuration::from_secs(2) });
    }

    #[test]
    fn an_event_is_a_json_object_with_its_numbers() {
        let line = told(Form::Json, lookup_failed);
        let json: Value = serde_json::from_str(line.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!((&json["level"], &json["event"]), (&"info".into(), &"lookup_failed".into()));
        assert_eq!((&json["name"], &json["retry_s"]), (&"a.example".into(), &2.0.into()));
        assert!(json["message"].as_str().unwrap().starts_with("no address for a.example"), "{line}");
        let time = json["time"].as_str().unwrap();
        assert!(time.len() > 20 && time.as_bytes()[10] == b'T' && time.ends_with('Z'), "{time}");
    }

    #[test]
    fn the_journal_gets_a_priority_and_no_time() {
        let warn = || tracing::warn!(event = "problem", "something\nis wrong");
        assert_eq!(told(Form::Journal, warn), "<4>something\u{fffd}is wrong\n");
        let debug = || tracing::debug!(event = "problem", count = 3, "detail");
        assert_eq!(told(Form::Journal, debug), "<7>detail count=3\n");
    }

    #[test]
    fn text_is_the_sentence_after_time_and_level() {
        let line = told(Form::Text, lookup_failed);
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z'), "{line}");
        assert!(
            rest.starts_with(" INFO no address for a.example; next attempt in ") && !rest.contains("retry_s")
        );
    }
}
