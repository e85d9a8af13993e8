//! `ntpctl serverstats`: what became of the packets, in all, by thread and by interface.

use std::path::Path;

use super::exit::{Exit, Outcome};
use super::output::Output;
use super::table::{Align, Table};
use super::{daemon, table};
use crate::control::{InterfaceReport, ServingReport};

/// Asks and prints.
pub(super) fn run(socket: &Path, json: bool, out: &mut Output) -> Outcome {
    let report = daemon::report(socket)?.serving;
    if json {
        out.print_json(&report)?;
    } else {
        out.print(&render(&report))?;
    }
    Ok(Exit::OK)
}

fn render(report: &ServingReport) -> String {
    let mut rows = vec![
        ("requests", report.requests),
        ("replies", report.replies),
        ("denied", report.denied),
        ("limited", report.limited),
        ("of these kissed", report.kisses),
        ("authenticated by NTS", report.nts_requests),
        ("NTS cookies refused", report.nts_naks),
    ];
    rows.extend(report.ignored.iter().map(|(why, count)| (why.as_str(), *count)));
    rows.extend([
        ("met a clock change", report.without_time),
        ("not sent", report.send_failures),
        ("dropped by the kernel", report.kernel_drops),
        ("stamped by the kernel", report.kernel_stamps),
        ("clients unrecorded", report.clients_unrecorded),
        ("clients forgotten", report.clients_forgotten),
    ]);
    let rows: Vec<(&str, String)> = rows.into_iter().map(|(name, count)| (name, count.to_string())).collect();
    let mut text = table::pairs(&rows);
    text.push('\n');
    text.push_str(&workers(report));
    if !report.interfaces.is_empty() {
        text.push('\n');
        text.push_str(&interfaces(&report.interfaces));
    }
    text
}

fn workers(report: &ServingReport) -> String {
    let mut table =
        Table::new(&[("thread", Align::Left), ("requests", Align::Right), ("replies", Align::Right)]);
    for (number, worker) in report.workers.iter().enumerate() {
        let name = if report.threads == 0 { "main".to_owned() } else { format!("serve-{number}") };
        table.row(vec![name, worker.requests.to_string(), worker.replies.to_string()]);
    }
    table.render()
}

fn interfaces(interfaces: &[InterfaceReport]) -> String {
    let names = ["requests", "replies", "denied", "ignored", "limited"];
    let mut columns = vec![("interface", Align::Left)];
    columns.extend(names.map(|name| (name, Align::Right)));
    let mut table = Table::new(&columns);
    for i in interfaces {
        let counts = [i.requests, i.replies, i.denied, i.ignored, i.limited];
        let mut row = vec![i.interface.clone()];
        row.extend(counts.map(|count| count.to_string()));
        table.row(row);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::WorkerReport;

    #[test]
    fn packets_are_accounted_for_by_fate_thread_and_interface() {
        let report = ServingReport {
            requests: 12,
            replies: 9,
            limited: 1,
            ignored: vec![("too_short".to_owned(), 2)],
            kernel_drops: 4,
            threads: 1,
            workers: vec![WorkerReport { requests: 12, replies: 9 }],
            interfaces: vec![InterfaceReport {
                interface: "lan0".to_owned(),
                requests: 12,
                replies: 9,
                denied: 0,
                ignored: 2,
                limited: 1,
            }],
            ..ServingReport::default()
        };
        let expected = "\
requests               12
replies                9
denied                 0
limited                1
of these kissed        0
authenticated by NTS   0
NTS cookies refused    0
too_short              2
met a clock change     0
not sent               0
dropped by the kernel  4
stamped by the kernel  0
clients unrecorded     0
clients forgotten      0

thread   requests  replies
serve-0        12        9

interface  requests  replies  denied  ignored  limited
lan0             12        9       0        2        1
";
        assert_eq!(render(&report), expected);
    }
}
