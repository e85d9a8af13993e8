//! `ntpctl clients`: who asks for the time.

use std::path::Path;

use super::args::ClientsArgs;
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::table::{Align, Table};
use super::{daemon, units};
use crate::control::{ClientGroupReport, ClientReport, ClientsQuery, ClientsReport};

/// What is not there.
const NOTHING: &str = "-";

/// Asks and prints.
pub(super) fn run(socket: &Path, args: &ClientsArgs, out: &mut Output) -> Outcome {
    let query = ClientsQuery {
        most: args.top,
        order: args.order.into(),
        network: args.network.map(|network| (network.address(), network.prefix())),
        interface: args.interface.clone(),
        by: args.grouping(),
    };
    let report = daemon::clients(socket, query)?;
    if args.form.json {
        out.print_json(&report)?;
    } else {
        out.print(&if args.by.is_some() { render_groups(&report) } else { render(&report) })?;
    }
    Ok(Exit::OK)
}

fn render(report: &ClientsReport) -> String {
    let mut table = Table::new(&COLUMNS);
    report.clients.iter().for_each(|client| table.row(cells(client)));
    let count = format!("{} of {} shown; {}\n", report.clients.len(), report.matching, room(report));
    if report.clients.is_empty() { count } else { table.render() + &count }
}

fn render_groups(report: &ClientsReport) -> String {
    let mut table = Table::new(&GROUP_COLUMNS);
    report.groups.iter().for_each(|group| table.row(group_cells(group)));
    let count = format!("{} of {} shown; {}\n", report.groups.len(), report.matching, room(report));
    if report.groups.is_empty() { count } else { table.render() + &count }
}

fn room(report: &ClientsReport) -> String {
    format!("{} clients known, room for {}", report.known, report.capacity)
}

const GROUP_COLUMNS: [(&str, Align); 5] = [
    ("group", Align::Left),
    ("clients", Align::Right),
    ("requests", Align::Right),
    ("drops", Align::Right),
    ("last ago", Align::Right),
];

fn group_cells(group: &ClientGroupReport) -> Vec<String> {
    let counts = [group.clients, group.requests, group.drops].map(|count| count.to_string());
    let mut cells = vec![group.name.clone()];
    cells.extend(counts);
    cells.push(units::elapsed(group.last_ago_s));
    cells
}

const COLUMNS: [(&str, Align); 9] = [
    ("client", Align::Left),
    ("requests", Align::Right),
    ("drops", Align::Right),
    ("interval", Align::Right),
    ("first ago", Align::Right),
    ("last ago", Align::Right),
    ("version", Align::Right),
    ("auth", Align::Left),
    ("interface", Align::Left),
];

fn cells(c: &ClientReport) -> Vec<String> {
    vec![
        c.address.to_string(),
        c.requests.to_string(),
        c.drops.to_string(),
        c.interval_s.map_or_else(|| NOTHING.to_owned(), units::span),
        units::elapsed(c.first_ago_s),
        units::elapsed(c.last_ago_s),
        c.version.to_string(),
        if c.authenticated { "yes" } else { "no" }.to_owned(),
        c.interface.clone().unwrap_or_else(|| NOTHING.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_client_and_one_for_the_table() {
        let client = ClientReport {
            address: [192, 0, 2, 7].into(),
            requests: 120,
            drops: 3,
            first_ago_s: 7_200.0,
            last_ago_s: 5.0,
            interval_s: Some(64.0),
            version: 4,
            mode: 3,
            authenticated: false,
            interface: Some("lan0".to_owned()),
        };
        let alone = ClientReport { interval_s: None, interface: None, ..client.clone() };
        let report = ClientsReport {
            clients: vec![client, alone],
            groups: Vec::new(),
            matching: 9,
            known: 12,
            capacity: 100,
        };
        let expected = "\
client     requests  drops  interval  first ago  last ago  version  auth  interface
192.0.2.7       120      3    64.0 s        2 h       5 s        4  no    lan0
192.0.2.7       120      3         -        2 h       5 s        4  no    -
2 of 9 shown; 12 clients known, room for 100
";
        assert_eq!(render(&report), expected);
        assert_eq!(render(&ClientsReport::default()), "0 of 0 shown; 0 clients known, room for 0\n");
    }

    #[test]
    fn a_line_for_each_sum() {
        let group = ClientGroupReport {
            name: "192.0.2.0/24".to_owned(),
            clients: 4,
            requests: 120,
            drops: 3,
            last_ago_s: 5.0,
        };
        let report = ClientsReport {
            groups: vec![group],
            matching: 1,
            known: 12,
            capacity: 100,
            ..ClientsReport::default()
        };
        let expected = "\
group         clients  requests  drops  last ago
192.0.2.0/24        4       120      3       5 s
1 of 1 shown; 12 clients known, room for 100
";
        assert_eq!(render_groups(&report), expected);
    }
}
