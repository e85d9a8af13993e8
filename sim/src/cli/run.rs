//! `ntp-sim run`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ntp_engine::record::Line;
use ntp_sim::World;
use ntp_sim::case::{Case, Polling, set, tables};
use ntp_sim::plot::Plot;
use ntp_sim::summary::Summary;
use ntp_sim::table::{Row, print, time};
use ntp_sim::trial::{Moment, Outcome, watch};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The name of a scenario, or a file that begins with one.
    scenario: String,
    /// The first seed; everything random follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds to run.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// Changes a key of the scenario, as in `minpoll=4`, `servers.0.way.jitter_us=50`. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Makes the longest poll interval as short as the shortest.
    #[arg(long)]
    equal: bool,
    /// Draws the error of the first run.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Writes down each second of the first run.
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Writes down what reached the engine in the first run, for `replay`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(&self, scenarios: &Path) -> Result<()> {
        let case = self.case(scenarios)?;
        let polling = if self.equal { Polling::Equal } else { Polling::Default };
        let mut plot = self.plot.as_ref().map(|_| Plot::new(&case, self.seed));
        let mut csv = self.csv.as_ref().map(|_| CSV_HEAD.to_owned());
        let (mut outcomes, mut text) = (Vec::new(), String::new());
        for seed in self.seed..self.seed + self.runs.max(1) {
            let first = seed == self.seed;
            let mut recording = String::new();
            let scenario = case.scenario(polling, seed);
            let record = first && self.record.is_some();
            let world = if record { World::recorded(&scenario) } else { World::new(&scenario) };
            let outcome = watch(&case, world, |moment| {
                if let Some(plot) = plot.as_mut().filter(|_| first) {
                    plot.add(moment);
                }
                if let Some(csv) = csv.as_mut().filter(|_| first) {
                    *csv += &csv_line(moment);
                }
                if record && moment.second == case.seconds {
                    recording = to_json(moment.world.recording());
                }
            });
            if let Some(file) = self.record.as_ref().filter(|_| first) {
                std::fs::write(file, recording).with_context(|| file.display().to_string())?;
            }
            text += &format!("seed {seed}: {}\n", words(&outcome));
            outcomes.push(outcome);
        }
        if let (Some(plot), Some(file)) = (plot, &self.plot) {
            std::fs::write(file, plot.svg()).with_context(|| file.display().to_string())?;
        }
        if let (Some(csv), Some(file)) = (csv, &self.csv) {
            std::fs::write(file, csv).with_context(|| file.display().to_string())?;
        }
        let row = Row { case: &case, polling, summary: Summary::of(&outcomes) };
        super::say(&format!("{text}\n{}", print(&[row])))
    }

    fn case(&self, scenarios: &Path) -> Result<Case> {
        let file = Path::new(&self.scenario);
        let named =
            |table: &toml::Table| table.get("name").and_then(toml::Value::as_str) == Some(&self.scenario);
        let mut table = if file.is_file() {
            tables(file)?.into_iter().next()
        } else {
            tables(scenarios)?.into_iter().find(named)
        }
        .with_context(|| format!("no scenario in {} is called {}", scenarios.display(), self.scenario))?;
        self.set.iter().try_for_each(|assignment| set(&mut table, assignment))?;
        Case::from_table(table)
    }
}

/// Errors are positive where the clock, or the served time, is ahead of true time.
const CSV_HEAD: &str =
    "second,clock_error_s,served_error_s,stddev_s,error_bound_s,clock_frequency_error_ppm,packets\n";

fn csv_line(moment: &Moment<'_>) -> String {
    let known = |figure: Option<f64>| figure.map_or(String::new(), |figure| format!("{figure:e}"));
    format!(
        "{},{:e},{:e},{},{},{:e},{}\n",
        moment.second,
        moment.error,
        moment.served,
        known(moment.tracking.stddev_s),
        known(moment.tracking.error_bound_s),
        moment.world.clock().frequency_error().to_ppm(),
        moment.world.packets(),
    )
}

fn to_json(lines: &[Line<'_>]) -> String {
    let json = |line| serde_json::to_string(line).expect("a line of a recording has a form in JSON") + "\n";
    lines.iter().map(json).collect()
}

fn words(outcome: &Outcome) -> String {
    let after = |second: Option<u64>| second.map_or("never".to_owned(), |s| format!("after {s} s"));
    let broken = outcome.broken.map_or(String::new(), |second| {
        let seconds = outcome.stated - outcome.held;
        format!("; the bound did not hold for {seconds} s, the first time after {second} s")
    });
    format!(
        "{} RMS and {} at most after settling, {:.4} ppm; {} at most since below 1 ms, which it was {}, \
         below 100 us {}; {} packets, {} steps{broken}",
        time(outcome.errors.rms()),
        time(outcome.errors.max()),
        outcome.frequency.rms(),
        time(outcome.worst),
        after(outcome.below_1ms),
        after(outcome.below_100us),
        outcome.packets,
        outcome.steps,
    )
}
