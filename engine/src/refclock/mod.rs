//! A reference clock of this machine: its readings, and the samples that are made of them.
//!
//! ```text
//!  Reading ─▶ offset ──────────────────────────▶ batch ─▶ Sample ─▶ filter of the source
//!    pulse ─▶ lock (which second?) ─▶ train (in time?) ─┘
//! ```
//!
//! Knows nothing of devices: drivers give readings, of whatever kind they are.

mod lock;
mod options;
mod scatter;
mod train;

use ntp_clock::{Batch, Estimate, Gist, Sample};
use ntp_proto::client::Reach;
use ntp_proto::packet::Leap;
use ntp_proto::time::{FreeTime, Frequency, Monotonic, NtpDuration, Offset};
use serde::{Deserialize, Serialize};

use crate::source::{MAX_CLOCK_ERROR, ServerState};
pub(crate) use lock::{Unlocked, number, room};
pub use options::{PulseOptions, RefclockOptions};
use scatter::Scatter;
pub(crate) use train::Verdict;
use train::{Beat, Train, Witness};

/// The first samples are made of readings of so many seconds: whoever starts wants the time.
const FIRST_SPANS: [i64; 6] = [3, 3, 3, 3, 4, 8];
/// A sample is complete a little before its time, so that the reading that ends it is still part of it.
const EARLY: f64 = 0.97;
/// A batch that no reading ended is ended after this.
const GRACE: NtpDuration = NtpDuration::from_secs(2);
/// Pulses are held against what was expected of them after so many samples.
const KNOWN_AFTER: u32 = 4;
/// How far a pulse may be from where it was expected: in standard deviations, and at least.
const ROOM_DEVIATIONS: f64 = 10.0;
const LEAST_ROOM: NtpDuration = NtpDuration::from_nanos(2_000);
/// There may be more pulses than the rate says by this share, and by so many.
const SURPLUS: f64 = 1.25;
const SURPLUS_PULSES: f64 = 1.5;
/// No sample is better than this: drivers may say that they read without any error, and filters believe it.
const LEAST_RESOLUTION: NtpDuration = NtpDuration::from_nanos(1);
/// Readings that scatter so many times as much as they used to are of a clock before and after a jump.
const TORN: f64 = 30.0;
/// How much a pulse in time counts for how far it is from what numbers it.
const APART_WEIGHT: f64 = 1.0 / 16.0;
/// Nor more pulses in a second.
const MAX_RATE: u32 = 1_000_000;
/// No clock gives more readings than this; beyond it a count is damaged.
const MAX_COUNT: u64 = 1 << 48;

/// What a source has that is a reference clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refclock {
    pub(crate) options: RefclockOptions,
    batch: Batch,
    /// When the batch is complete; `None`: it waits for its first reading.
    ends: Option<Monotonic>,
    reach: Reach,
    train: Train,
    /// So much further ahead than its pulses is what numbers them, as long as they are in time.
    apart: Option<NtpDuration>,
    pub(crate) latest: Option<Latest>,
    /// Why the latest pulse has no number.
    unlocked: Option<Unlocked>,
    /// Why pulses that have numbers make no sample.
    crowded: Option<Unlocked>,
    /// What the latest reading said of the end of the day.
    pub(crate) leap: Option<Leap>,
    /// Of a single reading.
    scatter: Scatter,
    /// Samples since it was known that nothing is known.
    made: u32,
    /// Whether the latest reading was a pulse.
    pulses: bool,
    pub(crate) counts: Counts,
}

/// The latest reading that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latest {
    pub(crate) at: FreeTime,
    /// The operator's correction included.
    pub(crate) offset: Offset,
}

/// Who numbers pulses, as of one of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partner {
    /// So far ahead it showed the reference to be, lately.
    pub(crate) shows: NtpDuration,
    /// One standard deviation of that.
    pub(crate) deviation: NtpDuration,
    /// Whether that is what was known of it before.
    pub(crate) is_steady: bool,
}

/// What became of readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// All.
    pub(crate) readings: u64,
    /// Those that took part in a sample.
    pub(crate) counted: u64,
    /// The clock itself said that it is not to be believed.
    pub(crate) distrusted: u64,
    /// Nobody knew which second they began.
    pub(crate) unlocked: u64,
    /// They were not where the others were.
    pub(crate) displaced: u64,
    /// Taken while the clock was stepped.
    pub(crate) confused: u64,
    /// Samples that were not good enough.
    pub(crate) poor: u64,
}

