//! `ntpd`: the Truechimer daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use ntpd::daemon::log::{self, Format};
use ntpd::daemon::run;
use ntpd::daemon::settings::{Overrides, Recording, Settings, SettingsError};
use tracing::Level;

/// EX_NOINPUT: the configuration file cannot be read.
const EX_NOINPUT: u8 = 66;
/// EX_OSERR: the system lacks what every daemon needs.
const EX_OSERR: u8 = 71;
/// EX_CONFIG: the configuration is wrong.
const EX_CONFIG: u8 = 78;

/// Truechimer: keeps this machine's clock right and serves the time.
///
/// Runs in the foreground and logs to standard error or the journal. SIGTERM saves the drift file and ends.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 ended as told, 66 the configuration cannot be read, \
    71 the system refuses what every daemon needs, 78 the configuration is wrong."
)]
struct Args {
    /// Configuration file [default: /etc/ntpd/ntpd.toml if there, else the built-in default]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Leave the clock alone: measure and serve only
    #[arg(short = 'x')]
    no_control: bool,
    /// At the start, set the clock forward to what the real-time clock shows, or to when the drift file was written, if
    /// that is later: for machines whose clock does not survive being switched off
    #[arg(short = 's')]
    head_start: bool,
    /// Take over what the last run learnt from its sources, and leave it for the next run at the end
    #[arg(short, long)]
    recall: bool,
    /// Write down all that reaches the engine, for `ntp-sim replay`; what FILE holds so far becomes FILE.1. Who can
    /// read the file can predict the requests of this run
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// How many MiB FILE and FILE.1 may take together
    #[arg(long, value_name = "MIB", default_value_t = 64, requires = "record",
        value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    record_limit: u32,
    /// Check the configuration and end
    #[arg(long)]
    check: bool,
    /// Control socket [default: /run/ntpd/ntpd.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// How much to tell: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: Level,
    /// How lines of the log look
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: Format,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let overrides = Overrides {
        config: args.config,
        no_control: args.no_control,
        socket: args.socket,
        head_start: args.head_start,
        recall: args.recall,
        recording: args.record.map(|file| Recording { file, limit: u64::from(args.record_limit) << 20 }),
    };
    let settings = match Settings::load(&overrides) {
        Ok(settings) => settings,
        Err(error @ SettingsError::Unreadable(..)) => {
            eprintln!("ntpd: {error}");
            return EX_NOINPUT.into();
        }
        Err(error @ SettingsError::Wrong(_)) => {
            eprintln!("{error}");
            return EX_CONFIG.into();
        }
    };
    if args.check {
        println!("configuration is fine");
        return ExitCode::SUCCESS;
    }
    log::start(args.log_level, args.log_format);
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ntpd: {error}");
            EX_OSERR.into()
        }
    }
}
