//! `ntp-sim`: one client and one server through simulated time, and the client's error.

use std::time::Instant;

use clap::Parser;
use ntp_engine::{Entry, Host, Options, SourceKind, SourceOptions};
use ntp_proto::packet::PollExp;
use ntp_proto::time::{EstimatedTime, Frequency, NtpDuration};
use ntp_sim::network::Path;
use ntp_sim::server::Server;
use ntp_sim::statistics::Errors;
use ntp_sim::{Scenario, World};

/// Runs the production engine against a simulated server and prints the error of its clock.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Simulated time in hours.
    #[arg(long, default_value_t = 24.0)]
    hours: f64,
    /// Hours before errors count.
    #[arg(long, default_value_t = 4.0)]
    settle: f64,
    /// First seed; everything random follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds to run.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// Delay of each direction in microseconds.
    #[arg(long, default_value_t = 100.0)]
    base: f64,
    /// Mean exponential jitter of each direction in microseconds.
    #[arg(long, default_value_t = 10.0)]
    jitter: f64,
    /// Share of packets lost in each direction.
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
    /// Random walk of the oscillator's frequency per square root of a second.
    #[arg(long, default_value_t = 1e-9)]
    wander: f64,
    /// By how many ppm the client's oscillator runs fast.
    #[arg(long, default_value_t = 10.0, allow_hyphen_values = true)]
    ppm: f64,
    /// By how many seconds the client's clock is ahead at the start.
    #[arg(long, default_value_t = 0.1, allow_hyphen_values = true)]
    ahead: f64,
    /// Shortest poll interval, log2 seconds.
    #[arg(long, default_value_t = 6, allow_hyphen_values = true)]
    minpoll: i8,
    /// Longest poll interval, log2 seconds.
    #[arg(long, default_value_t = 10, allow_hyphen_values = true)]
    maxpoll: i8,
    /// Unix time at the start, so that any era can be simulated.
    #[arg(long, default_value_t = 1_800_000_000, allow_hyphen_values = true)]
    start: i64,
}

impl Args {
    fn scenario(&self, seed: u64) -> Scenario {
        let micros = |us: f64| NtpDuration::from_seconds(us * 1e-6);
        let address = ([192, 0, 2, 1], 123).into();
        let mut options = SourceOptions::default();
        options.association.iburst = true;
        options.association.min_poll = PollExp::new(self.minpoll);
        options.association.max_poll = PollExp::new(self.maxpoll);
        let entry = Entry {
            host: Host::Address([192, 0, 2, 1].into()),
            port: 123,
            kind: SourceKind::Server,
            options,
        };
        let path = Path::symmetric(micros(self.base), micros(self.jitter)).with_loss(self.loss);
        Scenario {
            seed,
            start: EstimatedTime::from_unix(self.start, 0),
            frequency_error: Frequency::from_ppm(self.ppm),
            wander: Frequency::new(self.wander),
            ahead: NtpDuration::from_seconds(self.ahead),
            servers: vec![(address, Server::perfect(path))],
            names: std::collections::BTreeMap::new(),
            options: Options { entries: vec![entry], ..Options::default() },
        }
    }
}

fn main() {
    let args = Args::parse();
    println!(
        "seed      rms us      p95 us      max us   served us    freq ppm  ratio  packets  <1ms s <100us s  wall ms"
    );
    for seed in args.seed..args.seed + args.runs {
        run(&args, seed);
    }
}

fn run(args: &Args, seed: u64) {
    let started = Instant::now();
    let mut world = World::new(&args.scenario(seed));
    let (mut clock, mut served, mut frequency) = (Errors::default(), Errors::default(), Errors::default());
    let mut in_sigmas = Errors::default();
    let (mut below_1ms, mut below_100us) = (None, None);
    let (seconds, settle) = ((args.hours * 3_600.0) as u64, (args.settle * 3_600.0) as u64);
    for second in 1..=seconds {
        world.run_for(NtpDuration::from_secs(1));
        let error = world.clock().error().to_seconds().abs();
        if error >= 1e-3 {
            below_1ms = None;
        }
        if error >= 1e-4 && below_100us.is_none_or(|since| second < since + 100) {
            below_100us = None;
        }
        if error < 1e-3 {
            below_1ms.get_or_insert(second);
        }
        if error < 1e-4 {
            below_100us.get_or_insert(second);
        }
        if second <= settle {
            continue;
        }
        clock.add(error);
        served.add(world.served_error().to_seconds());
        frequency.add(world.clock().frequency_error().to_ppm());
        if second % 60 == 0
            && let Some(sigma) = world.engine().report(world.client_now()).tracking.stddev_s
        {
            in_sigmas.add(world.served_error().to_seconds() / sigma);
        }
    }
    let or_dash = |v: Option<u64>| v.map_or("-".to_owned(), |v| v.to_string());
    println!(
        "{seed:4} {:11.3} {:11.3} {:11.3} {:11.3} {:11.4} {:6.2} {:8} {:>7} {:>8} {:8}",
        clock.rms() * 1e6,
        clock.quantile(0.95) * 1e6,
        clock.max() * 1e6,
        served.rms() * 1e6,
        frequency.rms(),
        in_sigmas.rms(),
        world.packets(),
        or_dash(below_1ms),
        or_dash(below_100us),
        started.elapsed().as_millis(),
    );
}