impl Counts {
    /// Each by its name, but for all readings together.
    pub(crate) const fn refused(&self) -> [(&'static str, u64); 5] {
        [
            ("distrusted", self.distrusted),
            ("unlocked", self.unlocked),
            ("displaced", self.displaced),
            ("clock changed", self.confused),
            ("poor sample", self.poor),
        ]
    }
}

impl Refclock {
    pub(crate) fn new(options: RefclockOptions) -> Self {
        Self {
            batch: Batch::new(options.filter),
            options,
            ends: None,
            reach: Reach::default(),
            train: Train::default(),
            apart: None,
            latest: None,
            unlocked: None,
            crowded: None,
            leap: None,
            scatter: Scatter::default(),
            made: 0,
            pulses: false,
            counts: Counts::default(),
        }
    }

    /// Whether every figure could be that of a reference clock. What came from a file need not.
    pub(crate) fn is_sound(&self) -> bool {
        let Counts { readings, counted, distrusted, unlocked, displaced, confused, poor } = self.counts;
        let counts = [readings, counted, distrusted, unlocked, displaced, confused, poor];
        let countable = counts.iter().all(|count| *count <= MAX_COUNT)
            && self.batch.len() <= self.options.filter.max(1)
            && self.options.pulses.rate <= MAX_RATE;
        countable && self.scatter.is_sound()
    }

    /// Whether its pulses have to wait until the clock is set by others.
    pub(crate) fn waits_for_clock(&self) -> bool {
        matches!(self.unlocked, Some(Unlocked::ClockUnset | Unlocked::ClockDoubtful(_)))
    }

    /// Why pulses cannot be used.
    pub(crate) fn obstacle(&self) -> Option<Unlocked> {
        self.unlocked.or(self.crowded)
    }

    pub(crate) const fn reach(&self) -> Reach {
        self.reach
    }

    /// Whether it gives pulses, and not the time of day.
    pub(crate) const fn gives_pulses(&self) -> bool {
        self.pulses
    }

    /// Of a single reading, one standard deviation.
    pub(crate) fn scatter(&self) -> Option<NtpDuration> {
        self.scatter.known()
    }

    /// How far the pulses have moved that are not believed any more.
    pub(crate) fn displacement(&self) -> Option<NtpDuration> {
        self.train.displacement()
    }

    /// When something is to be done though no reading came.
    pub(crate) fn next_wakeup(&self) -> Option<Monotonic> {
        self.ends.map(|ends| ends + GRACE)
    }

    /// Whether what was gathered is enough for a sample, or too little comes.
    pub(crate) fn is_complete(&self, now: Monotonic, has_reading: bool) -> bool {
        self.ends.is_some_and(|ends| now >= if has_reading { ends } else { ends + GRACE })
    }

    /// Something came, usable or not: from now on it is known when too little comes.
    pub(crate) fn begin(&mut self, now: Monotonic, pulses: bool) {
        self.pulses = pulses;
        self.ends.get_or_insert(self.next_end(now));
    }

    fn next_end(&self, now: Monotonic) -> Monotonic {
        let longest = self.options.poll.interval();
        let first = FIRST_SPANS.get(self.made as usize);
        // Not even the first is made of a single reading, if more come: nobody could tell how good it is.
        let longest = if self.made == 0 { NtpDuration::MAX } else { longest };
        let span = first.map_or(longest, |seconds| NtpDuration::from_secs(*seconds).min(longest));
        now + span.scaled(EARLY)
    }

    /// A reading that is to be part of the next sample.
    pub(crate) fn take(&mut self, latest: Latest, resolution: NtpDuration, leap: Option<Leap>) {
        let Latest { at, offset } = latest;
        self.latest = Some(latest);
        (self.leap, self.unlocked) = (leap, None);
        self.batch.add(at, offset, resolution);
    }

    /// A pulse that has its number. `expected` is what was known before it.
    pub(crate) fn judge(
        &mut self,
        pulse: Latest,
        expected: Option<&Estimate>,
        partner: Option<Partner>,
        now: Monotonic,
    ) -> Verdict {
        let verdict = self.weigh(pulse, expected, partner, now);
        if verdict == Verdict::InTime {
            self.learn_apart(pulse, partner);
        }
        verdict
    }

    /// How far pulses and sentences are apart, for the time when one of them has jumped.
    fn learn_apart(&mut self, pulse: Latest, partner: Option<Partner>) {
        let Some(partner) = partner.filter(|partner| partner.is_steady) else { return };
        let apart = partner.shows - pulse.offset.as_duration();
        let known = self.apart.get_or_insert(apart);
        *known += (apart - *known).scaled(APART_WEIGHT);
    }

