//! A flood of addresses that are never used again, while regular clients ask.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::capture::Capture;
use crate::frames::{self, Frame};
use crate::generator::Generator;
use crate::lab::{Lab, SERVER};
use crate::server::Server;

/// Of `spoof`.
#[derive(Debug, clap::Args)]
pub(crate) struct SpoofArgs {
    /// The command that serves on 10.99.0.1 port 123
    #[arg(long)]
    server: String,
    /// How many addresses are invented, up to 12 582 912
    #[arg(long, default_value_t = 10_000_000)]
    addresses: u32,
    /// Requests a second, regular ones included
    #[arg(long)]
    rate: f64,
    /// How many clients ask regularly
    #[arg(long, default_value_t = 1_000)]
    regular: u32,
    /// Requests a second of each regular client
    #[arg(long, default_value_t = 1.0)]
    pace: f64,
    /// A command to run before the server is ended, with its words separated by spaces
    #[arg(long)]
    then: Option<String>,
}

/// 10.32.0.0, outside of the addresses that are invented.
const REGULAR: u32 = 0x0a20_0000;
/// 10.64.0.0/10 and 10.128.0.0/9.
const INVENTED: u32 = 0x0a40_0000;
const ROOM: u32 = 0x00c0_0000;
/// An odd factor visits every address once, in an order that looks like none.
const STRIDE: u32 = 0x0061_c887;

pub(crate) fn run(args: &SpoofArgs) -> Result<()> {
    ensure!(args.addresses <= ROOM, "there are only {ROOM} addresses to invent");
    let lab = Lab::new()?;
    let generator = Generator::new(&lab)?;
    let server = Server::start(&lab, &args.server, &generator)?;
    let mut flood = Flood::new(&lab, args);
    // The regular ones have been known for some seconds when it begins.
    let capture = Capture::start(&lab, 0)?;
    let quiet = f64::from(args.regular) * args.pace;
    flood.share = 1.0;
    generator.send(quiet, Duration::from_secs(5), |burst| flood.fill(burst));
    flood.share = quiet / args.rate;
    let length = Duration::from_secs_f64(f64::from(args.addresses) / (args.rate - quiet));
    println!("{} addresses in {length:.1?}", args.addresses);
    generator.send(args.rate, length, |burst| flood.fill(burst));
    sleep(Duration::from_millis(500));
    let mut answers: BTreeMap<Ipv4Addr, u64> = BTreeMap::new();
    let seen = capture.end();
    for client in seen.iter().map(|seen| seen.client).filter(|client| client.to_bits() < INVENTED) {
        *answers.entry(client).or_default() += 1;
    }
    report(args, &flood, &answers);
    if let Some(then) = &args.then {
        let words: Vec<&str> = then.split_whitespace().collect();
        let output = lab.on_server().args(words).output()?;
        println!("{}", String::from_utf8_lossy(&output.stdout));
    }
    drop(server);
    Ok(())
}

fn report(args: &SpoofArgs, flood: &Flood, answers: &BTreeMap<Ipv4Addr, u64>) {
    let lost = |i: u32| {
        let asked = flood.asked[i as usize];
        let answered = answers.get(&Ipv4Addr::from_bits(REGULAR + i)).copied().unwrap_or(0);
        1.0 - answered as f64 / asked.max(1) as f64
    };
    let losses: Vec<f64> = (0..args.regular).map(lost).collect();
    let asked: u64 = flood.asked.iter().sum();
    let worst = losses.iter().copied().fold(0.0, f64::max);
    let mean = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
    println!(
        "regular clients: {} with {asked} requests; lost {:.3} % on average, {:.3} % at worst; {} lost more than 1 %",
        args.regular,
        mean * 100.0,
        worst * 100.0,
        losses.iter().filter(|loss| **loss > 0.01).count()
    );
}

struct Flood {
    frame: Frame,
    /// How many of the requests are regular.
    share: f64,
    owed: f64,
    invented: u32,
    next: u32,
    asked: Vec<u64>,
}

impl Flood {
    fn new(lab: &Lab, args: &SpoofArgs) -> Self {
        let frame = frames::request(lab.macs[0], lab.macs[1], [10, 32, 0, 0].into(), SERVER.into(), 40_000);
        let asked = vec![0; args.regular as usize];
        Self { frame, share: 1.0, owed: 0.0, invented: 0, next: 0, asked }
    }

    fn fill(&mut self, burst: &mut [Frame]) {
        for frame in burst {
            self.owed += self.share;
            let client = if self.owed >= 1.0 { self.regular() } else { self.invent() };
            frames::comes_from(&mut self.frame, client);
            *frame = self.frame;
        }
    }

    fn regular(&mut self) -> Ipv4Addr {
        self.owed -= 1.0;
        let client = self.next;
        self.next = (self.next + 1) % self.asked.len() as u32;
        self.asked[client as usize] += 1;
        Ipv4Addr::from_bits(REGULAR + client)
    }

    fn invent(&mut self) -> Ipv4Addr {
        self.invented = self.invented.wrapping_add(1);
        Ipv4Addr::from_bits(INVENTED + self.invented.wrapping_mul(STRIDE) % ROOM)
    }
}
