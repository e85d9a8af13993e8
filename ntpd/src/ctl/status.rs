//! `ntpctl status`: how it is, in words.
//!
//! The exit code answers one question: is the clock synchronised?

use std::path::Path;

use ntp_engine::report::TrackingReport;

use super::exit::{Exit, Outcome};
use super::output::Output;
use super::{daemon, table, units, words};
use crate::control::{DaemonReport, HardwareStampReport, ServingReport, SocketReport};

/// Asks and prints.
pub(super) fn run(socket: &Path, json: bool, out: &mut Output) -> Outcome {
    let report = daemon::report(socket)?;
    if json {
        out.print_json(&report)?;
    } else {
        out.print(&render(&report))?;
    }
    Ok(if report.time.tracking.synchronised { Exit::OK } else { Exit::NO })
}

/// A line for each thing that one wants to know first.
fn render(report: &DaemonReport) -> String {
    let tracking = &report.time.tracking;
    let mut rows = vec![("state", state(report))];
    if report.enabled {
        rows.push(("clock", clock(tracking)));
        rows.push(("control", words::control(tracking.control).to_owned()));
        rows.push(("sources", sources(report)));
        rows.extend(refclocks(report).map(|line| ("clocks", line)));
        rows.extend(serving(&report.serving).into_iter().map(|line| ("serving", line)));
        rows.extend(report.hardware_stamps.iter().map(|card| ("stamps", stamping(card))));
    }
    rows.push(("daemon", process(report)));
    if report.problems.is_empty() {
        rows.push(("problems", "none".to_owned()));
    }
    rows.extend(report.problems.iter().map(|problem| ("problem", problem.clone())));
    table::pairs(&rows)
}

fn state(report: &DaemonReport) -> String {
    let tracking = &report.time.tracking;
    match (&tracking.source, tracking.address) {
        _ if !report.enabled => "switched off: `enabled = false` in the configuration".to_owned(),
        _ if tracking.local => {
            format!("not synchronised; serving the local clock as stratum {}", tracking.stratum)
        }
        _ if !tracking.synchronised => format!("not synchronised: {}", why_not(report)),
        (Some(name), Some(address)) => {
            let stratum = tracking.stratum;
            format!("synchronised to {}, stratum {stratum}", words::host(name, address))
        }
        _ => format!("synchronised, stratum {}", tracking.stratum),
    }
}

fn why_not(report: &DaemonReport) -> &'static str {
    let time = &report.time;
    if time.sources.is_empty() && time.unresolved.is_empty() {
        "no sources are configured"
    } else if time.sources.is_empty() {
        "no source has an address yet (name resolution, network?)"
    } else if time.sources.iter().all(|source| source.refclock.is_some() && source.samples == 0) {
        "no reference clock has given a sample yet; `ntpctl refclocks` tells why"
    } else if time.sources.iter().all(|source| source.replies == 0 && source.samples == 0) {
        "no source has answered yet (network, firewall?)"
    } else {
        "no source can be used yet; `ntpctl explain` tells why"
    }
}

fn clock(tracking: &TrackingReport) -> String {
    tracking.error_bound_s.map_or_else(
        || "not known how good it is".to_owned(),
        |bound| {
            let offset = units::offset(tracking.remaining_offset_s);
            format!("{offset}, certainly within {}", units::bound(bound))
        },
    )
}

fn sources(report: &DaemonReport) -> String {
    let time = &report.time;
    let used = time.sources.iter().filter(|source| source.used).count();
    let answering = time.sources.iter().filter(|source| words::is_reached(&source.reach)).count();
    let unresolved = match time.unresolved.len() {
        0 => String::new(),
        names => format!(", {} without an address", words::count(names, "name")),
    };
    let duplicates = match time.duplicates.len() {
        0 => String::new(),
        entries => format!(", {} asked already under another name", entries),
    };
    format!("{used} used, {answering} answering of {}{unresolved}{duplicates}", time.sources.len())
}

