//! The same by interface: how many asked over which network.
//!
//! The kernel numbers interfaces from 1 upwards, so the number itself is the place. After 4096 of them have
//! come and gone a number may fall on a place that another holds; it is then counted among the others.

use std::sync::OnceLock;

use crate::sync::{AtomicU64, Ordering, count};

const PAGES: usize = 64;
const PLACES: usize = 64;

/// What is counted for each interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceCount {
    /// Datagrams that arrived.
    Requests,
    /// Replies.
    Replies,
    /// Datagrams from networks that may not ask.
    Denied,
    /// Datagrams that are no request.
    Ignored,
    /// Requests of clients that ask too often.
    Limited,
}

const COUNTS: usize = 5;

/// Counters of one interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceCounters {
    /// Its index; 0 for those without a place of their own.
    pub index: u32,
    counts: [u64; COUNTS],
}

impl InterfaceCounters {
    /// How many so far.
    #[must_use]
    pub const fn get(&self, what: InterfaceCount) -> u64 {
        self.counts[what as usize]
    }

    /// Takes in what another thread has counted.
    pub fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, part)| *sum += part);
    }
}

#[derive(Debug, Default)]
struct Place {
    index: AtomicU64,
    counts: [AtomicU64; COUNTS],
}

type Page = Box<[Place]>;

/// Counters of all interfaces for one thread, which counts; all may read.
#[derive(Debug)]
pub struct Interfaces {
    pages: [OnceLock<Page>; PAGES],
    others: Place,
}

impl Default for Interfaces {
    fn default() -> Self {
        Self { pages: [const { OnceLock::new() }; PAGES], others: Place::default() }
    }
}

impl Interfaces {
    /// One more on the interface `index`; 0 if it is not known. By one thread only.
    pub fn count(&self, index: u32, what: InterfaceCount) {
        count(&self.place(index).counts[what as usize]);
    }

    /// Takes over what another thread has counted. By one thread only.
    pub fn absorb(&self, other: &Self) {
        for counted in other.read() {
            let place = self.place(counted.index);
            for (sum, part) in place.counts.iter().zip(counted.counts) {
                sum.store(sum.load(Ordering::Relaxed).wrapping_add(part), Ordering::Relaxed);
            }
        }
    }

    /// Every interface that anything was counted for, the others last with index 0.
    pub fn read(&self) -> impl Iterator<Item = InterfaceCounters> + '_ {
        let own = self.pages.iter().filter_map(OnceLock::get).flat_map(|page| page.iter());
        own.chain([&self.others]).map(Place::read).filter(|read| read.counts != [0; COUNTS])
    }

    fn place(&self, index: u32) -> &Place {
        let at = index as usize;
        let page = self.pages[at / PLACES % PAGES].get_or_init(fresh);
        let place = &page[at % PLACES];
        match place.index.load(Ordering::Relaxed) {
            0 => place.index.store(index.into(), Ordering::Relaxed),
            taken if taken != u64::from(index) => return &self.others,
            _ => {}
        }
        place
    }
}

fn fresh() -> Page {
    (0..PLACES).map(|_| Place::default()).collect()
}

impl Place {
    fn read(&self) -> InterfaceCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        InterfaceCounters {
            index: read(&self.index) as u32,
            counts: std::array::from_fn(|i| read(&self.counts[i])),
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_kept_apart_and_aliens_together() {
        let interfaces = Interfaces::default();
        for (index, times) in [(1, 3), (4094, 2), (1 + 4096, 5), (0, 1)] {
            (0..times).for_each(|_| interfaces.count(index, InterfaceCount::Denied));
        }
        let read: Vec<_> = interfaces.read().map(|i| (i.index, i.get(InterfaceCount::Denied))).collect();
        assert_eq!(read, [(0, 1), (1, 3), (4094, 2), (0, 5)]);
        assert!(interfaces.read().all(|i| i.get(InterfaceCount::Requests) == 0));
        let heir = Interfaces::default();
        heir.count(1, InterfaceCount::Denied);
        heir.absorb(&interfaces);
        let read: Vec<_> = heir.read().map(|i| (i.index, i.get(InterfaceCount::Denied))).collect();
        assert_eq!(read, [(0, 6), (1, 4), (4094, 2)]);
    }
}
