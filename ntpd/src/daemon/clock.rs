//! The kernel clock as the engine's servant, and the eyes for those who move it behind our back.

use std::io;

use ntp_engine::{ClockCommand, ClockOutcome, ClockStatus, Now};
use ntp_proto::time::{Frequency, NtpDuration};

use crate::sys::clock::{self, ClockPair};
use crate::sys::kernel_clock::{KernelClock, KernelStatus};

/// Two clocks that are read one after the other may seem to part by this much though nobody moved them.
const READING: NtpDuration = NtpDuration::from_nanos(5_000_000);
/// When the kernel itself says that the clock jumped, less is enough.
const ANNOUNCED: NtpDuration = NtpDuration::from_nanos(20_000);
/// A pair of readings that took longer than this says nothing.
const TOO_WIDE: NtpDuration = NtpDuration::from_millis(1);
/// Rates closer than this are the same; the kernel rounds.
const SAME_RATE: Frequency = Frequency::new(1e-9);
/// Sleep shorter than this is none.
const SLEEP: NtpDuration = NtpDuration::from_millis(100);

/// What happened to the clock behind our back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Jump {
    Stepped(NtpDuration),
    Slept(NtpDuration),
}

/// The clock of this machine.
#[derive(Debug)]
pub(super) struct MachineClock {
    kernel: KernelClock,
    rtc_sync: bool,
    /// The pair of readings that later ones are compared with.
    base: ClockPair,
    /// Suspended time so far, where the machine tells.
    suspended: Option<NtpDuration>,
    /// What we told the kernel last.
    rate: Option<Frequency>,
}

impl MachineClock {
    /// `watches_sleep`: whether this machine can tell how long it slept.
    pub(super) fn open(rtc_sync: bool, watches_sleep: bool) -> Self {
        Self {
            kernel: KernelClock::open(),
            rtc_sync,
            base: clock::pair(),
            suspended: watches_sleep.then(clock::suspended).flatten(),
            rate: None,
        }
    }

    /// The rate that the clock has.
    pub(super) fn rate(&self) -> Frequency {
        self.kernel.frequency().unwrap_or(Frequency::ZERO)
    }

    /// By how many seconds TAI is ahead of UTC, if the kernel knows.
    pub(super) fn tai(&self) -> Option<i64> {
        self.kernel.tai()
    }

    /// Makes sure that nobody else's settings work against ours; tells the rate that the clock has.
    ///
    /// # Errors
    /// When we may not steer the clock.
    pub(super) fn take_over(&mut self) -> io::Result<Frequency> {
        self.kernel.may_adjust()?;
        let rate = self.kernel.take_over()?;
        self.rate = Some(rate);
        Ok(rate)
    }

    /// Both clocks, and whether somebody moved them since the last call. `announced`: the kernel says that
    /// somebody did.
    pub(super) fn observe(&mut self, announced: bool) -> (Now, Option<Jump>) {
        let pair = clock::pair();
        let now = Now { monotonic: pair.monotonic, raw: pair.raw };
        let parted = (pair.raw - self.base.raw) - (pair.monotonic - self.base.monotonic);
        let tolerance = if announced { ANNOUNCED + pair.width + self.base.width } else { READING };
        if pair.width > TOO_WIDE {
            return (now, None);
        }
        if parted.abs() <= tolerance {
            return (now, None);
        }
        self.base = pair;
        let slept = self.slept();
        let jump = if slept > SLEEP { Jump::Slept(slept) } else { Jump::Stepped(parted) };
        (now, Some(jump))
    }

    /// Does what the engine wants. `None` for commands without an outcome.
    pub(super) fn execute(&mut self, command: ClockCommand) -> (Option<ClockOutcome>, io::Result<()>) {
        match command {
            ClockCommand::SetRate(rate) => match self.set_rate(rate) {
                Ok(outcome) => (Some(outcome), Ok(())),
                Err(error) => (Some(ClockOutcome::Denied), Err(error)),
            },
            ClockCommand::Step(by) => match self.step(by) {
                Ok(outcome) => (Some(outcome), Ok(())),
                Err(error) => (Some(ClockOutcome::Denied), Err(error)),
            },
            ClockCommand::SetStatus(status) => (None, self.set_status(status)),
        }
    }

    /// The rate that somebody else gave the clock.
    pub(super) fn foreign_rate(&mut self) -> Option<Frequency> {
        let (ours, found) = (self.rate?, self.kernel.frequency().ok()?);
        let differs = (ours - found).abs() > SAME_RATE;
        differs.then(|| {
            self.rate = Some(found);
            found
        })
    }

    fn set_rate(&mut self, rate: Frequency) -> io::Result<ClockOutcome> {
        let before = clock::raw();
        let rate = self.kernel.set_frequency(rate)?;
        let at = before + (clock::raw() - before).half();
        self.rate = Some(rate);
        Ok(ClockOutcome::RateSet { at, rate })
    }

    fn step(&mut self, by: NtpDuration) -> io::Result<ClockOutcome> {
        let before = clock::pair();
        self.kernel.step(by)?;
        let after = clock::pair();
        // What the monotonic clock says has passed is what the other would show without the step.
        let at = before.raw + (after.monotonic - before.monotonic);
        let by = after.raw - at;
        self.base = after;
        Ok(ClockOutcome::Stepped { at, by })
    }

    /// Sets the clock forward before anything was measured.
    ///
    /// # Errors
    /// When we may not.
    pub(super) fn set_forward(&mut self, by: NtpDuration) -> io::Result<()> {
        self.step(by).map(drop)
    }

    fn set_status(&self, status: ClockStatus) -> io::Result<()> {
        self.kernel.set_status(&KernelStatus {
            synchronised: status.synchronised,
            rtc_sync: self.rtc_sync,
            leap: status.leap,
            max_error: status.max_error,
            est_error: status.est_error,
        })
    }

    fn slept(&mut self) -> NtpDuration {
        let (Some(before), Some(now)) = (self.suspended, clock::suspended()) else {
            return NtpDuration::ZERO;
        };
        self.suspended = Some(now);
        now - before
    }
}
