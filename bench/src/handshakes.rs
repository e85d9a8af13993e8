//! NTS key exchanges: how many a second, and what each costs the server. All servers are asked by the same client,
//! which mostly is the slower side: what a server's core could do at most follows from what an exchange costs it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use ntp_proto::nts::Aead;
use nts_ke::UnixTime;
use nts_ke::client::{Dates, Places, Question, Trust, establish};
use serde::Serialize;

use crate::figures::{Distribution, Spread};
use crate::lab::{CORES, Lab};
use crate::named;
use crate::server::Server;

#[derive(Debug, clap::Args)]
pub(crate) struct HandshakesArgs {
    /// A server: its name, `=`, and the command that gives keys on 10.99.0.1; repeatable
    #[arg(long = "server", value_name = "NAME=COMMAND", required = true)]
    servers: Vec<String>,
    /// Where it gives keys
    #[arg(long, default_value = "10.99.0.1:4460")]
    address: SocketAddr,
    /// The name, or address, that its certificate is for
    #[arg(long, default_value = "10.99.0.1")]
    name: String,
    /// Whom to trust: the certificate itself, or its authority's
    #[arg(long)]
    certificate: PathBuf,
    /// How many clients ask at the same time, each again and again
    #[arg(long, value_delimiter = ',', default_value = "1,8,32")]
    connections: Vec<usize>,
    /// Seconds for each of these
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How often each server is measured
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

/// One number of clients, one server.
#[derive(Debug, Serialize)]
struct Figures {
    connections: usize,
    /// Exchanges a second that ended with keys.
    rate: f64,
    /// Those that did not, in all.
    failed: usize,
    /// Processor time of the server for each, in microseconds.
    cpu_us: f64,
    /// What an exchange took, in microseconds.
    took_us: Distribution,
}

pub(crate) fn run(args: &HandshakesArgs) -> Result<()> {
    let servers = named(&args.servers).context("a server is NAME=COMMAND")?;
    let places = Places { system: false, extra: vec![args.certificate.clone()] };
    let (trust, problems) = Trust::load(&places);
    ensure!(problems.is_empty(), "{}: not a certificate", args.certificate.display());
    let lab = Lab::new()?;
    let mut all: Vec<Vec<Figures>> = servers.iter().map(|_| Vec::new()).collect();
    for round in 1..=args.rounds {
        for ((name, command), all) in servers.iter().zip(&mut all) {
            let figures = trial(&lab, command, &trust, args).with_context(|| (*name).to_owned())?;
            for figures in figures {
                println!("{}", serde_json::json!({ "round": round, "server": name, "figures": figures }));
                all.push(figures);
            }
        }
    }
    for ((name, _), all) in servers.iter().zip(&all) {
        println!("\n{name}");
        for connections in &args.connections {
            let of = |figure: fn(&Figures) -> f64| {
                Spread::of(all.iter().filter(|f| f.connections == *connections).map(figure))
            };
            println!("{connections:>4} clients: exchanges a second  {}", of(|f| f.rate));
            println!("{:>14} server's processor time, us {}", "", of(|f| f.cpu_us));
            println!("{:>14} median duration, us  {}", "", of(|f| f.took_us.median));
            println!("{:>14} failed  {}", "", of(|f| f.failed as f64));
        }
    }
    Ok(())
}

fn trial(lab: &Lab, command: &str, trust: &Trust, args: &HandshakesArgs) -> Result<Vec<Figures>> {
    let server = Server::start_until(lab, command, || {
        thread::sleep(Duration::from_millis(50));
        Ok(lab.at_client(|| ask(trust, args).context("no keys")).is_ok())
    })?;
    let mut figures = Vec::new();
    for connections in &args.connections {
        let (cpu, start) = (server.cpu_s(), Instant::now());
        let (took, failed) = lab.at_client(|| clients(trust, args, *connections))?;
        let (cpu, elapsed) = (server.cpu_s() - cpu, start.elapsed().as_secs_f64());
        let done = took.len() as f64;
        figures.push(Figures {
            connections: *connections,
            rate: done / elapsed,
            failed,
            cpu_us: cpu * 1e6 / done,
            took_us: Distribution::of(took),
        });
    }
    Ok(figures)
}

/// Microseconds of each exchange that succeeded, and how many did not.
fn clients(trust: &Trust, args: &HandshakesArgs, connections: usize) -> Result<(Vec<f64>, usize)> {
    let mut core = CpuSet::new();
    core.set(CORES[1])?;
    // The threads below are born there too.
    sched_setaffinity(Pid::from_raw(0), &core)?;
    let end = Instant::now() + Duration::from_secs_f64(args.seconds);
    let client = || {
        let (mut took, mut failed) = (Vec::new(), 0);
        while Instant::now() < end {
            match ask(trust, args) {
                Some(micros) => took.push(micros),
                None => failed += 1,
            }
        }
        (took, failed)
    };
    let done: Vec<(Vec<f64>, usize)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..connections).map(|_| scope.spawn(client)).collect();
        clients.into_iter().map(|client| client.join().expect("a client does not panic")).collect()
    });
    let failed = done.iter().map(|(_, failed)| failed).sum();
    let took: Vec<f64> = done.into_iter().flat_map(|(took, _)| took).collect();
    ensure!(!took.is_empty(), "no exchange succeeded");
    Ok((took, failed))
}

fn ask(trust: &Trust, args: &HandshakesArgs) -> Option<f64> {
    let question = Question {
        server: &args.name,
        aeads: &[Aead::AesSivCmac256],
        wanted_server: None,
        wanted_port: None,
        now: UnixTime::of_system(),
        dates: Dates::Check,
        patience: Duration::from_secs(5),
    };
    let outcome = establish(trust, &question, &[args.address]).ok()?;
    Some(outcome.took.as_secs_f64() * 1e6)
}
