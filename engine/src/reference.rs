//! What the clock is set by, and how good it is: what clients and the kernel are told.

use ntp_clock::Estimate;
use ntp_proto::packet::{Leap, RefId, Stratum};
use ntp_proto::time::{EstimatedTime, FreeTime, Frequency, NtpDuration, Offset};
use serde::{Deserialize, Serialize};

use crate::source::{MAX_CLOCK_ERROR, SourceId};

/// A clock that may be wrong by this is not synchronised (RFC 5905 MAXDISP).
const MAX_ERROR: NtpDuration = NtpDuration::from_secs(16);
/// Beyond this error the own clock is served as a local reference, where that is allowed.
const LOCAL_ERROR: NtpDuration = NtpDuration::from_secs(1);

/// What the clock is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// Never set, or not known well enough any more.
    Unsynchronised,
    /// Its own reference, for want of better.
    Local,
    /// Set by a source, now or up to some time ago.
    Synchronised,
}

/// What is known of the clock, and from whom. Kept even when it is too old to be served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tracking {
    pub(crate) source: SourceId,
    pub(crate) ref_id: RefId,
    pub(crate) stratum: Stratum,
    pub(crate) leap: Leap,
    /// When the clock was last updated.
    pub(crate) updated: FreeTime,
    /// As of then.
    pub(crate) estimate: Estimate,
    pub(crate) root_delay: NtpDuration,
    /// Of the source itself.
    pub(crate) source_dispersion: NtpDuration,
    /// The same in estimated time.
    pub(crate) reference_time: EstimatedTime,
    /// What the system clock was found to be off by at the latest update.
    pub(crate) last_offset: Offset,
    /// Root mean square of that over the latest updates, in seconds.
    pub(crate) rms_offset: f64,
    /// Between the latest two updates.
    pub(crate) update_interval: NtpDuration,
}

impl Tracking {
    /// How far the estimate may be from the truth at `at`, path apart.
    pub(crate) fn root_dispersion(&self, at: FreeTime) -> NtpDuration {
        let age = (at - self.estimate.at).max(NtpDuration::ZERO);
        self.source_dispersion + self.estimate.advanced(at).dispersion() + MAX_CLOCK_ERROR * age
    }

    /// How fast the dispersion grows.
    pub(crate) fn dispersion_rate(&self) -> Frequency {
        MAX_CLOCK_ERROR + Frequency::new(3.0 * self.estimate.frequency_uncertainty().as_ratio())
    }

    /// How far the estimate may be from the truth at `at`.
    pub(crate) fn root_distance(&self, at: FreeTime) -> NtpDuration {
        self.root_dispersion(at) + self.root_delay.half()
    }

    pub(crate) fn is_lost(&self, at: FreeTime) -> bool {
        self.root_distance(at) >= MAX_ERROR
    }

    pub(crate) fn is_worse_than_local(&self, at: FreeTime) -> bool {
        self.root_distance(at) >= LOCAL_ERROR
    }
}
