//! A bounded number of records, and who has to make room.
//!
//! A client's address leads to a set of eight slots. If all are taken, who has asked only once makes room, the
//! oldest first; who has come back keeps its place as long as it is heard of within an hour. So a flood of
//! invented addresses, of which each is seen once, passes through a few slots and leaves the regular clients
//! alone. Who finds no place is served without a record.

use std::sync::{Arc, OnceLock};

use super::client::{Client, Tick};
use super::key::Key;
use super::slot::{SLOT_BYTES, Slot};

const WAYS: usize = 8;
/// Sets whose slots are asked for together, so that a table that nobody uses takes no memory.
const SETS: usize = 8;
/// Who came back and was not heard of for so long makes room, in ticks.
const FORGET: u32 = 3_600 * Tick::PER_SECOND;

type Page = Box<[Slot]>;

/// Two words that make places in the table unpredictable.
pub type Seed = [u64; 2];

/// The slots, as everybody may read them.
#[derive(Debug)]
pub struct Clients {
    pages: Box<[OnceLock<Page>]>,
}

impl Clients {
    /// All clients. Meanwhile the table goes on changing.
    pub fn read(&self) -> impl Iterator<Item = Client> + '_ {
        self.pages.iter().filter_map(OnceLock::get).flat_map(|page| page.iter()).filter_map(Slot::read)
    }

    /// How many it can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.pages.len() * SETS * WAYS
    }
}

/// The table as its one writer has it.
#[derive(Debug)]
pub struct ClientTable {
    slots: Arc<Clients>,
    /// What there is to know of each slot before it is looked at: see [`Way`].
    sets: Vec<[u64; WAYS]>,
    seed: Seed,
}

/// Time of the latest request, whether the client has come back, and 16 bits of its hash; zero: nobody.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Way(u64);

/// A client that was found, or a place for a new one.
#[derive(Debug)]
pub(crate) struct Entry<'t> {
    slot: &'t Slot,
    way: &'t mut u64,
    tag: u16,
    /// The client; one that is new has not asked yet.
    pub(crate) client: Client,
    /// Whether somebody had to make room.
    pub(crate) displaced: bool,
}

impl ClientTable {
    /// What a slot costs, its share of the sets included.
    const BYTES: usize = SLOT_BYTES + size_of::<u64>();

    /// With as many slots as fit into `bytes`, though at least 64.
    #[must_use]
    pub fn new(bytes: usize, seed: Seed) -> Self {
        let pages = (bytes / (SETS * WAYS * Self::BYTES)).max(1);
        let slots = Clients { pages: (0..pages).map(|_| OnceLock::new()).collect() };
        Self { slots: Arc::new(slots), sets: vec![[0; WAYS]; pages * SETS], seed }
    }

    /// For those who read.
    #[must_use]
    pub fn clients(&self) -> Arc<Clients> {
        Arc::clone(&self.slots)
    }

    /// The record of `key`, or a place for it; `None` if nobody makes room.
    pub(crate) fn entry(&mut self, key: Key, now: Tick) -> Option<Entry<'_>> {
        let hash = hash(key, self.seed);
        // The upper bits say where, the lower ones who.
        let at = ((u128::from(hash) * self.sets.len() as u128) >> 64) as usize;
        let tag = hash as u16;
        let page = self.slots.pages[at / SETS].get_or_init(fresh);
        let slots = &page[at % SETS * WAYS..][..WAYS];
        let set = &mut self.sets[at];
        let known = (0..WAYS).find_map(|i| {
            let candidate = Way(set[i]).is_of(tag).then(|| slots[i].get())?;
            (candidate.key == key).then_some((i, candidate))
        });
        let (i, client, displaced) = match known {
            Some((i, client)) => (i, client, false),
            None => {
                let i = make_room(set, now)?;
                (i, Client { key, first: now, last: now, ..Client::default() }, set[i] != 0)
            }
        };
        Some(Entry { slot: &slots[i], way: &mut set[i], tag, client, displaced })
    }
}

impl Entry<'_> {
    /// Keeps what is in [`client`](Self::client), which asked at `now`.
    pub(crate) fn keep(mut self, now: Tick) {
        self.client.last = now;
        *self.way = Way::new(now, self.client.requests > 1, self.tag).0;
        if self.client.requests == 1 {
            self.slot.replace(&self.client);
        } else {
            self.slot.update(&self.client);
        }
    }
}

impl Way {
    const USED: u64 = 1 << 17;
    const CAME_BACK: u64 = 1 << 16;

    fn new(last: Tick, came_back: bool, tag: u16) -> Self {
        let back = if came_back { Self::CAME_BACK } else { 0 };
        Self(u64::from(last.ticks()) << 32 | Self::USED | back | u64::from(tag))
    }