    fn weigh(
        &mut self,
        pulse: Latest,
        expected: Option<&Estimate>,
        partner: Option<Partner>,
        now: Monotonic,
    ) -> Verdict {
        let Some(expected) = expected.filter(|_| self.made >= KNOWN_AFTER) else { return Verdict::InTime };
        let by = pulse.offset.as_duration() - expected.offset.as_duration();
        let (known, scatter) = (expected.uncertainty(), self.scatter.at_most());
        let deviation = known.to_seconds().hypot(scatter.to_seconds());
        let age = self.latest.map_or(NtpDuration::ZERO, |latest| pulse.at - latest.at);
        let room = NtpDuration::from_seconds(ROOM_DEVIATIONS * deviation).max(LEAST_ROOM)
            + MAX_CLOCK_ERROR * age.max(NtpDuration::ZERO);
        let witness = partner.zip(self.apart).map(|(partner, apart)| Witness {
            by: partner.shows - apart - expected.offset.as_duration(),
            deviation: partner.deviation,
        });
        let verdict = self.train.judge(Beat { at: pulse.at, by, room }, witness);
        if verdict == Verdict::Believed {
            self.restart(now);
        }
        verdict
    }

    /// A pulse has no number.
    pub(crate) const fn refuse(&mut self, why: Unlocked) {
        self.counts.unlocked += 1;
        self.unlocked = Some(why);
    }

    /// The batch ends: what it says, if that is worth anything. The clock is believed to run at `frequency`.
    pub(crate) fn close(&mut self, now: Monotonic, frequency: Frequency) -> Option<(Sample, ServerState)> {
        self.ends = Some(self.next_end(now));
        self.reach.shift();
        if self.made < KNOWN_AFTER && self.is_crowded() {
            self.crowded = Some(Unlocked::TooMany { pulses: self.batch.len(), within: self.batch.span() });
            self.counts.unlocked += self.batch.len() as u64;
            self.batch.clear();
            return None;
        }
        let gist = self.batch.close(frequency)?;
        self.crowded = None;
        if self.made >= KNOWN_AFTER && self.is_torn(&gist) {
            self.counts.poor += 1;
            self.restart(now);
            return None;
        }
        self.scatter.learn(&gist, frequency);
        let deviation = gist.deviation(self.scatter.at_most());
        if self.options.max_dispersion.is_some_and(|limit| deviation.max(gist.resolution) > limit) {
            self.counts.poor += 1;
            return None;
        }
        self.reach.mark();
        self.made = self.made.saturating_add(1);
        self.counts.counted += gist.counted as u64;
        Some((self.sample(&gist, deviation), self.state(&gist, deviation)))
    }

    /// The reference's count of seconds changed by a leap second.
    pub(crate) fn renumber(&mut self, by: NtpDuration) {
        self.batch.shift(by);
        self.scatter.interrupt();
        self.leap = self.leap.map(|_| Leap::None);
        if self.options.ahead != 0 {
            // TAI has no leap seconds.
            self.options.ahead -= by.to_seconds().round() as i64;
        }
        if let Some(latest) = &mut self.latest {
            latest.offset = Offset::reference_ahead_by(latest.offset.as_duration() + by);
        }
    }

    /// Nothing is expected of the next readings: the clock has become doubtful.
    pub(crate) fn restart(&mut self, now: Monotonic) {
        self.batch.clear();
        self.scatter.interrupt();
        self.train.restart();
        self.made = 0;
        self.ends = self.ends.map(|_| self.next_end(now));
    }

    /// Whether the clock has jumped between its readings: what they say together was never true.
    fn is_torn(&self, gist: &Gist) -> bool {
        let usual = self.scatter.at_most().max(gist.resolution).max(LEAST_ROOM);
        gist.scatter.is_some_and(|scatter| scatter > usual.scaled(TORN))
    }

    /// Whether more pulses came than the rate says, so that some of them are none.
    fn is_crowded(&self) -> bool {
        let expected = self.batch.span().to_seconds() / self.options.pulses.interval().to_seconds();
        self.pulses && self.batch.len() as f64 > SURPLUS * expected + SURPLUS_PULSES
    }

    fn sample(&self, gist: &Gist, deviation: NtpDuration) -> Sample {
        // The variance of a sample is a sixth of its resolution squared.
        let scattered = deviation.scaled(6_f64.sqrt());
        Sample {
            at: gist.at,
            offset: gist.offset,
            delay: NtpDuration::ZERO,
            resolution: scattered.max(gist.resolution).max(self.options.precision).max(LEAST_RESOLUTION),
        }
    }

    fn state(&self, gist: &Gist, deviation: NtpDuration) -> ServerState {
        ServerState {
            leap: self.leap.unwrap_or(Leap::None),
            stratum: self.options.stratum,
            ref_id: self.options.ref_id,
            root_delay: self.options.delay,
            // Readings may have an error in common, which more of them do not make smaller.
            root_dispersion: deviation.max(gist.resolution).max(self.options.precision),
        }
    }
}
