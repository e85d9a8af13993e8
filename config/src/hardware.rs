//! `[sources.hardware]`: the receiver of this machine and its pulses.
//!
//! The short way to the reference clocks that most machines have; [`Sources::refclocks_in_effect`] makes them the same
//! as those of `[[sources.refclocks]]`.
//!
//! [`Sources::refclocks_in_effect`]: crate::Sources::refclocks_in_effect

use std::path::PathBuf;

use ntp_proto::time::NtpDuration;
use toml::de::DeValue;

use crate::error::Complaint;
use crate::refclocks::{
    DPOLL, Driver, INTERRUPT, NmeaLine, PPS_PATH, PpsDevice, RefclockId, RefclockOptions, SOCK_PATH,
    ShmSegment, SockPath, UNCALIBRATED,
};
use crate::schema::{Absolute, Boolean, Kind, Section, Text, Visitor};
use crate::wishes::Wishes;

/// `[sources.hardware]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hardware {
    /// `[sources.hardware.gps]`: a receiver. Default: none, see [`Gps`].
    pub gps: Gps,
    /// `[sources.hardware.pps]`: pulses. Default: none, see [`Pps`].
    pub pps: Pps,
}

impl Section for Hardware {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.table("gps", &mut self.gps);
        v.table("pps", &mut self.pps);
    }
}

/// `[sources.hardware.gps]`: a receiver that tells date and time.
#[derive(Clone, Debug, PartialEq)]
pub struct Gps {
    /// Whether it is read. Default: false.
    pub enabled: bool,
    /// Where its sentences come from (`device`). Default: the line `/dev/ttyS0`.
    pub feed: GpsFeed,
    /// Whether the clock follows it; else fix and satellites are shown, and others may lock to it. Default: true.
    pub refclock: bool,
    /// What all clocks have in common. Its `refid` is `GPS` by default, its `delay` 0.4 s, or 40 µs with `sock:`.
    pub options: RefclockOptions,
}

/// Where what a receiver says comes from: `device` in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpsFeed {
    /// A path such as `"/dev/ttyS0"`: the serial line, with `baud` and `position`.
    Nmea(NmeaLine),
    /// `"shm:0"`: the segment of shared memory with this number, 0 … 255, written by gpsd.
    Shm(u8),
    /// `"sock:/run/chrony.ttyS0.sock"`: the socket that gpsd sends to. It sends only what it has from pulses there.
    Sock(PathBuf),
}

impl GpsFeed {
    fn line() -> Self {
        Self::Nmea(NmeaLine::at("/dev/ttyS0".into()))
    }

    /// One that has the same keys, at their defaults.
    fn blank_like(&self) -> Self {
        match self {
            Self::Nmea(_) => Self::line(),
            Self::Shm(_) | Self::Sock(_) => self.clone(),
        }
    }

    const fn delay(&self) -> NtpDuration {
        match self {
            Self::Nmea(_) | Self::Shm(_) => UNCALIBRATED,
            Self::Sock(_) => INTERRUPT,
        }
    }
}

impl Gps {
    fn fed_by(feed: GpsFeed) -> Self {
        let options = RefclockOptions::with_delay(feed.delay());
        let options = RefclockOptions { refid: Some(RefclockId::GPS), ..options };
        Self { enabled: false, feed, refclock: true, options }
    }

    /// What reads it.
    pub(crate) fn driver(&self) -> Driver {
        match &self.feed {
            GpsFeed::Nmea(line) => Driver::Nmea(line.clone()),
            GpsFeed::Shm(unit) => {
                let dpoll = DPOLL.min(self.options.poll);
                Driver::Shm(ShmSegment { dpoll, ..ShmSegment::of(*unit) })
            }
            GpsFeed::Sock(path) => Driver::Sock(SockPath::at(path.clone())),
        }
    }

