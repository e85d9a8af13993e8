//! Measures time servers: how many requests one core answers, what each costs, how long it takes, and how true
//! the transmit timestamps are.
//!
//! ```text
//!  client's namespace, one core            server's namespace, one core
//!  Generator ── raw frames, many addresses ──▶ cable ──▶ any server's command
//!  Capture  ◀── replies, stamped by the kernel ──┘
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `lab.rs` | two namespaces and the cable between them |
//! | `frames.rs` | requests as raw frames |
//! | `nts.rs` | what makes a request one of NTS |
//! | `generator.rs` | sends them at a steady rate |
//! | `capture.rs` | looks at a sample of the replies |
//! | `server.rs` | the server under test, and what it uses of the processor |
//! | `trial.rs` | one measurement of one server |
//! | `spoof.rs` | a flood of invented addresses beside regular clients |
//! | `handshakes.rs` | key exchanges, as many as the clients' core makes |
//! | `figures.rs` | medians and percentiles |
//! | `sys.rs` | packet sockets |

mod capture;
mod figures;
mod frames;
mod generator;
mod handshakes;
mod lab;
mod nts;
mod server;
mod spoof;
mod sys;
mod trial;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::figures::Spread;
use crate::lab::Lab;
use crate::nts::Nts;
use crate::trial::{Plan, Trial};

/// Measures time servers on two cores of this machine; needs root, and leaves nothing behind
#[derive(Debug, Parser)]
#[command(name = "ntp-bench")]
struct Cli {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Several servers in turn, several times; the first is what the others are compared with
    Compare(CompareArgs),
    /// A flood of addresses that are never used again, while a thousand clients ask regularly
    Spoof(spoof::SpoofArgs),
    /// NTS key exchanges with several servers in turn
    Handshakes(handshakes::HandshakesArgs),
}

#[derive(Debug, clap::Args)]
struct CompareArgs {
    /// A server: its name, `=`, and the command that serves on 10.99.0.1 port 123; repeatable
    #[arg(long = "server", value_name = "NAME=COMMAND", required = true)]
    servers: Vec<String>,
    #[command(flatten)]
    nts: Nts,
    /// How often each is measured
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    #[command(flatten)]
    plan: Plan,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        What::Compare(args) => compare(&args),
        What::Spoof(args) => spoof::run(&args),
        What::Handshakes(args) => handshakes::run(&args),
    }
}

fn compare(args: &CompareArgs) -> Result<()> {
    let servers = named(&args.servers).context("a server is NAME=COMMAND")?;
    let lab = Lab::new()?;
    let mut trials: Vec<Vec<Trial>> = vec![Vec::new(); servers.len()];
    for round in 1..=args.rounds {
        for ((name, command), trials) in servers.iter().zip(&mut trials) {
            let trial =
                trial::run(&lab, command, &args.nts, &args.plan).with_context(|| (*name).to_owned())?;
            println!("{}", serde_json::json!({ "round": round, "server": name, "trial": trial }));
            trials.push(trial);
        }
    }
    for ((name, _), own) in servers.iter().zip(&trials) {
        println!("\n{name}\n{}", summary(own, &trials[0]));
    }
    Ok(())
}

/// Names and what follows the first `=`.
fn named(texts: &[String]) -> Option<Vec<(&str, &str)>> {
    texts.iter().map(|text| text.split_once('=')).collect()
}

/// Medians with the smallest and the largest; ratios within the same round.
fn summary(trials: &[Trial], base: &[Trial]) -> String {
    let of = |figure: fn(&Trial) -> f64| Spread::of(trials.iter().map(figure));
    let ratios = trials.iter().zip(base).map(|(own, base)| own.max_rate / base.max_rate);
    let lines = [
        ("most requests a second with less than 1 % loss", of(|t| t.max_rate)),
        ("  as a share of the first server's", Spread::of(ratios)),
        ("processor time a request at 95 % of that, us", of(|t| t.cpu_us_at_95)),
        ("answered of 2.5 times as many, a second", of(|t| t.answered_in_overload)),
        ("at half of it: response time, median, us", of(|t| t.half.response_us.median)),
        ("  mean, us", of(|t| t.half.response_us.mean)),
        ("  99th percentile, us", of(|t| t.half.response_us.p99)),
        ("  departure after the transmit timestamp, median, us", of(|t| t.half.stamp_error_us.median)),
        ("  99th percentile, us", of(|t| t.half.stamp_error_us.p99)),
        ("  processor time a request, us", of(|t| t.half.cpu_us)),
    ];
    lines.map(|(what, spread)| format!("{what:<54} {spread}")).join("\n")
}