/// The reference clocks of this machine, if there are any: each with its state, or that its device is not open.
fn refclocks(report: &DaemonReport) -> Option<String> {
    let clocks = report.time.sources.iter().filter(|source| source.refclock.is_some());
    let is_closed = |id| report.devices.iter().any(|device| device.source == id && !device.open);
    let words: Vec<String> = clocks
        .map(|clock| {
            let state = if is_closed(clock.id) { "not open" } else { &clock.state };
            format!("{} {state}", clock.name)
        })
        .collect();
    (!words.is_empty()).then(|| format!("{}; `ntpctl refclocks` tells more", words.join(", ")))
}

/// A line for each socket, and one for the counters.
fn serving(report: &ServingReport) -> Vec<String> {
    if report.sockets.is_empty() {
        return vec!["nobody".to_owned()];
    }
    let mut lines: Vec<String> = report.sockets.iter().map(socket).collect();
    let ignored: u64 = report.ignored.iter().map(|(_, count)| count).sum();
    let mut counters = vec![
        format!("{} requests", report.requests),
        format!("{} replies", report.replies),
        format!("{} denied", report.denied),
    ];
    counters.extend((ignored > 0).then(|| format!("{ignored} ignored ({})", reasons(&report.ignored))));
    counters.extend((report.limited > 0).then(|| format!("{} limited", report.limited)));
    counters.extend((report.kernel_drops > 0).then(|| format!("{} dropped", report.kernel_drops)));
    counters.extend((report.send_failures > 0).then(|| format!("{} not sent", report.send_failures)));
    lines.push(counters.join(", "));
    lines
}

fn socket(socket: &SocketReport) -> String {
    match &socket.problem {
        Some(problem) => format!("not on {}: {problem}", socket.address),
        None if socket.open => format!("on {}, {} receive stamps", socket.address, socket.receive_stamps),
        None => format!("not on {} yet", socket.address),
    }
}

/// What a network card stamps, and how its clock is.
fn stamping(card: &HardwareStampReport) -> String {
    let HardwareStampReport { interface, clock, method, gait, sent, received, refused, .. } = card;
    let what = match (card.sending, card.receiving) {
        (true, true) => "what is sent and received",
        (true, false) => "what is sent, not what is received",
        (false, _) => "what is received, not what is sent",
    };
    format!(
        "{interface} stamps {what}; /dev/ptp{clock}, {method}: {gait}; {sent} sent, {received} received, {refused} not used"
    )
}

fn reasons(ignored: &[(String, u64)]) -> String {
    let reasons: Vec<String> = ignored.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    reasons.join(", ")
}

fn process(report: &DaemonReport) -> String {
    let file = report.config_file.as_ref().map_or_else(
        || "built-in configuration".to_owned(),
        |file| format!("configuration {}", file.display()),
    );
    let DaemonReport { version, pid, uptime_s, .. } = report;
    format!("version {version}, process {pid}, running for {}, {file}", units::elapsed(*uptime_s))
}

#[cfg(test)]
pub(super) mod tests {
    use ntp_engine::Report;
    use ntp_refclock::phc::{Gait, Method};

    use super::super::sources::tests::{falseticker, selected, silent};
    use super::super::tracking::tests::{unset, well};
    use super::*;
    use crate::control::{DeviceReport, LoopReport};

    /// A daemon that is well.
    pub(in crate::ctl) fn daemon() -> DaemonReport {
        DaemonReport {
            version: "0.1.0".to_owned(),
            pid: 4711,
            uptime_s: 12_000.0,
            config_file: Some("/etc/ntpd/ntpd.toml".into()),
            enabled: true,
            time: Report {
                tracking: well(),
                sources: vec![selected(), falseticker(), silent()],
                unresolved: vec!["new.example".to_owned()],
                duplicates: Vec::new(),
            },
            devices: Vec::new(),
            main_loop: LoopReport::default(),
            serving: ServingReport {
                sockets: vec![listening("0.0.0.0:123", None), listening("[::]:123", Some("no IPv6 here"))],
                requests: 1200,
                replies: 1190,
                denied: 7,
                ignored: vec![("mode".to_owned(), 3)],
                kernel_drops: 2,
                ..ServingReport::default()
            },
            hardware_stamps: Vec::new(),
            key_server: None,
            problems: vec!["no address for new.example".to_owned()],
        }
    }

