//! From configuration file and command line to what the parts of the daemon need.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;

use ntp_clock::{select, steer};
use ntp_config::{
    ClockControl, Config, Errors, Family, HardwareTimestamps, Host, Permission, PoolSource, ServerSource,
};
use ntp_engine::{AuthSelect, Entry, Local, NtsOptions, NtsPolicy, Options, SourceKind, SourceOptions};
use ntp_proto::client::Params;
use ntp_proto::server::{self, AccessList, AccessRule, Prefix};
use ntp_proto::time::{NtpDuration, Offset, Uncertainty};
use ntp_serve::{Limit, Limits, Policy};

use super::nts::client::KeyClient;
use super::nts::server::{KeyServerOptions, aead};
use super::refclocks;
use super::serve::ServingOptions;
use crate::control;
use crate::sys::udp::ClientOptions;

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
    /// `-r`: what the last run learnt from its sources is taken over, and left for the next one at the end.
    pub recall: bool,
    /// `-s`: the clock is set forward at the start by what is known without any source.
    pub head_start: bool,
    /// `--record`: what reaches the engine is written down.
    pub recording: Option<Recording>,
}

/// Where what reaches the engine is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The file; what was in it is moved to the same name with `.1` first.
    pub file: PathBuf,
    /// How many bytes both files together may take.
    pub limit: u64,
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
    /// Where what the sources have taught is left for the next run.
    pub history_file: PathBuf,
    /// Whether that is taken over at the start and left at the end, or only left on request.
    pub recall: bool,
    /// Whether the clock is set forward at the start by what is known without any source.
    pub head_start: bool,
    /// Where what reaches the engine is written down.
    pub recording: Option<Recording>,
    /// Where cookies for our own requests are left for the next run.
    pub cookie_file: PathBuf,
}

