//! `ntpctl explain`: why each source is used or not, with the figures, and what would change it.
//!
//! The daemon says why; here it is only set out: first the verdict, then the tests in their order, then what lies
//! behind the figures, and last what would change the verdict.

use std::path::Path;

use ntp_engine::Explanation;
use ntp_engine::explain::{
    Claim, ClockExplanation, DistanceReport, PathReport, PollReport, SourceExplanation, TestReport, Why,
};
use ntp_engine::report::Duplicate;

use super::args::ExplainArgs;
use super::exit::{Exit, Outcome};
use super::orders::target;
use super::output::Output;
use super::{daemon, table, units, words};

/// Asks and prints.
pub(super) fn run(socket: &Path, args: &ExplainArgs, out: &mut Output) -> Outcome {
    let explanation = daemon::explain(socket, target(args.source.as_deref()))?;
    if args.form.json {
        out.print_json(&explanation)?;
    } else {
        out.print(&render(&explanation, args.source.is_none()))?;
    }
    Ok(Exit::OK)
}

/// A paragraph for each source, after one for the clock if that is wanted.
fn render(explanation: &Explanation, with_clock: bool) -> String {
    let Explanation { clock: of_clock, sources, unresolved, duplicates } = explanation;
    let mut paragraphs = Vec::new();
    paragraphs.extend(with_clock.then(|| clock(of_clock)));
    paragraphs.extend(sources.iter().map(source));
    paragraphs.extend(unresolved.iter().map(|name| {
        format!("{name}: not used: the name has no address yet; it is looked up again and again\n")
    }));
    paragraphs.extend(duplicates.iter().map(|Duplicate { name, address, used_by }| {
        format!("{name}: not used: {address} is asked already, as {used_by}\n")
    }));
    paragraphs.join("\n")
}

fn clock(clock: &ClockExplanation) -> String {
    let mut rows = Vec::new();
    if let Some(majority) = &clock.majority {
        let voters = if majority.trusted { "trusted" } else { "usable" };
        let (low, high) = (units::offset(majority.low_s), units::offset(majority.high_s));
        let agreed = format!("{} of {} {voters} sources: {low} to {high}", majority.agreeing, majority.of);
        rows.push(("agreed", agreed));
    }
    rows.extend(headed("claims", clock.claims.iter().map(claim)));
    if let Some((wander, hour)) = clock.wander_ppm.zip(clock.hour_without_samples_s) {
        let (ppb, hour) = (wander * 1e3, units::span(hour));
        rows.push(("wander", format!("{ppb:.3} ppb in 1 s: {hour} in an hour without samples, one sigma")));
    }
    format!("clock: {}\n{}", clock.verdict, indented(&table::pairs(&rows)))
}

fn claim(claim: &Claim) -> String {
    let Claim { name, address, state, low_s, high_s } = claim;
    let (low, high) = (units::offset(*low_s), units::offset(*high_s));
    format!("{low} to {high}, says {} ({state})", words::host(name, *address))
}

fn source(source: &SourceExplanation) -> String {
    let host = words::host(&source.name, source.address);
    let verdict = if source.used {
        source.reason.clone()
    } else {
        format!("not used ({}): {}", source.state, source.reason)
    };
    let mut rows = headed("tests", tests(&source.tests));
    rows.extend(source.distance.as_ref().map(|parts| ("distance", distance(parts))));
    if let Some(weight) = source.weight {
        rows.push(("weight", format!("{} of what all sources that are used say together", percent(weight))));
    }
    if let Some(way) = &source.path {
        rows.extend([("noise", noise(way)), ("path", path(way))]);
    }
    rows.extend(source.poll.as_ref().map(|asked| ("asked", poll(asked))));
    rows.extend(headed("changes", source.changes.iter().cloned()));
    format!("{host}: {verdict}\n{}", indented(&table::pairs(&rows)))
}

