//! `ntpctl`: what a person or a script can ask of a daemon, of a server and of a configuration file.
//!
//! ```text
//!  arguments ─▶ args ─▶ one module per command ─▶ text or JSON ─▶ output ─▶ exit code
//!                           │        └─ pure functions from reports to text
//!                           └─ daemon (control socket), query (network), config (files)
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `args.rs` | the command line |
//! | `exit.rs` | exit codes, and failures that lead to them |
//! | `output.rs` | standard output that may be closed early, standard error |
//! | `daemon.rs` | asking the daemon, and what is said when it cannot be asked |
//! | `status.rs`, `tracking.rs`, `sources.rs` | its report as text |
//! | `waitsync.rs` | waiting for it to be synchronised |
//! | `query/` | measuring a server without a daemon |
//! | `config.rs` | checking and showing configurations |
//! | `table.rs`, `units.rs`, `date.rs`, `words.rs` | columns, numbers, dates and phrases |
//!
//! Decides nothing about time: the figures come from the daemon or, for a server that is asked directly, from
//! [`ntp_proto::client`]. Results go to standard output, everything else to standard error.

mod args;
mod config;
mod daemon;
mod date;
mod exit;
mod output;
mod query;
mod sources;
mod status;
mod table;
mod tracking;
mod units;
mod waitsync;
mod words;

use std::process::ExitCode;

use clap::Parser;
use ntp_engine::Command as Order;

use args::{Cli, Command};
use exit::{Exit, Outcome};
use output::{Output, talk};

/// The whole program, from the command line of this process to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let exit = run(&cli, &mut Output::stdout()).unwrap_or_else(|failure| {
        talk(&failure.message);
        failure.exit
    });
    exit.into()
}

/// What clap has to say: help and version are results, the rest is a mistake.
fn refuse(error: &clap::Error) -> ExitCode {
    // If nobody reads it, nothing is lost.
    let _ = error.print();
    if error.use_stderr() { Exit::USAGE } else { Exit::OK }.into()
}

fn run(cli: &Cli, out: &mut Output) -> Outcome {
    let socket = cli.socket();
    match &cli.command {
        Command::Status(form) => status::run(&socket, form.json, out),
        Command::Tracking(form) => tracking::run(&socket, form.json, out),
        Command::Sources(args) => sources::run(&socket, args, out),
        Command::Query(args) => query::run(args, out),
        Command::Waitsync(args) => waitsync::run(&socket, args, out),
        Command::Step => daemon::order(&socket, Order::Step),
        Command::Refresh => daemon::order(&socket, Order::Refresh),
        Command::Config(command) => config::run(command, out),
    }
}
