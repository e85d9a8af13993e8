//! What sources have taught, kept from one run to the next.
//!
//! A history is only of use on the same clock: the machine must not have been started anew and nobody may have
//! set its clock meanwhile. Then the free-running clock of the old run and that of the new one differ by a
//! known amount, and all that was learnt is moved over.

use std::net::SocketAddr;

use ntp_clock::SourceFilter;
use ntp_proto::time::{FreeTime, Frequency, Monotonic, NtpDuration, RawTime};
use serde::{Deserialize, Serialize};

use crate::input::Now;

/// Readings that are taken one after the other may part by this.
const SAME_CLOCK: NtpDuration = NtpDuration::from_millis(5);

/// The knowledge of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub(crate) raw: RawTime,
    pub(crate) monotonic: Monotonic,
    pub(crate) free: FreeTime,
    /// By how much the system clock runs faster than the free-running clock from then on.
    pub(crate) rate: Frequency,
    pub(crate) sources: Vec<(SocketAddr, SourceFilter)>,
}

impl History {
    /// How much more the free-running clock of a run that begins `now` shows than that of the old run; `None`
    /// if somebody set the clock in between.
    pub(crate) fn shift(&self, now: Now) -> Option<NtpDuration> {
        let elapsed = now.raw - self.raw;
        let by_monotonic = now.monotonic - self.monotonic;
        let same = !elapsed.is_negative() && (elapsed - by_monotonic).abs() <= SAME_CLOCK;
        let c = self.rate.as_ratio();
        let old = self.free + (elapsed - elapsed.scaled(c / (1.0 + c)));
        same.then(|| now.raw.reinterpret() - old)
    }

    /// What was learnt from the source at `address`, moved by `shift`.
    pub(crate) fn take(&mut self, address: SocketAddr, shift: NtpDuration) -> Option<SourceFilter> {
        let at = self.sources.iter().position(|(a, _)| *a == address)?;
        self.sources.swap_remove(at).1.moved(shift)
    }
}
