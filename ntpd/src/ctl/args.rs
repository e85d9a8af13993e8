//! The command line of `ntpctl`: what can be written and in which range. Carries nothing out.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ntp_config::Network;

use super::exit::Exit;
use super::query::Target;
use crate::control::{ClientOrder, Grouping, default_socket};

/// Shows and controls the Truechimer time daemon, measures servers and checks configurations
#[derive(Debug, Parser)]
#[command(name = "ntpctl", version, after_help = Exit::help())]
pub(super) struct Cli {
    /// The daemon's control socket [default: ntpd.sock in $RUNTIME_DIRECTORY or /run/ntpd]
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Cli {
    /// The socket that was named, or the usual one.
    pub(super) fn socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(default_socket)
    }
}

/// One module each.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// How it is, in a few lines; exits 0 if the clock is synchronised and 1 if not
    Status(Form),
    /// The clock in figures: offset, frequency and three measures of error
    Tracking(Form),
    /// The sources, and why each is used or not
    Sources(SourcesArgs),
    /// The reference clocks of this machine: their signals, and what is wrong with them
    Refclocks(RefclocksArgs),
    /// Why each source is used or not, with every figure, and what would change it
    Explain(ExplainArgs),
    /// Measures a server from here; needs no daemon and changes nothing
    Query(QueryArgs),
    /// Waits until the clock is synchronised, also for a daemon that is yet to start
    Waitsync(WaitsyncArgs),
    /// Corrects at once, by a step, what is left of a slow correction
    Step,
    /// Asks every source now, as at the start
    Refresh,
    /// How each source is authenticated: its keys, their age, and the cookies that are left
    Authdata(Form),
    /// NTS: what a server negotiates, what this one gives, and certificates for laboratories
    #[command(subcommand)]
    Nts(NtsCommand),
    /// What each source has taught about the clock: frequency, uncertainty, jitter
    Sourcestats(Form),
    /// How many sources answer, are silent, offline or without an address, and how busy the daemon is
    Activity(Form),
    /// Who asks for the time: how often, how fast, and by which interface
    Clients(ClientsArgs),
    /// What became of the packets: answered, denied, limited, not understood, dropped
    Serverstats(Form),
    /// There is a way to the sources: asks them again
    Online(WhomArgs),
    /// There is no way to the sources: leaves them alone
    Offline(WhomArgs),
    /// Asks the sources every 2 s for a while
    Burst(BurstArgs),
    /// One more server or pool, until the next restart
    #[command(subcommand)]
    Add(AddCommand),
    /// No more of a server or pool, until the next restart
    Delete {
        /// Its name or address
        host: String,
    },
    /// Reads the configuration again and says what of it needs a restart
    Reload {
        #[command(subcommand)]
        what: Option<ReloadCommand>,
    },
    /// Leaves what the sources have taught for a next run that is started with `ntpd -r`
    Dump,
    /// Says which rule decides whether an address may ask; needs no daemon, exits 0 if it gets the time, else 1
    Access(AccessArgs),
    /// Checks or shows a configuration; needs no daemon
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// For people or for programs.
#[derive(Args, Debug)]
pub(super) struct Form {
    /// Print JSON; offsets are reference minus clock in seconds, so positive means slow
    #[arg(long)]
    pub(super) json: bool,
}

/// Of `sources`.
#[derive(Args, Debug)]
pub(super) struct SourcesArgs {
    /// Show stamps and discarded replies too, and explain columns and marks
    #[arg(short, long)]
    pub(super) verbose: bool,
    #[command(flatten)]
    pub(super) form: Form,
}

/// Of `refclocks`.
#[derive(Args, Debug)]
pub(super) struct RefclocksArgs {
    /// Show all there is to know of each, and explain columns
    #[arg(short, long)]
    pub(super) verbose: bool,
    #[command(flatten)]
    pub(super) form: Form,
}

