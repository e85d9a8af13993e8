//! `ntpctl activity`: the sources, counted, and how busy the daemon is with them.

use std::path::Path;

use ntp_engine::Report;
use serde::Serialize;

use super::daemon;
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::{table, units};
use crate::control::{LoopReport, TurnReport};

/// Each source, and each entry without one, is in one of these.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Activity {
    answering: usize,
    silent: usize,
    offline: usize,
    without_address: usize,
    duplicate: usize,
    main_loop: LoopReport,
}

/// Asks and prints.
pub(super) fn run(socket: &Path, json: bool, out: &mut Output) -> Outcome {
    let report = daemon::report(socket)?;
    let activity = Activity { main_loop: report.main_loop, ..count(&report.time) };
    if json {
        out.print_json(&activity)?;
    } else {
        out.print(&render(&activity))?;
    }
    Ok(Exit::OK)
}

fn count(report: &Report) -> Activity {
    let (without_address, duplicate) = (report.unresolved.len(), report.duplicates.len());
    let mut activity = Activity { without_address, duplicate, ..Activity::default() };
    for source in &report.sources {
        match source {
            s if s.offline => activity.offline += 1,
            s if s.reach != "000" => activity.answering += 1,
            _ => activity.silent += 1,
        }
    }
    activity
}

fn render(activity: &Activity) -> String {
    table::pairs(&[
        ("answering", activity.answering.to_string()),
        ("silent", activity.silent.to_string()),
        ("offline", activity.offline.to_string()),
        ("without address", activity.without_address.to_string()),
        ("duplicate", activity.duplicate.to_string()),
        ("longest turn", format!("{} since the start", turn(activity.main_loop.longest))),
        ("", format!("{} in the last minute", turn(activity.main_loop.last_minute))),
        ("most late", format!("{} since the start", units::span(activity.main_loop.longest.late_s))),
        ("", format!("{} in the last minute", units::span(activity.main_loop.last_minute.late_s))),
    ])
}

/// How long the main loop was busy at a time.
fn turn(turn: TurnReport) -> String {
    let cpu = turn.cpu_s.map(|cpu| format!(" ({} of processor time)", units::span(cpu)));
    units::span(turn.wall_s) + &cpu.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_line_up() {
        let longest = TurnReport { wall_s: 1.2e-3, cpu_s: Some(8e-4), late_s: 3e-3 };
        let last_minute = TurnReport { wall_s: 5e-5, cpu_s: None, late_s: 2e-5 };
        let main_loop = LoopReport { turns: 9, longest, last_minute };
        let activity =
            Activity { answering: 3, silent: 1, offline: 0, without_address: 2, duplicate: 1, main_loop };
        let expected = "\
answering        3
silent           1
offline          0
without address  2
duplicate        1
longest turn     1.20 ms (800 us of processor time) since the start
                 50.0 us in the last minute
most late        3.00 ms since the start
                 20.0 us in the last minute
";
        assert_eq!(render(&activity), expected);
    }
}
