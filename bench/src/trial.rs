//! One measurement of one server.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::capture::Capture;
use crate::figures::Distribution;
use crate::generator::{Clients, Generator};
use crate::lab::Lab;
use crate::nts::Nts;
use crate::server::Server;

/// A rate counts as answered if not more than this share is lost.
const LOSS: f64 = 0.01;
/// A rate counts at all if the generator reaches this share of it.
const KEPT: f64 = 0.98;
/// The search ends when it knows the greatest rate as well as this.
const FINE: f64 = 1.03;
/// A frame with a reply is longer than this, in bytes, if it has a cookie sealed in it; one that says that the
/// cookie cannot be opened has 126.
const SEALED: u64 = 180;
/// Replies need so long to arrive.
const SETTLE: Duration = Duration::from_millis(150);

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// How many clients ask
    #[arg(long, default_value_t = 10_000)]
    clients: u16,
    /// Seconds for each rate that is tried
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Requests a second to begin the search with
    #[arg(long, default_value_t = 40_000.0)]
    from: f64,
    /// Requests a second at which the search ends
    #[arg(long, default_value_t = 1_000_000.0)]
    to: f64,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Trial {
    /// The most requests a second with hardly a loss.
    pub(crate) max_rate: f64,
    /// Processor time of the server for each answer at 95 % of that, interrupts that hit it included.
    pub(crate) cpu_us_at_95: f64,
    /// Answers a second when asked 2.5 times as often.
    pub(crate) answered_in_overload: f64,
    /// At half of the greatest rate.
    pub(crate) half: Half,
}

/// What is seen at half of the greatest rate.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Half {
    pub(crate) cpu_us: f64,
    pub(crate) response_us: Distribution,
    pub(crate) stamp_error_us: Distribution,
}

/// Starts the server, measures it and ends it.
pub(crate) fn run(lab: &Lab, command: &str, nts: &Nts, plan: &Plan) -> Result<Trial> {
    let mut generator = Generator::new(lab)?;
    let server = Server::start(lab, command, &generator)?;
    let fields = nts.fields(lab)?;
    let is_nts = fields.is_some();
    let fields = fields.unwrap_or_default();
    let clients = Clients::new(lab, plan.clients, fields.len());
    generator.append(fields);
    let mut bench = Bench { lab, generator, server, clients };
    if is_nts {
        bench.check_nts()?;
    }
    let length = Duration::from_secs_f64(plan.seconds);
    bench.step(plan.from, length)?;
    let max_rate = bench.search(plan, length)?;
    let at_95 = bench.step(max_rate * 0.95, length * 2)?;
    let half = bench.half(max_rate / 2.0, length * 2)?;
    let overload = bench.step(max_rate * 2.5, length * 2)?;
    Ok(Trial { max_rate, cpu_us_at_95: at_95.cpu_us, answered_in_overload: overload.answered_rate, half })
}

struct Bench<'l> {
    lab: &'l Lab,
    generator: Generator,
    server: Server,
    clients: Clients,
}

struct Step {
    /// Whether the generator was as fast as it should be, and hardly anything was lost.
    good: bool,
    cpu_us: f64,
    answered_rate: f64,
}

impl Bench<'_> {
    /// A server that cannot open the cookie answers too, but not at length.
    fn check_nts(&mut self) -> Result<()> {
        let (replies, bytes) = (self.lab.replies()?, self.lab.reply_bytes()?);
        self.step(1_000.0, Duration::from_millis(100))?;
        let (replies, bytes) = (self.lab.replies()? - replies, self.lab.reply_bytes()? - bytes);
        ensure!(replies > 0 && bytes / replies > SEALED, "the server does not open the cookie");
        Ok(())
    }

    fn step(&mut self, rate: f64, length: Duration) -> Result<Step> {
        let (replies, cpu) = (self.lab.replies()?, self.server.cpu_s());
        let sent = self.generator.send(rate, length, |burst| self.clients.fill(burst)) as f64;
        sleep(SETTLE);
        let answered = (self.lab.replies()? - replies) as f64;
        Ok(Step {
            good: sent >= KEPT * rate * length.as_secs_f64() && answered >= (1.0 - LOSS) * sent,
            cpu_us: (self.server.cpu_s() - cpu) / answered.max(1.0) * 1e6,
            answered_rate: answered / length.as_secs_f64(),
        })
    }

    /// Up in large steps, then halving; a rate has two tries.
    fn search(&mut self, plan: &Plan, length: Duration) -> Result<f64> {
        let (mut good, mut bad, mut rate) = (plan.from, plan.to, plan.from);
        while bad / good > FINE {
            if self.step(rate, length)?.good || self.step(rate, length)?.good {
                good = rate;
            } else {
                bad = rate;
            }
            let next = if bad < plan.to { (good * bad).sqrt() } else { good * 1.4 };
            rate = next.min(plan.to);
        }
        Ok(good)
    }

    fn half(&mut self, rate: f64, length: Duration) -> Result<Half> {
        let capture = Capture::start(self.lab, 3)?;
        let step = self.step(rate, length)?;
        let seen = capture.end();
        Ok(Half {
            cpu_us: step.cpu_us,
            response_us: Distribution::of(seen.iter().map(|seen| seen.response_us).collect()),
            stamp_error_us: Distribution::of(seen.iter().map(|seen| seen.stamp_error_us).collect()),
        })
    }
}
