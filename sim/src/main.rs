//! `ntp-sim`: the production engine in worlds of known truth.

mod cli;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    cli::run(cli::Args::parse())
}