/// Of `clients`.
#[derive(Args, Debug)]
pub(super) struct ClientsArgs {
    /// Show so many at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(super) top: usize,
    /// Which ones first
    #[arg(long, value_enum, default_value_t = Order::Requests)]
    pub(super) order: Order,
    /// Only those of this network
    #[arg(long, value_name = "NETWORK")]
    pub(super) network: Option<Network>,
    /// Only those that asked by this interface
    #[arg(long, value_name = "NAME")]
    pub(super) interface: Option<String>,
    /// Sums instead of single clients
    #[arg(long, value_enum, conflicts_with = "order")]
    pub(super) by: Option<By>,
    /// So many leading bits make a network of IPv4
    #[arg(long, value_name = "BITS", default_value_t = 24, value_parser = clap::value_parser!(u8).range(..=32))]
    pub(super) bits4: u8,
    /// So many leading bits make a network of IPv6
    #[arg(long, value_name = "BITS", default_value_t = 48, value_parser = clap::value_parser!(u8).range(..=128))]
    pub(super) bits6: u8,
    #[command(flatten)]
    pub(super) form: Form,
}

impl ClientsArgs {
    /// What clients are summed up by, if they are.
    pub(super) fn grouping(&self) -> Option<Grouping> {
        self.by.map(|by| match by {
            By::Network => Grouping::Network { v4: self.bits4, v6: self.bits6 },
            By::Interface => Grouping::Interface,
        })
    }
}

/// What clients are summed up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum By {
    /// The networks that they are in
    Network,
    /// The interfaces that they ask by
    Interface,
}

/// Which clients come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Order {
    /// Those with the most requests
    Requests,
    /// Those with the most requests beyond their limit
    Drops,
    /// Those that asked last
    Last,
}

impl From<Order> for ClientOrder {
    fn from(order: Order) -> Self {
        match order {
            Order::Requests => Self::Requests,
            Order::Drops => Self::Drops,
            Order::Last => Self::Last,
        }
    }
}

/// Of `explain`.
#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// Name or address of a source [default: all, and the clock]
    #[arg(value_name = "SOURCE")]
    pub(super) source: Option<String>,
    #[command(flatten)]
    pub(super) form: Form,
}

/// Of `query`.
#[derive(Args, Debug)]
pub(super) struct QueryArgs {
    /// Whom to ask; port 123 unless said. an IPv6 address with a port needs brackets
    #[arg(value_name = "HOST[:PORT]")]
    pub(super) server: Target,
    /// How many requests to send
    #[arg(short = 'n', long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(super) count: u8,
    // ntpd's `restrict limited` calls clients that come more often than every 2 s abusive.
    /// Seconds from one request to the next, at least 1
    #[arg(long, value_name = "S", default_value = "2", value_parser = polite_interval)]
    pub(super) interval: Duration,
    /// Use IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(super) ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long)]
    pub(super) ipv6: bool,
    /// NTP version of the requests, 3 or 4
    #[arg(
        long = "version",
        value_name = "VERSION",
        default_value_t = 4,
        value_parser = clap::value_parser!(u8).range(3..=4)
    )]
    pub(super) ntp_version: u8,
    #[command(flatten)]
    pub(super) form: Form,
}

/// Of `waitsync`.
#[derive(Args, Debug)]
pub(super) struct WaitsyncArgs {
    /// Give up after so many looks; 0: never
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) tries: u32,
    /// Seconds from one look to the next
    #[arg(long, value_name = "S", default_value = "1", value_parser = interval)]
    pub(super) interval: Duration,
    /// Wait until the error bound is not above this, in seconds
    #[arg(long, value_name = "S", value_parser = positive_seconds)]
    pub(super) max_error: Option<f64>,
}

/// Of `online` and `offline`.
#[derive(Args, Debug)]
pub(super) struct WhomArgs {
    /// Name or address of a source [default: all]
    pub(super) host: Option<String>,
}

/// Of `burst`.
#[derive(Args, Debug)]
pub(super) struct BurstArgs {
    /// Name or address of a source [default: all]
    pub(super) host: Option<String>,
    /// End after so many good replies
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(super) good: u8,
    /// End after so many requests
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(super) requests: u8,
}

