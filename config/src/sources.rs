//! `[sources]`: where time comes from, and how much agreement it takes.
//!
//! What the options do is up to the associations, to selection and to the sockets of requests; here are their
//! ranges and defaults.

use std::net::IpAddr;
use std::path::PathBuf;

use ntp_proto::packet::{PollExp, Stratum};
use ntp_proto::time::NtpDuration;

use crate::error::Complaint;
use crate::schema::{
    Boolean, Choice, Integer, Interval, Number, Optional, OrOff, Seconds, Section, Text, Visitor,
};
use crate::wishes::Wishes;
use crate::{ClientNts, Hardware, HardwareTimestamps, Host, HostName, InterfaceName, Refclock};

/// `[sources]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    /// `[[sources.servers]]`: single servers. Default: none.
    pub servers: Vec<ServerSource>,
    /// `[[sources.pools]]`: names that stand for many servers. Default: none.
    pub pools: Vec<PoolSource>,
    /// How many selectable sources it takes to touch the clock, 1 … 100. Default: 1.
    pub minsources: u8,
    /// How many samples a source has to give before it is selectable, 1 … 64; sources may say otherwise.
    /// Default: 1.
    pub minsamples: u8,
    /// Lowest stratum of sources that are selectable, 0 … 15, at most `maxstratum`. Default: 0.
    pub minstratum: Stratum,
    /// Highest stratum of sources that are selectable, 0 … 15. Default: 15.
    pub maxstratum: Stratum,
    /// Root distance beyond which a source is not selectable, above 0 s. Default: 3 s.
    pub maxdistance: NtpDuration,
    /// Jitter beyond which a source is not selectable, above 0 s. Default: 1 s.
    pub maxjitter: NtpDuration,
    /// How much worse than the selected source another may be, as a multiple of root distance, and still
    /// be combined with it; 0: the selected source alone. Default: 3.
    pub combinelimit: f64,
    /// Distance added to every source that is not the selected one, so that the selection does not flap
    /// between equals, in seconds. Default: 100 µs.
    pub reselectdist: NtpDuration,
    /// Distance added to a source for each stratum, in seconds. Default: 1 ms.
    pub stratumweight: NtpDuration,
    /// What the difference between authenticated and other sources means to selection. Default:
    /// [`AuthSelect::Mix`].
    pub authselectmode: AuthSelect,
    /// How sources are asked with NTS. Default: see [`ClientNts`].
    pub nts: ClientNts,
    /// After how many seconds names of sources that work are looked up again, 0 … 10⁹; 0: never. Default:
    /// 1209600, two weeks.
    pub refresh: u32,
    /// Directories whose files `*.sources` name more sources, in chrony's words ([`parse_source_lines`]); at most
    /// 10. Of files of one name only that in the first directory counts. Default: none.
    ///
    /// [`parse_source_lines`]: crate::parse_source_lines
    pub sourcedir: Vec<PathBuf>,
    /// Own addresses that requests are sent from, at most one of each family; a family without one leaves the
    /// choice to the routing table. Default: empty.
    pub bindaddress: Vec<IpAddr>,
    /// The one port of ours that all requests leave from, 0 … 65535; 0: one that the kernel picks once. `None`: each
    /// request from a random port of its own, so that nobody can guess where to send a forged reply (RFC 9109).
    /// Default: `None`.
    pub acquisitionport: Option<u16>,
    /// The interface that requests are sent by and replies come by; `None`: the routing table decides.
    /// Default: `None`.
    pub binddevice: Option<InterfaceName>,
    /// The mark of requests for routers on the way, a differentiated services code point, 0 … 63.
    /// Default: 0, which is none.
    pub dscp: u8,
    /// `[sources.hardware]`: the receiver of this machine and its pulses. Default: none.
    pub hardware: Hardware,
    /// `[[sources.refclocks]]`: other reference clocks of this machine, at most 100. Default: none.
    pub refclocks: Vec<Refclock>,
    /// `[[sources.hwtimestamp]]`: network cards that stamp packets themselves. Default: none.
    pub hwtimestamp: Vec<HardwareTimestamps>,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            pools: Vec::new(),
            minsources: 1,
            minsamples: 1,
            minstratum: Stratum::new(0),
            maxstratum: Stratum::new(15),
            maxdistance: NtpDuration::from_secs(3),
            maxjitter: NtpDuration::from_secs(1),
            combinelimit: 3.0,
            reselectdist: NtpDuration::from_nanos(100_000),
            stratumweight: NtpDuration::from_millis(1),
            authselectmode: AuthSelect::Mix,
            nts: ClientNts::default(),
            refresh: 1_209_600,
            sourcedir: Vec::new(),
            bindaddress: Vec::new(),
            acquisitionport: None,
            binddevice: None,
            dscp: 0,
            hardware: Hardware::default(),
            refclocks: Vec::new(),
            hwtimestamp: Vec::new(),
        }
    }
}

