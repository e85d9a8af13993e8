//! Names and the addresses behind them: when to look up, and how patiently.

use ntp_proto::time::{Monotonic, NtpDuration};
use serde::{Deserialize, Serialize};

/// A failed look-up is repeated after this …
const FIRST_RETRY: NtpDuration = NtpDuration::from_secs(2);
/// … then after twice as long, and so on up to this: a link that comes up is noticed in minutes.
const LAST_RETRY: NtpDuration = NtpDuration::from_secs(256);

/// Names a look-up; the number of the configuration entry that wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LookupId(pub(crate) usize);

#[derive(Clone, Copy, Debug)]
enum Lookup {
    /// Nothing is wanted.
    Settled,
    /// To be asked at this time.
    Due(Monotonic),
    /// Asked, not answered.
    Asked,
}

/// The look-ups of all entries.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    lookups: Vec<(Lookup, u32)>,
}

impl Directory {
    pub(crate) fn new(entries: usize) -> Self {
        Self { lookups: vec![(Lookup::Settled, 0); entries] }
    }

    /// The entry wants its name looked up now, unless that is under way.
    pub(crate) fn want(&mut self, id: LookupId, now: Monotonic) {
        if let Some((lookup, failures)) = self.lookups.get_mut(id.0)
            && !matches!(lookup, Lookup::Asked)
        {
            (*lookup, *failures) = (Lookup::Due(now), 0);
        }
    }

    /// A look-up that is due; it counts as asked from now on.
    pub(crate) fn poll(&mut self, now: Monotonic) -> Option<LookupId> {
        let due = |(l, _): &(Lookup, u32)| matches!(l, Lookup::Due(at) if *at <= now);
        let id = self.lookups.iter().position(due)?;
        self.lookups[id].0 = Lookup::Asked;
        Some(LookupId(id))
    }

    /// The look-up gave all that the entry wants.
    pub(crate) fn settle(&mut self, id: LookupId) {
        if let Some(lookup) = self.lookups.get_mut(id.0) {
            *lookup = (Lookup::Settled, 0);
        }
    }

    /// The look-up gave too little; says when it is tried again, and whether this is news.
    pub(crate) fn retry(&mut self, id: LookupId, now: Monotonic) -> (NtpDuration, bool) {
        let Some((lookup, failures)) = self.lookups.get_mut(id.0) else { return (LAST_RETRY, false) };
        let delay = FIRST_RETRY.scaled(f64::from(1u32 << (*failures).min(16))).min(LAST_RETRY);
        *failures += 1;
        *lookup = Lookup::Due(now + delay);
        (delay, *failures == 1)
    }

    /// Whether some name was not answered even once, for better or worse.
    pub(crate) fn is_settling(&self) -> bool {
        self.lookups.iter().any(|(lookup, failures)| !matches!(lookup, Lookup::Settled) && *failures == 0)
    }

    pub(crate) fn next_wakeup(&self) -> Option<Monotonic> {
        self.lookups.iter().filter_map(|(l, _)| if let Lookup::Due(at) = l { Some(*at) } else { None }).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_back_off_and_stay_bounded() {
        let mut directory = Directory::new(1);
        let mut now = Monotonic::default();
        directory.want(LookupId(0), now);
        let mut waits = Vec::new();
        for _ in 0..10 {
            assert_eq!(directory.poll(now), Some(LookupId(0)));
            assert_eq!(directory.poll(now), None, "asked once");
            waits.push(directory.retry(LookupId(0), now).0.to_seconds() as u32);
            now = directory.next_wakeup().unwrap();
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 256, 256]);
        directory.settle(LookupId(0));
        assert_eq!(directory.next_wakeup(), None);
    }
}
