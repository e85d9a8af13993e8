//! The reference clocks that are switched on, all in one list and with nothing left to be decided.

use super::{Driver, Pulses, Refclock, RefclockId, RefclockOptions};
use crate::Sources;

/// A reference clock that is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveRefclock {
    /// The table of the file that it stands in, such as `sources.hardware.gps` or `sources.refclocks[0]`.
    pub table: String,
    /// What it is called. In a good configuration no two are called the same.
    pub refid: RefclockId,
    /// Whether the clock may follow it; else it is only shown, and others may lock to it.
    pub steer: bool,
    /// What reads it.
    pub driver: Driver,
    /// The rest. `refid` says the same as the field above, and without `steer` `noselect` is set.
    pub options: RefclockOptions,
}

impl ActiveRefclock {
    fn new(table: String, driver: Driver, options: &RefclockOptions, default: RefclockId) -> Self {
        let refid = options.refid.unwrap_or(default);
        let options = RefclockOptions { refid: Some(refid), ..options.clone() };
        Self { table, refid, steer: !options.noselect, driver, options }
    }
}

impl Sources {
    /// The reference clocks that are switched on: receiver and pulses of `[sources.hardware]`, then those of
    /// `[[sources.refclocks]]` in their order.
    #[must_use]
    pub fn refclocks_in_effect(&self) -> Vec<ActiveRefclock> {
        let listed = self.refclocks.iter().enumerate().map(|(number, clock)| listed(number, clock));
        self.receiver().into_iter().chain(self.pulses()).chain(listed).collect()
    }

    fn receiver(&self) -> Option<ActiveRefclock> {
        let gps = &self.hardware.gps;
        let mut options = gps.options.clone();
        options.noselect |= !gps.refclock;
        gps.enabled.then(|| {
            ActiveRefclock::new("sources.hardware.gps".to_owned(), gps.driver(), &options, RefclockId::GPS)
        })
    }

    fn pulses(&self) -> Option<ActiveRefclock> {
        let pps = &self.hardware.pps;
        let mut device = pps.device.clone();
        let beside = self.receiver().filter(|_| self.hardware.gps.refclock).map(|gps| gps.refid);
        device.pulses = Pulses { lock: device.pulses.lock.or(beside), ..device.pulses };
        pps.enabled.then(|| {
            let table = "sources.hardware.pps".to_owned();
            ActiveRefclock::new(table, Driver::Pps(device), &pps.options, RefclockId::PPS)
        })
    }
}

fn listed(number: usize, clock: &Refclock) -> ActiveRefclock {
    let default = RefclockId::numbered(clock.driver.kind().letters(), number);
    ActiveRefclock::new(format!("sources.refclocks[{number}]"), clock.driver.clone(), &clock.options, default)
}