pub(crate) const SAMPLES: Integer<u8> = Integer::within(1, 64);
pub(crate) const STRATUM: Integer<Stratum> = Integer::within(0, 15);
pub(crate) const NO_WINDOW: &str = "samples count less the older they are, and how fast is learnt from the source itself, so there \
     is no window of samples whose length could be limited";
const ANY_LENGTH: Seconds = Seconds(Interval::within(0.0, Interval::HUGE));
const ABOVE_ZERO: Seconds = Seconds(Interval::above(0.0, Interval::HUGE));

impl Section for Sources {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.tables("servers", &mut self.servers);
        v.tables("pools", &mut self.pools);
        v.optional("minsources", Integer::within(1, 100), &mut self.minsources);
        v.optional("minsamples", SAMPLES, &mut self.minsamples);
        v.refuse("maxsamples", NO_WINDOW);
        v.optional("minstratum", STRATUM, &mut self.minstratum);
        v.optional("maxstratum", STRATUM, &mut self.maxstratum);
        v.optional("maxdistance", ABOVE_ZERO, &mut self.maxdistance);
        v.optional("maxjitter", ABOVE_ZERO, &mut self.maxjitter);
        v.optional("combinelimit", Number(Interval::within(0.0, Interval::HUGE)), &mut self.combinelimit);
        v.optional("reselectdist", ANY_LENGTH, &mut self.reselectdist);
        v.optional("stratumweight", ANY_LENGTH, &mut self.stratumweight);
        v.optional("authselectmode", AUTH_SELECT, &mut self.authselectmode);
        v.optional("refresh", Integer::within(0, 1_000_000_000), &mut self.refresh);
        v.list("sourcedir", Text::new(), &mut self.sourcedir);
        v.list("bindaddress", Text::new(), &mut self.bindaddress);
        v.optional("acquisitionport", Optional(Integer::within(0, 65535)), &mut self.acquisitionport);
        v.optional("binddevice", Optional(Text::new()), &mut self.binddevice);
        v.optional("dscp", Integer::within(0, 63), &mut self.dscp);
        v.table("nts", &mut self.nts);
        v.table("hardware", &mut self.hardware);
        v.tables("refclocks", &mut self.refclocks);
        v.tables("hwtimestamp", &mut self.hwtimestamp);
        self.check_strata(v);
        self.check_directories(v);
        self.check_refclocks(v);
    }
}

/// What the difference between authenticated and other sources means to selection. Sources with `noselect` count as
/// neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthSelect {
    /// `"require"`: only authenticated ones are selected.
    Require,
    /// `"prefer"`: only authenticated ones are selected, if there are any in the configuration.
    Prefer,
    /// `"mix"`: others have to agree with the authenticated ones, if there are both.
    Mix,
    /// `"ignore"`: nothing.
    Ignore,
}