    fn check_selection<V: Visitor>(&self, v: &mut V) {
        let RefclockOptions { prefer, noselect, trust, require, .. } = self.options;
        for (wish, why) in (Wishes { prefer, noselect, trust, require }).wished().filter(|_| !self.refclock) {
            let problem = format!("{wish} is true and refclock is false, but what is only shown {why}");
            let help = format!("remove `refclock = false` to use the receiver, or `{wish}` to only show it");
            v.reject(&[wish, "refclock"], Complaint::new(problem).help(help));
        }
    }
}

impl Default for Gps {
    fn default() -> Self {
        Self::fed_by(GpsFeed::line())
    }
}

impl Section for Gps {
    fn blank() -> Self {
        Self::default()
    }

    fn blank_like(&self) -> Self {
        Self::fed_by(self.feed.blank_like())
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        let mut feed = self.feed.clone();
        v.optional("enabled", Boolean, &mut self.enabled);
        v.optional("device", Feed, &mut feed);
        if feed != self.feed {
            let enabled = self.enabled;
            *self = Self { enabled, ..Self::fed_by(feed) };
        }
        v.optional("refclock", Boolean, &mut self.refclock);
        if let GpsFeed::Nmea(line) = &mut self.feed {
            line.visit_line(v);
        }
        for key in ["baud", "position"] {
            let complaint = Complaint::new("means nothing where the receiver is read by gpsd")
                .expected(format!("{key} only with a serial line as `device`"))
                .help("remove it");
            v.misplaced(key, v.is_trusted("device").then_some(complaint));
        }
        self.options.visit(v);
        self.check_selection(v);
    }
}

/// What `device` may be for a receiver.
struct Feed;

const SERIAL: Absolute = Absolute::device("/dev/ttyS0");

impl Kind for Feed {
    type Value = GpsFeed;

    fn expected(&self) -> String {
        "a serial line such as \"/dev/ttyS0\", or gpsd's feed: \"shm:0\" to \"shm:255\", or \"sock:\" and a path"
            .to_owned()
    }

    fn read(&self, value: &DeValue<'_>) -> Result<GpsFeed, Complaint> {
        let Some(text) = value.as_str() else {
            // Whatever is no string is told by the kind that takes any.
            return SERIAL.read(value).map(|device| GpsFeed::Nmea(NmeaLine::at(device)));
        };
        match text.split_once(':') {
            Some(("shm", unit)) => unit
                .parse()
                .map(GpsFeed::Shm)
                .map_err(|_| Complaint::new(format!("{unit:?} is no number of a segment"))),
            Some(("sock", path)) => SOCK_PATH
                .parse(path)
                .map(GpsFeed::Sock)
                .map_err(|complaint| complaint.expected(format!("\"sock:\" and {}", SOCK_PATH.expected()))),
            _ => SERIAL.parse(text).map(|device| GpsFeed::Nmea(NmeaLine::at(device))),
        }
    }

    fn write(&self, feed: &GpsFeed) -> Option<String> {
        let text = match feed {
            GpsFeed::Nmea(line) => return SERIAL.write(&line.device),
            GpsFeed::Shm(unit) => format!("shm:{unit}"),
            GpsFeed::Sock(path) => format!("sock:{}", path.display()),
        };
        Text::<PathBuf>::new().write(&text.into())
    }
}

/// `[sources.hardware.pps]`: pulses that the kernel stamps.
#[derive(Clone, Debug, PartialEq)]
pub struct Pps {
    /// Whether they are read. Default: false.
    pub enabled: bool,
    /// Where they come from, and how they are numbered. Default: `/dev/pps0`.
    pub device: PpsDevice,
    /// What all clocks have in common. Its `refid` is `PPS` by default.
    pub options: RefclockOptions,
}

impl Default for Pps {
    fn default() -> Self {
        let options =
            RefclockOptions { refid: Some(RefclockId::PPS), ..RefclockOptions::with_delay(INTERRUPT) };
        Self { enabled: false, device: PpsDevice::at("/dev/pps0".into()), options }
    }
}

impl Section for Pps {
    fn blank() -> Self {
        Self::default()
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("enabled", Boolean, &mut self.enabled);
        v.optional("device", PPS_PATH, &mut self.device.device);
        self.device.visit_pulses(v);
        self.options.visit(v);
    }
}
