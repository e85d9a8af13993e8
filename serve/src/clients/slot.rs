//! A client's record as one line of the processor's cache: written by one thread, read by any.
//!
//! ```text
//!  word  0  requests : 32 | marks : 16 | generation : 16
//!        1  key, upper half          2  key, lower half
//!        3  first : 32 | last : 32   4  drops : 32 | tokens : 32
//!        5  interface : 32 | pace : 16 | pace after silence : 16
//!        6  receive timestamp        7  transmit timestamp, of the exchange that interleaved mode refers to
//! ```
//!
//! While a client is the same, words change one by one, and a reader may meet a count of just now beside a
//! time of just before. When the slot goes to another client the generation is odd, so that nobody is taken
//! for somebody else.

use super::client::{Client, Pace, Tick};
use super::key::Key;
use crate::sync::{AtomicU64, Ordering, fence};

const WORDS: usize = 8;

/// What a slot takes of memory.
pub(super) const SLOT_BYTES: usize = size_of::<[u64; WORDS]>();

#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Slot {
    words: [AtomicU64; WORDS],
}

impl Slot {
    /// For the thread that writes.
    pub(super) fn get(&self) -> Client {
        unpack(&self.load())
    }

    /// The same client, later. By one thread only.
    pub(super) fn update(&self, client: &Client) {
        let generation = self.generation();
        self.store(client, generation);
    }

    /// Another client. By one thread only.
    pub(super) fn replace(&self, client: &Client) {
        let odd = self.generation() | 1;
        let head = self.words[0].load(Ordering::Relaxed);
        self.words[0].store(head & !0xffff | u64::from(odd), Ordering::Relaxed);
        // Whoever sees a word of the new client also sees that it is changing.
        fence(Ordering::Release);
        for (place, word) in self.words.iter().zip(pack(client, odd)).skip(1) {
            place.store(word, Ordering::Relaxed);
        }
        self.words[0].store(pack(client, odd.wrapping_add(1))[0], Ordering::Release);
    }

    /// For everybody else; `None` if it is empty, or changes hands so fast that nobody can be made out.
    pub(super) fn read(&self) -> Option<Client> {
        const ATTEMPTS: u32 = 4;
        (0..ATTEMPTS).find_map(|_| self.attempt()).filter(|client| client.requests > 0)
    }

    fn attempt(&self) -> Option<Client> {
        let before = self.words[0].load(Ordering::Acquire) as u16;
        let words = self.load();
        fence(Ordering::Acquire);
        let after = self.words[0].load(Ordering::Relaxed) as u16;
        (before & 1 == 0 && before == after).then(|| unpack(&words))
    }

    fn generation(&self) -> u16 {
        self.words[0].load(Ordering::Relaxed) as u16
    }

    fn load(&self) -> [u64; WORDS] {
        std::array::from_fn(|i| self.words[i].load(Ordering::Relaxed))
    }

    fn store(&self, client: &Client, generation: u16) {
        for (place, word) in self.words.iter().zip(pack(client, generation)) {
            place.store(word, Ordering::Relaxed);
        }
    }
}

/// Marks: answered, authenticated, version, mode.
const ANSWERED: u16 = 1;
const AUTHENTICATED: u16 = 2;

fn pack(client: &Client, generation: u16) -> [u64; WORDS] {
    let flags = (u16::from(client.answered) * ANSWERED) | (u16::from(client.authenticated) * AUTHENTICATED);
    let marks = u32::from(flags | u16::from(client.version & 7) << 2 | u16::from(client.mode & 7) << 5);
    let [key_high, key_low] = client.key.words();
    [
        two(client.requests, marks << 16 | u32::from(generation)),
        key_high,
        key_low,
        two(client.first.ticks(), client.last.ticks()),
        two(client.drops, client.tokens),
        two(client.interface, u32::from(client.pace.0) << 16 | u32::from(client.unanswered_pace.0)),
        client.stamps[0],
        client.stamps[1],
    ]
}

fn unpack(words: &[u64; WORDS]) -> Client {
    let marks = (words[0] >> 16) as u16;
    Client {
        key: Key::from_words([words[1], words[2]]),
        first: Tick::new(high(words[3])),
        last: Tick::new(words[3] as u32),
        requests: high(words[0]),
        drops: high(words[4]),
        interface: high(words[5]),
        version: (marks >> 2 & 7) as u8,
        mode: (marks >> 5 & 7) as u8,
        authenticated: marks & AUTHENTICATED != 0,
        tokens: words[4] as u32,
        answered: marks & ANSWERED != 0,
        pace: Pace((words[5] >> 16) as u16),
        unanswered_pace: Pace(words[5] as u16),
        stamps: [words[6], words[7]],
    }
}

const fn two(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

const fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn somebody() -> Client {
        Client {
            key: Key::new("2001:db8::7".parse().unwrap(), 128),
            first: Tick::new(1),
            last: Tick::new(u32::MAX),
            requests: 3,
            drops: 4,
            interface: u32::MAX - 1,
            version: 4,
            mode: 3,
            authenticated: true,
            tokens: 5,
            answered: true,
            pace: Pace(6),
            unanswered_pace: Pace(u16::MAX),
            stamps: [8, u64::MAX],
        }
    }

    #[test]
    fn a_slot_is_a_cache_line_and_keeps_everything() {
        assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (SLOT_BYTES, 64));
        let slot = Slot::default();
        assert_eq!(slot.read(), None);
        slot.replace(&somebody());
        assert_eq!((slot.read(), slot.get()), (Some(somebody()), somebody()));
        let later = Client { requests: u32::MAX, answered: false, ..somebody() };
        slot.update(&later);
        assert_eq!(slot.read(), Some(later));
    }
}

#[cfg(test)]
#[cfg(loom)]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    fn client(number: u32) -> Client {
        let address = std::net::Ipv4Addr::from_bits(number).into();
        Client { key: Key::new(address, 64), requests: number, drops: number, ..Client::default() }
    }

    #[test]
    fn loom_nobody_is_taken_for_somebody_else() {
        loom::model(|| {
            let slot = Arc::new(Slot::default());
            slot.replace(&client(1));
            let writer = Arc::clone(&slot);
            let writing = thread::spawn(move || writer.replace(&client(2)));
            if let Some(seen) = slot.attempt() {
                assert_eq!(seen, client(seen.requests));
            }
            writing.join().unwrap();
            assert_eq!(slot.read(), Some(client(2)));
        });
    }
}