    fn listening(address: &str, problem: Option<&str>) -> SocketReport {
        SocketReport {
            address: address.to_owned(),
            open: problem.is_none(),
            receive_stamps: "kernel".to_owned(),
            problem: problem.map(str::to_owned),
        }
    }

    #[test]
    fn a_daemon_that_is_well_says_so_first() {
        let expected = "\
state    synchronised to ntp.example (192.0.2.1), stratum 2
clock    3.20 us slow, certainly within 214 us
control  adjusting the clock
sources  1 used, 2 answering of 3, 1 name without an address
serving  on 0.0.0.0:123, kernel receive stamps
serving  not on [::]:123: no IPv6 here
serving  1200 requests, 1190 replies, 7 denied, 3 ignored (3 mode), 2 dropped
daemon   version 0.1.0, process 4711, running for 3 h 20 min, configuration /etc/ntpd/ntpd.toml
problem  no address for new.example
";
        assert_eq!(render(&daemon()), expected);
    }

    #[test]
    fn cards_that_stamp_are_shown() {
        let card = HardwareStampReport {
            interface: "eth0".to_owned(),
            clock: 3,
            sending: true,
            receiving: true,
            method: Method::Extended,
            fallback: None,
            gait: Gait::StandsStill,
            window_s: Some(1e-6),
            rate_ppm: None,
            link_mbps: Some(1_000),
            sent: 5,
            received: 4,
            refused: 1,
        };
        let expected = "eth0 stamps what is sent and received; /dev/ptp3, extended readings: stands still; \
            5 sent, 4 received, 1 not used";
        assert_eq!(stamping(&card), expected);
        let shown = render(&DaemonReport { hardware_stamps: vec![card.clone()], ..daemon() });
        assert!(shown.contains(&format!("stamps   {expected}\n")), "{shown}");
        let only = HardwareStampReport { receiving: false, gait: Gait::Steady, ..card };
        assert!(stamping(&only).starts_with("eth0 stamps what is sent, not what is received; "));
    }

    #[test]
    fn a_daemon_without_time_says_why_and_what_to_do() {
        let report = DaemonReport {
            config_file: None,
            time: Report {
                tracking: unset(),
                sources: Vec::new(),
                unresolved: Vec::new(),
                duplicates: Vec::new(),
            },
            serving: ServingReport::default(),
            problems: Vec::new(),
            ..daemon()
        };
        let expected = "\
state     not synchronised: no sources are configured
clock     not known how good it is
control   not allowed to adjust the clock: give ntpd CAP_SYS_TIME (systemd: \
AmbientCapabilities=CAP_SYS_TIME; container: --cap-add SYS_TIME), or start it with -x to observe only
sources   0 used, 0 answering of 0
serving   nobody
daemon    version 0.1.0, process 4711, running for 3 h 20 min, built-in configuration
problems  none
";
        assert_eq!(render(&report), expected);
    }

    #[test]
    fn reference_clocks_are_told_with_their_states() {
        use super::super::refclocks::made_up::{pulses, receiver};
        let closed = DeviceReport {
            source: receiver().id,
            table: "sources.hardware.gps".to_owned(),
            driver: "nmea".to_owned(),
            device: "/dev/ttyS0".to_owned(),
            open: false,
            trouble: None,
            status: None,
        };
        let mut report = DaemonReport { devices: vec![closed], ..daemon() };
        report.time.sources = vec![receiver(), pulses()];
        let told = "clocks   GPS not open, PPS selected; `ntpctl refclocks` tells more\n";
        assert!(render(&report).contains(told), "{}", render(&report));

        report.time.tracking = unset();
        for source in &mut report.time.sources {
            source.samples = 0;
        }
        let told =
            "not synchronised: no reference clock has given a sample yet; `ntpctl refclocks` tells why\n";
        assert!(render(&report).contains(told), "{}", render(&report));
    }

    #[test]
    fn a_daemon_that_is_switched_off_shows_nothing_else() {
        let report = DaemonReport { enabled: false, problems: Vec::new(), ..daemon() };
        assert!(render(&report).starts_with("state     switched off: `enabled = false`"));
        assert_eq!(render(&report).lines().count(), 3);
    }
}