/// The words of `sources.authselectmode`.
const AUTH_SELECT: Choice<AuthSelect> = Choice(&[
    ("require", AuthSelect::Require),
    ("prefer", AuthSelect::Prefer),
    ("mix", AuthSelect::Mix),
    ("ignore", AuthSelect::Ignore),
]);

/// More directories than this are nobody's intention.
const MAX_DIRECTORIES: usize = 10;
/// The names of those that have none end with two digits.
const MAX_REFCLOCKS: usize = 100;

impl Sources {
    fn check_strata<V: Visitor>(&self, v: &mut V) {
        let (min, max) = (self.minstratum, self.maxstratum);
        if min > max {
            let complaint = Complaint::new(format!("minstratum is {min}, which is above maxstratum, {max}"))
                .help(format!("set maxstratum to {min} or more, or minstratum to {max} or less"));
            v.reject(&["minstratum", "maxstratum"], complaint);
        }
    }

    fn check_directories<V: Visitor>(&self, v: &mut V) {
        let count = self.sourcedir.len();
        if count > MAX_DIRECTORIES {
            let complaint = Complaint::new(format!("has {count} directories"));
            v.reject(&["sourcedir"], complaint.expected(format!("at most {MAX_DIRECTORIES}")));
        }
    }

    fn check_refclocks<V: Visitor>(&self, v: &mut V) {
        let count = self.refclocks.len();
        if count > MAX_REFCLOCKS {
            let complaint = Complaint::new(format!("has {count} clocks"));
            v.reject(&["refclocks"], complaint.expected(format!("at most {MAX_REFCLOCKS}")));
        }
    }
}

/// One `[[sources.servers]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSource {
    /// Address or name of the server. Has no default and must be written.
    pub address: Host,
    /// What servers and pools have in common.
    pub options: SourceOptions,
}

impl Section for ServerSource {
    fn blank() -> Self {
        Self { address: Host::Name(HostName::placeholder()), options: SourceOptions::default() }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("address", Text::new(), &mut self.address);
        self.options.visit(v);
        let family = Family::of(&self.address);
        if let (Some(pin), Some(family)) = (self.options.family, family)
            && pin != family
        {
            let complaint = Complaint::new(format!("{} is no {} address", self.address, pin.name()));
            v.reject(&[pin.key(), "address"], complaint.help(format!("remove `{} = true`", pin.key())));
        }
    }
}

/// One `[[sources.pools]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSource {
    /// The name that stands for the servers. Has no default and must be written.
    pub name: HostName,
    /// How many of them to keep in use, 1 … 16. Default: 4.
    pub servers: u8,
    /// What servers and pools have in common; it holds for each server of the pool.
    pub options: SourceOptions,
}

impl Section for PoolSource {
    fn blank() -> Self {
        Self { name: HostName::placeholder(), servers: 4, options: SourceOptions::default() }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("name", Text::new(), &mut self.name);
        v.optional("servers", Integer::within(1, 16), &mut self.servers);
        self.options.visit(v);
    }
}