/// Why there are no settings.
#[derive(Debug)]
pub enum SettingsError {
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// What it says is wrong.
    Wrong(Errors),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(file, error) => write!(f, "{}: {error}", file.display()),
            Self::Wrong(errors) => errors.fmt(f),
        }
    }
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
        let history_file = state_directory().join("history.json");
        let cookie_file = state_directory().join("nts-cookies.json");
        let (recall, recording) = (overrides.recall, overrides.recording.clone());
        let head_start = overrides.head_start && adjust;
        Ok(Self {
            file,
            config,
            adjust,
            socket,
            drift_file,
            history_file,
            recall,
            head_start,
            recording,
            cookie_file,
        })
    }

    /// What of `config` may change while the daemon runs is taken over. The other keys that differ are returned.
    pub(super) fn adopt(&mut self, mut config: Config) -> Vec<String> {
        let (ours, theirs) = (&mut self.config, &mut config);
        std::mem::swap(&mut ours.security.access, &mut theirs.security.access);
        ours.security.ratelimit = theirs.security.ratelimit.clone();
        ours.security.nts = theirs.security.nts.clone();
        ours.server.workers = theirs.server.workers;
        ours.server.port = theirs.server.port;
        ours.server.listen = theirs.server.listen.clone();
        // The rules are the same by now, and there may be many.
        theirs.security.access.clear();
        let access = std::mem::take(&mut ours.security.access);
        let changes = ours.changes(theirs);
        ours.security.access = access;
        changes
    }

    /// The engine's part, apart from what only the machine knows.
    #[must_use]
    pub fn options(&self) -> Options {
        let Config { sources, server, .. } = &self.config;
        let entries = sources.servers.iter().map(server_entry).chain(sources.pools.iter().map(pool_entry));
        Options {
            entries: if self.config.enabled { entries.collect() } else { Vec::new() },
            refresh: (sources.refresh > 0).then(|| NtpDuration::from_secs(sources.refresh.into())),
            selection: select::Limits {
                min_sources: usize::from(sources.minsources),
                min_samples: sources.minsamples.into(),
                strata: (sources.minstratum, sources.maxstratum),
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
            auth_select: match sources.authselectmode {
                ntp_config::AuthSelect::Require => AuthSelect::Require,
                ntp_config::AuthSelect::Prefer => AuthSelect::Prefer,
                ntp_config::AuthSelect::Mix => AuthSelect::Mix,
                ntp_config::AuthSelect::Ignore => AuthSelect::Ignore,
            },
            nts: NtsPolicy {
                lifetime: NtpDuration::from_secs(sources.nts.refresh.into()),
                unchecked_updates: sources.nts.nocerttimecheck,
                ..NtsPolicy::default()
            },
            ..Options::default()
        }
    }

    /// How requests leave.
    #[must_use]
    pub fn client_options(&self) -> ClientOptions {
        let sources = &self.config.sources;
        let mut options = ClientOptions { dscp: sources.dscp, ..ClientOptions::default() };
        options.device = sources.binddevice.as_ref().map(ToString::to_string);
        for address in &sources.bindaddress {
            match *address {
                IpAddr::V4(v4) => options.from_v4 = Some(v4),
                IpAddr::V6(v6) => options.from_v6 = Some(v6),
            }
        }
        options
    }

    /// Network cards that are to stamp packets.
    #[must_use]
    pub(super) fn hardware_timestamps(&self) -> Vec<HardwareTimestamps> {
        if self.config.enabled { self.config.sources.hwtimestamp.clone() } else { Vec::new() }
    }

    /// How keys for requests are established.
    #[must_use]
    pub(super) fn key_client(&self) -> KeyClient {
        let nts = &self.config.sources.nts;
        let mut trusted: BTreeMap<u8, Vec<PathBuf>> = BTreeMap::new();
        for place in &nts.trusted {
            trusted.entry(place.set).or_default().push(place.path.clone());
        }
        KeyClient {
            aeads: nts.aeads.iter().copied().map(aead).collect(),
            system: nts.systemcerts,
            trusted,
            leaving: self.client_options(),
        }
    }

    /// How keys are given to those who ask us with NTS; `None`: not at all.
    pub(super) fn key_server(&self) -> Option<KeyServerOptions> {
        let nts = &self.config.security.nts;
        let listen = self.listen();
        let file = state_directory().join("nts-keys");
        (nts.enabled && !listen.is_empty())
            .then(|| KeyServerOptions::new(nts, &listen, access(&self.config), file))
    }

    /// The reference clocks; none if the service is switched off. `ahead`: by how many seconds the kernel says that TAI is
    /// ahead of UTC.
    pub(super) fn refclocks(&self, ahead: Option<i64>) -> Vec<refclocks::Wanted> {
        if self.config.enabled { refclocks::wanted(&self.config.sources, ahead) } else { Vec::new() }
    }

    /// Where files of more sources are; nowhere if the service is switched off.
    #[must_use]
    pub fn source_directories(&self) -> &[PathBuf] {
        if self.config.enabled { &self.config.sources.sourcedir } else { &[] }
    }

    /// How time is served. Where libc may be intercepted there are no threads unless they were asked for.
    pub(super) fn serving(&self, intercepted: bool) -> ServingOptions {
        let Config { server, security, .. } = &self.config;
        let limit = &security.ratelimit;
        let limits = Limits {
            interval_s: limit.interval.to_seconds(),
            burst: limit.burst,
            leak: limit.leak,
            kod: limit.kod,
        };
        let idle = listen(&self.config).is_empty();
        ServingOptions {
            workers: if idle { 0 } else { server.workers.unwrap_or_else(|| workers(intercepted)) },
            policy: Policy {
                access: access(&self.config),
                limit: limit.enabled.then(|| Limit::new(&limits)),
                limit_authenticated: false,
                ipv6_prefix: limit.ipv6_prefix,
            },
            client_memory: server.clients.memory as usize,
        }
    }

    /// Where to serve: nowhere if nobody may ask.
    #[must_use]
    pub fn listen(&self) -> Vec<SocketAddr> {
        listen(&self.config)
    }
}

/// Who may ask.
pub(crate) fn access(config: &Config) -> AccessList {
    let rules: Vec<AccessRule> = config.security.access.iter().filter_map(access_rule).collect();
    AccessList::new(&rules)
}

