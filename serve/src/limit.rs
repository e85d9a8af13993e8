//! How often a client may ask: a token bucket in its record.
//!
//! Each answer costs a token; tokens come back at a steady pace, up to a burst of them. Who has none left is
//! answered now and then all the same (the leak): somebody else may be asking in the client's name, and would
//! silence it otherwise. Some clients ask *more* when they hear nothing; those are better answered.

use crate::clients::{Client, Tick};

/// The limit in the words of the configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Seconds between requests that are always answered, above 0.
    pub interval_s: f64,
    /// So many in a row are answered before that, 1 … 255.
    pub burst: u8,
    /// Of what is beyond the limit one in 2^`leak` is answered, 1 … 8.
    pub leak: u8,
    /// Of the rest one in 2^`kod` is told to ask less; 0: none.
    pub kod: u8,
}

/// The same, ready for use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Tokens for each tick, in parts of [`TOKEN`].
    refill: u64,
    /// The most that a bucket holds, in parts of [`TOKEN`].
    full: u32,
    leak: u8,
    kod: u8,
    /// What a kiss asks for, log2 s.
    poll: i8,
}

/// One token; a bucket of 255 fits into 32 bits.
const TOKEN: u32 = 1 << 24;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is answered.
    Serve,
    /// Its client is told to ask less.
    Kiss,
    /// Silence.
    Drop,
}

impl Limit {
    /// Whatever is out of range is brought into it.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let ticks = (limits.interval_s * f64::from(Tick::PER_SECOND)).max(1e-3);
        Self {
            // The casts saturate.
            refill: (f64::from(TOKEN) / ticks) as u64,
            full: u32::from(limits.burst.max(1)) * TOKEN,
            leak: limits.leak.clamp(1, 8),
            kod: limits.kod.min(8),
            poll: limits.interval_s.log2().ceil().clamp(0.0, 17.0) as i8,
        }
    }

    /// What a kiss asks for, log2 s.
    pub(crate) const fn poll(&self) -> i8 {
        self.poll
    }

    /// What a bucket holds that was never used.
    pub(crate) const fn full(&self) -> u32 {
        self.full
    }

    /// Decides about a request that comes `after` the one before, and keeps the accounts in `client`. The bits
    /// of `random` have to be unknown to strangers.
    pub(crate) fn judge(&self, client: &mut Client, after: Tick, random: u32) -> Verdict {
        let gained = self.refill.saturating_mul(u64::from(after.ticks()));
        let tokens = u64::from(client.tokens).saturating_add(gained).min(u64::from(self.full)) as u32;
        if let Some(rest) = tokens.checked_sub(TOKEN) {
            client.tokens = rest;
            return Verdict::Serve;
        }
        client.tokens = tokens;
        let one_in = |power: u8, bits: u32| bits & ((1 << power) - 1) == 0;
        let leaks = one_in(self.leak, random);
        if leaks != client.asks_more_when_unanswered() {
            Verdict::Serve
        } else if self.kod > 0 && one_in(self.kod, random >> 16) {
            Verdict::Kiss
        } else {
            Verdict::Drop
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::{RngCore, SeedableRng};

    use super::*;

    const LIMITS: Limits = Limits { interval_s: 8.0, burst: 8, leak: 2, kod: 0 };

    /// How many of `requests`, one every `seconds`, are answered, told off, and dropped.
    fn fate(limits: &Limits, requests: u32, seconds: f64) -> [u32; 3] {
        let (limit, mut rng) = (Limit::new(limits), ChaCha8Rng::seed_from_u64(7));
        let mut client = Client { tokens: limit.full(), ..Client::default() };
        let mut fate = [0; 3];
        let mut last = 0;
        for i in 1..=requests {
            let now = (f64::from(i) * seconds * f64::from(Tick::PER_SECOND)) as u32;
            let verdict = limit.judge(&mut client, Tick::new(now - last), rng.next_u32());
            client.asked(Tick::new(now - last), verdict == Verdict::Serve);
            last = now;
            fate[verdict as usize] += 1;
        }
        fate
    }

    #[test]
    fn who_asks_slowly_enough_is_always_answered() {
        assert_eq!(fate(&LIMITS, 1_000, 8.0), [1_000, 0, 0]);
        let fast = Limits { interval_s: 0.1, ..LIMITS };
        assert_eq!(fate(&fast, 1_000, 0.11), [1_000, 0, 0]);
    }

    #[test]
    fn a_burst_is_answered_and_then_the_leak() {
        assert_eq!(fate(&LIMITS, 8, 0.01), [8, 0, 0]);
        let [served, _, dropped] = fate(&LIMITS, 10_000, 0.01);
        assert_eq!(served + dropped, 10_000);
        // 8 of the burst, 12 of the 100 s, a quarter of the rest.
        assert!((2_350..2_700).contains(&served), "{served}");
    }

    #[test]
    fn a_share_of_what_is_dropped_is_told_so() {
        let [_, kissed, dropped] = fate(&Limits { kod: 2, ..LIMITS }, 10_000, 0.01);
        let share = f64::from(kissed) / f64::from(kissed + dropped);
        assert!((0.2..0.3).contains(&share), "{share}");
    }

    #[test]
    fn who_asks_more_when_unanswered_is_mostly_answered() {
        let limit = Limit::new(&LIMITS);
        let mut client = Client { tokens: 0, ..Client::default() };
        let second = Tick::new(Tick::PER_SECOND);
        for _ in 0..16 {
            client.asked(Tick::new(Tick::PER_SECOND / 10), true);
            client.asked(second, false);
        }
        let served = |client: &Client| {
            let verdicts = (0..256u32).map(|random| limit.judge(&mut client.clone(), Tick::new(0), random));
            verdicts.filter(|verdict| *verdict == Verdict::Serve).count()
        };
        // Times after an answer are long, those after silence short.
        assert!(client.asks_more_when_unanswered());
        assert_eq!(served(&client), 192);
        assert_eq!(served(&Client::default()), 64);
    }
}
