//! `rigtool`: what runs inside the rig's guest beside the daemon (see `tests/rig/README.md`).
//!
//! Results go to stdout, one line of `key=value`; words go to stderr. Exit status 1: a limit was passed.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use truechimer_tests::rig::sentences::Kind;
use truechimer_tests::rig::serve::Announce;
use truechimer_tests::rig::socket::Stamps;
use truechimer_tests::rig::truth::Truth;
use truechimer_tests::rig::{adjust, ask, judge, nmea, phc, pps, serve, shm, sock};

/// Serves and shows true time in many ways, judges the system clock by it, and disturbs the clock.
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
    /// The midnight that a leap second is inserted before, Unix seconds.
    #[arg(long, env = "TRUTH_LEAP")]
    leap_before: Option<i64>,
}

impl TruthArgs {
    fn truth(self) -> Result<Truth> {
        let truth = Truth::new(self.base, self.ppm)?;
        self.leap_before.map_or(Ok(truth), |midnight| truth.with_leap(midnight))
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
        /// Whether to announce the leap second.
        #[arg(long, value_enum, default_value_t = Announce::None)]
        leap: Announce,
    },
    /// Make pulses on the parallel port.
    Pps {
        #[command(flatten)]
        truth: TruthArgs,
        /// How long, s.
        #[arg(long, default_value_t = u32::MAX)]
        seconds: u32,
        /// Pulses in a second.
        #[arg(long, default_value_t = 1)]
        rate: u32,
        /// Each comes so much too late, ms.
        #[arg(long, default_value_t = 0.0)]
        shift_ms: f64,
        /// Each is followed by another after so long, ms.
        #[arg(long)]
        double_ms: Option<f64>,
        /// How probably one is missing, 0 to 1.
        #[arg(long, default_value_t = 0.0)]
        missing: f64,
        /// How probably there is another one in an interval, 0 to 1.
        #[arg(long, default_value_t = 0.0)]
        noise: f64,
        /// What probability comes from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Be a receiver that speaks NMEA on a pty.
    Nmea {
        #[command(flatten)]
        truth: TruthArgs,
        /// Name of the line.
        link: PathBuf,
        /// How long, s.
        #[arg(long, default_value_t = u32::MAX)]
        seconds: u32,
        /// The sentences of a burst, in order.
        #[arg(long, value_enum, value_delimiter = ',', default_value = "gga,gsa,gsv,rmc,zda")]
        sentences: Vec<Kind>,
        /// When the burst begins after the second, ms.
        #[arg(long, default_value_t = 100.0)]
        delay_ms: f64,
        /// By how much later it may begin, ms.
        #[arg(long, default_value_t = 0.0)]
        jitter_ms: f64,
        /// Say that there is no fix.
        #[arg(long)]
        void: bool,
        /// How many weeks ago the dates are.
        #[arg(long, default_value_t = 0)]
        weeks_back: i64,
        /// What jitter comes from.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Write true time into shared memory.
    Shm {
        #[command(flatten)]
        truth: TruthArgs,
        /// Which segment, 0 to 7.
        unit: u8,
        /// How many samples, one a second.
        #[arg(long, default_value_t = u32::MAX)]
        seconds: u32,
        /// How long after the second, ms.
        #[arg(long, default_value_t = 200.0)]
        delay_ms: f64,
        /// What to say of leap seconds where none is to come, 0 to 3.
        #[arg(long, default_value_t = 0)]
        leap: u8,
    },
    /// Send true time to a socket.
    Sock {
        #[command(flatten)]
        truth: TruthArgs,
        /// The socket.
        path: PathBuf,
        /// How many samples, one a second.
        #[arg(long, default_value_t = u32::MAX)]
        seconds: u32,
        /// Pulses only.
        #[arg(long)]
        pulse: bool,
        /// What to say of leap seconds where none is to come, 0 to 3.
        #[arg(long, default_value_t = 0)]
        leap: u8,
    },
    /// Keep the clock of a network card.
    Phc {
        #[command(flatten)]
        truth: TruthArgs,
        /// Its device.
        device: PathBuf,
        /// How long, s.
        #[arg(long, default_value_t = u32::MAX)]
        seconds: u32,
        /// On TAI.
        #[arg(long)]
        tai: bool,
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
        /// A constant to take out of every error, µs.
        #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
        constant_us: f64,
        /// Take out the mean of the errors.
        #[arg(long, conflicts_with = "constant_us")]
        around_mean: bool,
        /// Fail unless what was taken out is below this, µs, sign aside.
        #[arg(long)]
        constant_below: Option<f64>,
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
        /// A constant to take out of every error, µs.
        #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
        constant_us: f64,
        /// What is small, µs.
        #[arg(long)]
        below_us: f64,
        /// How long it may take to begin, s.
        #[arg(long)]
        within: f64,
    },
    /// Print the clock's error.
    Error {
        #[command(flatten)]
        truth: TruthArgs,
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
        Command::Serve { truth, address, port, stamps, leap } => {
            serve::serve(truth.truth()?, address, port, stamps, leap)
        }
        Command::Pps { truth, seconds, rate, shift_ms, double_ms, missing, noise, seed } => {
            let train = pps::Train { seconds, rate, shift_ms, double_ms, missing, noise, seed };
            pps::pps(truth.truth()?, train)
        }
        Command::Nmea { truth, link, seconds, sentences, delay_ms, jitter_ms, void, weeks_back, seed } => {
            let kinds = sentences;
            let receiver = nmea::Receiver { seconds, kinds, delay_ms, jitter_ms, void, weeks_back, seed };
            nmea::nmea(truth.truth()?, &link, &receiver)
        }
        Command::Shm { truth, unit, seconds, delay_ms, leap } => {
            shm::shm(truth.truth()?, unit, shm::Samples { seconds, delay_ms, leap })
        }
        Command::Sock { truth, path, seconds, pulse, leap } => {
            sock::sock(truth.truth()?, &path, sock::Samples { seconds, pulse, leap })
        }
        Command::Phc { truth, device, seconds, tai } => phc::phc(truth.truth()?, &device, seconds, tai),
        Command::Ask { truth, server, port, count, stamps } => {
            ask::ask(truth.truth()?, server, port, count, stamps)
        }
        Command::Judge {
            truth,
            seconds,
            from,
            interval,
            constant_us,
            around_mean,
            constant_below,
            rms_below,
            max_below,
        } => {
            let around = if around_mean { judge::Around::Mean } else { judge::Around::Known(constant_us) };
            let watch =
                judge::Watch { seconds, from, interval, around, constant_below, rms_below, max_below };
            judge::judge(truth.truth()?, watch)
        }
        Command::Until { truth, constant_us, below_us, within } => {
            judge::until(truth.truth()?, constant_us, below_us, within)
        }
        Command::Error { truth } => judge::error(truth.truth()?),
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
