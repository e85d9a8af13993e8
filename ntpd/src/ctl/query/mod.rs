//! `ntpctl query`: what a server says, measured from here without a daemon and without changing anything.
//!
//! ```text
//!  Target ─resolve─▶ address ─▶ Asker::ask, count times ─▶ Attempt ─▶ a line each
//!                                                             └─────▶ Findings: the best of them
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `target.rs` | host and port as they are written, and their addresses |
//! | `exchange.rs` | one request from a fresh socket and what comes of it |
//! | `findings.rs` | what is found, as figures |
//! | `render.rs` | and as text |
//!
//! Which replies are believed is decided by [`ntp_proto::client`], as in the daemon. A server that asks to be
//! left alone is.

mod exchange;
mod findings;
mod render;
mod target;

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

pub(super) use target::{Target, split};

use super::args::QueryArgs;
use super::exit::{Exit, Failure, Outcome};
use super::output::Output;
use crate::sys::udp::{ClientOptions, UdpSocket};
use exchange::{Asker, Attempt};
use findings::Findings;
use target::{Addresses, Family};

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Measures and prints.
pub(super) fn run(args: &QueryArgs, out: &mut Output) -> Outcome {
    let server = reachable(&args.server.resolve(Family::pinned(args.ipv4, args.ipv6))?);
    let mut asker = Asker::new(args.ntp_version, PATIENCE)?;
    if !args.form.json {
        out.print(&render::heading(&args.server, server))?;
    }
    let mut attempts = Vec::new();
    for number in 1..=args.count {
        let start = Instant::now();
        let attempt = asker.ask(server);
        if !args.form.json {
            out.print(&render::attempt(number, &attempt))?;
        }
        let is_last = number == args.count || attempt.is_refusal() || out.is_closed();
        attempts.push(attempt);
        if is_last {
            break;
        }
        thread::sleep(args.interval.saturating_sub(start.elapsed()));
    }
    conclude(&Findings::new(server, attempts), args.form.json, out)
}

/// The first address that there is a way to. If there is none, asking the first one tells why.
fn reachable(addresses: &Addresses) -> SocketAddr {
    let has_a_way = |address: &SocketAddr| UdpSocket::client(*address, &ClientOptions::default()).is_ok();
    addresses.iter().find(has_a_way).unwrap_or(addresses.first)
}

fn conclude(findings: &Findings, json: bool, out: &mut Output) -> Outcome {
    if json {
        out.print_json(findings)?;
    } else {
        out.print(&render::conclusion(findings))?;
    }
    match () {
        () if findings.best().is_some() => Ok(Exit::OK),
        () if findings.attempts.iter().any(Attempt::is_answer) => Ok(Exit::NO),
        () => Err(Failure::new(Exit::UNAVAILABLE, format!("{} does not answer", findings.server))),
    }
}