/// What can be said about a server, however it was found.
///
/// In the file these keys stand beside `address` or `name`.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceOptions {
    /// UDP port of the server, 1 … 65535. Default: 123.
    pub port: u16,
    /// Several requests in a row at the start, to be quick. Default: false.
    pub iburst: bool,
    /// Several requests in a row at every poll. Default: false.
    pub burst: bool,
    /// Not asked until it is switched online while the daemon runs. Default: false.
    pub offline: bool,
    /// Selected before sources without it. Default: false.
    pub prefer: bool,
    /// Measured, never selected. Default: false.
    pub noselect: bool,
    /// Taken for a truechimer before sources without it. Default: false.
    pub trust: bool,
    /// Nothing is selected unless a source with it is selectable. Default: false.
    pub require: bool,
    /// Shortest poll interval as a power of two seconds, −7 … 24, at most `maxpoll`. Default: 6 (64 s).
    pub minpoll: PollExp,
    /// Longest poll interval as a power of two seconds, −7 … 24. Default: 10 (1024 s).
    pub maxpoll: PollExp,
    /// NTP version of the requests, 3 or 4. Default: 4.
    pub version: u8,
    /// Correction added to every measured offset (reference − ours), in seconds. Default: 0 s.
    pub offset: NtpDuration,
    /// Round-trip delay beyond which a measurement is dropped, above 0 s and at most 1000 s. Default: 3 s.
    pub maxdelay: NtpDuration,
    /// The same as a multiple of the shortest delay seen, at least 1; `None`: no such test (0 in the file).
    /// Default: `None`.
    pub maxdelayratio: Option<f64>,
    /// How far the delay may exceed the shortest seen, as a multiple of the deviation of the measurements;
    /// `None`: no such test (0 in the file). Default: 10.
    pub maxdelaydevratio: Option<f64>,
    /// Lowest stratum that is given to the source, whatever it says of itself, 0 … 15. Default: 0.
    pub minstratum: Stratum,
    /// How many samples it has to give before it is selectable, 1 … 64; `None`: what `[sources]` says.
    /// Default: `None`.
    pub minsamples: Option<u8>,
    /// For how many polls it may stay selected after it fell silent and nobody else can be selected, 0 … 10⁹.
    /// Default: 100000.
    pub maxunreach: u32,
    /// While it is selected, its stratum and reference identifier are served as our own, as by a second daemon
    /// on the server's host. Default: false.
    pub copy: bool,
    /// From this poll interval on, a power of two seconds, −7 … 24, each request follows 2 s after one that only
    /// warms up the way and whose reply is not used; `None`: never. Default: `None`.
    pub presend: Option<PollExp>,
    /// Asked with NTS (`nts = true` in the file); `None`: without authentication. Default: `None`.
    pub nts: Option<NtsOptions>,
    /// The only family of addresses to use (`ipv4 = true` or `ipv6 = true` in the file); `None`: both.
    /// Default: `None`.
    pub family: Option<Family>,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            port: 123,
            iburst: false,
            burst: false,
            offline: false,
            prefer: false,
            noselect: false,
            trust: false,
            require: false,
            minpoll: PollExp::new(6),
            maxpoll: PollExp::new(10),
            version: 4,
            offset: NtpDuration::ZERO,
            maxdelay: NtpDuration::from_secs(3),
            maxdelayratio: None,
            maxdelaydevratio: Some(10.0),
            minstratum: Stratum::new(0),
            minsamples: None,
            maxunreach: 100_000,
            copy: false,
            presend: None,
            nts: None,
            family: None,
        }
    }
}

/// How keys for NTS are established with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NtsOptions {
    /// TCP port of the key establishment (`ntsport` in the file), 1 … 65535. Default: 4460.
    pub port: u16,
    /// The set of trusted certificates, 0 … 255, see [`TrustedCertificates`](crate::TrustedCertificates). Default: 0.
    pub certset: u8,
}

impl Default for NtsOptions {
    fn default() -> Self {
        Self { port: 4460, certset: 0 }
    }
}

/// What a poll interval may be.
pub(crate) const POLL: Integer<PollExp> =
    Integer::within(PollExp::MIN.get() as i64, PollExp::MAX.get() as i64);

