//! Names and the addresses behind them: when to look up, how patiently, and which address comes next.
//!
//! Each entry of the configuration has a *place* here. A look-up gives it addresses; those that are not in use
//! are *spare*. An address that proved bad is *banned* until the spares run out, so that no pool goes round in
//! circles between two dead servers while others are untried.

use std::collections::VecDeque;
use std::net::IpAddr;

use ntp_proto::time::{Monotonic, NtpDuration};
use serde::{Deserialize, Serialize};

/// A failed look-up is repeated after this …
const FIRST_RETRY: NtpDuration = NtpDuration::from_secs(2);
/// … then after twice as long, and so on up to this: a link that comes up is noticed in minutes.
const LAST_RETRY: NtpDuration = NtpDuration::from_secs(256);
/// More spare addresses than this are not kept.
const MAX_SPARES: usize = 64;
/// No look-up fails more often than this; beyond it a count is damaged.
const MAX_FAILURES: u32 = 1 << 31;

/// Names a look-up; the number of the entry that wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LookupId(pub(crate) usize);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Lookup {
    /// Nothing is wanted.
    #[default]
    Settled,
    /// To be asked at this time.
    Due(Monotonic),
    /// Asked, not answered.
    Asked,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    lookup: Lookup,
    failures: u32,
    spare: VecDeque<IpAddr>,
    banned: Vec<IpAddr>,
    /// An address of the name that another source uses.
    taken: Option<IpAddr>,
}

/// The places of all entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Directory {
    places: Vec<Place>,
    /// After how long names of sources that work are looked up again.
    refresh: Option<NtpDuration>,
}

impl Directory {
    pub(crate) fn new(entries: usize, refresh: Option<NtpDuration>) -> Self {
        Self { places: vec![Place::default(); entries], refresh }
    }

    /// Whether there is a place for each of so many entries, and every figure could be one. What came from a file
    /// need not be.
    pub(crate) fn is_sound(&self, entries: usize) -> bool {
        let place = |p: &Place| {
            p.failures <= MAX_FAILURES && p.spare.len() <= MAX_SPARES && p.banned.len() <= MAX_SPARES + 1
        };
        self.places.len() == entries && self.places.iter().all(place)
    }

    /// Names are looked up again after another time from the next look-up on.
    pub(crate) const fn set_refresh(&mut self, refresh: Option<NtpDuration>) {
        self.refresh = refresh;
    }

    /// One more entry.
    pub(crate) fn add(&mut self) {
        self.places.push(Place::default());
    }

    /// The entry wants its name looked up now, unless that is under way.
    pub(crate) fn want(&mut self, id: LookupId, now: Monotonic) {
        if let Some(place) = self.places.get_mut(id.0)
            && !matches!(place.lookup, Lookup::Asked)
        {
            (place.lookup, place.failures) = (Lookup::Due(now), 0);
        }
    }

    /// The entry wants nothing any more.
    pub(crate) fn forget(&mut self, id: LookupId) {
        if let Some(place) = self.places.get_mut(id.0) {
            *place = Place::default();
        }
    }

    /// A look-up that is due; it counts as asked from now on.
    pub(crate) fn poll(&mut self, now: Monotonic) -> Option<LookupId> {
        let due = |p: &Place| matches!(p.lookup, Lookup::Due(at) if at <= now);
        let id = self.places.iter().position(due)?;
        self.places[id].lookup = Lookup::Asked;
        Some(LookupId(id))
    }

    /// A look-up gave these addresses; `in_use` are not spare. If all that is left was banned, the bans are
    /// lifted: a server that was bad once is better than none.
    pub(crate) fn offer(&mut self, id: LookupId, addresses: impl Iterator<Item = IpAddr>, in_use: &[IpAddr]) {
        let Some(place) = self.places.get_mut(id.0) else { return };
        let (used, free): (Vec<IpAddr>, Vec<IpAddr>) =
            addresses.take(MAX_SPARES).partition(|a| in_use.contains(a));
        place.taken = used.first().copied();
        if free.iter().all(|a| place.banned.contains(a)) {
            place.banned.clear();
        }
        place.spare.clear();
        place.spare.extend(free.into_iter().filter(|a| !place.banned.contains(a)));
    }