/// Of `add`.
#[derive(Debug, Subcommand)]
pub(super) enum AddCommand {
    /// A single server
    Server {
        /// Its name or address
        host: String,
        #[command(flatten)]
        options: AddOptions,
    },
    /// A name with many servers
    Pool {
        /// The name
        name: String,
        /// How many of its servers to ask
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
        servers: u8,
        #[command(flatten)]
        options: AddOptions,
    },
}

/// How an added source is treated.
#[derive(Args, Debug)]
pub(super) struct AddOptions {
    /// UDP port
    #[arg(long, default_value_t = 123, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: u16,
    /// Four requests, 2 s apart, at the first contact
    #[arg(long)]
    pub(super) iburst: bool,
    /// Use it before all that are not preferred
    #[arg(long)]
    pub(super) prefer: bool,
    /// Measure it, but never use it
    #[arg(long, conflicts_with = "prefer")]
    pub(super) noselect: bool,
    /// Ask it with NTS
    #[arg(long)]
    pub(super) nts: bool,
    /// TCP port that keys for NTS are fetched from
    #[arg(long, default_value_t = 4460, requires = "nts", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) ntsport: u16,
    /// The set of trusted certificates (sources.nts.trusted)
    #[arg(long, default_value_t = 0, requires = "nts")]
    pub(super) certset: u8,
    /// Shortest poll interval, log2 seconds
    #[arg(long, default_value_t = 6, allow_hyphen_values = true, value_parser = clap::value_parser!(i8).range(-7..=24))]
    pub(super) minpoll: i8,
    /// Longest poll interval, log2 seconds
    #[arg(long, default_value_t = 10, allow_hyphen_values = true, value_parser = clap::value_parser!(i8).range(-7..=24))]
    pub(super) maxpoll: i8,
}

/// Of `nts`.
#[derive(Debug, Subcommand)]
pub(super) enum NtsCommand {
    /// Asks a server for keys and shows what came of it; needs no daemon and changes nothing
    Ke(KeArgs),
    /// The server of keys of this daemon: ports, certificates, keys of cookies (never their bytes), and counts
    Server(Form),
    /// The keys of the cookies that this daemon gives, by number and age, never their bytes
    Keys(Form),
    /// Makes a certificate that nobody vouches for, with its key: for laboratories
    Selfsign(SelfsignArgs),
}

/// Of `nts ke`.
#[derive(Args, Debug)]
pub(super) struct KeArgs {
    /// Whom to ask; port 4460 unless said. An IPv6 address with a port needs brackets
    #[arg(value_name = "HOST[:PORT]")]
    pub(super) server: String,
    /// A file or directory of certificates to trust besides the system's; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(super) trust: Vec<PathBuf>,
    /// Trust only those of --trust
    #[arg(long, requires = "trust")]
    pub(super) no_system: bool,
    /// Do not look at the dates of certificates
    #[arg(long)]
    pub(super) no_dates: bool,
    /// Give up after so many seconds
    #[arg(long, value_name = "S", default_value = "16", value_parser = interval)]
    pub(super) timeout: Duration,
    #[command(flatten)]
    pub(super) form: Form,
}

/// Of `nts selfsign`.
#[derive(Args, Debug)]
pub(super) struct SelfsignArgs {
    /// A host name or address that it is for; may be repeated
    #[arg(long = "name", value_name = "NAME", required = true)]
    pub(super) names: Vec<String>,
    /// Where the certificate goes
    #[arg(long, value_name = "FILE", default_value = "nts.pem")]
    pub(super) certificate: PathBuf,
    /// Where the key goes, for its owner only
    #[arg(long, value_name = "FILE", default_value = "nts-key.pem")]
    pub(super) key: PathBuf,
}

/// Of `reload`.
#[derive(Debug, Subcommand)]
pub(super) enum ReloadCommand {
    /// Only the files *.sources of the directories of sources.sourcedir
    Sources,
}

