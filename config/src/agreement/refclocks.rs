//! What reference clocks and network cards must not say together: a name, a device or an interface that two want, and
//! pulses that are numbered by nobody.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Check;
use crate::error::Complaint;
use crate::{ActiveRefclock, Config, Driver, RefclockId, StampedInterfaces, suggest};

impl Check<'_> {
    pub(super) fn refclocks(&mut self, config: &Config) {
        let clocks: Vec<_> = config
            .sources
            .refclocks_in_effect()
            .into_iter()
            .filter(|clock| self.is_readable(clock))
            .collect();
        self.names(&clocks);
        self.devices(&clocks);
        self.locks(&clocks, config);
    }

    /// Of a clock whose kind is wrong nothing can be said.
    fn is_readable(&self, clock: &ActiveRefclock) -> bool {
        ["driver", "enabled"].iter().any(|key| self.places.of(&format!("{}.{key}", clock.table)).is_some())
    }

    fn is_wrong(&self, clock: &ActiveRefclock, key: &str) -> bool {
        self.places.is_wrong(&format!("{}.{key}", clock.table))
    }

    /// No two clocks are called the same. Those whose names are not written are never alike.
    fn names(&mut self, clocks: &[ActiveRefclock]) {
        let mut seen: BTreeMap<RefclockId, &ActiveRefclock> = BTreeMap::new();
        for clock in clocks {
            if self.is_wrong(clock, "refid") {
                continue;
            }
            let Some(first) = seen.insert(clock.refid, clock) else { continue };
            let written = [(clock, first), (first, clock)].into_iter().find_map(|(clock, other)| {
                let path = format!("{}.refid", clock.table);
                Some((self.places.of(&path)?, path, other))
            });
            let Some((span, path, other)) = written else { continue };
            let complaint =
                Complaint::new(format!("{} is what [{}] is called too", clock.refid, other.table))
                    .help("choose a name for one of the two; it stands in statistics and in `lock`");
            self.complain(path, span, complaint);
        }
    }

    /// What one reads the other does not get.
    fn devices(&mut self, clocks: &[ActiveRefclock]) {
        let mut seen: BTreeMap<String, Range<usize>> = BTreeMap::new();
        for clock in clocks {
            let Some(device) = exclusive(&clock.driver) else { continue };
            // The device of a receiver need not be written.
            let paths = ["unit", "device", "enabled"].map(|key| format!("{}.{key}", clock.table));
            if paths.iter().any(|path| self.places.is_wrong(path)) {
                continue;
            }
            let written = paths.into_iter().find_map(|path| Some((self.places.of(&path)?, path)));
            let Some((span, path)) = written else { continue };
            if let Some(first) = seen.get(&device) {
                let line = self.document.line(first.start);
                let complaint =
                    Complaint::new(format!("{device} is read by the clock on line {line} already"))
                        .expected("another device for each clock: what one reads the other does not get")
                        .help("remove one of the two");
                self.complain(path, span, complaint);
            } else {
                seen.insert(device, span);
            }
        }
    }

    /// Pulses are numbered by another clock that is there and shows date and time.
    fn locks(&mut self, clocks: &[ActiveRefclock], config: &Config) {
        let all_named = config
            .sources
            .refclocks_in_effect()
            .iter()
            .all(|clock| self.is_readable(clock) && !self.is_wrong(clock, "refid"));
        for clock in clocks {
            let Some(lock) = clock.driver.pulses().and_then(|pulses| pulses.lock) else { continue };
            let path = format!("{}.lock", clock.table);
            let Some(span) = self.places.of(&path) else { continue };
            let partner = clocks.iter().find(|other| other.refid == lock);
            let problem = match partner {
                Some(other) if other.table == clock.table => {
                    "is the clock itself, which does not know what second it is".to_owned()
                }
                Some(other) if other.driver.pulses().is_some() => {
                    format!("[{}] gives pulses itself, so it does not know what second it is", other.table)
                }
                None if all_named => format!("no reference clock is called {lock}"),
                Some(_) | None => continue,
            };
            let complaint = Complaint::new(problem)
                .expected("the refid of a reference clock that gives date and time")
                .help(advice(lock, clocks, config));
            self.complain(path, span, complaint);
        }
    }

    /// No interface has two entries.
    pub(super) fn stamped_interfaces(&mut self, config: &Config) {
        let mut seen: BTreeMap<String, Range<usize>> = BTreeMap::new();
        for (index, entry) in config.sources.hwtimestamp.iter().enumerate() {
            let path = format!("sources.hwtimestamp[{index}].interface");
            let Some(span) = self.places.of(&path) else { continue };
            let name = match &entry.interface {
                StampedInterfaces::All => "*",
                StampedInterfaces::One(name) => name.as_str(),
            };
            if let Some(first) = seen.get(name) {
                let complaint = self.again(&span, first, "the same interface");
                self.complain(path, span, complaint.help("remove one of the two"));
            } else {
                seen.insert(name.to_owned(), span);
            }
        }
    }
}

/// What only one clock can read; `None`: any number of clocks can.
fn exclusive(driver: &Driver) -> Option<String> {
    match driver {
        Driver::Nmea(line) => Some(line.device.display().to_string()),
        Driver::Shm(segment) => Some(format!("segment {}", segment.unit)),
        Driver::Sock(socket) => Some(socket.device.display().to_string()),
        Driver::Pps(_) | Driver::Phc(_) | Driver::Rtc(_) => None,
    }
}

/// What could be written instead of a name that does not do.
fn advice(lock: RefclockId, clocks: &[ActiveRefclock], config: &Config) -> String {
    let gps = &config.sources.hardware.gps;
    if !gps.enabled && gps.options.refid == Some(lock) {
        return "write `enabled = true` below [sources.hardware.gps]".to_owned();
    }
    let with_time = clocks.iter().filter(|clock| clock.driver.pulses().is_none());
    let names: Vec<_> = with_time.map(|clock| clock.refid.to_string()).collect();
    let nearest = suggest::nearest(&lock.to_string(), names.iter().map(String::as_str));
    match (nearest, &names[..]) {
        (Some(name), _) => format!("did you mean {name:?}?"),
        (None, []) => {
            "there is none; without `lock` pulses are numbered by our own clock, once it is set".to_owned()
        }
        (None, names) => format!("those are: {}", names.join(", ")),
    }
}