    /// The next address to try.
    pub(crate) fn take_spare(&mut self, id: LookupId) -> Option<IpAddr> {
        self.places.get_mut(id.0)?.spare.pop_front()
    }

    /// Whether there is an address to try.
    pub(crate) fn has_spare(&self, id: LookupId) -> bool {
        self.places.get(id.0).is_some_and(|p| !p.spare.is_empty())
    }

    /// An address that the latest look-up gave and that was in use.
    pub(crate) fn taken(&self, id: LookupId) -> Option<IpAddr> {
        self.places.get(id.0)?.taken
    }

    /// The address proved bad.
    pub(crate) fn ban(&mut self, id: LookupId, address: IpAddr) {
        if let Some(place) = self.places.get_mut(id.0) {
            place.banned.truncate(MAX_SPARES);
            place.banned.push(address);
        }
    }

    /// The entry has all that it wants; its name is looked up again when it is time to refresh it.
    pub(crate) fn settle(&mut self, id: LookupId, now: Monotonic) {
        if let Some(place) = self.places.get_mut(id.0) {
            let again = self.refresh.map(|span| Lookup::Due(now + span));
            (place.lookup, place.failures) = (again.unwrap_or_default(), 0);
        }
    }

    /// The look-up gave too little; says when it is tried again, and whether this is news.
    pub(crate) fn retry(&mut self, id: LookupId, now: Monotonic) -> (NtpDuration, bool) {
        let Some(place) = self.places.get_mut(id.0) else { return (LAST_RETRY, false) };
        let delay = FIRST_RETRY.scaled(f64::from(1u32 << place.failures.min(16))).min(LAST_RETRY);
        place.failures += 1;
        place.lookup = Lookup::Due(now + delay);
        (delay, place.failures == 1)
    }

    /// Whether some name was not answered even once, for better or worse.
    pub(crate) fn is_settling(&self, now: Monotonic) -> bool {
        self.places.iter().any(|p| match p.lookup {
            Lookup::Settled => false,
            Lookup::Due(at) => p.failures == 0 && at <= now,
            Lookup::Asked => p.failures == 0,
        })
    }

    pub(crate) fn next_wakeup(&self) -> Option<Monotonic> {
        let due = |p: &Place| if let Lookup::Due(at) = p.lookup { Some(at) } else { None };
        self.places.iter().filter_map(due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: LookupId = LookupId(0);
    const REFRESH: NtpDuration = NtpDuration::from_secs(86_400);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn retries_back_off_and_stay_bounded() {
        let mut directory = Directory::new(1, Some(REFRESH));
        let mut now = Monotonic::default();
        directory.want(ID, now);
        let mut waits = Vec::new();
        for _ in 0..10 {
            assert_eq!(directory.poll(now), Some(ID));
            assert_eq!(directory.poll(now), None, "asked once");
            waits.push(directory.retry(ID, now).0.to_seconds() as u32);
            now = directory.next_wakeup().unwrap();
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 256, 256]);
        directory.settle(ID, now);
        assert_eq!(directory.next_wakeup(), Some(now + REFRESH));
    }

    #[test]
    fn without_a_refresh_names_are_looked_up_once() {
        let mut directory = Directory::new(1, None);
        directory.want(ID, Monotonic::default());
        assert_eq!(directory.poll(Monotonic::default()), Some(ID));
        directory.settle(ID, Monotonic::default());
        assert_eq!(directory.next_wakeup(), None);
    }

    #[test]
    fn bad_addresses_are_not_tried_again_until_nothing_else_is_left() {
        let mut directory = Directory::new(1, None);
        let all = || (1..=3).map(address);
        directory.offer(ID, all(), &[address(1)]);
        assert_eq!(directory.take_spare(ID), Some(address(2)));
        directory.ban(ID, address(2));
        directory.offer(ID, all(), &[address(1)]);
        assert_eq!(directory.take_spare(ID), Some(address(3)));
        assert_eq!(directory.take_spare(ID), None);
        directory.ban(ID, address(3));
        directory.offer(ID, all(), &[address(1)]);
        assert_eq!(directory.take_spare(ID), Some(address(2)), "better a bad one than none");
    }
}
