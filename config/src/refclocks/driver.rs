//! The kinds of reference clocks, and what each needs to be opened and read.
//!
//! Each kind declares its own keys. Whether a device is there, and whether it is what its name says, is found out by
//! those who open it.

use std::path::PathBuf;

use ntp_proto::packet::PollExp;
use ntp_proto::time::NtpDuration;

use super::pulses::{EDGE, check_width};
use super::{Edge, FileMode, Gives, Pulses};
use crate::InterfaceName;
use crate::schema::{Absolute, Boolean, Choice, Integer, Interval, Optional, Seconds, Text, Visitor};

/// One kind of reference clock, with all that opening it takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Driver {
    /// `"nmea"`: a receiver on a serial line.
    Nmea(NmeaLine),
    /// `"pps"`: pulses that the kernel stamps (RFC 2783).
    Pps(PpsDevice),
    /// `"shm"`: a segment of shared memory that another program writes (ntpd's driver 28, gpsd).
    Shm(ShmSegment),
    /// `"sock"`: a socket that another program sends samples to (chrony's, gpsd).
    Sock(SockPath),
    /// `"phc"`: the clock of a network card.
    Phc(PhcDevice),
    /// `"rtc"`: the clock that runs while the machine is off.
    Rtc(RtcDevice),
}

/// [`Driver`] without what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DriverKind {
    Nmea,
    Pps,
    Shm,
    Sock,
    Phc,
    Rtc,
}

/// The words of `driver`.
pub(crate) const DRIVER: Choice<DriverKind> = Choice(&[
    ("nmea", DriverKind::Nmea),
    ("pps", DriverKind::Pps),
    ("shm", DriverKind::Shm),
    ("sock", DriverKind::Sock),
    ("phc", DriverKind::Phc),
    ("rtc", DriverKind::Rtc),
]);

impl DriverKind {
    /// What its clocks are called, before their numbers.
    pub(crate) const fn letters(self) -> [u8; 3] {
        match self {
            Self::Nmea => *b"NME",
            Self::Pps => *b"PPS",
            Self::Shm => *b"SHM",
            Self::Sock => *b"SOC",
            Self::Phc => *b"PHC",
            Self::Rtc => *b"RTC",
        }
    }

    /// With its keys at their defaults; those that must be written have values without meaning.
    pub(crate) fn blank(self) -> Driver {
        let path = PathBuf::new();
        match self {
            Self::Nmea => Driver::Nmea(NmeaLine::at(path)),
            Self::Pps => Driver::Pps(PpsDevice::at(path)),
            Self::Shm => Driver::Shm(ShmSegment::of(0)),
            Self::Sock => Driver::Sock(SockPath::at(path)),
            Self::Phc => Driver::Phc(PhcDevice::blank()),
            Self::Rtc => Driver::Rtc(RtcDevice { device: path, utc: true, dpoll: DPOLL }),
        }
    }
}

impl Driver {
    pub(crate) const fn kind(&self) -> DriverKind {
        match self {
            Self::Nmea(_) => DriverKind::Nmea,
            Self::Pps(_) => DriverKind::Pps,
            Self::Shm(_) => DriverKind::Shm,
            Self::Sock(_) => DriverKind::Sock,
            Self::Phc(_) => DriverKind::Phc,
            Self::Rtc(_) => DriverKind::Rtc,
        }
    }

    /// One that has the same keys, at their defaults.
    pub(crate) fn blank_like(&self) -> Self {
        let mut blank = self.kind().blank();
        match (&mut blank, self) {
            (Self::Shm(blank), Self::Shm(segment)) => blank.gives = segment.gives.blank_like(),
            (Self::Sock(blank), Self::Sock(socket)) => blank.gives = socket.gives.blank_like(),
            (Self::Phc(blank), Self::Phc(device)) => {
                blank.reads = match &device.reads {
                    PhcReads::Clock(gives) => PhcReads::Clock(gives.blank_like()),
                    PhcReads::ExternalPulses { .. } => PhcReads::external(),
                }
            }
            _ => {}
        }
        blank
    }

    /// How its pulses are numbered; `None`: it gives date and time.
    #[must_use]
    pub const fn pulses(&self) -> Option<&Pulses> {
        match self {
            Self::Pps(PpsDevice { pulses, .. })
            | Self::Shm(ShmSegment { gives: Gives::Pulses(pulses), .. })
            | Self::Sock(SockPath { gives: Gives::Pulses(pulses), .. })
            | Self::Phc(PhcDevice { reads: PhcReads::Clock(Gives::Pulses(pulses)), .. })
            | Self::Phc(PhcDevice { reads: PhcReads::ExternalPulses { pulses, .. }, .. }) => Some(pulses),
            _ => None,
        }
    }