/// Where to serve: nowhere if nobody may ask.
pub(crate) fn listen(config: &Config) -> Vec<SocketAddr> {
    let server = &config.server;
    let serves = config.enabled && server.port != 0 && access(config).serves_anyone();
    let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let addresses: &[IpAddr] = match () {
        () if !serves => &[],
        () if server.listen.is_empty() => &everywhere,
        () => &server.listen,
    };
    addresses.iter().map(|address| SocketAddr::new(*address, server.port)).collect()
}

/// One for each processor that we may use, though more than four are seldom of use.
fn workers(intercepted: bool) -> u16 {
    const MOST: usize = 4;
    let processors = thread::available_parallelism().map_or(1, |count| count.get().min(MOST));
    if intercepted { 0 } else { processors as u16 }
}

/// What a file says.
pub(super) fn read(file: &Path) -> Result<Config, SettingsError> {
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

pub(super) fn server_entry(server: &ServerSource) -> Entry {
    Entry {
        host: host(&server.address),
        port: server.options.port,
        kind: SourceKind::Server,
        options: source_options(&server.options),
    }
}

pub(super) fn pool_entry(pool: &PoolSource) -> Entry {
    Entry {
        host: ntp_engine::Host::Name(pool.name.as_str().to_owned()),
        port: pool.options.port,
        kind: SourceKind::Pool { servers: usize::from(pool.servers) },
        options: source_options(&pool.options),
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
            presend: o.presend,
        },
        flags: select::Flags { prefer: o.prefer, noselect: o.noselect, trust: o.trust, require: o.require },
        offset: Offset::reference_ahead_by(o.offset),
        max_delay: o.maxdelay,
        max_delay_ratio: o.maxdelayratio,
        max_delay_deviation: o.maxdelaydevratio,
        min_stratum: o.minstratum,
        min_samples: o.minsamples.map(u64::from),
        max_unreach: o.maxunreach,
        copy: o.copy,
        nts: o.nts.map(|nts| NtsOptions { port: nts.port, cert_set: nts.certset }),
        offline: o.offline,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        let config = ntp_config::parse("test", &format!("enabled = true\n{text}")).unwrap();
        Settings {
            file: None,
            config,
            adjust: false,
            socket: PathBuf::new(),
            drift_file: None,
            history_file: PathBuf::new(),
            recall: false,
            head_start: false,
            recording: None,
            cookie_file: PathBuf::new(),
        }
    }

    #[test]
    fn requests_leave_as_the_file_says() {
        let text = "[sources]\nbindaddress = ['2001:db8::1', '192.0.2.1']\nbinddevice = 'wan0'\ndscp = 46";
        let expected = ClientOptions {
            from_v4: Some([192, 0, 2, 1].into()),
            from_v6: Some("2001:db8::1".parse().unwrap()),
            device: Some("wan0".to_owned()),
            dscp: 46,
            hardware_stamps: false,
        };
        assert_eq!(settings(text).client_options(), expected);
        assert_eq!(settings("").client_options(), ClientOptions::default());
    }

    #[test]
    fn a_new_configuration_holds_as_far_as_it_may_change() {
        let access =
            |permission| format!("[[security.access]]\nnetwork = '::/0'\npermission = '{permission}'");
        let mut running = settings(&access("deny"));
        let text =
            format!("server.workers = 3\nserver.rtcsync = false\nserver.port = 124\n{}", access("allow"));
        let new = settings(&text).config;
        assert_eq!(running.adopt(new.clone()), ["server.rtcsync"]);
        assert_eq!((&running.config.security, running.config.server.workers), (&new.security, Some(3)));
        assert!(running.config.server.rtcsync && running.listen()[0].port() == 124);
        assert_eq!(running.adopt(new), ["server.rtcsync"]);
    }

    #[test]
    fn nothing_is_opened_for_nobody() {
        assert_eq!(settings("").listen(), []);
        let text = "[[security.access]]\nnetwork = '::/0'\npermission = 'allow'";
        assert_eq!(settings(text).listen().len(), 2);
        assert_eq!(settings(&format!("server.port = 0\n{text}")).listen(), []);
    }
}