    const fn is_of(self, tag: u16) -> bool {
        self.0 & Self::USED != 0 && self.0 as u16 == tag
    }

    /// How readily it makes room: the greater, the sooner. `None`: not at all.
    fn readiness(self, now: Tick) -> Option<(u8, u32)> {
        let silent = now.since(Tick::new((self.0 >> 32) as u32)).ticks();
        match self.0 {
            0 => Some((2, 0)),
            way if way & Self::CAME_BACK == 0 => Some((1, silent)),
            _ => (silent >= FORGET).then_some((0, silent)),
        }
    }
}

fn make_room(set: &[u64; WAYS], now: Tick) -> Option<usize> {
    let ready = (0..WAYS).filter_map(|i| Way(set[i]).readiness(now).map(|readiness| (readiness, i)));
    ready.max().map(|(_, i)| i)
}

fn fresh() -> Page {
    (0..SETS * WAYS).map(|_| Slot::default()).collect()
}

/// Two multiplications whose halves are folded together: strangers cannot aim at a set without the seed.
fn hash(key: Key, seed: Seed) -> u64 {
    let [high, low] = key.words();
    let first = fold(high ^ seed[0], low ^ seed[1]);
    fold(first ^ low, seed[0] | 1)
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::net::Ipv4Addr;

    use rand_chacha::ChaCha8Rng;
    use rand_core::{RngCore, SeedableRng};

    use super::*;

    const SEED: Seed = [0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321];

    fn key(number: u32) -> Key {
        Key::new(Ipv4Addr::from_bits(number).into(), 64)
    }

    /// One request; whether there was a record for it.
    fn ask(table: &mut ClientTable, number: u32, now: u32) -> bool {
        let now = Tick::new(now);
        let Some(mut entry) = table.entry(key(number), now) else { return false };
        let after = now.since(entry.client.last);
        entry.client.asked(after, true);
        entry.keep(now);
        true
    }

    #[test]
    fn clients_are_remembered_and_told_apart() {
        let mut table = ClientTable::new(1 << 20, SEED);
        for round in 0..3 {
            assert!((0..1_000).all(|number| ask(&mut table, number, round * 128)));
        }
        let read: Vec<Client> = table.clients().read().collect();
        assert_eq!(read.len(), 1_000);
        assert!(read.iter().all(|c| c.requests == 3 && (c.first.ticks(), c.last.ticks()) == (0, 256)));
    }

    #[test]
    fn its_size_is_what_was_asked_for() {
        for bytes in [0, 1 << 16, 4 << 20] {
            let table = ClientTable::new(bytes, SEED);
            let used = table.clients().capacity() * ClientTable::BYTES;
            assert!(used <= bytes.max(64 * ClientTable::BYTES) && used * 10 >= bytes * 9, "{bytes}: {used}");
        }
    }

    /// Ten million addresses are seen once each while a thousand clients ask every second or so.
    #[test]
    fn a_flood_of_ten_million_addresses_displaces_no_regular_client() {
        let mut table = ClientTable::new(4 << 20, SEED);
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        (0..2).for_each(|round| (0..1_000).for_each(|number| assert!(ask(&mut table, number, round))));
        for flood in 0..10_000_000u32 {
            let now = flood / 800;
            ask(&mut table, rng.next_u32() | 1 << 31, now);
            if flood % 100 == 0 {
                assert!(ask(&mut table, flood / 100 % 1_000, now));
            }
        }
        let clients = table.clients();
        let regular: Vec<Client> =
            clients.read().filter(|c| c.key.address() < Ipv4Addr::from_bits(1_000)).collect();
        assert_eq!(regular.len(), 1_000);
        assert!(regular.iter().all(|client| client.requests == 102), "{:?}", regular[0]);
        assert!(clients.read().count() <= clients.capacity());
    }

    #[test]
    fn who_came_back_makes_room_after_an_hour_of_silence() {
        let mut table = ClientTable::new(0, SEED);
        let capacity = table.clients().capacity() as u32;
        // Enough to fill every set of the smallest table.
        let many = capacity * 8;
        for number in 0..many {
            (0..2).for_each(|now| _ = ask(&mut table, number, now));
        }
        let stayed: Vec<Client> = table.clients().read().filter(|c| c.requests > 1).collect();
        assert!(!stayed.is_empty());
        let stranger = (many..many + 1_000).find(|n| !ask(&mut table, *n, 3));
        let stranger = stranger.expect("in some set all have come back");
        assert!(!ask(&mut table, stranger, FORGET));
        assert!(ask(&mut table, stranger, FORGET + 1));
    }
}
