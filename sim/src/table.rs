//! Many cases, computed on all cores, as a table.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::case::{Case, Polling};
use crate::summary::{Reached, Summary};
use crate::target;
use crate::trial::{self, Outcome};

/// A line: what came of a case.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The case.
    pub case: &'a Case,
    /// How the client polled.
    pub polling: Polling,
    /// What came of it.
    pub summary: Summary,
}

/// Runs every case with the seeds 1 to `runs`, on all cores. What is polled at a fixed interval anyway is left
/// out of [`Polling::Default`].
#[must_use]
pub fn compute<'a>(cases: &[&'a Case], polling: Polling, runs: u64) -> Vec<Row<'a>> {
    let fits = |case: &&&Case| polling == Polling::Equal || !case.is_fixed();
    let cases: Vec<&Case> = cases.iter().filter(fits).copied().collect();
    let jobs: Vec<(usize, u64)> =
        (0..cases.len()).flat_map(|case| (1..=runs).map(move |seed| (case, seed))).collect();
    let outcomes = on_all_cores(&jobs, |(case, seed)| trial::run(cases[*case], polling, *seed));
    let rows = cases.iter().zip(outcomes.chunks(runs.max(1) as usize));
    rows.map(|(case, outcomes)| Row { case, polling, summary: Summary::of(outcomes) }).collect()
}

/// The outcomes, in the order of the jobs.
fn on_all_cores<J: Sync>(jobs: &[J], work: impl Fn(&J) -> Outcome + Sync) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let worker = || {
        while let Some((index, job)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, jobs.get(i)?)))
        {
            let outcome = work(job);
            done.lock().expect("no worker panics while it holds it").push((index, outcome));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores.min(jobs.len()) {
            scope.spawn(worker);
        }
    });
    let mut done = done.into_inner().expect("all workers have ended well");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

const HEAD: [&str; 18] = [
    "scenario",
    "RMS time error",
    "p95",
    "max",
    "worst since start",
    "RMS frequency error",
    "< 1 ms after",
    "< 100 us after",
    "packets",
    "runs",
    "error / sigma",
    "bound held",
    "median bound",
    "ideal",
    "forecast",
    "chrony",
    "of chrony",
    "missed",
];

/// The rows as a Markdown table that can be read as it is.
#[must_use]
pub fn print(rows: &[Row<'_>]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; HEAD.len()] = std::array::from_fn(width);
    lines.insert(1, widths.map(|width| "-".repeat(width)));
    let mut text = String::new();
    for line in &lines {
        for (cell, width) in line.iter().zip(widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
    }
    text
}

impl Row<'_> {
    fn cells(&self) -> [String; HEAD.len()] {
        let (case, summary) = (self.case, &self.summary);
        let (ideal, forecast) = match self.polling {
            Polling::Default => (case.ideal_us, case.forecast_us),
            Polling::Equal => (case.ideal_equal_us, case.forecast_equal_us),
        };
        let reference = case.reference(self.polling);
        let micros = |us: Option<f64>| us.map_or_else(dash, |us| time(us * 1e-6));
        let missed = target::missed(case, self.polling, summary);
        [
            format!("{} {}", case.name, case.title),
            time(summary.errors.rms()),
            time(summary.errors.quantile(0.95)),
            time(summary.errors.max()),
            time(summary.worst),
            format!("{:.4} ppm", summary.frequency.rms()),
            reached(summary.below_1ms, summary.runs),
            reached(summary.below_100us, summary.runs),
            format!("{:.0}", summary.packets),
            summary.runs.to_string(),
            format!("{:.2}", summary.ratio),
            format!("{:.2} %", (summary.held * 1e4).floor() / 1e2),
            time(summary.bound),
            micros(ideal),
            micros(forecast),
            micros(reference.map(|r| r.rms_us)),
            target::quotient(case, self.polling, summary).map_or_else(dash, |q| format!("{q:.2}")),
            if missed.is_empty() { "nothing".to_owned() } else { missed.join(" ") },
        ]
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn reached(reached: Reached, runs: usize) -> String {
    match reached.after {
        None => dash(),
        Some(after) if reached.runs == runs => format!("{after} s"),
        Some(after) => format!("{after} s ({}/{runs})", reached.runs),
    }
}

/// Seconds with three digits and a fitting unit.
#[must_use]
pub fn time(seconds: f64) -> String {
    let (value, unit) = match seconds.abs() {
        s if s > 0.0 && s < 1e-6 => (seconds * 1e9, "ns"),
        s if s < 1e-3 => (seconds * 1e6, "us"),
        s if s < 1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    let digits = if value.abs() < 9.995 { 2 } else { usize::from(value.abs() < 99.95) };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let expected = [
            (131e-9, "131 ns"),
            (2.98e-6, "2.98 us"),
            (15.1e-6, "15.1 us"),
            (517e-6, "517 us"),
            (1.153e-3, "1.15 ms"),
            (100.0, "100 s"),
        ];
        for (seconds, text) in expected {
            assert_eq!(time(seconds), text);
        }
    }
}
