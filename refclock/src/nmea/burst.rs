//! What the sentences of one instant say together, and whether that makes a reading. [`super::assembly`] fills it.

use ntp_clock::{Reading, Shows};
use ntp_proto::time::{EstimatedTime, Monotonic, NtpDuration};

use super::Stamp;
use super::date::Date;
use super::evidence::Evidence;
use super::sentence::{Body, Rmc, Sentence, Zda};
use super::time_of_day::TimeOfDay;

/// When a burst began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) at: Stamp,
    /// How long before that it may have been.
    pub(super) doubt: NtpDuration,
}

impl Start {
    fn is_long_before(self, now: Stamp) -> bool {
        now.mono - self.at.mono > LONGEST
    }
}

/// The sentences of one instant.
#[derive(Clone, Debug, Default)]
pub(super) struct Burst {
    /// `None`: nobody saw it begin.
    pub(super) start: Option<Start>,
    pub(super) time: Option<TimeOfDay>,
    /// When the first sentence with that time began.
    pub(super) time_at: Monotonic,
    rmc: Option<Date>,
    zda: Option<Date>,
    pub(super) evidence: Evidence,
    pub(super) contradictory: bool,
    /// Nothing comes of what is still to come.
    pub(super) settled: bool,
}

/// Why a burst makes no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Withheld {
    NoFix,
    Contradictory,
    Undated,
    /// Its beginning was missed.
    Unstarted,
    /// Someone set the system clock meanwhile.
    ClockSet,
}

/// Serial ports report bytes by the dozen, adapters for USB after up to 16 ms, and receivers begin when they are ready.
const RESOLUTION: NtpDuration = NtpDuration::from_millis(10);

/// What goes on for longer is not about one instant.
const LONGEST: NtpDuration = NtpDuration::from_secs(10);

impl Burst {
    pub(super) fn begun(start: Option<Start>) -> Self {
        Self { start, ..Self::default() }
    }

    /// Adds what `sentence` says besides the time of day.
    pub(super) fn add(&mut self, sentence: &Sentence) {
        self.evidence.add(&sentence.body);
        let (mine, date) = match sentence.body {
            Body::Rmc(Rmc { date, .. }) => (&mut self.rmc, date),
            Body::Zda(Zda { date, .. }) => (&mut self.zda, date),
            Body::Gga(_) | Body::Gsa(_) | Body::Gsv(_) | Body::Vendor | Body::Other => return,
        };
        self.contradictory |= date.is_some() && mine.is_some_and(|mine| Some(mine) != date);
        *mine = mine.or(date);
    }

    /// The date; that with a year of four digits is preferred, and the other has to be the same.
    pub(super) fn date(&self) -> Option<Date> {
        self.zda.or(self.rmc)
    }

    fn dates_agree(&self) -> bool {
        self.zda.zip(self.rmc).is_none_or(|(zda, rmc)| zda.day == rmc.day)
    }

    /// What it comes to, as known `now`; `trusted`: whether a burst that says nothing about the fix is believed.
    pub(super) fn verdict(&self, now: Stamp, trusted: bool) -> Result<Reading, Withheld> {
        if !self.evidence.has_fix().unwrap_or(trusted) {
            return Err(Withheld::NoFix);
        }
        if self.contradictory
            || !self.dates_agree()
            || self.start.is_some_and(|start| start.is_long_before(now))
        {
            return Err(Withheld::Contradictory);
        }
        let (time, date) = self.time.zip(self.date()).ok_or(Withheld::Undated)?;
        let start = self.start.ok_or(Withheld::Unstarted)?;
        if was_set(start.at, now) {
            return Err(Withheld::ClockSet);
        }
        let (seconds, nanos) = time.on(date);
        Ok(Reading {
            at: start.at.raw,
            shows: Shows::Time(EstimatedTime::from_unix(seconds, nanos)),
            leap: None,
            resolution: RESOLUTION.max(start.doubt),
        })
    }
}

/// Whether the system clock went so differently from the monotonic one that it was set and not steered: that can be up
/// to a tenth of the time.
fn was_set(from: Stamp, to: Stamp) -> bool {
    let (raw, mono) = (to.raw - from.raw, to.mono - from.mono);
    (raw - mono).abs() > RESOLUTION + mono.abs().scaled(0.125)
}
