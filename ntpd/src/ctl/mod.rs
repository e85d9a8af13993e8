//! `ntpctl`: what a person or a script can ask of a daemon, of a server and of a configuration file.
//!
//! ```text
//!  arguments ─▶ args ─▶ one module per command ─▶ text or JSON ─▶ output ─▶ exit code
//!                           │        └─ pure functions from reports to text
//!                           └─ daemon (control socket), query (network), config and access (files)
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `args.rs` | the command line |
//! | `exit.rs` | exit codes, and failures that lead to them |
//! | `output.rs` | standard output that may be closed early, standard error |
//! | `daemon.rs` | asking the daemon, and what is said when it cannot be asked |
//! | `status.rs`, `tracking.rs`, `sources.rs` | its report as text |
//! | `refclocks.rs` | the reference clocks of this machine, and what is wrong with them |
//! | `authdata.rs`, `nts/` | keys of NTS, ours and those of others |
//! | `clients.rs`, `serverstats.rs` | who is served, and what became of the packets |
//! | `explain.rs` | why sources are used or not, with every figure |
//! | `waitsync.rs` | waiting for it to be synchronised |
//! | `query/` | measuring a server without a daemon |
//! | `config.rs` | checking and showing configurations |
//! | `access.rs` | which rule of a configuration decides for an address |
//! | `table.rs`, `units.rs`, `date.rs`, `words.rs` | columns, numbers, dates and phrases |
//!
//! Decides nothing about time: the figures come from the daemon or, for a server that is asked directly, from
//! [`ntp_proto::client`]. Results go to standard output, everything else to standard error.

mod access;
mod activity;
mod args;
mod authdata;
mod clients;
mod config;
mod daemon;
mod date;
mod exit;
mod explain;
mod nts;
mod orders;
mod output;
mod query;
mod refclocks;
mod serverstats;
mod sources;
mod sourcestats;
mod status;
mod table;
mod tracking;
mod units;
mod waitsync;
mod words;

use std::process::ExitCode;

use clap::Parser;
use ntp_engine::Command as Order;

use args::{Cli, Command, ReloadCommand};
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
        Command::Refclocks(args) => refclocks::run(&socket, args, out),
        Command::Explain(args) => explain::run(&socket, args, out),
        Command::Query(args) => query::run(args, out),
        Command::Waitsync(args) => waitsync::run(&socket, args, out),
        Command::Step => daemon::order(&socket, Order::Step),
        Command::Refresh => daemon::order(&socket, Order::Refresh),
        Command::Authdata(form) => authdata::run(&socket, form.json, out),
        Command::Nts(command) => nts::run(&socket, command, out),
        Command::Sourcestats(form) => sourcestats::run(&socket, form.json, out),
        Command::Activity(form) => activity::run(&socket, form.json, out),
        Command::Clients(args) => clients::run(&socket, args, out),
        Command::Serverstats(form) => serverstats::run(&socket, form.json, out),
        Command::Online(whom) => orders::online(&socket, whom),
        Command::Offline(whom) => orders::offline(&socket, whom),
        Command::Burst(args) => orders::burst(&socket, args),
        Command::Add(command) => orders::add(&socket, command),
        Command::Delete { host } => orders::delete(&socket, host),
        Command::Reload { what: None } => daemon::reload(&socket),
        Command::Reload { what: Some(ReloadCommand::Sources) } => daemon::reload_sources(&socket),
        Command::Dump => daemon::dump(&socket),
        Command::Access(args) => access::run(args, out),
        Command::Config(command) => config::run(command, out),
    }
}
