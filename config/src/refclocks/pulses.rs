//! Pulses: clocks that say when a second begins, and not which.

use ntp_proto::time::NtpDuration;

use crate::error::Complaint;
use crate::refclocks::RefclockId;
use crate::schema::{Boolean, Choice, Integer, Optional, Text, Visitor};

/// How pulses are numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulses {
    /// So many of them in a second, 1 … 1000. Default: 1.
    pub rate: u16,
    /// The clock that says which second a pulse begins, by its `refid`; `None`: our own clock does, once other sources
    /// have set it. Default: `None`, and for `[sources.hardware.pps]` the clock of `[sources.hardware.gps]` if that is
    /// used.
    pub lock: Option<RefclockId>,
    /// So many pulses old the last sample of that clock may be, 1 … 1000000. Default: 2.
    pub maxlockage: u32,
}

impl Default for Pulses {
    fn default() -> Self {
        Self { rate: 1, lock: None, maxlockage: 2 }
    }
}

impl Pulses {
    pub(crate) fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("rate", Integer::within(1, 1000), &mut self.rate);
        v.optional("lock", Optional(Text::new()), &mut self.lock);
        v.optional("maxlockage", Integer::within(1, 1_000_000), &mut self.maxlockage);
    }
}

/// Which change of a line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// `"assert"`: it becomes active.
    Assert,
    /// `"clear"`: it becomes inactive.
    Clear,
}

/// The words of `edge`.
pub(crate) const EDGE: Choice<Edge> = Choice(&[("assert", Edge::Assert), ("clear", Edge::Clear)]);

/// What is believed of a clock that shows date and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gives {
    /// `pps = false`: date and time.
    Time {
        /// Whether it keeps TAI instead of UTC. Default: false.
        tai: bool,
    },
    /// `pps = true`: only where a second, or a part of it, begins.
    Pulses(Pulses),
}

impl Default for Gives {
    fn default() -> Self {
        Self::Time { tai: false }
    }
}

impl Gives {
    /// One that has the same keys, at their defaults.
    pub(crate) fn blank_like(&self) -> Self {
        match self {
            Self::Time { .. } => Self::default(),
            Self::Pulses(_) => Self::Pulses(Pulses::default()),
        }
    }

    /// One key of the file decides which of the others there are.
    pub(crate) fn visit<V: Visitor>(&mut self, v: &mut V) {
        let was = matches!(self, Self::Pulses(_));
        let mut pps = was;
        v.optional("pps", Boolean, &mut pps);
        if pps != was {
            *self = if pps { Self::Pulses(Pulses::default()) } else { Self::default() };
        }
        match self {
            Self::Time { tai } => v.optional("tai", Boolean, tai),
            Self::Pulses(pulses) => pulses.visit(v),
        }
    }
}

/// A pulse has to be shorter than the time from one to the next.
pub(crate) fn check_width<V: Visitor>(width: Option<NtpDuration>, rate: u16, v: &mut V) {
    let interval_s = 1.0 / f64::from(rate);
    if width.is_some_and(|width| width >= NtpDuration::from_seconds(interval_s)) {
        let problem = format!("a pulse that comes every {interval_s} s (rate {rate}) cannot last that long");
        let complaint = Complaint::new(problem)
            .expected("a width below the time from one pulse to the next")
            .help("remove `width` if it is not known");
        v.reject(&["width", "rate"], complaint);
    }
}
