//! The snapshot of time as all server threads see it.
//!
//! A change of the clock and the snapshot that goes with it cannot happen in one moment. So the snapshot is
//! withdrawn before the clock is touched, and a reader believes a reading of the clock only if the snapshot
//! was there before and after it.

use std::sync::Arc;
use std::thread::yield_now;

use ntp_engine::{SNAPSHOT_WORDS, TimeSnapshot};
use ntp_proto::server::Template;
use ntp_proto::time::{NtpDuration, NtpTimestamp, RawTime};

use crate::published::Published;

/// A datagram does not wait longer than this to be read.
const LONGEST_WAIT: NtpDuration = NtpDuration::from_secs(1);
/// So often another thread is let go first while the clock is being changed; then the packet is given up.
const PATIENCE: u32 = 10_000;
/// So old a template may be, 1/64 s: the dispersion grows by less than the field can show.
const TEMPLATE_AGE: NtpDuration = NtpDuration::from_ticks(1 << 26);

/// The writing end; there is one.
#[derive(Debug)]
pub struct TimePublisher {
    shared: Arc<Published<SNAPSHOT_WORDS>>,
}

impl TimePublisher {
    /// Begins with `snapshot`.
    #[must_use]
    pub fn new(snapshot: &TimeSnapshot) -> Self {
        Self { shared: Arc::new(Published::new(snapshot.to_words())) }
    }

    /// From now on `snapshot` holds, for all readers at once.
    pub fn publish(&mut self, snapshot: &TimeSnapshot) {
        self.shared.write(&snapshot.to_words());
    }

    /// The clock is about to be changed: nothing holds until the next [`publish`](Self::publish), which has to
    /// follow soon. Readers wait for it.
    pub fn withdraw(&mut self) {
        self.shared.withdraw();
    }

    /// A reading end.
    #[must_use]
    pub fn reader(&self) -> TimeReader {
        let shared = Arc::clone(&self.shared);
        let (version, words) = shared.read().unwrap_or_else(|| (ABSENT, NOTHING.to_words()));
        let snapshot = TimeSnapshot::from_words(&words);
        let template = Template::new(&snapshot.system_vars(snapshot.anchor));
        TimeReader {
            shared,
            version,
            template,
            made: snapshot.anchor,
            now: snapshot.anchor,
            since: snapshot.anchor,
            snapshot,
        }
    }
}

/// A version that no words have: they are read before anything is done with them.
const ABSENT: u64 = u64::MAX;

/// Stands where nothing could be read yet.
const NOTHING: TimeSnapshot = TimeSnapshot::from_words(&[0; SNAPSHOT_WORDS]);

/// What one thread knows of time.
#[derive(Debug)]
pub struct TimeReader {
    shared: Arc<Published<SNAPSHOT_WORDS>>,
    version: u64,
    snapshot: TimeSnapshot,
    template: Template,
    /// When the template was made.
    made: RawTime,
    /// The latest reading of the clock.
    now: RawTime,
    /// When the epoch of the snapshot began: stamps from before are another clock's.
    since: RawTime,
}

impl TimeReader {
    /// Reads `clock` with the snapshot that goes with it; `None` if the clock is being changed all the time.
    pub fn read(&mut self, clock: impl Fn() -> RawTime) -> Option<RawTime> {
        for _ in 0..PATIENCE {
            if self.shared.is(self.version) || self.load() {
                let now = clock();
                if self.shared.is(self.version) {
                    self.now = now;
                    return Some(now);
                }
            } else {
                yield_now();
            }
        }
        None
    }

    /// The estimated time when the clock showed `raw`.
    #[must_use]
    pub fn estimate(&self, raw: RawTime) -> NtpTimestamp {
        self.snapshot.estimate(raw).to_wire()
    }

    /// When a datagram arrived that bears this stamp: as of the latest [`read`](Self::read). A stamp of one
    /// that waited while the clock was stepped is another clock's; such arrived about now.
    #[must_use]
    pub fn arrival(&self, stamp: Option<RawTime>) -> RawTime {
        let plausible = |stamp: &RawTime| {
            let waited = self.now - *stamp;
            !waited.is_negative() && waited <= LONGEST_WAIT && *stamp >= self.since
        };
        stamp.filter(plausible).unwrap_or(self.now)
    }

