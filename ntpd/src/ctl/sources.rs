//! `ntpctl sources`: a line for each source, and why it is used or not.
//!
//! The daemon says why; here it only gets a mark that can be found at a glance.

use std::path::Path;

use ntp_engine::StampQuality;
use ntp_engine::report::{Duplicate, Report, SourceReport};
use serde::Serialize;

use super::args::SourcesArgs;
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::table::{Align, Table};
use super::{daemon, units, words};

/// What is not there.
const NOTHING: &str = "-";

const LEGEND: &str = "
marks
  *  selected: the clock is set by it, or was until it fell silent
  +  combined with the selected one
  -  good, or at least not wrong, but not used
  ~  could not be trusted: too distant, too jittery, of an unwanted stratum, or no majority agrees
  x  falseticker: it contradicts the majority; drifting: its rate does
  ?  nothing to judge it by: new, too few samples, no answer, or no address of its own
states
  numbering: a reference clock that says which second a pulse begins; the clock is known better than by itself
columns
  source   as configured, with its address if that is another
  st       stratum: how many servers it is away from a clock
  poll s   seconds between requests; of a reference clock, between samples
  reach    the latest eight requests as octal bits, the last one lowest; 377: all answered; of a reference clock, its
           latest eight samples
  age s    seconds since the latest sample
  offset   what the clock was off by in that sample, before any correction
  bound    how far the truth may be from what this source says (root distance)
  from     who wants it: the configuration, an operator (until the next restart), or a file of sources.sourcedir
  stamps   who took the time of the latest exchange, sending/receiving: the network card (hardware), the
           kernel, or ntpd itself (user)
  discards replies that were not used, by the test that they failed
";

/// What is printed as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    sources: &'a [SourceReport],
    unresolved: &'a [String],
    duplicates: &'a [Duplicate],
}

/// Asks and prints.
pub(super) fn run(socket: &Path, args: &SourcesArgs, out: &mut Output) -> Outcome {
    let report = daemon::report(socket)?.time;
    if args.form.json {
        let Report { sources, unresolved, duplicates, .. } = &report;
        out.print_json(&Shown { sources, unresolved, duplicates })?;
    } else {
        out.print(&render(&report, args.verbose))?;
    }
    Ok(Exit::OK)
}

/// The table, with a legend if it is `verbose`.
fn render(report: &Report, verbose: bool) -> String {
    if report.sources.is_empty() && report.unresolved.is_empty() && report.duplicates.is_empty() {
        return "no sources are configured\n".to_owned();
    }
    let mut columns = COLUMNS.to_vec();
    if verbose {
        columns.extend([("from", Align::Left), ("stamps", Align::Left), ("discards", Align::Left)]);
    }
    columns.push(("reason", Align::Left));
    let mut table = Table::new(&columns);
    for source in &report.sources {
        table.row(cells(source, verbose));
    }
    for name in &report.unresolved {
        let reason = "the name has no address yet; it is looked up again and again";
        table.row(without_source(name, "unresolved", reason, columns.len()));
    }
    for Duplicate { name, address, used_by } in &report.duplicates {
        let reason = format!("{address} is asked already, as {used_by}");
        table.row(without_source(name, "duplicate", &reason, columns.len()));
    }
    table.render() + if verbose { LEGEND } else { "" }
}

const COLUMNS: [(&str, Align); 9] = [
    ("", Align::Left),
    ("source", Align::Left),
    ("st", Align::Right),
    ("poll s", Align::Right),
    ("reach", Align::Right),
    ("age s", Align::Right),
    ("offset", Align::Right),
    ("bound", Align::Right),
    ("state", Align::Left),
];

fn cells(source: &SourceReport, verbose: bool) -> Vec<String> {
    let or_nothing = |value: Option<String>| value.unwrap_or_else(|| NOTHING.to_owned());
    let mut cells = vec![
        if source.selected { "*" } else { mark(&source.state) }.to_owned(),
        words::host(&source.name, source.address),
        or_nothing(source.stratum.map(|stratum| stratum.to_string())),
        poll(source.poll_s),
        source.reach.clone(),
        or_nothing(source.last_sample_age_s.map(|age| format!("{age:.0}"))),
        or_nothing(source.last_offset_s.map(units::offset)),
        or_nothing(source.error_bound_s.map(units::bound)),
        source.state.clone(),
    ];
    if verbose {
        cells.extend([source.origin.clone(), stamps(source), discards(source)]);
    }
    cells.push(source.reason.clone());
    cells
}

