//! `ntp-sim replay`.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use ntp_engine::record::Line;
use ntp_engine::report::SourceReport;
use ntp_engine::{Engine, Event, Now};
use ntp_sim::replay::{Exact, WhatIf, read, replay, set, what_if};
use ntp_sim::table::time;

/// So many differences are told in words.
const TOLD: usize = 5;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A recording, one JSON value a line; its parts in the order in which they were written, as `FILE.1 FILE`.
    #[arg(required = true)]
    file: Vec<PathBuf>,
    /// What if an option had been different: `minpoll`, `maxpoll` and `iburst` of all sources, or a path into
    /// the options of the recording, as `steering.max_slew_rate=0.0001`. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Prints what happened, as it would stand in a log.
    #[arg(long)]
    diary: bool,
}

impl Args {
    pub(crate) fn run(&self) -> Result<()> {
        let lines = self.lines()?;
        if self.set.is_empty() {
            let exact = replay(&lines).context("there is no engine")?;
            let run = self.run_in_words("replayed", &exact.engine, exact.now, &exact.diary);
            return super::say(&(run + &differences(&exact)));
        }
        self.check(&lines)?;
        let change = |options: &mut _| {
            for assignment in &self.set {
                set(options, assignment).expect("it was tried before");
            }
        };
        let run = what_if(&lines, change)
            .context("an engine that runs already can be given other options, but no other servers")?;
        let recorded = &run.recorded;
        let first = self.run_in_words("recorded", &recorded.engine, recorded.now, &recorded.diary);
        let second = self.run_in_words(&self.set.join(" "), &run.engine, run.now, &run.diary);
        super::say(&(first + &second + &limits(&run)))
    }

    fn lines(&self) -> Result<Vec<Line<'static>>> {
        let mut lines = Vec::new();
        for file in &self.file {
            let name = || file.display().to_string();
            lines.extend(read(File::open(file).with_context(name)?).with_context(name)?);
        }
        Ok(lines)
    }

    fn check(&self, lines: &[Line<'_>]) -> Result<()> {
        let Some((_, engine)) = lines.first().and_then(Line::engine) else { return Ok(()) };
        let mut options = engine.options().clone();
        self.set.iter().try_for_each(|assignment| set(&mut options, assignment))
    }

    fn run_in_words(&self, title: &str, engine: &Engine, now: Now, diary: &[(Now, Event)]) -> String {
        let told = |event: &Event| self.diary || matches!(event, Event::Selected { .. });
        let events = diary.iter().filter(|(_, event)| told(event));
        let events: String = events.map(|(at, event)| format!("  {} {event}\n", at.monotonic)).collect();
        format!("{title}:\n{events}{}", state(engine, now))
    }
}

fn state(engine: &Engine, now: Now) -> String {
    let report = engine.report(now);
    let tracking = &report.tracking;
    let unknown = |value: Option<f64>| value.map_or("unknown".to_owned(), time);
    let selected =
        tracking.address.map_or("no source selected".to_owned(), |a| format!("selected source {a}"));
    let source = |s: &SourceReport| format!("  {}: {} samples, {}\n", s.address, s.samples, s.reason);
    let sources: String = report.sources.iter().map(source).collect();
    format!(
        "  {} updates, {} steps; stratum {}, {selected}\n  remaining offset {}, stated deviation {}, error bound {}, \
         frequency {:.4} ppm\n{sources}",
        tracking.updates,
        tracking.steps,
        tracking.stratum,
        time(tracking.remaining_offset_s),
        unknown(tracking.stddev_s),
        unknown(tracking.error_bound_s),
        tracking.frequency_ppm
    )
}

fn differences(exact: &Exact) -> String {
    let Exact { inputs, decisions, gaps, .. } = exact;
    let gaps = match gaps {
        0 => String::new(),
        gaps => {
            format!("lines are missing, or other decisions were made, before {gaps} states of the engine\n")
        }
    };
    if exact.differences.is_empty() {
        return format!("all {decisions} decisions are the same ({inputs} inputs)\n{gaps}");
    }
    let words =
        exact.differences.iter().take(TOLD).map(|(at, words)| format!("  {} {words}\n", at.monotonic));
    let words: String = words.collect();
    let different = exact.differences.len();
    format!("{different} of {decisions} decisions differ from the recording; the first:\n{words}{gaps}")
}

fn limits(run: &WhatIf) -> String {
    format!(
        "of {} requests {} could be answered from the recording, which has {} replies; polls that were not made \
         cannot be answered\nat the end its clock would be ahead of the recorded one by {}, the time it serves by {}\n",
        run.asked,
        run.answered,
        run.replies,
        time(run.ahead().to_seconds()),
        time(run.served_ahead().to_seconds())
    )
}
