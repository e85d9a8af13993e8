//! `[[sources.refclocks]]`: reference clocks of this machine, of any kind.
//!
//! What is read from them, which pulses are believed and what is made of samples is up to the drivers and the engine;
//! here are the keys with their ranges and defaults. `[sources.hardware]` has the same options for the two clocks that
//! most machines with a receiver have.

mod active;
mod driver;
mod id;
mod mode;
mod options;
mod pulses;

pub use active::ActiveRefclock;
pub(crate) use driver::{DPOLL, PPS_PATH, SOCK_PATH};
pub use driver::{
    Driver, NmeaLine, PhcDevice, PhcName, PhcReads, PpsDevice, RtcDevice, ShmSegment, SockPath,
};
pub use id::{InvalidRefclockId, RefclockId};
pub use mode::{FileMode, InvalidFileMode};
use options::DELAY;
pub use options::RefclockOptions;
pub(crate) use options::{INTERRUPT, UNCALIBRATED};
pub use pulses::{Edge, Gives, Pulses};

use crate::error::Complaint;
use crate::schema::{Kind, Section, Visitor};
use crate::sources::POLL;
use driver::{DRIVER, DriverKind};

/// One `[[sources.refclocks]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Refclock {
    /// Its kind (`driver` in the file, which must be written), with the keys that only this kind has.
    pub driver: Driver,
    /// What all clocks have in common.
    pub options: RefclockOptions,
}

/// The keys that not every table of a clock has, and where they belong.
const KEYS: [(&str, &str); 20] = [
    ("device", "with driver = \"nmea\", \"pps\", \"sock\", \"phc\" or \"rtc\""),
    ("unit", "with driver = \"shm\""),
    ("baud", "with driver = \"nmea\""),
    ("position", "with driver = \"nmea\""),
    ("permissions", "with driver = \"shm\" or \"sock\""),
    ("dpoll", "with driver = \"shm\", \"phc\" or \"rtc\"; the others report by themselves"),
    ("tai", "with driver = \"shm\", \"sock\" or \"phc\", if date and time are taken from it"),
    ("pps", "with driver = \"shm\", \"sock\" or \"phc\", and not beside extpps = true"),
    ("rate", PULSES),
    ("lock", PULSES),
    ("maxlockage", PULSES),
    ("width", "with driver = \"pps\""),
    ("edge", "with driver = \"pps\", or \"phc\" and extpps = true"),
    ("nocrossts", "with driver = \"phc\""),
    ("extpps", "with driver = \"phc\""),
    ("pin", EXTERNAL),
    ("channel", EXTERNAL),
    ("utc", "with driver = \"rtc\""),
    ("enabled", "in [sources.hardware.gps] and [sources.hardware.pps]; a clock that is listed here is used"),
    ("refclock", "in [sources.hardware.gps]; here there is noselect"),
];
const PULSES: &str = "with pulses: driver = \"pps\", pps = true or extpps = true";
const EXTERNAL: &str = "with driver = \"phc\" and extpps = true";

impl Refclock {
    fn of(kind: DriverKind) -> Self {
        let delay = match kind {
            DriverKind::Nmea => UNCALIBRATED,
            DriverKind::Pps | DriverKind::Sock => INTERRUPT,
            DriverKind::Shm | DriverKind::Phc | DriverKind::Rtc => DELAY,
        };
        Self { driver: kind.blank(), options: RefclockOptions::with_delay(delay) }
    }

    /// Says of keys that only other drivers have which those are.
    fn turn_away<V: Visitor>(&self, v: &mut V) {
        // What decides on the keys is wrong itself, so that nobody knows which were meant.
        let is_known = ["driver", "pps", "extpps"].into_iter().all(|key| v.is_trusted(key));
        for (key, place) in KEYS {
            v.misplaced(key, is_known.then(|| self.turned_away(key, place)));
        }
    }

    fn turned_away(&self, key: &str, place: &str) -> Complaint {
        let driver = DRIVER.write(&self.driver.kind()).unwrap_or_default();
        let (beside, help) = match (self.switch(key), self.driver.pulses()) {
            (Some(switch), None) => {
                (format!(" and {switch} = false"), format!("add `{switch} = true`, or remove it"))
            }
            (Some(switch), Some(_)) => (format!(" and {switch} = true"), "remove it".to_owned()),
            (None, _) => (String::new(), "remove it".to_owned()),
        };
        Complaint::new(format!("means nothing with driver = {driver}{beside}"))
            .expected(format!("{key} only {place}"))
            .help(help)
    }

    /// The key that decides whether a clock of this kind has another key.
    fn switch(&self, key: &str) -> Option<&'static str> {
        let is_external = |phc: &PhcDevice| matches!(phc.reads, PhcReads::ExternalPulses { .. });
        match (&self.driver, key) {
            (Driver::Phc(_), "pin" | "channel" | "edge") => Some("extpps"),
            (Driver::Phc(phc), "pps" | "tai") if is_external(phc) => Some("extpps"),
            (Driver::Shm(_) | Driver::Sock(_) | Driver::Phc(_), "rate" | "lock" | "maxlockage" | "tai") => {
                Some("pps")
            }
            _ => None,
        }
    }

    fn check_polls<V: Visitor>(&self, v: &mut V) {
        let Some(dpoll) = self.driver.dpoll() else { return };
        let poll = self.options.poll;
        if dpoll > poll {
            let (dpoll, poll) = (dpoll.get(), poll.get());
            let complaint = Complaint::new(format!("dpoll is {dpoll}, which is above poll, {poll}"))
                .expected("dpoll at most poll (their defaults are 0 and 4)")
                .help(format!("set poll to {dpoll} or more, or dpoll to {poll} or less"));
            v.reject(&["dpoll", "poll"], complaint);
        }
    }
}

impl Section for Refclock {
    fn blank() -> Self {
        Self::of(DriverKind::Nmea)
    }

    fn blank_like(&self) -> Self {
        Self { driver: self.driver.blank_like(), ..Self::of(self.driver.kind()) }
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        let mut kind = self.driver.kind();
        v.required("driver", DRIVER, &mut kind);
        if kind != self.driver.kind() {
            *self = Self::of(kind);
        }
        if v.is_trusted("driver") {
            self.driver.visit(v);
        }
        self.turn_away(v);
        self.options.visit(v);
        self.check_polls(v);
    }
}
