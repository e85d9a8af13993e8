//! The command line.

mod replay;
mod run;
mod table;

use std::io::{ErrorKind, Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand};
use ntp_sim::case::load;

/// Runs the production engine in simulated worlds and compares its clock with true time.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Where the scenarios are: a file or a folder.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"))]
    scenarios: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The names of the scenarios.
    List,
    /// Many scenarios and many seeds: how well the clock is kept, and how that compares.
    Table(table::Args),
    /// One scenario, seed by seed, with what you like changed.
    Run(run::Args),
    /// A recording of a real run: the decisions made again, or made otherwise.
    Replay(replay::Args),
}

pub(crate) fn run(args: Args) -> Result<()> {
    match args.command {
        Command::List => list(&args.scenarios),
        Command::Table(table) => table.run(&args.scenarios),
        Command::Run(run) => run.run(&args.scenarios),
        Command::Replay(replay) => replay.run(),
    }
}

fn list(scenarios: &Path) -> Result<()> {
    let cases = load(scenarios)?;
    let width = cases.iter().map(|case| case.name.len()).max().unwrap_or(0);
    say(&cases.iter().map(|case| format!("{:width$}  {}\n", case.name, case.title)).collect::<String>())
}

/// Prints text. Nobody who has read enough of it is told more.
fn say(text: &str) -> Result<()> {
    match stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        result => Ok(result?),
    }
}
