//! Words that one thread writes and many read, whole or not at all.
//!
//! ```text
//!  version  even: the words belong together   odd: they are being written, or do not hold right now
//!  writer   version odd ─▶ words ─▶ version even and higher
//!  reader   version ─▶ words ─▶ version: the same and even, else again
//! ```
//!
//! The writer never waits. Readers write nothing, so any number of them costs nothing.

use crate::sync::{AtomicU64, Ordering, fence};

/// `N` words and their version.
#[derive(Debug)]
pub(crate) struct Published<const N: usize> {
    version: AtomicU64,
    words: [AtomicU64; N],
}

impl<const N: usize> Published<N> {
    pub(crate) fn new(words: [u64; N]) -> Self {
        Self { version: AtomicU64::new(0), words: words.map(AtomicU64::new) }
    }

    /// From here to the next [`write`](Self::write) there is nothing to read. By one thread only.
    pub(crate) fn withdraw(&self) {
        let odd = self.version.load(Ordering::Relaxed) | 1;
        self.version.store(odd, Ordering::Relaxed);
        // Whoever sees what happens from now on also sees that version.
        fence(Ordering::SeqCst);
    }

    /// By one thread only.
    pub(crate) fn write(&self, words: &[u64; N]) {
        self.withdraw();
        for (place, word) in self.words.iter().zip(words) {
            place.store(*word, Ordering::Relaxed);
        }
        let odd = self.version.load(Ordering::Relaxed);
        self.version.store(odd.wrapping_add(1), Ordering::Release);
    }

    /// The words and their version; `None` if they do not hold, or changed meanwhile.
    pub(crate) fn read(&self) -> Option<(u64, [u64; N])> {
        let version = self.version.load(Ordering::Acquire);
        if version & 1 == 1 {
            return None;
        }
        let words = std::array::from_fn(|i| self.words[i].load(Ordering::Relaxed));
        self.is(version).then_some((version, words))
    }

    /// Whether the words of this version hold still, after all that the caller has read.
    pub(crate) fn is(&self, version: u64) -> bool {
        fence(Ordering::Acquire);
        self.version.load(Ordering::Relaxed) == version
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_was_withdrawn_cannot_be_read_until_it_is_written_again() {
        let published = Published::new([1]);
        let (first, _) = published.read().unwrap();
        published.withdraw();
        assert!(published.read().is_none() && !published.is(first));
        published.write(&[2]);
        assert!(!published.is(first));
        assert_eq!(published.read().unwrap().1, [2]);
    }

    #[test]
    fn readers_never_see_a_mixture() {
        const LAST: u64 = 100_000;
        let published = Published::new([0; 11]);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut seen = 0;
                    while seen < LAST {
                        if let Some((_, words)) = published.read() {
                            assert!(words.iter().all(|word| *word == words[0]) && words[0] >= seen);
                            seen = words[0];
                        }
                    }
                });
            }
            (1..=LAST).for_each(|value| published.write(&[value; 11]));
        });
    }
}

#[cfg(test)]
#[cfg(loom)]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn loom_no_order_of_events_mixes_two_writes() {
        loom::model(|| {
            let published = Arc::new(Published::new([0; 2]));
            let writer = Arc::clone(&published);
            let writing = thread::spawn(move || {
                writer.write(&[1; 2]);
                writer.write(&[2; 2]);
            });
            if let Some((version, words)) = published.read() {
                assert_eq!(words[0], words[1]);
                assert_eq!(words[0] * 2, version);
            }
            writing.join().unwrap();
            assert_eq!(published.read().unwrap().1, [2; 2]);
        });
    }

    /// A clock is stepped between withdrawal and publication: who has read the stepped clock does not take
    /// the old words for good.
    #[test]
    fn loom_a_step_of_the_clock_never_meets_the_old_words() {
        loom::model(|| {
            let published = Arc::new(Published::new([0]));
            let clock = Arc::new(AtomicU64::new(0));
            let (writer, stepped) = (Arc::clone(&published), Arc::clone(&clock));
            let stepping = thread::spawn(move || {
                writer.withdraw();
                stepped.store(1, Ordering::Release);
                writer.write(&[1]);
            });
            if let Some((version, [words])) = published.read() {
                let shown = clock.load(Ordering::Acquire);
                if published.is(version) {
                    assert!(shown <= words, "the clock was stepped, the words are old");
                }
            }
            stepping.join().unwrap();
        });
    }
}