/// What is configured and not asked.
fn without_source(name: &str, state: &str, reason: &str, columns: usize) -> Vec<String> {
    let mut cells = vec![NOTHING.to_owned(); columns];
    cells[0] = "?".to_owned();
    cells[1] = name.to_owned();
    cells[COLUMNS.len() - 1] = state.to_owned();
    cells[columns - 1] = reason.to_owned();
    cells
}

/// A character for a state ([`ntp_clock::select::State::name`]); a blank for one of a later version.
fn mark(state: &str) -> &'static str {
    match state {
        "selected" => "*",
        "combined" => "+",
        "spare" | "outclassed" | "waiting" | "numbering" | "noselect" => "-",
        "distant" | "jittery" | "stratum" | "no majority" => "~",
        "falseticker" | "drifting" => "x",
        "new" | "no samples" | "few samples" | "unreachable" => "?",
        _ => " ",
    }
}

/// Whole seconds, or the fraction that short intervals are.
fn poll(seconds: f64) -> String {
    if seconds < 1.0 { format!("{seconds:.3}") } else { format!("{seconds:.0}") }
}

fn stamps(source: &SourceReport) -> String {
    match source.stamps {
        Some((transmit, receive)) if source.replies > 0 => format!("{}/{}", maker(transmit), maker(receive)),
        _ => NOTHING.to_owned(),
    }
}

/// Who made a stamp.
pub(super) const fn maker(quality: StampQuality) -> &'static str {
    match quality {
        StampQuality::User => "user",
        StampQuality::Kernel => "kernel",
        StampQuality::Hardware => "hardware",
    }
}

fn discards(source: &SourceReport) -> String {
    if source.discards.is_empty() {
        return "none".to_owned();
    }
    let discards: Vec<String> =
        source.discards.iter().map(|(name, count)| format!("{count} {name}")).collect();
    discards.join(", ")
}

#[cfg(test)]
pub(super) mod tests {
    use ntp_clock::select::State;
    use ntp_proto::packet::Stratum;
    use ntp_proto::time::{NtpDuration, Uncertainty};

    use super::super::tracking::tests::well;
    use super::*;

    pub(in crate::ctl) fn selected() -> SourceReport {
        SourceReport {
            id: 0,
            name: "ntp.example".to_owned(),
            address: "192.0.2.1:123".parse().unwrap(),
            kind: "server".to_owned(),
            origin: "configuration".to_owned(),
            state: "selected".to_owned(),
            used: true,
            selected: true,
            reason: "used, the best source".to_owned(),
            offline: false,
            stratum: Some(1),
            ref_id: Some("GPS".to_owned()),
            reach: "377".to_owned(),
            poll_s: 64.0,
            last_sample_age_s: Some(12.4),
            last_offset_s: Some(-3.2e-6),
            last_delay_s: Some(300e-6),
            offset_s: Some(1e-6),
            stddev_s: Some(1e-6),
            error_bound_s: Some(214e-6),
            frequency_ppm: Some(12.0),
            skew_ppm: Some(0.01),
            min_delay_s: Some(290e-6),
            jitter_s: Some(2e-6),
            samples: 20,
            requests: 21,
            replies: 20,
            discards: Vec::new(),
            nts: None,
            stamps: Some((StampQuality::Kernel, StampQuality::Kernel)),
            refclock: None,
        }
    }

    pub(in crate::ctl) fn falseticker() -> SourceReport {
        SourceReport {
            id: 1,
            name: "192.0.2.66".to_owned(),
            address: "192.0.2.66:11123".parse().unwrap(),
            state: "falseticker".to_owned(),
            used: false,
            selected: false,
            reason: "contradicts the majority: 1.000 s ahead of anything they allow".to_owned(),
            offline: false,
            stratum: Some(2),
            last_offset_s: Some(1.002),
            discards: vec![("bogus_origin".to_owned(), 3), ("kiss".to_owned(), 1)],
            stamps: Some((StampQuality::User, StampQuality::Kernel)),
            ..selected()
        }
    }

