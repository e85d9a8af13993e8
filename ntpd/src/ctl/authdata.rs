//! `ntpctl authdata`: how each source is authenticated.

use std::path::Path;

use ntp_engine::report::{NtsReport, SourceReport};
use serde::Serialize;

use super::exit::{Exit, Outcome};
use super::output::Output;
use super::table::{Align, Table};
use super::{daemon, units, words};

/// What is not there.
const NOTHING: &str = "-";

const COLUMNS: [(&str, Align); 8] = [
    ("source", Align::Left),
    ("mode", Align::Left),
    ("algorithm", Align::Left),
    ("keys", Align::Right),
    ("last ago", Align::Right),
    ("attempts", Align::Right),
    ("refused", Align::Right),
    ("cookies", Align::Right),
];

/// One source, as `--json` prints it.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    address: String,
    nts: Option<&'a NtsReport>,
}

impl<'a> Line<'a> {
    fn of(source: &'a SourceReport) -> Self {
        Self { name: &source.name, address: source.address.to_string(), nts: source.nts.as_ref() }
    }
}

/// Asks and prints.
pub(super) fn run(socket: &Path, json: bool, out: &mut Output) -> Outcome {
    let report = daemon::report(socket)?.time;
    if json {
        let lines: Vec<Line<'_>> = report.sources.iter().map(Line::of).collect();
        out.print_json(&lines)?;
    } else {
        out.print(&render(&report.sources))?;
    }
    Ok(Exit::OK)
}

fn render(sources: &[SourceReport]) -> String {
    let mut table = Table::new(&COLUMNS);
    let mut troubles = String::new();
    for source in sources {
        let name = words::host(&source.name, source.address);
        let Some(nts) = &source.nts else {
            let mut cells = vec![NOTHING.to_owned(); COLUMNS.len()];
            cells[0] = name;
            table.row(cells);
            continue;
        };
        if let Some(trouble) = &nts.trouble {
            let again = nts.next_attempt_s.map(|s| format!("; asked again in {}", units::span(s.max(0.0))));
            troubles += &format!("{name}: {trouble}{}\n", again.unwrap_or_default());
        }
        table.row(cells(name, nts));
    }
    let gap = if troubles.is_empty() { "" } else { "\n" };
    table.render() + gap + &troubles
}

fn cells(name: String, nts: &NtsReport) -> Vec<String> {
    let cookies = match nts.cookies {
        0 => "0".to_owned(),
        count => format!("{count} x {} bytes", nts.cookie_length),
    };
    vec![
        name,
        "NTS".to_owned(),
        nts.aead.clone().unwrap_or_else(|| NOTHING.to_owned()),
        nts.exchanges.to_string(),
        nts.established_ago_s.map_or_else(|| NOTHING.to_owned(), units::elapsed),
        nts.attempts.to_string(),
        nts.refusals.to_string(),
        cookies,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::sources::tests::selected;

    #[test]
    fn a_line_for_each_source_and_one_for_each_trouble() {
        let nts = NtsReport {
            aead: Some("AES-128-GCM-SIV".to_owned()),
            aead_id: Some(30),
            cookies: 8,
            cookie_length: 68,
            attempts: 3,
            exchanges: 2,
            established_ago_s: Some(7_200.0),
            refusals: 1,
            server: "192.0.2.1:4460".parse().unwrap(),
            trouble: None,
            next_attempt_s: None,
        };
        let none = NtsReport {
            aead: None,
            aead_id: None,
            cookies: 0,
            established_ago_s: None,
            trouble: Some("TLS: certificate expired".to_owned()),
            next_attempt_s: Some(32.0),
            ..nts.clone()
        };
        let with = |nts| SourceReport { name: "a.example".to_owned(), nts, ..selected() };
        let text = render(&[with(Some(nts)), with(Some(none)), with(None)]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[1].contains("NTS   AES-128-GCM-SIV     2       2 h         3        1  8 x 68 bytes"),
            "{text}"
        );
        assert!(lines[3].contains("-     -") && lines[4].is_empty(), "{text}");
        assert!(lines[5].ends_with("TLS: certificate expired; asked again in 32.0 s"), "{text}");
    }
}
