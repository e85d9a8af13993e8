//! When a server thread should let packets gather.
//!
//! Near saturation a thread fetches two or three packets a call and pays for a call, and for the interrupt that
//! brought them, each time. A nap before the next call fills the batch. But a nap is time that somebody waits,
//! so there is none unless the thread is hardly ever idle.

use ntp_proto::time::{Monotonic, NtpDuration};

/// How long packets gather.
const NAP: NtpDuration = NtpDuration::from_nanos(60_000);
/// How long the thread is watched before it is judged.
const WINDOW: NtpDuration = NtpDuration::from_millis(10);
/// It is busy if it worked for more than this share of a window …
const BUSY: f64 = 0.85;
/// … and no longer busy below this one, which allows for what the naps save.
const RELAXED: f64 = 0.5;
/// Batches of this size need no nap.
const ENOUGH: usize = 32;

/// Watches how much of its time a thread works.
#[derive(Debug)]
pub(super) struct Pace {
    window: Monotonic,
    idle: NtpDuration,
    busy: bool,
}

impl Pace {
    pub(super) const fn new(now: Monotonic) -> Self {
        Self { window: now, idle: NtpDuration::ZERO, busy: false }
    }

    /// The thread waited for packets from `since` until `now`, or let them gather: a thread that naps is not busy
    /// because of its naps.
    pub(super) fn idled(&mut self, since: Monotonic, now: Monotonic) {
        self.idle += now - since;
        self.judge(now);
    }

    /// `batch` packets were served by `now`. How long to let others gather before the next ones are fetched.
    pub(super) fn nap(&mut self, batch: usize, now: Monotonic) -> Option<NtpDuration> {
        self.judge(now);
        (self.busy && (2..ENOUGH).contains(&batch)).then_some(NAP)
    }

    /// Whether the thread is hardly ever idle.
    pub(super) const fn is_busy(&self) -> bool {
        self.busy
    }

    fn judge(&mut self, now: Monotonic) {
        let length = now - self.window;
        if length >= WINDOW {
            let worked = 1.0 - self.idle.to_seconds() / length.to_seconds();
            self.busy = worked > if self.busy { RELAXED } else { BUSY };
            (self.window, self.idle) = (now, NtpDuration::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Monotonic {
        Monotonic::from_nanos(micros * 1_000)
    }

    /// The last word after a second of batches of four, of which each takes `work` and is followed by `idle` us.
    fn naps(pace: &mut Pace, begin: u64, work: u64, idle: u64) -> Option<NtpDuration> {
        let mut now = begin;
        let mut nap = None;
        while now < begin + 1_000_000 {
            nap = pace.nap(4, at(now + work));
            let idle = nap.map_or(idle, |nap| nap.to_nanos().unsigned_abs() / 1_000);
            pace.idled(at(now + work), at(now + work + idle));
            now += work + idle;
        }
        nap
    }

    #[test]
    fn only_who_is_hardly_idle_lets_packets_gather() {
        let mut pace = Pace::new(at(0));
        assert_eq!(naps(&mut pace, 0, 20, 20), None);
        assert_eq!(naps(&mut pace, 1_000_000, 20, 4), None);
        assert_eq!(naps(&mut pace, 2_000_000, 200, 2), Some(NAP));
        assert_eq!((pace.nap(1, at(3_000_001)), pace.nap(ENOUGH, at(3_000_001))), (None, None));
    }

    #[test]
    fn who_has_little_to_do_between_naps_stops_napping() {
        let mut pace = Pace::new(at(0));
        assert_eq!(naps(&mut pace, 0, 200, 2), Some(NAP));
        assert_eq!(naps(&mut pace, 1_000_000, 20, 20), None);
    }
}