    /// Whether it shows TAI instead of UTC.
    #[must_use]
    pub const fn tai(&self) -> bool {
        match self {
            Self::Shm(ShmSegment { gives: Gives::Time { tai }, .. })
            | Self::Sock(SockPath { gives: Gives::Time { tai }, .. })
            | Self::Phc(PhcDevice { reads: PhcReads::Clock(Gives::Time { tai }), .. }) => *tai,
            _ => false,
        }
    }

    /// The time between two looks at it, as a power of two seconds; `None`: it reports by itself.
    #[must_use]
    pub const fn dpoll(&self) -> Option<PollExp> {
        match self {
            Self::Shm(ShmSegment { dpoll, .. })
            | Self::Phc(PhcDevice { dpoll, .. })
            | Self::Rtc(RtcDevice { dpoll, .. }) => Some(*dpoll),
            Self::Nmea(_) | Self::Pps(_) | Self::Sock(_) => None,
        }
    }

    /// The keys that it has beside those of all clocks.
    pub(crate) fn visit<V: Visitor>(&mut self, v: &mut V) {
        match self {
            Self::Nmea(line) => line.visit(v),
            Self::Pps(device) => device.visit(v),
            Self::Shm(segment) => segment.visit(v),
            Self::Sock(socket) => socket.visit(v),
            Self::Phc(device) => device.visit(v),
            Self::Rtc(device) => device.visit(v),
        }
    }
}

/// A receiver on a serial line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NmeaLine {
    /// The line, a path from the root. Must be written; in `[sources.hardware.gps]` the default is `/dev/ttyS0`.
    pub device: PathBuf,
    /// Its speed in bits per second, 300 … 4000000. Default: 9600.
    pub baud: u32,
    /// Whether the position is shown to those who may ask for the state of the clock. Default: false.
    pub position: bool,
}

impl NmeaLine {
    pub(crate) const fn at(device: PathBuf) -> Self {
        Self { device, baud: 9600, position: false }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("device", Absolute::device("/dev/ttyS0"), &mut self.device);
        self.visit_line(v);
    }

    /// The keys of a line whose name is known.
    pub(crate) fn visit_line<V: Visitor>(&mut self, v: &mut V) {
        v.optional("baud", Integer::within(300, 4_000_000), &mut self.baud);
        v.optional("position", Boolean, &mut self.position);
    }
}

/// Pulses that the kernel stamps.
#[derive(Clone, Debug, PartialEq)]
pub struct PpsDevice {
    /// The device, a path from the root. Must be written; in `[sources.hardware.pps]` the default is `/dev/pps0`.
    pub device: PathBuf,
    /// The beginning or the end of a pulse. Default: [`Edge::Assert`].
    pub edge: Edge,
    /// How long a pulse lasts, above 0 s and below the time from one to the next: edges that begin no such pulse are
    /// not believed, for devices that report both alike. `None`: not looked at. Default: `None`.
    pub width: Option<NtpDuration>,
    /// How they are numbered.
    pub pulses: Pulses,
}

impl PpsDevice {
    pub(crate) fn at(device: PathBuf) -> Self {
        Self { device, edge: Edge::Assert, width: None, pulses: Pulses::default() }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("device", PPS_PATH, &mut self.device);
        self.visit_pulses(v);
    }

    /// The keys of a device whose name is known.
    pub(crate) fn visit_pulses<V: Visitor>(&mut self, v: &mut V) {
        v.optional("edge", EDGE, &mut self.edge);
        self.pulses.visit(v);
        v.optional("width", Optional(Seconds(Interval::above(0.0, 1.0))), &mut self.width);
        check_width(self.width, self.pulses.rate, v);
    }
}

/// What `device` is for pulses.
pub(crate) const PPS_PATH: Absolute = Absolute::device("/dev/pps0");

/// A segment of shared memory.
#[derive(Clone, Debug, PartialEq)]
pub struct ShmSegment {
    /// Its number, 0 … 255, counted from the key 0x4e545030. Must be written.
    pub unit: u8,
    /// Who may open it if it is made by us. Default: `"0600"`.
    pub permissions: FileMode,
    /// How often it is looked at, as a power of two seconds, −7 … 24, at most `poll`. Default: 0 (1 s).
    pub dpoll: PollExp,
    /// What is believed of it. Default: date and time, UTC.
    pub gives: Gives,
}

