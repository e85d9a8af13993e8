//! Reference clocks: from what they show to samples.

use ntp_clock::{Reading, Shows, SourceFilter, Stamp};
use ntp_proto::packet::Leap;
use ntp_proto::time::{EstimatedTime, FreeTime, NtpDuration, Offset};

use super::Engine;
use crate::event::Event;
use crate::input::Now;
use crate::refclock::{Latest, Partner, Refclock, RefclockOptions, Unlocked, Verdict, number, room};
use crate::reference::Standing;
use crate::source::{Kind, Source, SourceId};

/// What was read longer ago than this, or in the future, is no reading.
const OLDEST_READING: NtpDuration = NtpDuration::from_secs(10);

/// Sentences that come later than this after their second number pulses wrong.
const LATEST_NUMBER: NtpDuration = NtpDuration::from_millis(600);

/// A reading that is not used, and why.
enum Refused {
    Distrusted,
    Confused,
    Displaced,
    Unlocked(Unlocked),
}

impl Engine {
    /// The reference clocks of the options become sources.
    pub(super) fn add_refclocks(&mut self) {
        for options in self.options.refclocks.clone() {
            let (id, name) = (self.name_source(), letters(&options));
            let filter = SourceFilter::new(self.prior.frequency, self.prior.skew);
            let source =
                Source::new(id, name.clone(), Kind::Refclock(Box::new(Refclock::new(options))), filter);
            self.events.push_back(Event::SourceAdded { source: id, address: source.address(), name });
            self.sources.push(source);
        }
    }

    /// A reference clock was read.
    pub(super) fn reading(&mut self, now: Now, id: SourceId, at: Stamp, reading: &Reading) {
        let taken = self.place(now, id, at, reading);
        let Some(refclock) = self.source(id).and_then(Source::refclock_mut) else { return };
        refclock.counts.readings += 1;
        let is_complete = refclock.is_complete(now.monotonic, true);
        let pulses = refclock.options.only_pulses || reading.shows == Shows::Pulse;
        refclock.begin(now.monotonic, pulses);
        match taken {
            Ok(latest) => refclock.take(latest, reading.resolution, reading.leap),
            Err(Refused::Distrusted) => refclock.counts.distrusted += 1,
            Err(Refused::Confused) => refclock.counts.confused += 1,
            Err(Refused::Displaced) => refclock.counts.displaced += 1,
            Err(Refused::Unlocked(why)) => refclock.refuse(why),
        }
        if is_complete {
            self.close_batch(now, id);
        }
    }

    /// Batches that no reading has ended.
    pub(super) fn close_batches(&mut self, now: Now) {
        let is_due = |s: &&Source| s.refclock().is_some_and(|r| r.is_complete(now.monotonic, false));
        while let Some(id) = self.sources.iter().find(is_due).map(|s| s.id) {
            self.close_batch(now, id);
        }
    }

    /// How well the clock is known, if this source is only there for the rest of the time: if it numbers the pulses of
    /// another, and another has set the clock.
    pub(super) fn clock_error(&self, now: Now, source: &Source) -> Option<NtpDuration> {
        let refclock = source.refclock()?;
        let numbers = |other: &Refclock| other.options.pulses.lock == Some(refclock.options.ref_id);
        let is_partner = self.sources.iter().filter_map(Source::refclock).any(numbers);
        let tracking = self.tracking.as_ref().filter(|tracking| tracking.source != source.id)?;
        let free = self.discipline.timeline.free_now(now.raw);
        let (error, theirs) = (tracking.root_distance(free), source.filter.estimate(free)?);
        let apart = theirs.offset.as_duration() - tracking.estimate.advanced(free).offset.as_duration();
        // Who is whole seconds away is right, or wrong, about more than the rest of the time.
        let agrees = apart.abs() <= error + source.root_distance(&theirs) + LATEST_NUMBER;
        (is_partner && agrees && self.standing == Standing::Synchronised).then_some(error)
    }

    /// When a reading was taken, and how far the reference clock was ahead then.
    fn place(&mut self, now: Now, id: SourceId, at: Stamp, reading: &Reading) -> Result<Latest, Refused> {
        if reading.leap == Some(Leap::Unsynchronised) {
            return Err(Refused::Distrusted);
        }
        let free = self.discipline.timeline.to_free(at, now.raw).ok_or(Refused::Confused)?;
        if (self.discipline.timeline.free_now(now.raw) - free).abs() > OLDEST_READING {
            return Err(Refused::Confused);
        }
        let source = self.sources.iter().find(|s| s.id == id).ok_or(Refused::Confused)?;
        let options = &source.refclock().ok_or(Refused::Confused)?.options;
        let shown = |time: EstimatedTime| time.reinterpret() - free - NtpDuration::from_secs(options.ahead);
        match reading.shows {
            Shows::Time(time) if !options.only_pulses => {
                let offset = shown(time) + options.offset.as_duration();
                Ok(Latest { at: free, offset: Offset::reference_ahead_by(offset) })
            }
            Shows::Time(time) => {
                // It began as long ago as the time is beyond a whole interval.
                let beyond = number(time.reinterpret(), NtpDuration::ZERO, options.pulses.rate);
                let pulse = free + beyond.unwrap_or_else(|by| -by);
                self.pulse(now, id, pulse)
            }
            Shows::Pulse => self.pulse(now, id, free),
        }
    }

