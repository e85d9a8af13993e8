//! The reference clocks of this machine: each is opened, read and, when it breaks, opened again by a task of its own.
//!
//! | file | holds |
//! |---|---|
//! | `wanted.rs` | from the configuration to what the engine and the drivers need |
//! | `device.rs` | one open device, of whatever kind |
//! | `keeper.rs` | the task that keeps one open and reads it |
//! | `report.rs` | what there is to show |

mod device;
mod keeper;
mod report;
mod wanted;

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use ntp_engine::{SourceId, TimeSnapshot};
use ntp_proto::time::RawTime;
use tokio::sync::mpsc::UnboundedSender;

use super::driver::Happening;
use keeper::Keeper;
pub use report::{DeviceReport, DeviceStatus};
pub(super) use wanted::{Wanted, wanted};

/// What happened to a device.
#[derive(Debug)]
pub(super) struct Turn {
    /// The place of the clock in the list.
    pub(super) clock: usize,
    /// Whether it is open.
    pub(super) result: io::Result<()>,
}

/// All reference clocks.
#[derive(Debug, Default)]
pub(super) struct Refclocks(Vec<Keeper>);

impl Refclocks {
    /// Begins to read those that are `wanted`, which are the engine's first sources, in this order. What they show goes to
    /// `tell`, stamped by the clock of the current `snapshot`. Within a `LocalSet` only.
    pub(super) fn start(
        wanted: Vec<Wanted>,
        tell: &UnboundedSender<Happening>,
        snapshot: &Rc<Cell<TimeSnapshot>>,
    ) -> Self {
        let keepers = wanted.into_iter().enumerate().map(|(clock, wanted)| {
            let source = SourceId::refclock(clock);
            Keeper::start(clock, source, wanted, tell.clone(), Rc::clone(snapshot))
        });
        Self(keepers.collect())
    }

    /// What a clock is called among the problems.
    pub(super) fn topic(&self, clock: usize) -> Option<String> {
        self.0.get(clock).map(Keeper::topic)
    }

    /// What there is to show at `now`.
    pub(super) fn report(&self, now: RawTime) -> Vec<DeviceReport> {
        self.0.iter().map(|keeper| keeper.report(now)).collect()
    }
}
