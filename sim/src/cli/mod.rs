//! The command line.

mod replay;
mod run;
mod table;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

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
    /// Many scenarios and many seeds: how well the clock is kept, and how that compares.
    Table(table::Args),
    /// One scenario, seed by seed, with what you like changed.
    Run(run::Args),
    /// A recording of a real run: the decisions made again, or made otherwise.
    Replay(replay::Args),
}

pub(crate) fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Table(table) => table.run(&args.scenarios),
        Command::Run(run) => run.run(&args.scenarios),
        Command::Replay(replay) => replay.run(),
    }
}