    pub(in crate::ctl) fn silent() -> SourceReport {
        SourceReport {
            name: "2001:db8::1".to_owned(),
            address: "[2001:db8::1]:123".parse().unwrap(),
            state: "no samples".to_owned(),
            used: false,
            selected: false,
            reason: "has not given a usable sample yet".to_owned(),
            offline: false,
            stratum: None,
            reach: "000".to_owned(),
            poll_s: 0.25,
            last_sample_age_s: None,
            last_offset_s: None,
            error_bound_s: None,
            replies: 0,
            ..selected()
        }
    }

    fn report() -> Report {
        Report {
            tracking: well(),
            sources: vec![selected(), falseticker(), silent()],
            unresolved: vec!["new.example".to_owned()],
            duplicates: Vec::new(),
        }
    }

    #[test]
    fn every_source_has_a_line_with_its_reason_last() {
        let expected = "   \
   source                   st  poll s  reach  age s        offset   bound  state        reason
*  ntp.example (192.0.2.1)   1      64    377     12  3.20 us fast  214 us  selected     used, the best source
x  192.0.2.66:11123          2      64    377     12   1.00 s slow  214 us  falseticker  \
contradicts the majority: 1.000 s ahead of anything they allow
?  2001:db8::1               -   0.250    000      -             -       -  no samples   \
has not given a usable sample yet
?  new.example               -       -      -      -             -       -  unresolved   \
the name has no address yet; it is looked up again and again
";
        assert_eq!(render(&report(), false), expected);
    }

    #[test]
    fn more_words_show_stamps_discards_and_a_legend() {
        let report = Report { sources: vec![falseticker()], unresolved: Vec::new(), ..report() };
        let text = render(&report, true);
        let table = text.strip_suffix(LEGEND).unwrap();
        let row = table.lines().nth(1).unwrap();
        assert!(
            row.contains("falseticker  configuration  user/kernel  3 bogus_origin, 1 kiss  contradicts"),
            "{row}"
        );
        for heading in COLUMNS.iter().map(|(name, _)| *name).filter(|name| !["", "state"].contains(name)) {
            assert!(LEGEND.contains(&format!("\n  {heading} ")), "{heading}");
        }
    }

    #[test]
    fn what_another_source_stands_for_says_which() {
        let address = "192.0.2.1:123".parse().unwrap();
        let duplicate =
            Duplicate { name: "192.0.2.1".to_owned(), address, used_by: "ntp.example".to_owned() };
        let report =
            Report { sources: Vec::new(), unresolved: Vec::new(), duplicates: vec![duplicate], ..report() };
        let text = render(&report, false);
        assert!(text.contains("duplicate  192.0.2.1:123 is asked already, as ntp.example"), "{text}");
    }

    #[test]
    fn no_sources_are_a_sentence() {
        let report = Report { sources: Vec::new(), unresolved: Vec::new(), ..report() };
        assert_eq!(render(&report, true), "no sources are configured\n");
    }

    #[test]
    fn every_state_has_a_mark() {
        let (low, high) = (Stratum::new(1), Stratum::new(2));
        let (span, sigma) = (NtpDuration::ZERO, Uncertainty::from_seconds(0.0));
        let states = [
            State::New,
            State::NotSelectable,
            State::NoSamples,
            State::Unreachable,
            State::TooFewSamples { samples: 1, needed: 2 },
            State::StratumOutside { stratum: low, min: high, max: high },
            State::TooDistant { distance: span, limit: span },
            State::TooJittery { jitter: sigma, limit: sigma },
            State::Coarse { distance: span, clock: span },
            State::Falseticker { misses_by: span },
            State::NoMajority { agreeing: 1, of: 2 },
            State::Waiting { truechimers: 1, needed: 2 },
            State::NotPreferred,
            State::Outclassed { distance: span, limit: span },
            State::Kept,
            State::Combined,
            State::Selected,
        ];
        for state in states {
            assert_ne!(mark(state.name()), " ", "{state:?}");
        }
    }
}