/// Rows of which the first has the heading.
fn headed(heading: &str, lines: impl IntoIterator<Item = String>) -> Vec<(&str, String)> {
    lines.into_iter().enumerate().map(|(i, line)| (if i == 0 { heading } else { "" }, line)).collect()
}

fn indented(lines: &str) -> String {
    lines.lines().map(|line| format!("  {line}\n")).collect()
}

fn tests(tests: &[TestReport]) -> Vec<String> {
    let widest = tests.iter().map(|test| test.name.len()).max().unwrap_or(0);
    let line = |test: &TestReport| {
        let mark = if test.passed { "passed" } else { "FAILED" };
        format!("{mark}  {:<widest$}  {}", test.name, test.words)
    };
    tests.iter().map(line).collect()
}

fn distance(d: &DistanceReport) -> String {
    let parts = [
        ("root delay/2", d.half_root_delay_s),
        ("root dispersion", d.root_dispersion_s),
        ("path delay/2", d.half_path_delay_s),
        ("own dispersion", d.own_dispersion_s),
        ("age", d.aged_s),
    ];
    let parts = parts.map(|(name, seconds)| format!("{name} {}", units::span(seconds)));
    format!("{} = {}", units::bound(d.total_s), parts.join(" + "))
}

fn noise(path: &PathReport) -> String {
    let asymmetry = match path.asymmetry {
        0.0 => "no asymmetry learnt".to_owned(),
        share => format!("its excess delay makes it {share:+.2} of that ahead"),
    };
    format!(
        "within half of the excess delay {}, in proportion to it {}, all alike {}; {asymmetry}",
        percent(path.noise_interval),
        percent(path.noise_proportional),
        percent(path.noise_alike),
    )
}

fn path(path: &PathReport) -> String {
    let (shortest, excess) = (units::span(path.shortest_s), units::span(path.typical_excess_s));
    let known =
        format!("shortest round trip {shortest}, typically {excess} more, by {} of them", path.round_trips);
    let changed = match path.bias_s.zip(path.bias_stddev_s) {
        Some((bias, stddev)) => {
            let side = if bias < 0.0 { "behind" } else { "ahead" };
            let (bias, stddev) = (units::span(bias), units::span(stddev));
            format!("it changed: the present one makes the source appear {bias} {side}, +- {stddev}")
        }
        None if path.paths > 1 => "it changed and is the first one again".to_owned(),
        None => "it never changed".to_owned(),
    };
    format!("{known}; {changed}")
}

fn poll(poll: &PollReport) -> String {
    let burst = if poll.in_burst { "in quick succession for the moment, then " } else { "" };
    let now = format!("{burst}every {}", units::span(poll.interval_s));
    let why = match poll.why {
        Why::New { requests, until } => {
            format!("as often as may be until it was sent {until} requests ({requests} so far)")
        }
        Why::Unsettled { credit } => {
            let requests = words::count(credit as usize, "more request");
            format!(
                "as often as may be, since the clock is known much worse than it could be; for {requests} at most"
            )
        }
        Why::Regular => regular(poll),
    };
    let (shortest, longest) = (units::span(poll.shortest_s), units::span(poll.longest_s));
    format!("{now}: {why}; limits {shortest} to {longest}")
}

/// What its samples are worth, and what keeps it from that.
fn regular(poll: &PollReport) -> String {
    let Some(wanted) = poll.wanted_s else { return "nothing is known of its samples yet".to_owned() };
    let among = if poll.servers > 1 { format!(" among {} servers", poll.servers) } else { String::new() };
    let hold = match wanted {
        w if w < poll.shortest_s => ", which is sooner than it may be asked",
        w if w > poll.longest_s => ", which is later than it may be asked",
        _ => "",
    };
    let next = if poll.next_s == poll.interval_s {
        String::new()
    } else {
        format!("; every {} after its next sample", units::span(poll.next_s))
    };
    format!("its samples are worth asking every {}{among}{hold}{next}", units::span(wanted))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests;