    /// What a pulse says, if it is known which it is and it comes when it should.
    fn pulse(&mut self, now: Now, id: SourceId, at: FreeTime) -> Result<Latest, Refused> {
        let source = self.sources.iter().find(|s| s.id == id).ok_or(Refused::Confused)?;
        let options = &source.refclock().ok_or(Refused::Confused)?.options;
        let (correction, rate) = (options.offset.as_duration(), options.pulses.rate);
        let (roughly, partner) = self.numbering(now, options, at).map_err(Refused::Unlocked)?;
        let offset = number(at, roughly - correction, rate)
            .map_err(|by| Refused::Unlocked(Unlocked::Between { partner: options.pulses.lock, by }))?;
        let pulse = Latest { at, offset: Offset::reference_ahead_by(offset + correction) };
        let expected = source.filter.estimate(at);
        let refclock = self.source(id).and_then(Source::refclock_mut).ok_or(Refused::Confused)?;
        match refclock.judge(pulse, expected.as_ref(), partner, now.monotonic) {
            Verdict::InTime | Verdict::Believed => Ok(pulse),
            Verdict::Displaced => Err(Refused::Displaced),
        }
    }

    /// How far the reference is ahead `at` a pulse, roughly, by who numbers the pulses; and what that one has seen.
    fn numbering(
        &self,
        now: Now,
        options: &RefclockOptions,
        at: FreeTime,
    ) -> Result<(NtpDuration, Option<Partner>), Unlocked> {
        let Some(partner) = options.pulses.lock else { return Ok((self.by_clock(now, options, at)?, None)) };
        let is_partner = |s: &&Source| s.refclock().is_some_and(|r| r.options.ref_id == partner);
        let source = self.sources.iter().find(is_partner).ok_or(Unlocked::Nobody(partner))?;
        let refclock = source.refclock().ok_or(Unlocked::Nobody(partner))?;
        let latest = refclock.latest.ok_or(Unlocked::NeverSaid(partner))?;
        let (age, interval) = (at - latest.at, options.pulses.interval());
        if age > interval.scaled(f64::from(options.pulses.max_lock_age)) {
            return Err(Unlocked::Silent { partner, age });
        }
        let shows = latest.offset.as_duration();
        let near = room(interval);
        // After a sleep, say, nothing is known of it but what it shows.
        let known =
            source.filter.estimate(at).filter(|e| e.dispersion() <= near).map(|e| e.offset.as_duration());
        let is_steady = known.is_some_and(|known| (shows - known).abs() <= near);
        let seen = refclock.scatter().map(|deviation| Partner { shows, deviation, is_steady });
        Ok((known.unwrap_or(shows), seen))
    }

    /// The same by the system clock, if it is set and good enough.
    fn by_clock(&self, now: Now, options: &RefclockOptions, at: FreeTime) -> Result<NtpDuration, Unlocked> {
        let tracking = self.tracking.as_ref().filter(|_| self.standing == Standing::Synchronised);
        let tracking = tracking.ok_or(Unlocked::ClockUnset)?;
        // Pulses would vouch for the clock that numbers them, against the only one who knows better.
        if self.selected.is_none() {
            return Err(Unlocked::ClockUnvouched);
        }
        let error = tracking.root_distance(self.discipline.timeline.free_now(now.raw));
        if error > room(options.pulses.interval()) {
            return Err(Unlocked::ClockDoubtful(error));
        }
        Ok(tracking.estimate.advanced(at).offset.as_duration())
    }

    fn close_batch(&mut self, now: Now, id: SourceId) {
        let known = self.tracking.as_ref().map(|tracking| tracking.estimate);
        let (prior, skew) = known.map_or((self.prior.frequency, self.prior.skew), |known| {
            (known.frequency, known.frequency_uncertainty())
        });
        let Some(source) = self.source(id) else { return };
        if source.filter.samples() == 0 {
            // Others may have taught since the start how fast the clock runs.
            source.filter = SourceFilter::new(prior, skew);
        }
        let own = source.filter.frequency().filter(|own| own.1 < skew);
        let frequency = own.map_or(prior, |(own, _)| own);
        let Some(refclock) = source.refclock_mut() else { return };
        let closed = refclock.close(now.monotonic, frequency);
        Self::judge(source);
        match closed {
            Some((sample, state)) => {
                source.server = Some(state);
                self.sampled(now, id, &sample);
            }
            None => {
                if self.lose_silent() {
                    self.reselect(now, None);
                }
            }
        }
    }
}

fn letters(options: &RefclockOptions) -> String {
    options.ref_id.to_ascii().unwrap_or_else(|| options.ref_id.to_string())
}
