//! The gate: no change makes the clock much worse in a choice of the scenarios of `sim/scenarios`.
//!
//! The limits are in the scenarios (`gate`). What fails here is to be looked at with `ntp-sim table --only`.

use std::collections::BTreeSet;
use std::path::Path;

use ntp_sim::case::{Case, Polling, load};
use ntp_sim::table::{Row, compute, print};

/// The seeds of each scenario.
const RUNS: u64 = 3;

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    load(&folder).unwrap_or_else(|error| panic!("{error:#}"))
}

/// What a row exceeds, in words.
fn excess(row: &Row<'_>) -> Option<String> {
    let (gate, summary) = (row.case.gate?, &row.summary);
    let (rms, limit) = (summary.errors.rms() * 1e6, gate.rms(row.polling)?);
    let name = &row.case.name;
    if rms > limit {
        return Some(format!("{name}: RMS error {rms} us, limit {limit} us"));
    }
    let (worst, limit) = (summary.worst * 1e6, gate.worst_us.unwrap_or(f64::INFINITY));
    if worst > limit {
        return Some(format!("{name}: an error of {worst} us after it was below 1 ms, limit {limit} us"));
    }
    if summary.ratio > gate.ratio {
        return Some(format!("{name}: {} stated deviations, limit {}", summary.ratio, gate.ratio));
    }
    (summary.held < gate.held)
        .then(|| format!("{name}: the bound held in {} of all seconds, not {}", summary.held, gate.held))
}

fn is_kept(polling: Polling) {
    let cases = cases();
    let gated: Vec<&Case> =
        cases.iter().filter(|case| case.gate.is_some_and(|gate| gate.rms(polling).is_some())).collect();
    assert!(gated.len() >= 8, "only {} scenarios have limits", gated.len());
    let rows = compute(&gated, polling, RUNS);
    let excesses: Vec<String> = rows.iter().filter_map(excess).collect();
    assert!(excesses.is_empty(), "{}\n{}", excesses.join("\n"), print(&rows));
}

#[test]
fn errors_stay_within_their_limits_at_default_polling() {
    is_kept(Polling::Default);
}

#[test]
fn errors_stay_within_their_limits_at_equal_packets() {
    is_kept(Polling::Equal);
}

#[test]
fn every_scenario_has_a_name_of_its_own() {
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len());
}