impl SourceOptions {
    /// The keys within the table of a server or a pool.
    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("port", Integer::within(1, 65535), &mut self.port);
        v.optional("iburst", Boolean, &mut self.iburst);
        v.optional("burst", Boolean, &mut self.burst);
        v.optional("offline", Boolean, &mut self.offline);
        v.optional("prefer", Boolean, &mut self.prefer);
        v.optional("noselect", Boolean, &mut self.noselect);
        v.optional("trust", Boolean, &mut self.trust);
        v.optional("require", Boolean, &mut self.require);
        v.optional("minpoll", POLL, &mut self.minpoll);
        v.optional("maxpoll", POLL, &mut self.maxpoll);
        v.optional("version", Integer::within(3, 4), &mut self.version);
        v.optional("offset", Seconds(Interval::within(-Interval::HUGE, Interval::HUGE)), &mut self.offset);
        v.optional("maxdelay", Seconds(Interval::above(0.0, 1000.0)), &mut self.maxdelay);
        v.optional(
            "maxdelayratio",
            OrOff(Number(Interval::within(1.0, Interval::HUGE))),
            &mut self.maxdelayratio,
        );
        let deviations = OrOff(Number(Interval::above(0.0, Interval::HUGE)));
        v.optional("maxdelaydevratio", deviations, &mut self.maxdelaydevratio);
        v.optional("minstratum", STRATUM, &mut self.minstratum);
        v.optional("minsamples", Optional(SAMPLES), &mut self.minsamples);
        v.refuse("maxsamples", NO_WINDOW);
        v.optional("maxunreach", Integer::within(0, 1_000_000_000), &mut self.maxunreach);
        v.optional("copy", Boolean, &mut self.copy);
        v.optional("presend", Optional(POLL), &mut self.presend);
        self.visit_nts(v);
        self.visit_family(v);
        ["key", "mindelay"].into_iter().for_each(|key| v.not_yet(key));
        self.check_polls(v);
        let (prefer, noselect) = (self.prefer, self.noselect);
        Wishes { prefer, noselect, trust: self.trust, require: self.require }.check(v);
    }

    /// Three keys of the file are one choice.
    fn visit_nts<V: Visitor>(&mut self, v: &mut V) {
        let (mut wanted, mut options) = (self.nts.is_some(), self.nts.unwrap_or_default());
        v.optional("nts", Boolean, &mut wanted);
        v.optional("ntsport", Integer::within(1, 65535), &mut options.port);
        v.optional("certset", Integer::within(0, 255), &mut options.certset);
        if !wanted && options != NtsOptions::default() {
            let complaint = Complaint::new("means nothing without `nts = true`");
            v.reject(&["ntsport", "certset"], complaint.help("add `nts = true`, or remove the key"));
        }
        if wanted && self.version != 4 {
            let complaint = Complaint::new(format!("NTS needs NTP version 4, not {}", self.version));
            v.reject(&["version", "nts"], complaint.help("remove `version`"));
        }
        self.nts = wanted.then_some(options);
    }

    /// Two keys of the file are one choice.
    fn visit_family<V: Visitor>(&mut self, v: &mut V) {
        let mut ipv4 = self.family == Some(Family::V4);
        let mut ipv6 = self.family == Some(Family::V6);
        v.optional("ipv4", Boolean, &mut ipv4);
        v.optional("ipv6", Boolean, &mut ipv6);
        if ipv4 && ipv6 {
            let complaint = Complaint::new("ipv4 and ipv6 are both true, but each rules out the other");
            v.reject(&["ipv4", "ipv6"], complaint.help("remove both to use the addresses of both families"));
        }
        self.family = match (ipv4, ipv6) {
            (true, false) => Some(Family::V4),
            (false, true) => Some(Family::V6),
            _ => None,
        };
    }

    fn check_polls<V: Visitor>(&self, v: &mut V) {
        let (min, max) = (self.minpoll, self.maxpoll);
        if min > max {
            let complaint = Complaint::new(format!("minpoll is {min}, which is above maxpoll, {max}"))
                .expected("minpoll at most maxpoll (their defaults are 6 and 10)")
                .help(format!("set maxpoll to {min} or more, or minpoll to {max} or less"));
            v.reject(&["minpoll", "maxpoll"], complaint);
        }
    }
}

/// The two families of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address; a name does not tell, unless it has a zone.
    fn of(host: &Host) -> Option<Self> {
        match host {
            Host::Address(IpAddr::V4(_)) => Some(Self::V4),
            Host::Address(IpAddr::V6(_)) => Some(Self::V6),
            Host::Name(name) => name.is_zoned_address().then_some(Self::V6),
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}
