//! From configuration file and command line to what the parts of the daemon need.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ntp_clock::{select, steer};
use ntp_config::{ClockControl, Config, Errors, Family, Host, Permission};
use ntp_engine::{Entry, Local, Options, SourceKind, SourceOptions};
use ntp_proto::client::Params;
use ntp_proto::server::{self, AccessList, AccessRule, Prefix};
use ntp_proto::time::{Offset, Uncertainty};

use crate::control;

/// The file that is read unless another is named.
pub const DEFAULT_FILE: &str = "/etc/ntpd/ntpd.toml";
/// Where state is kept unless `STATE_DIRECTORY` says otherwise.
const DEFAULT_STATE: &str = "/var/lib/ntpd";

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// `-x`: the clock is left alone, whatever the file says.
    pub no_control: bool,
    /// The control socket.
    pub socket: Option<PathBuf>,
}

/// Everything that a daemon is made from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file that was read; none for the built-in default.
    pub file: Option<PathBuf>,
    /// What it says.
    pub config: Config,
    /// Whether the clock may be touched.
    pub adjust: bool,
    /// The control socket.
    pub socket: PathBuf,
    /// The drift file. None where the clock is left alone: what is measured then is not the clock's own rate.
    pub drift_file: Option<PathBuf>,
}

/// Why there are no settings.
#[derive(Debug)]
pub enum SettingsError {
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// What it says is wrong.
    Wrong(Errors),
}

impl Settings {
    /// Reads the file that is named, or the default file, or the built-in default.
    ///
    /// # Errors
    /// When a file that is there or was named cannot be read, or is wrong.
    pub fn load(overrides: &Overrides) -> Result<Self, SettingsError> {
        let (file, config) = match &overrides.config {
            Some(file) => (Some(file.clone()), read(file)?),
            None if Path::new(DEFAULT_FILE).exists() => {
                (Some(DEFAULT_FILE.into()), read(Path::new(DEFAULT_FILE))?)
            }
            None => (None, Config::built_in()),
        };
        let adjust = config.server.control == ClockControl::Adjust && !overrides.no_control && config.enabled;
        let drift_file = adjust
            .then(|| config.server.driftfile.clone().unwrap_or_else(|| state_directory().join("drift")));
        let socket = overrides.socket.clone().unwrap_or_else(control::default_socket);
        Ok(Self { file, config, adjust, socket, drift_file })
    }

    /// The engine's part, apart from what only the machine knows.
    #[must_use]
    pub fn options(&self) -> Options {
        let Config { sources, server, .. } = &self.config;
        let servers = sources.servers.iter().map(|s| Entry {
            host: host(&s.address),
            port: s.options.port,
            kind: SourceKind::Server,
            options: source_options(&s.options),
        });
        let pools = sources.pools.iter().map(|p| Entry {
            host: ntp_engine::Host::Name(p.name.as_str().to_owned()),
            port: p.options.port,
            kind: SourceKind::Pool { servers: usize::from(p.servers) },
            options: source_options(&p.options),
        });
        Options {
            entries: if self.config.enabled { servers.chain(pools).collect() } else { Vec::new() },
            selection: select::Limits {
                min_sources: usize::from(sources.minsources),
                max_distance: sources.maxdistance,
                max_jitter: Uncertainty::from_seconds(sources.maxjitter.to_seconds()),
                combine_limit: sources.combinelimit,
                reselect_distance: sources.reselectdist,
                stratum_weight: sources.stratumweight,
            },
            steering: steer::Limits {
                step_threshold: server.makestep.threshold,
                step_limit: match server.makestep.limit {
                    ntp_config::StepLimit::Never => steer::StepLimit::Never,
                    ntp_config::StepLimit::Always => steer::StepLimit::Always,
                    ntp_config::StepLimit::First(updates) => steer::StepLimit::First(updates),
                },
                max_slew_rate: server.maxslewrate,
            },
            adjust: self.adjust,
            local: server.local.enabled.then_some(Local { stratum: server.local.stratum }),
            best_stratum: server.stratum,
            ..Options::default()
        }
    }

    /// Who may ask.
    #[must_use]
    pub fn access(&self) -> AccessList {
        let rules: Vec<AccessRule> = self.config.security.access.iter().filter_map(access_rule).collect();
        AccessList::new(&rules)
    }

    /// Where to serve: nowhere if nobody may ask.
    #[must_use]
    pub fn listen(&self) -> Vec<SocketAddr> {
        let server = &self.config.server;
        let serves = self.config.enabled && server.port != 0 && self.access().serves_anyone();
        let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        let addresses: &[IpAddr] = match () {
            () if !serves => &[],
            () if server.listen.is_empty() => &everywhere,
            () => &server.listen,
        };
        addresses.iter().map(|address| SocketAddr::new(*address, server.port)).collect()
    }
}

fn read(file: &Path) -> Result<Config, SettingsError> {
    let text = fs::read_to_string(file).map_err(|error| SettingsError::Unreadable(file.into(), error))?;
    ntp_config::parse(&file.display().to_string(), &text).map_err(SettingsError::Wrong)
}

fn state_directory() -> PathBuf {
    std::env::var_os("STATE_DIRECTORY").map_or_else(|| DEFAULT_STATE.into(), PathBuf::from)
}

fn host(host: &Host) -> ntp_engine::Host {
    match host {
        Host::Address(address) => ntp_engine::Host::Address(*address),
        Host::Name(name) => ntp_engine::Host::Name(name.as_str().to_owned()),
    }
}

fn source_options(o: &ntp_config::SourceOptions) -> SourceOptions {
    SourceOptions {
        association: Params {
            version: o.version,
            min_poll: o.minpoll,
            max_poll: o.maxpoll,
            iburst: o.iburst,
            burst: o.burst,
        },
        flags: select::Flags { prefer: o.prefer, noselect: o.noselect, trust: o.trust, require: o.require },
        offset: Offset::reference_ahead_by(o.offset),
        max_delay: o.maxdelay,
        max_delay_ratio: o.maxdelayratio,
        max_delay_deviation: o.maxdelaydevratio,
        min_stratum: o.minstratum,
        family: o.family.map(|family| match family {
            Family::V4 => ntp_engine::Family::V4,
            Family::V6 => ntp_engine::Family::V6,
        }),
    }
}

fn access_rule(access: &ntp_config::Access) -> Option<AccessRule> {
    // A network of the configuration is a prefix already; the two types only live in different crates.
    let network = Prefix::new(access.network.address(), access.network.prefix()).ok()?;
    let permission = match access.permission {
        Permission::Allow => server::Permission::Allow,
        Permission::Deny => server::Permission::Deny,
        Permission::Query => server::Permission::Query,
    };
    Some(AccessRule { network, permission })
}
