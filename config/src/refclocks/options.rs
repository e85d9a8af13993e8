//! What all reference clocks have in common.

use ntp_proto::packet::{PollExp, Stratum};
use ntp_proto::time::NtpDuration;

use crate::refclocks::RefclockId;
use crate::schema::{Boolean, Integer, Interval, Optional, Seconds, Text, Visitor};
use crate::sources::{NO_WINDOW, POLL, SAMPLES, STRATUM};
use crate::wishes::Wishes;

/// What can be said about a reference clock, whatever it is.
///
/// In the file these keys stand beside those of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct RefclockOptions {
    /// Selected before sources without it. Default: false.
    pub prefer: bool,
    /// Measured, never selected; others may still lock to it. Default: false.
    pub noselect: bool,
    /// Taken for a truechimer before sources without it. Default: false.
    pub trust: bool,
    /// Nothing is selected unless a source with it is selectable. Default: false.
    pub require: bool,
    /// What it is called here and in packets; no two are called the same. `None`: three letters of its driver and its
    /// number in the list, from 0, such as `PPS0` (`NME`, `PPS`, `SHM`, `SOC`, `PHC`, `RTC`; from the tenth on two
    /// letters). Default: `None`; `GPS` and `PPS` in `[sources.hardware]`.
    pub refid: Option<RefclockId>,
    /// Its stratum, 0 … 15: ours is one more. Default: 0.
    pub stratum: Stratum,
    /// Correction added to every measured offset (reference − ours), in seconds, for a delay that is known. Default:
    /// 0 s.
    pub offset: NtpDuration,
    /// How far it may be off as a whole, 0 … 1000 s: half of it counts as its error, as with the way to a server.
    /// Default: 1 ns; 40 µs for pulses of the kernel (`driver = "pps"` or `"sock"`), since interrupts are answered with a
    /// delay that nobody knows; 0.4 s for sentences of a receiver (`driver = "nmea"`, and `[sources.hardware.gps]` with
    /// a line or `shm:`), of which nobody knows how late they are: write less once `offset` is right.
    pub delay: NtpDuration,
    /// How exactly it can be read, above 0 s and at most 1 s; `None`: what the driver says. Default: `None`.
    pub precision: Option<NtpDuration>,
    /// Dispersion beyond which a sample is dropped, above 0 s and at most 1000 s; `None`: no such test. Default: `None`.
    pub maxdispersion: Option<NtpDuration>,
    /// The time from one sample to the next, as a power of two seconds, −7 … 24. Default: 4 (16 s).
    pub poll: PollExp,
    /// So many readings are kept for a sample, the last ones, 1 … 10000. Default: 64.
    pub filter: u16,
    /// How many samples it has to give before it is selectable, 1 … 64; `None`: what `[sources]` says.
    /// Default: `None`.
    pub minsamples: Option<u8>,
    /// For how many polls it may stay selected after it fell silent and nobody else can be selected, 0 … 10⁹.
    /// Default: 100000.
    pub maxunreach: u32,
}

/// What `delay` is where nothing is known of one.
pub(crate) const DELAY: NtpDuration = NtpDuration::from_nanos(1);
/// The same, where an interrupt tells of a pulse: processors take up to some tens of microseconds to answer one.
pub(crate) const INTERRUPT: NtpDuration = NtpDuration::from_nanos(40_000);
/// What `delay` is for sentences that end at any time within the second.
pub(crate) const UNCALIBRATED: NtpDuration = NtpDuration::from_millis(400);

const UP_TO_1000_S: Seconds = Seconds(Interval::above(0.0, 1000.0));

impl RefclockOptions {
    /// The defaults of clocks with this delay.
    pub(crate) const fn with_delay(delay: NtpDuration) -> Self {
        Self {
            prefer: false,
            noselect: false,
            trust: false,
            require: false,
            refid: None,
            stratum: Stratum::new(0),
            offset: NtpDuration::ZERO,
            delay,
            precision: None,
            maxdispersion: None,
            poll: PollExp::new(4),
            filter: 64,
            minsamples: None,
            maxunreach: 100_000,
        }
    }

    /// The keys within the table of a clock.
    pub(crate) fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.optional("prefer", Boolean, &mut self.prefer);
        v.optional("noselect", Boolean, &mut self.noselect);
        v.optional("trust", Boolean, &mut self.trust);
        v.optional("require", Boolean, &mut self.require);
        v.optional("refid", Optional(Text::new()), &mut self.refid);
        v.optional("stratum", STRATUM, &mut self.stratum);
        v.optional("offset", Seconds(Interval::within(-Interval::HUGE, Interval::HUGE)), &mut self.offset);
        v.optional("delay", Seconds(Interval::within(0.0, 1000.0)), &mut self.delay);
        v.optional("precision", Optional(Seconds(Interval::above(0.0, 1.0))), &mut self.precision);
        v.optional("maxdispersion", Optional(UP_TO_1000_S), &mut self.maxdispersion);
        v.optional("poll", POLL, &mut self.poll);
        v.optional("filter", Integer::within(1, 10_000), &mut self.filter);
        v.optional("minsamples", Optional(SAMPLES), &mut self.minsamples);
        v.refuse("maxsamples", NO_WINDOW);
        v.optional("maxunreach", Integer::within(0, 1_000_000_000), &mut self.maxunreach);
        v.not_yet("local");
        let (prefer, noselect) = (self.prefer, self.noselect);
        Wishes { prefer, noselect, trust: self.trust, require: self.require }.check(v);
    }
}