    /// What replies say besides the times of their request, as of the latest [`read`](Self::read).
    pub fn template(&mut self) -> &Template {
        let age = self.now - self.made;
        if age.is_negative() || age > TEMPLATE_AGE {
            self.renew();
        }
        &self.template
    }

    fn load(&mut self) -> bool {
        let Some((version, words)) = self.shared.read() else { return false };
        let snapshot = TimeSnapshot::from_words(&words);
        if snapshot.epoch != self.snapshot.epoch {
            self.since = snapshot.anchor;
            self.now = snapshot.anchor;
        }
        (self.version, self.snapshot) = (version, snapshot);
        self.renew();
        true
    }

    fn renew(&mut self) {
        self.made = self.now;
        self.template = Template::new(&self.snapshot.system_vars(self.now));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ntp_proto::packet::{Leap, Stratum};

    use super::*;

    fn at(seconds: i64) -> RawTime {
        RawTime::from_unix(1_700_000_000 + seconds, 0)
    }

    fn snapshot(anchor: RawTime, epoch: u32) -> TimeSnapshot {
        TimeSnapshot {
            anchor,
            epoch: ntp_engine::ClockEpoch::from_number(epoch),
            stratum: Stratum::new(2),
            leap: Leap::None,
            valid_until: anchor + NtpDuration::from_secs(3600),
            ..NOTHING
        }
    }

    #[test]
    fn a_clock_that_is_being_stepped_is_not_read() {
        let mut publisher = TimePublisher::new(&snapshot(at(0), 0));
        let mut reader = publisher.reader();
        assert_eq!(reader.read(|| at(1)), Some(at(1)));
        publisher.withdraw();
        assert_eq!(reader.read(|| at(101)), None);
        assert!(publisher.reader().read(|| at(101)).is_none());
        let stepped = TimeSnapshot { offset: NtpDuration::from_secs(-100), ..snapshot(at(101), 1) };
        publisher.publish(&stepped);
        assert_eq!(reader.read(|| at(102)), Some(at(102)));
        assert_eq!(reader.estimate(at(102)), at(2).to_wire());
    }

    #[test]
    fn a_snapshot_that_changes_while_the_clock_is_read_is_taken_anew() {
        let publisher = TimePublisher::new(&snapshot(at(0), 0));
        let mut reader = publisher.reader();
        let (publisher, reads) = (std::cell::RefCell::new(publisher), Cell::new(0));
        let read = reader.read(|| {
            reads.set(reads.get() + 1);
            if reads.get() == 1 {
                let ahead = TimeSnapshot { offset: NtpDuration::from_secs(7), ..snapshot(at(0), 0) };
                publisher.borrow_mut().publish(&ahead);
            }
            at(reads.get())
        });
        assert_eq!((read, reads.get()), (Some(at(2)), 2));
        assert_eq!(reader.estimate(at(2)), at(9).to_wire());
    }

    #[test]
    fn stamps_of_another_clock_are_not_believed() {
        let mut publisher = TimePublisher::new(&snapshot(at(0), 0));
        let mut reader = publisher.reader();
        reader.read(|| at(10));
        let early = at(10) - NtpDuration::from_millis(5);
        assert_eq!(reader.arrival(Some(early)), early);
        for wrong in [at(10) + NtpDuration::from_nanos(1), at(8)] {
            assert_eq!(reader.arrival(Some(wrong)), at(10));
        }
        assert_eq!(reader.arrival(None), at(10));
        // The clock was set forward by 500 ms, between that stamp and now.
        let stepped = at(10) + NtpDuration::from_millis(500);
        publisher.publish(&snapshot(stepped, 1));
        reader.read(|| stepped);
        assert_eq!(reader.arrival(Some(early)), stepped);
    }

    #[test]
    fn what_is_told_changes_with_the_snapshot_and_with_its_age() {
        let mut publisher = TimePublisher::new(&snapshot(at(0), 0));
        let mut reader = publisher.reader();
        reader.read(|| at(0));
        let first = *reader.template();
        publisher.publish(&TimeSnapshot { leap: Leap::Insert, ..snapshot(at(0), 0) });
        reader.read(|| at(0));
        let second = *reader.template();
        reader.read(|| at(3601));
        assert!(first != second && *reader.template() != second);
    }
}