/// Of `access`.
#[derive(Args, Debug)]
pub(super) struct AccessArgs {
    /// Who would ask
    #[arg(value_name = "ADDRESS", value_parser = client_address)]
    pub(super) address: IpAddr,
    /// The configuration [default: /etc/ntpd/ntpd.toml, else the built-in configuration]
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Of `config`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Reports every error of the file, exit code 78, or says what it amounts to, exit code 0
    Check {
        /// The file [default: /etc/ntpd/ntpd.toml]
        file: Option<PathBuf>,
    },
    /// Prints the effective configuration as TOML, each value with the line that it comes from, or as a default
    Show {
        /// The file [default: /etc/ntpd/ntpd.toml, else the built-in configuration]
        file: Option<PathBuf>,
        /// Show what the daemon does without a file
        #[arg(long, conflicts_with = "file")]
        built_in: bool,
    },
}

/// Nobody waits longer than a day between two looks.
const LONGEST_INTERVAL: f64 = 86_400.0;

/// An address, with or without the zone that link-local ones are written with; rules do not look at it.
fn client_address(text: &str) -> Result<IpAddr, String> {
    let zoned = || text.split_once('%').and_then(|(address, _zone)| address.parse::<Ipv6Addr>().ok());
    text.parse().ok().or_else(|| zoned().map(IpAddr::V6)).ok_or_else(|| {
        let what = match text.split_once('/') {
            Some((address, _)) if address.parse::<IpAddr>().is_ok() => {
                "that is a network; name one of its addresses"
            }
            _ => "names are not looked up here",
        };
        format!("expected an IPv4 or IPv6 address such as 192.0.2.7 or 2001:db8::7; {what}")
    })
}

fn polite_interval(text: &str) -> Result<Duration, String> {
    seconds(text, 1.0, LONGEST_INTERVAL).map(Duration::from_secs_f64)
}

fn interval(text: &str) -> Result<Duration, String> {
    seconds(text, 0.1, LONGEST_INTERVAL).map(Duration::from_secs_f64)
}

fn positive_seconds(text: &str) -> Result<f64, String> {
    seconds(text, 1e-9, 1e9)
}

fn seconds(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let in_range = |s: &f64| (least..=most).contains(s);
    text.parse().ok().filter(in_range).ok_or_else(|| format!("expected seconds from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_query_has_polite_defaults() {
        let Command::Query(query) = parse("ntpctl query ntp.example").unwrap().command else { panic!() };
        assert_eq!((query.count, query.interval, query.ntp_version), (4, Duration::from_secs(2), 4));
    }

    #[test]
    fn impolite_and_impossible_values_are_refused() {
        for arguments in [
            "query a --interval 0.5",
            "query a --interval NaN",
            "query a -n 0",
            "query a -n 17",
            "query a --version 2",
            "query a -4 -6",
            "query a:0",
            "waitsync --max-error 0",
            "config show f --built-in",
            "access",
            "clients --network 10.0.0.1/8",
            "clients --order size",
            "access 10.0.0.0/8",
            "access 192.0.2",
            "access ntp.example",
            "access 192.0.2.1%eth0",
        ] {
            assert!(parse(&format!("ntpctl {arguments}")).is_err(), "{arguments}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_in_words() {
        let words = |text: &str| client_address(text).unwrap_err();
        assert!(words("10.0.0.0/8").ends_with("that is a network; name one of its addresses"));
        assert!(words("ntp.example").ends_with("names are not looked up here"));
        let error = parse("ntpctl access 10.0.0.0/8").unwrap_err();
        assert!(error.use_stderr() && error.to_string().contains("expected an IPv4 or IPv6 address"));
        assert_eq!(client_address("fe80::1%eth0"), Ok("fe80::1".parse().unwrap()));
    }

    #[test]
    fn the_socket_may_be_named_on_either_side_of_the_command() {
        for line in ["ntpctl --socket /s status", "ntpctl status --socket /s"] {
            assert_eq!(parse(line).unwrap().socket(), PathBuf::from("/s"));
        }
    }
}
