//! The system clock as we drive it: what it was told, and what is still to be corrected.

use ntp_clock::steer::{Correction, Limits, Steering};
use ntp_clock::{Estimate, Timeline};
use ntp_proto::time::{FreeTime, Frequency, Monotonic, NtpDuration, Offset, RawTime};

use serde::{Deserialize, Serialize};

use crate::action::{Action, ClockCommand};
use crate::input::Now;

/// How long a kernel that said no is left alone.
const DENIED_RETRY: NtpDuration = NtpDuration::from_secs(64);
/// Two rates closer than this are the same to the kernel.
const SAME_RATE: Frequency = Frequency::new(1e-12);

/// A rate that no sane clock needs.
pub(crate) const SANE_RATE: Frequency = Frequency::from_ppm(500.0);
/// A slew counts as over when this much is left: converting its end to another clock and back rounds.
const ROUNDING: NtpDuration = NtpDuration::from_nanos(1_000);
/// Nobody steps a clock more often than this; beyond it a count is damaged.
const MAX_STEPS: u64 = 1 << 48;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Slew {
    until: FreeTime,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Discipline {
    pub(crate) timeline: Timeline,
    steering: Steering,
    adjust: bool,
    denied: Option<Monotonic>,
    slew: Option<Slew>,
    updates: u32,
    steps: u64,
}

impl Discipline {
    pub(crate) fn new(now: Now, rate: Frequency, limits: Limits, adjust: bool) -> Self {
        Self {
            timeline: Timeline::new(now.raw, rate),
            steering: Steering::new(limits),
            adjust,
            denied: None,
            slew: None,
            updates: 0,
            steps: 0,
        }
    }

    /// Whether it could have come about. What came from a file need not.
    pub(crate) fn is_sound(&self) -> bool {
        self.timeline.is_sound() && self.steps <= MAX_STEPS
    }

    /// The clock may be corrected otherwise from the next update on.
    pub(crate) const fn set_limits(&mut self, limits: Limits, adjust: bool) {
        self.steering.set_limits(limits);
        self.adjust = adjust;
    }

    /// How far the system clock is behind the reference of `estimate`, which is as of now.
    pub(crate) fn phase(&self, estimate: &Estimate, now: Now) -> Offset {
        let corrected = now.raw.reinterpret() - self.timeline.free_now(now.raw);
        Offset::reference_ahead_by(estimate.offset.as_duration() - corrected)
    }

    /// New knowledge: what to do about it. A small error may take as long as `pace`.
    pub(crate) fn update(&mut self, estimate: &Estimate, pace: NtpDuration, now: Now) -> Vec<Action> {
        self.updates = self.updates.saturating_add(1);
        let phase = self.phase(estimate, now);
        // What the kernel refuses uses up no permission to step.
        let counts = self.may_adjust() || !self.adjust;
        let correction = if counts {
            self.steering.update(estimate, phase, pace)
        } else {
            self.steering.correct(estimate, phase)
        };
        self.apply(correction)
    }

    /// The clock moved, or a slew ended, without new knowledge.
    pub(crate) fn correct(&mut self, estimate: &Estimate, now: Now) -> Vec<Action> {
        let correction = self.steering.correct(estimate, self.phase(estimate, now));
        self.apply(correction)
    }

    /// The operator wants all of it gone.
    pub(crate) fn step_now(&mut self, estimate: &Estimate, now: Now) -> Vec<Action> {
        self.apply(Steering::step_now(estimate, self.phase(estimate, now)))
    }

    /// Runs at `rate` and no slew: before anything is known, and after all is done.
    pub(crate) fn rest_at(&mut self, rate: Frequency) -> Option<Action> {
        self.slew = None;
        // Whatever was believed of the frequency in an unlucky moment must not outlast us.
        self.set_rate(rate.clamped(SANE_RATE)).filter(|_| self.may_adjust())
    }

    /// When the slew in progress is over.
    pub(crate) fn slew_ends(&self, now: Now) -> Option<Monotonic> {
        let slew = self.slew?;
        let left = self.timeline.to_raw(slew.until) - now.raw;
        Some(now.monotonic + left.max(NtpDuration::ZERO))
    }

    /// Whether the slew in progress is over.
    pub(crate) fn slew_is_over(&self, now: Now) -> bool {
        self.slew.is_some_and(|slew| self.timeline.free_now(now.raw) + ROUNDING >= slew.until)
    }

    pub(crate) const fn is_slewing(&self) -> bool {
        self.slew.is_some()
    }

    pub(crate) fn deny(&mut self, now: Now) {
        self.denied = Some(now.monotonic + DENIED_RETRY);
        self.slew = None;
    }

    /// A kernel that said no may be asked again.
    pub(crate) fn forgive(&mut self, now: Now) {
        if self.denied.is_some_and(|until| now.monotonic >= until) {
            self.denied = None;
        }
    }

    pub(crate) fn stepped(&mut self, at: RawTime, by: NtpDuration) {
        self.timeline.step(at, by);
        self.steps += 1;
    }

    pub(crate) const fn may_adjust(&self) -> bool {
        self.adjust && self.denied.is_none()
    }

    pub(crate) const fn wants_to_adjust(&self) -> bool {
        self.adjust
    }

    pub(crate) const fn updates(&self) -> u32 {
        self.updates
    }

    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    fn apply(&mut self, correction: Correction) -> Vec<Action> {
        self.slew = None;
        if !self.may_adjust() {
            return Vec::new();
        }
        match correction {
            Correction::Step { by, base } => {
                let step = Action::Clock(ClockCommand::Step(by));
                self.set_rate(base).into_iter().chain([step]).collect()
            }
            Correction::Slew { base, slew, until } => {
                if slew != Frequency::ZERO {
                    self.slew = Some(Slew { until });
                }
                self.set_rate(base + slew).into_iter().collect()
            }
        }
    }

    fn set_rate(&self, rate: Frequency) -> Option<Action> {
        let changes = (rate - self.timeline.correction()).abs() > SAME_RATE;
        changes.then_some(Action::Clock(ClockCommand::SetRate(rate)))
    }
}
