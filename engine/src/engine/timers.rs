//! What is due: every deadline that is not a source's own, each named for what it means.

use ntp_proto::time::{Frequency, Monotonic, NtpDuration};
use serde::{Deserialize, Serialize};

use super::Engine;
use super::clock::VALIDITY;
use crate::action::Action;
use crate::input::Now;

/// The kernel's own idea of its error grows by 500 ppm; it is corrected before that says much.
const KERNEL_STATUS: NtpDuration = NtpDuration::from_secs(128);
/// The drift is saved so often.
const SAVE: NtpDuration = NtpDuration::from_secs(3_600);
/// A frequency that is known this well is worth keeping …
const WORTH_SAVING: Frequency = Frequency::from_ppm(2.0);
/// … and one that is known this well is not waited with.
const WELL_KNOWN: Frequency = Frequency::from_ppm(0.15);
/// The drift is saved for the first time after this at the latest.
const FIRST_SAVE: NtpDuration = NtpDuration::from_secs(900);
/// Everybody is asked again at most so often because the clock became doubtful.
const VERIFY: NtpDuration = NtpDuration::from_secs(64);
/// How soon the reference is looked at again while nobody answers who is selected.
const REVIEW: NtpDuration = NtpDuration::from_secs(8);
/// The same while the first answers are awaited.
const SETTLING_REVIEW: NtpDuration = NtpDuration::from_secs(1);

/// Whether a frequency with this uncertainty helps the next start.
pub(super) fn is_worth_saving(skew: Frequency) -> bool {
    skew < WORTH_SAVING
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timers {
    publish: Option<Monotonic>,
    kernel_status: Option<Monotonic>,
    save: Option<Monotonic>,
    review: Option<Monotonic>,
    saved: bool,
    verified: Option<Monotonic>,
    gave_verdict: bool,
    pub(crate) was_denied: bool,
}

impl Timers {
    pub(super) fn next_wakeup(&self) -> Option<Monotonic> {
        [self.publish, self.kernel_status, self.save, self.review].into_iter().flatten().min()
    }

    /// A snapshot went out; the next goes out well before this one expires.
    pub(super) fn published(&mut self, now: Monotonic) {
        self.publish = Some(now + VALIDITY.half());
    }

    pub(super) fn told_kernel(&mut self, now: Monotonic) {
        self.kernel_status = Some(now + KERNEL_STATUS);
    }

    /// The frequency is known this well. The first time that is well enough it is kept at once, else after a
    /// while: whoever is killed within the first hour should not start from nothing.
    pub(super) fn learnt(&mut self, now: Monotonic, skew: Frequency) {
        if !self.saved && skew < WELL_KNOWN {
            self.saved = true;
            self.save = Some(now);
        }
        self.save.get_or_insert(now + FIRST_SAVE);
    }

    /// Whether everybody may be asked again because the clock became doubtful: not at the pace of a program that
    /// steps it every second.
    pub(super) fn may_verify(&mut self, now: Monotonic) -> bool {
        let may = self.verified.is_none_or(|at| now - at >= VERIFY);
        if may {
            self.verified = Some(now);
        }
        may
    }

    /// Whether nothing was said yet about what can be selected.
    pub(super) fn first_verdict(&mut self) -> bool {
        !std::mem::replace(&mut self.gave_verdict, true)
    }
}

impl Engine {
    /// Does what is due. Bounded: each source is asked at most once, each other thing done at most once.
    pub(super) fn run_timers(&mut self, now: Now) {
        self.discipline.forgive(now);
        while let Some(lookup) = self.directory.poll(now.monotonic) {
            self.look_up(lookup);
        }
        self.fetch_keys(now);
        self.ask(now);
        self.close_batches(now);
        self.replace_bad(now);
        if self.discipline.slew_is_over(now) {
            self.correct(now);
        }
        self.review(now);
        if is_due(self.timers.publish, now) {
            self.publish(now);
        }
        if is_due(self.timers.kernel_status, now) {
            self.tell_kernel(now);
        }
        if is_due(self.timers.save, now) {
            self.timers.save = Some(now.monotonic + SAVE);
            self.actions.extend(self.drift().map(Action::Save));
        }
    }

    /// While nobody answers who is selected, what is served may have to change without anything happening.
    fn review(&mut self, now: Now) {
        if self.is_settling(now) {
            self.timers.review = Some(now.monotonic + SETTLING_REVIEW);
            return;
        }
        if !self.is_alone() {
            self.timers.review = None;
            self.review_standing(now);
            return;
        }
        if self.timers.review.is_none_or(|at| at <= now.monotonic) {
            self.timers.review = Some(now.monotonic + REVIEW);
            self.reselect(now, None);
            self.review_standing(now);
        }
    }
}

fn is_due(at: Option<Monotonic>, now: Now) -> bool {
    at.is_some_and(|at| at <= now.monotonic)
}
