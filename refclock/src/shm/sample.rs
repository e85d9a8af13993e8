//! What lies in the shared memory, as bytes, and what it says.
//!
//! The structure is that of ntpd's driver 28. It holds two times of C, whose length the size of the segment tells:
//!
//! | bytes | times of | aligned to | written by programs for |
//! |---|---|---|---|
//! | 80 | 32 bits | 4 | 32 bits, until 2038 |
//! | 88 | 64 bits | 4 | i386 |
//! | 96 | 64 bits | 8 | 64 bits, and 32 bits but for i386 |
//!
//! Times are written in microseconds, newer programs add nanoseconds in fields that once were unused.

use ntp_clock::{Reading, Shows};
use ntp_proto::packet::Leap;
use ntp_proto::time::{NtpDuration, RawTime};

use crate::stamp::{is_recent, unix};

/// The longest form, and the one that others can write in if we made the segment: a program that expects a shorter one
/// finds its fields in other places, but one that expects a longer one would be turned away.
pub(super) const LONGEST: usize = 96;

/// Why what lies there gives no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The segment is too short for the structure.
    Size,
    /// Nothing was written since it was last read.
    Nothing,
    /// No program writes such values: a time that does not exist, an unknown mode or leap indicator.
    Nonsense,
    /// It was not written just now.
    Stale,
}

/// Where the fields are that depend on the length of times. `mode` and `count` are at 0 and 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) size: usize,
    long: bool,
    clock: Place,
    receive: Place,
    leap: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    seconds: usize,
    micros: usize,
}

const SHORT: Layout = Layout {
    size: 80,
    long: false,
    clock: Place { seconds: 8, micros: 12 },
    receive: Place { seconds: 16, micros: 20 },
    leap: 24,
};
const PACKED: Layout = Layout {
    size: 88,
    long: true,
    clock: Place { seconds: 8, micros: 16 },
    receive: Place { seconds: 20, micros: 28 },
    leap: 32,
};
const LONG: Layout = Layout {
    size: LONGEST,
    long: true,
    clock: Place { seconds: 8, micros: 16 },
    receive: Place { seconds: 24, micros: 32 },
    leap: 36,
};

impl Layout {
    /// That of a segment of `size` bytes; room behind the longest form is nobody's.
    pub(super) const fn of(size: usize) -> Option<Self> {
        match size {
            80 => Some(SHORT),
            88 => Some(PACKED),
            LONGEST.. => Some(LONG),
            _ => None,
        }
    }

    // Behind `leap` come `precision`, `nsamples`, `valid` and two fields for nanoseconds.
    const fn precision(&self) -> usize {
        self.leap + 4
    }

    pub(super) const fn valid(&self) -> usize {
        self.leap + 12
    }

    const fn clock_nanos(&self) -> usize {
        self.leap + 16
    }

    const fn receive_nanos(&self) -> usize {
        self.leap + 20
    }
}

/// What was written, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    mode: i32,
    count: i32,
    clock: Time,
    receive: Time,
    leap: i32,
    precision: i32,
    pub(super) valid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Time {
    seconds: i64,
    micros: i32,
    nanos: i32,
}

impl Written {
    /// `None` if `bytes` are fewer than the layout has.
    pub(super) fn read(layout: &Layout, bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes.get(..layout.size)?);
        let time = |place: Place, nanos| {
            Some(Time {
                seconds: if layout.long {
                    fields.long(place.seconds)?
                } else {
                    fields.int(place.seconds)?.into()
                },
                micros: fields.int(place.micros)?,
                nanos: fields.int(nanos)?,
            })
        };
        Some(Self {
            mode: fields.int(0)?,
            count: fields.int(4)?,
            clock: time(layout.clock, layout.clock_nanos())?,
            receive: time(layout.receive, layout.receive_nanos())?,
            leap: fields.int(layout.leap)?,
            precision: fields.int(layout.precision())?,
            valid: fields.int(layout.valid())? != 0,
        })
    }

    /// What it says at `now`.
    pub(super) fn reading(&self, now: RawTime) -> Result<Reading, Refusal> {
        if !self.valid {
            return Err(Refusal::Nothing);
        }
        let leap = u8::try_from(self.leap).ok().filter(|leap| *leap <= 3).ok_or(Refusal::Nonsense)?;
        if !matches!(self.mode, 0 | 1) {
            return Err(Refusal::Nonsense);
        }
        // An old program leaves in the fields for nanoseconds what was there.
        let fine = self.clock.is_fine() && self.receive.is_fine();
        let shows = self.clock.stamp(fine).ok_or(Refusal::Nonsense)?;
        let at = self.receive.stamp(fine).ok_or(Refusal::Nonsense)?;
        if !is_recent(at, now) {
            return Err(Refusal::Stale);
        }
        let coarsest = if fine { NtpDuration::ZERO } else { NtpDuration::from_nanos(1000) };
        let resolution = resolution(self.precision).max(coarsest);
        let (shows, leap) = (Shows::Time(shows.reinterpret()), Some(Leap::from_bits(leap)));
        Ok(Reading { at, shows, leap, resolution })
    }
}

impl Time {
    /// Whether the nanoseconds belong to the microseconds.
    const fn is_fine(&self) -> bool {
        self.nanos >= 0 && self.nanos / 1000 == self.micros
    }

    fn stamp(&self, fine: bool) -> Option<RawTime> {
        let nanos = if fine { i64::from(self.nanos) } else { i64::from(self.micros) * 1000 };
        unix(self.seconds, nanos)
    }
}

/// The precision is a power of two, in seconds. Between one nanosecond, which is what stamps can tell, and ten
/// milliseconds: gpsd calls the time of serial lines good to half a second, of which its scatter shows more.
fn resolution(precision: i32) -> NtpDuration {
    const FINEST: NtpDuration = NtpDuration::from_nanos(1);
    const COARSEST: NtpDuration = NtpDuration::from_millis(10);
    match precision {
        ..=-30 => FINEST,
        -29..=-7 => NtpDuration::from_ticks(1 << (32 + precision)),
        _ => COARSEST,
    }
}

/// What the structure in `bytes`, a whole segment, says at `now`: by the system clock.
///
/// # Errors
/// Why it says nothing that can be used.
pub fn decode(bytes: &[u8], now: RawTime) -> Result<Reading, Refusal> {
    let layout = Layout::of(bytes.len()).ok_or(Refusal::Size)?;
    Written::read(&layout, bytes).ok_or(Refusal::Size)?.reading(now)
}

/// Integers as this machine writes them.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn int(&self, at: usize) -> Option<i32> {
        self.0.get(at..)?.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes))
    }

    fn long(&self, at: usize) -> Option<i64> {
        self.0.get(at..)?.first_chunk().map(|bytes| i64::from_ne_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests;
