//! `ntp-sim replay`.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use ntp_engine::record::Line;
use ntp_engine::{Engine, Event, Now};
use ntp_sim::replay::{Exact, WhatIf, read, replay, set, what_if};
use ntp_sim::table::time;

/// So many differences are told in words.
const TOLD: usize = 5;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A recording, one JSON value a line.
    file: PathBuf,
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
        let name = || self.file.display().to_string();
        let lines = read(File::open(&self.file).with_context(name)?).with_context(name)?;
        if self.set.is_empty() {
            let exact = replay(&lines).with_context(name)?;
            self.show("replayed", &exact.engine, exact.now, &exact.diary);
            show_differences(&exact);
            return Ok(());
        }
        self.check(&lines)?;
        let change = |options: &mut _| {
            for assignment in &self.set {
                set(options, assignment).expect("it was tried before");
            }
        };
        let run = what_if(&lines, change).with_context(name)?;
        self.show("recorded", &run.recorded.engine, run.recorded.now, &run.recorded.diary);
        self.show(&self.set.join(" "), &run.engine, run.now, &run.diary);
        show_limits(&run);
        Ok(())
    }

    fn check(&self, lines: &[Line<'_>]) -> Result<()> {
        let Some(Line::Start { options, .. }) = lines.first() else { return Ok(()) };
        let mut options = (**options).clone();
        self.set.iter().try_for_each(|assignment| set(&mut options, assignment))
    }

    fn show(&self, title: &str, engine: &Engine, now: Now, diary: &[(Now, Event)]) {
        println!("{title}:");
        if self.diary {
            for (at, event) in diary {
                println!("  {} {event}", at.monotonic);
            }
        }
        show_tracking(engine, now);
        for (_, event) in diary.iter().filter(|(_, event)| matches!(event, Event::Selected { .. })) {
            println!("  {event}");
        }
    }
}

fn show_tracking(engine: &Engine, now: Now) {
    let report = engine.report(now);
    let tracking = &report.tracking;
    println!(
        "  {} updates, {} steps; stratum {}, {}",
        tracking.updates,
        tracking.steps,
        tracking.stratum,
        tracking.address.map_or("no source selected".to_owned(), |a| format!("selected source {a}"))
    );
    println!(
        "  remaining offset {}, stated deviation {}, error bound {}, frequency {:.4} ppm",
        time(tracking.remaining_offset_s),
        tracking.stddev_s.map_or("unknown".to_owned(), time),
        tracking.error_bound_s.map_or("unknown".to_owned(), time),
        tracking.frequency_ppm
    );
    for source in &report.sources {
        println!("  {}: {} samples, {}", source.address, source.samples, source.reason);
    }
}

fn show_differences(exact: &Exact) {
    if exact.differences.is_empty() {
        println!("every decision that the recording shows was made again ({} inputs)", exact.inputs);
        return;
    }
    println!("{} decisions differ from the recording; the first:", exact.differences.len());
    for (at, words) in exact.differences.iter().take(TOLD) {
        println!("  {} {words}", at.monotonic);
    }
}

fn show_limits(run: &WhatIf) {
    println!(
        "of {} requests {} could be answered from the recording, which has {} replies; polls that were not made \
         cannot be answered",
        run.asked, run.answered, run.replies
    );
    println!(
        "at the end its clock would be ahead of the recorded one by {}, the time it serves by {}",
        time(run.ahead().to_seconds()),
        time(run.served_ahead().to_seconds())
    );
}
