//! `ntpctl activity`: the sources, counted.

use std::path::Path;

use ntp_engine::Report;
use serde::Serialize;

use super::daemon;
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::table;

/// Each source, and each entry without one, is in one of these.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Activity {
    answering: usize,
    silent: usize,
    offline: usize,
    without_address: usize,
    duplicate: usize,
}

/// Asks and prints.
pub(super) fn run(socket: &Path, json: bool, out: &mut Output) -> Outcome {
    let activity = count(&daemon::report(socket)?.time);
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
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_line_up() {
        let activity = Activity { answering: 3, silent: 1, offline: 0, without_address: 2, duplicate: 1 };
        assert_eq!(
            render(&activity),
            "answering        3\nsilent           1\noffline          0\nwithout address  2\nduplicate        1\n"
        );
    }
}
