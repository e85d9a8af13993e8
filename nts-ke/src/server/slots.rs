//! Who is connected. There are so many places; when all are taken, a newcomer gets one all the same.
//!
//! The oldest connection whose handshake is not done makes room: an honest client needs some milliseconds for it,
//! and only who does nothing becomes old. If all are done, it is the oldest of them. So whoever holds connections
//! open without a word, however many, cannot lock anybody out; one who makes new ones all the time has to fill
//! all places within the time of a handshake.

use std::collections::BTreeMap;

use tokio::task::AbortHandle;

use super::limit::Party;

/// One connection's number; later ones have larger numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number(u64);

#[derive(Debug)]
struct Slot {
    party: Party,
    handshake_done: bool,
    task: AbortHandle,
}

/// The places.
#[derive(Debug, Default)]
pub(super) struct Slots {
    taken: BTreeMap<Number, Slot>,
    last: u64,
}

/// Who had to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Displaced {
    pub(super) handshake_done: bool,
}

impl Slots {
    /// Makes room for a connection of `party`: in all, and among its own. Returns its number and who had to go.
    pub(super) fn make_room(&mut self, party: Party, total: usize, own: usize) -> (Number, Vec<Displaced>) {
        let mut gone = Vec::new();
        while self.taken.values().filter(|slot| slot.party == party).count() >= own.max(1) {
            gone.extend(self.displace(|slot| slot.party == party));
        }
        while self.taken.len() >= total.max(1) {
            gone.extend(self.displace(|_| true));
        }
        self.last += 1;
        (Number(self.last), gone)
    }

    fn displace(&mut self, of: impl Fn(&Slot) -> bool) -> Option<Displaced> {
        let candidates = || self.taken.iter().filter(|(_, slot)| of(slot));
        let in_handshake = candidates().find(|(_, slot)| !slot.handshake_done);
        let number = *in_handshake.or_else(|| candidates().next())?.0;
        let slot = self.taken.remove(&number)?;
        slot.task.abort();
        Some(Displaced { handshake_done: slot.handshake_done })
    }

    /// The connection that there is room for.
    pub(super) fn take(&mut self, number: Number, party: Party, task: AbortHandle) {
        self.taken.insert(number, Slot { party, handshake_done: false, task });
    }

    pub(super) fn handshake_done(&mut self, number: Number) {
        if let Some(slot) = self.taken.get_mut(&number) {
            slot.handshake_done = true;
        }
    }

    pub(super) fn leave(&mut self, number: Number) {
        self.taken.remove(&number);
    }

    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Lab {
        slots: Slots,
        runtime: tokio::runtime::Runtime,
    }

    impl Lab {
        fn new() -> Self {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            Self { slots: Slots::default(), runtime }
        }

        fn come(&mut self, address: u8, total: usize, own: usize) -> (Number, Vec<Displaced>) {
            let party = Party::of([192, 0, 2, address].into());
            let (number, gone) = self.slots.make_room(party, total, own);
            let task = self.runtime.spawn(std::future::pending::<()>());
            self.slots.take(number, party, task.abort_handle());
            (number, gone)
        }

        fn here(&self) -> Vec<u64> {
            self.slots.taken.keys().map(|number| number.0).collect()
        }
    }

    const IN_HANDSHAKE: Displaced = Displaced { handshake_done: false };
    const DONE: Displaced = Displaced { handshake_done: true };

    #[test]
    fn the_oldest_in_its_handshake_makes_room() {
        let mut lab = Lab::new();
        let (first, _) = lab.come(1, 3, 9);
        lab.come(2, 3, 9);
        lab.come(3, 3, 9);
        lab.slots.handshake_done(first);
        assert_eq!(lab.come(4, 3, 9).1, [IN_HANDSHAKE]);
        assert_eq!(lab.here(), [1, 3, 4]);
    }

    #[test]
    fn if_all_are_done_the_oldest_makes_room() {
        let mut lab = Lab::new();
        for address in 1..=3 {
            let (number, _) = lab.come(address, 3, 9);
            lab.slots.handshake_done(number);
        }
        assert_eq!(lab.come(4, 3, 9).1, [DONE]);
        assert_eq!(lab.here(), [2, 3, 4]);
    }

    #[test]
    fn one_address_displaces_only_itself() {
        let mut lab = Lab::new();
        lab.come(1, 100, 2);
        for _ in 0..10 {
            lab.come(7, 100, 2);
        }
        assert_eq!(lab.here(), [1, 10, 11]);
    }

    #[test]
    fn who_leaves_makes_room_without_harm() {
        let mut lab = Lab::new();
        let (first, _) = lab.come(1, 1, 1);
        lab.slots.leave(first);
        lab.slots.leave(first);
        assert_eq!(lab.come(2, 1, 1).1, []);
        assert_eq!(lab.slots.len(), 1);
    }
}