impl ShmSegment {
    pub(crate) fn of(unit: u8) -> Self {
        Self { unit, permissions: FileMode::OWNER, dpoll: DPOLL, gives: Gives::default() }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("unit", Integer::within(0, 255), &mut self.unit);
        v.optional("permissions", Text::new(), &mut self.permissions);
        v.optional("dpoll", super::POLL, &mut self.dpoll);
        self.gives.visit(v);
    }
}

/// A socket for samples. It is made by us; what is there of an earlier run is removed.
#[derive(Clone, Debug, PartialEq)]
pub struct SockPath {
    /// Where, a path from the root, at most 107 bytes. Must be written.
    pub device: PathBuf,
    /// Who may send to it. Default: `"0600"`.
    pub permissions: FileMode,
    /// What is believed of it. Default: date and time, UTC; samples that are marked as pulses are taken as such.
    pub gives: Gives,
}

impl SockPath {
    pub(crate) fn at(device: PathBuf) -> Self {
        Self { device, permissions: FileMode::OWNER, gives: Gives::default() }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("device", SOCK_PATH, &mut self.device);
        v.optional("permissions", Text::new(), &mut self.permissions);
        self.gives.visit(v);
    }
}

/// What `device` is for sockets.
pub(crate) const SOCK_PATH: Absolute = Absolute::socket("/run/chrony.ttyS0.sock");

/// The clock of a network card.
#[derive(Clone, Debug, PartialEq)]
pub struct PhcDevice {
    /// Which. Must be written.
    pub device: PhcName,
    /// Whether reading both clocks at once is left out where the card could do it. Default: false.
    pub nocrossts: bool,
    /// How often it is read, as a power of two seconds, −7 … 24, at most `poll`. Default: 0 (1 s).
    pub dpoll: PollExp,
    /// What of it counts. Default: its clock, as date and time of UTC.
    pub reads: PhcReads,
}

/// By which name the clock of a network card is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhcName {
    /// That of the clock, from the root.
    Path(PathBuf),
    /// That of the interface that it belongs to.
    Interface(InterfaceName),
}

/// What of a network card counts.
#[derive(Clone, Debug, PartialEq)]
pub enum PhcReads {
    /// `extpps = false`: what its clock shows.
    Clock(Gives),
    /// `extpps = true`: pulses on one of its pins, which its clock stamps. The clock itself may show any time.
    ExternalPulses {
        /// The pin, 0 … 255. Default: 0.
        pin: u8,
        /// The channel that stamps it, 0 … 255. Default: 0.
        channel: u8,
        /// The beginning or the end of a pulse. Default: [`Edge::Assert`].
        edge: Edge,
        /// How they are numbered.
        pulses: Pulses,
    },
}

impl PhcDevice {
    fn blank() -> Self {
        let (device, reads) = (PhcName::Path(PathBuf::new()), PhcReads::Clock(Gives::default()));
        Self { device, nocrossts: false, dpoll: DPOLL, reads }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("device", Text::new(), &mut self.device);
        v.optional("nocrossts", Boolean, &mut self.nocrossts);
        v.optional("dpoll", super::POLL, &mut self.dpoll);
        self.reads.visit(v);
    }
}

impl PhcReads {
    /// One key of the file decides which of the others there are.
    fn visit<V: Visitor>(&mut self, v: &mut V) {
        let was = matches!(self, Self::ExternalPulses { .. });
        let mut external = was;
        v.optional("extpps", Boolean, &mut external);
        if external != was {
            *self = if external { Self::external() } else { Self::Clock(Gives::default()) };
        }
        match self {
            Self::Clock(gives) => gives.visit(v),
            Self::ExternalPulses { pin, channel, edge, pulses } => {
                v.optional("pin", Integer::within(0, 255), pin);
                v.optional("channel", Integer::within(0, 255), channel);
                v.optional("edge", EDGE, edge);
                pulses.visit(v);
            }
        }
    }

    fn external() -> Self {
        Self::ExternalPulses { pin: 0, channel: 0, edge: Edge::Assert, pulses: Pulses::default() }
    }
}

/// The clock that runs while the machine is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtcDevice {
    /// The device, a path from the root, such as `/dev/rtc0`. Must be written.
    pub device: PathBuf,
    /// Whether it keeps UTC and not local time. Default: true; in chrony's files it is local time unless they say
    /// `utc`.
    pub utc: bool,
    /// How often it is read, as a power of two seconds, −7 … 24, at most `poll`. Default: 0 (1 s).
    pub dpoll: PollExp,
}

impl RtcDevice {
    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("device", Absolute::device("/dev/rtc0"), &mut self.device);
        v.optional("utc", Boolean, &mut self.utc);
        v.optional("dpoll", super::POLL, &mut self.dpoll);
    }
}

/// Every second.
pub(crate) const DPOLL: PollExp = PollExp::new(0);
