//! `ntpctl sourcestats`: what each source has taught about the clock.

use std::path::Path;

use ntp_engine::report::SourceReport;

use super::exit::{Exit, Outcome};
use super::output::Output;
use super::table::{Align, Table};
use super::{daemon, units, words};

/// What is not there.
const NOTHING: &str = "-";

const COLUMNS: [(&str, Align); 8] = [
    ("source", Align::Left),
    ("samples", Align::Right),
    ("frequency", Align::Right),
    ("+-", Align::Right),
    ("offset now", Align::Right),
    ("std dev", Align::Right),
    ("jitter", Align::Right),
    ("shortest trip", Align::Right),
];

/// Asks and prints.
pub(super) fn run(socket: &Path, json: bool, out: &mut Output) -> Outcome {
    let report = daemon::report(socket)?.time;
    if json {
        out.print_json(&report.sources)?;
    } else {
        out.print(&render(&report.sources))?;
    }
    Ok(Exit::OK)
}

fn render(sources: &[SourceReport]) -> String {
    let mut table = Table::new(&COLUMNS);
    for source in sources {
        table.row(cells(source));
    }
    table.render()
}

fn cells(s: &SourceReport) -> Vec<String> {
    let shown = |value: Option<f64>, words: fn(f64) -> String| value.map_or(NOTHING.to_owned(), words);
    vec![
        words::host(&s.name, s.address),
        s.samples.to_string(),
        shown(s.frequency_ppm, units::ppm),
        shown(s.skew_ppm, |ppm| format!("{ppm:.3} ppm")),
        shown(s.offset_s, units::offset),
        shown(s.stddev_s, units::span),
        shown(s.jitter_s, units::span),
        shown(s.min_delay_s, units::span),
    ]
}
