//! `[server]`: which time is served, and what is done to the clock.

use std::net::IpAddr;
use std::path::PathBuf;

use ntp_proto::packet::Stratum;
use ntp_proto::time::{Frequency, NtpDuration};

use crate::schema::{
    Boolean, Choice, Integer, Interval, Optional, Ppm, Seconds, Section, Text, Visitor, Whole,
};

/// `[server]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// UDP port to serve on; 0: never serve. Default: 123.
    pub port: u16,
    /// Addresses to serve on; empty: all addresses of both families. Default: empty.
    pub listen: Vec<IpAddr>,
    /// Threads that serve, 0 … 64; 0: the main loop serves; `None`: one for each processor, at most 4.
    /// Default: `None`.
    pub workers: Option<u16>,
    /// The best stratum to claim, 1 … 15: served is the larger of this and our own. Default: 1.
    pub stratum: Stratum,
    /// Where frequency and skew survive a restart; `None`: the file `drift` in the state directory.
    /// Default: `None`.
    pub driftfile: Option<PathBuf>,
    /// Records of those who ask. Default: see [`Clients`].
    pub clients: Clients,
    /// When the clock may be stepped. Default: see [`Makestep`].
    pub makestep: Makestep,
    /// The own clock as the last resort. Default: see [`Local`].
    pub local: Local,
    /// The fastest slew, above 0 ppm and at most 100 000 ppm. Default: 83 333.333 ppm.
    pub maxslewrate: Frequency,
    /// Whether the kernel copies the time to the real-time clock every 11 minutes. Default: true.
    pub rtcsync: bool,
    /// Whether the clock is touched at all. Default: [`ClockControl::Adjust`].
    pub control: ClockControl,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            port: 123,
            listen: Vec::new(),
            workers: None,
            stratum: Stratum::PRIMARY,
            driftfile: None,
            clients: Clients::default(),
            makestep: Makestep::default(),
            local: Local::default(),
            maxslewrate: Frequency::from_ppm(83_333.333),
            rtcsync: true,
            control: ClockControl::Adjust,
        }
    }
}

/// The words of `server.control`.
const CONTROL: Choice<ClockControl> =
    Choice(&[("adjust", ClockControl::Adjust), ("none", ClockControl::None)]);

impl Section for Server {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("port", Integer::within(0, 65535), &mut self.port);
        v.list("listen", Text::new(), &mut self.listen);
        v.optional("workers", Optional(Integer::within(0, 64)), &mut self.workers);
        v.optional("stratum", Integer::within(1, 15), &mut self.stratum);
        v.optional("driftfile", Optional(Text::new()), &mut self.driftfile);
        v.optional("maxslewrate", Ppm(Interval::above(0.0, 100_000.0)), &mut self.maxslewrate);
        v.optional("rtcsync", Boolean, &mut self.rtcsync);
        v.optional("control", CONTROL, &mut self.control);
        v.table("clients", &mut self.clients);
        v.table("makestep", &mut self.makestep);
        v.table("local", &mut self.local);
    }
}

/// `[server.clients]`: records of those who ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Clients {
    /// Memory for them in bytes, at most 1 GiB; 72 bytes hold one client. 0: no records, and no rate limit.
    /// Default: 4 MiB.
    pub memory: u32,
}

impl Default for Clients {
    fn default() -> Self {
        Self { memory: 4 << 20 }
    }
}

impl Section for Clients {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("memory", Integer::within(0, 1 << 30), &mut self.memory);
    }
}

/// `[server.makestep]`: when the clock may jump instead of being slewed.
#[derive(Clone, Debug, PartialEq)]
pub struct Makestep {
    /// Offsets larger than this are stepped, above 0 s. Default: 1 s.
    pub threshold: NtpDuration,
    /// At which updates of the clock that is allowed. Default: the first 3.
    pub limit: StepLimit,
}

impl Default for Makestep {
    fn default() -> Self {
        Self { threshold: NtpDuration::from_secs(1), limit: StepLimit::First(3) }
    }
}

impl Section for Makestep {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("threshold", Seconds(Interval::above(0.0, Interval::HUGE)), &mut self.threshold);
        v.optional("limit", Integer::within(-1, i64::from(u32::MAX)), &mut self.limit);
    }
}

/// At which updates of the clock a step is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepLimit {
    /// At none; 0 in the file.
    Never,
    /// At every one; −1 in the file.
    Always,
    /// At so many after the start, never 0.
    First(u32),
}

impl Whole for StepLimit {
    fn from_whole(number: i64) -> Option<Self> {
        match number {
            -1 => Some(Self::Always),
            0 => Some(Self::Never),
            _ => number.try_into().ok().map(Self::First),
        }
    }

    fn to_whole(&self) -> i64 {
        match self {
            Self::Always => -1,
            Self::Never => 0,
            Self::First(updates) => i64::from(*updates),
        }
    }
}

/// `[server.local]`: the own clock is served when no source is left.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// Whether it is. Default: false.
    pub enabled: bool,
    /// At which stratum, 1 … 15. Default: 10.
    pub stratum: Stratum,
}

impl Default for Local {
    fn default() -> Self {
        Self { enabled: false, stratum: Stratum::new(10) }
    }
}

impl Section for Local {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("enabled", Boolean, &mut self.enabled);
        v.optional("stratum", Integer::within(1, 15), &mut self.stratum);
    }
}

/// Whether the system clock is ours to adjust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockControl {
    /// `"adjust"`: it is.
    Adjust,
    /// `"none"`: measure and serve without touching it, as with `-x`.
    None,
}
