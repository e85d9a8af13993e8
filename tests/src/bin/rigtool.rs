//! `rigtool`: what runs inside the rig's guest beside the daemon (see `tests/rig/README.md`).
//!
//! Results go to stdout, one line of `key=value`; words go to stderr. Exit status 1: a limit was passed.

use std::net::Ipv4Addr;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use truechimer_tests::rig::socket::Stamps;
use truechimer_tests::rig::truth::Truth;
use truechimer_tests::rig::{adjust, ask, judge, serve};

/// Serves true time, judges the system clock by it, and disturbs the clock.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Where true time comes from: base + CLOCK_MONOTONIC_RAW × (1 + ppm × 10⁻⁶).
#[derive(Clone, Copy, Debug, Args)]
struct TruthArgs {
    /// True time at the moment of boot, Unix seconds.
    #[arg(long, env = "TRUTH_BASE")]
    base: i64,
    /// How much faster true time runs than the unsteered clock, ppm.
    #[arg(long, env = "TRUTH_PPM", default_value_t = 0.0, allow_negative_numbers = true)]
    ppm: f64,
}

impl TruthArgs {
    fn truth(self) -> Result<Truth> {
        Truth::new(self.base, self.ppm)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve true time until killed.
    Serve {
        #[command(flatten)]
        truth: TruthArgs,
        /// Address to serve on.
        #[arg(long, default_value_t = Ipv4Addr::UNSPECIFIED)]
        address: Ipv4Addr,
        /// Port to serve on.
        #[arg(long, default_value_t = 123)]
        port: u16,
        /// Whose receive stamps to put into replies.
        #[arg(long, value_enum, default_value_t = Stamps::Kernel)]
        stamps: Stamps,
    },
    /// Ask a server, and print the path's delay each way in true time.
    Ask {
        #[command(flatten)]
        truth: TruthArgs,
        /// The server.
        server: Ipv4Addr,
        /// Its port.
        #[arg(long, default_value_t = 123)]
        port: u16,
        /// How many times to ask.
        #[arg(long, default_value_t = 8)]
        count: u32,
        /// Whose receive stamps to measure by.
        #[arg(long, value_enum, default_value_t = Stamps::Kernel)]
        stamps: Stamps,
    },
    /// Watch the clock's error for some time and print what it amounts to.
    Judge {
        #[command(flatten)]
        truth: TruthArgs,
        /// How long to watch, s.
        #[arg(long)]
        seconds: u32,
        /// How much of that to leave out at the start, s.
        #[arg(long, default_value_t = 0)]
        from: u32,
        /// Time between two looks, s.
        #[arg(long, default_value_t = 1.0)]
        interval: f64,
        /// Fail unless the RMS error is below this, µs.
        #[arg(long)]
        rms_below: Option<f64>,
        /// Fail unless every error is below this, µs.
        #[arg(long)]
        max_below: Option<f64>,
    },
    /// Wait until the clock's error stays small for 5 s, and print when that began.
    Until {
        #[command(flatten)]
        truth: TruthArgs,
        /// What is small, µs.
        #[arg(long)]
        below_us: f64,
        /// How long it may take to begin, s.
        #[arg(long)]
        within: f64,
    },
    /// Set the clock to true time plus an offset.
    Set {
        #[command(flatten)]
        truth: TruthArgs,
        /// The offset, s.
        #[arg(long, allow_negative_numbers = true)]
        offset_s: f64,
    },
    /// Step the clock, as another program would.
    Step {
        /// By how much, s.
        #[arg(long, allow_negative_numbers = true)]
        by_s: f64,
    },
    /// Print the kernel's frequency, or set it.
    Freq {
        /// Set it to this first, ppm.
        #[arg(long, allow_negative_numbers = true)]
        set: Option<f64>,
        /// Fail unless it is near this, ppm.
        #[arg(long, allow_negative_numbers = true)]
        near: Option<f64>,
        /// What is near, ppm.
        #[arg(long, default_value_t = 0.5)]
        within: f64,
    },
    /// Print the kernel's status flags, error bounds and TAI offset.
    Status,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Serve { truth, address, port, stamps } => {
            serve::serve(truth.truth()?, address, port, stamps)
        }
        Command::Ask { truth, server, port, count, stamps } => {
            ask::ask(truth.truth()?, server, port, count, stamps)
        }
        Command::Judge { truth, seconds, from, interval, rms_below, max_below } => {
            judge::judge(truth.truth()?, judge::Watch { seconds, from, interval, rms_below, max_below })
        }
        Command::Until { truth, below_us, within } => judge::until(truth.truth()?, below_us, within),
        Command::Set { truth, offset_s } => adjust::set(truth.truth()?, offset_s),
        Command::Step { by_s } => adjust::step(by_s),
        Command::Freq { set, near, within } => {
            if let Some(ppm) = set {
                adjust::set_frequency(ppm)?;
            }
            adjust::frequency(near, within)
        }
        Command::Status => adjust::status(),
    }
}
