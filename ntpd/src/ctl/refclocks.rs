//! `ntpctl refclocks`: the reference clocks of this machine: what comes from each device, and what the engine makes of it.
//!
//! | file | holds |
//! |---|---|
//! | `refclocks.rs` | the table, and the JSON |
//! | `signal.rs` | what comes from a device, in a few words |
//! | `troubles.rs` | what is wrong with a clock, in sentences with what to do |
//! | `calibration.rs` | the `offset` that a clock should have, where another can tell |
//! | `details.rs`, `counts.rs` | everything else, for `--verbose` |

mod calibration;
mod counts;
mod details;
mod signal;
mod troubles;

use std::path::Path;

use ntp_engine::report::{RefclockReport, SourceReport, TrackingReport};
use serde::Serialize;

use super::args::RefclocksArgs;
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::table::{Align, Table};
use super::{daemon, units};
use crate::control::{DaemonReport, DeviceReport};
use calibration::Calibration;

/// What is not there.
const NOTHING: &str = "-";

const LEGEND: &str = "
columns
  clock    its name, the refid of the configuration
  device   what reads it, and where
  state    what selection makes of it: selected, combined, spare, falseticker, ...; \"ntpctl explain\" tells why.
           numbering: it says which second a pulse begins, and the clock, which is known better, does not follow it
  signal   what comes from the device; one that is not open is tried again at least every 30 s
  age      since the latest reading that could be used
  jitter   how much single readings scatter, one standard deviation
  lock     of pulses: who says which second they begin; no: nobody does at the moment
  offset   what the clock was off by in the latest sample, before any correction
  suggest  what \"offset\" of the configuration should be, if another clock is good enough to tell
";

const COLUMNS: [(&str, Align); 9] = [
    ("clock", Align::Left),
    ("device", Align::Left),
    ("state", Align::Left),
    ("signal", Align::Left),
    ("age", Align::Right),
    ("jitter", Align::Right),
    ("lock", Align::Left),
    ("offset", Align::Right),
    ("suggest", Align::Right),
];

/// A reference clock from both sides, as `--json` prints it.
#[derive(Clone, Copy, Serialize)]
struct Clock<'a> {
    name: &'a str,
    /// What the engine makes of it.
    source: &'a SourceReport,
    /// What its driver says.
    device: Option<&'a DeviceReport>,
    #[serde(skip)]
    engine: &'a RefclockReport,
}

impl<'a> Clock<'a> {
    fn of(source: &'a SourceReport, devices: &'a [DeviceReport]) -> Option<Self> {
        let device = devices.iter().find(|device| device.source == source.id);
        Some(Self { name: &source.name, source, device, engine: source.refclock.as_ref()? })
    }
}

/// Asks and prints.
pub(super) fn run(socket: &Path, args: &RefclocksArgs, out: &mut Output) -> Outcome {
    let report = daemon::report(socket)?;
    if args.form.json {
        out.print_json(&clocks(&report))?;
    } else {
        out.print(&render(&report, args.verbose))?;
    }
    Ok(Exit::OK)
}

fn clocks(report: &DaemonReport) -> Vec<Clock<'_>> {
    report.time.sources.iter().filter_map(|source| Clock::of(source, &report.devices)).collect()
}

/// The table, then what is wrong; all there is to know of each, and a legend, if it is `verbose`.
fn render(report: &DaemonReport, verbose: bool) -> String {
    let (clocks, tracking) = (clocks(report), &report.time.tracking);
    if clocks.is_empty() {
        return "no reference clocks are configured\n".to_owned();
    }
    let mut table = Table::new(&COLUMNS);
    for clock in &clocks {
        table.row(cells(clock, tracking));
    }
    let mut text = table.render() + &troubles(&clocks, tracking);
    if verbose {
        for clock in &clocks {
            text += &format!("\n{}", details::paragraph(clock));
        }
        text += LEGEND;
    }
    text
}

fn troubles(clocks: &[Clock<'_>], tracking: &TrackingReport) -> String {
    let lines = clocks.iter().flat_map(|clock| {
        let sentences = troubles::of(clock, tracking).into_iter();
        sentences.map(|sentence| format!("{}: {sentence}\n", clock.name))
    });
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn cells(clock: &Clock<'_>, tracking: &TrackingReport) -> Vec<String> {
    let or_nothing = |value: Option<String>| value.unwrap_or_else(|| NOTHING.to_owned());
    let Clock { source, engine, device, .. } = clock;
    vec![
        clock.name.to_owned(),
        or_nothing(device.map(|device| format!("{} {}", device.driver, device.device))),
        source.state.clone(),
        signal::words(clock),
        or_nothing(engine.last_reading_age_s.map(age)),
        or_nothing(engine.jitter_s.map(units::span)),
        or_nothing(lock(engine)),
        or_nothing(source.last_offset_s.map(units::offset)),
        or_nothing(Calibration::of(clock, tracking).and_then(|calibration| calibration.offset())),
    ]
}

/// Who numbers the pulses; `None` if it gives none.
fn lock(engine: &RefclockReport) -> Option<String> {
    let partner = engine.lock.as_ref()?;
    Some(if engine.locked == Some(true) { partner.clone() } else { format!("no ({partner})") })
}

/// How long ago: `0.4 s`, `12 s`, `3 min 20 s`.
fn age(seconds: f64) -> String {
    if seconds < 10.0 { format!("{:.1} s", seconds.max(0.0)) } else { units::elapsed(seconds) }
}

#[cfg(test)]
pub(super) mod made_up;
#[cfg(test)]
mod tests;
