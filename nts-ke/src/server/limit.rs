//! How often an address may connect: a burst, and then one connection for each interval.
//!
//! The table has a fixed size. Who is not in it has made no connections, so to forget somebody is to be kind to
//! him; the one who is forgotten is who has used least of his share.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// The limit in the words of the configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Between connections that are always accepted.
    pub interval: Duration,
    /// So many in a row are accepted before that, 1 … 255.
    pub burst: u8,
    /// Of what is beyond the limit one in 2^`leak` is accepted, 1 … 8: others may connect in the client's place.
    pub leak: u8,
}

/// Whom a limit is for: an IPv4 address, or a network of 64 bits, in which a host may take any IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Party(IpAddr);

impl Party {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        })
    }
}

/// Places that one address may be in.
const WAYS: usize = 4;
const SETS: usize = 1_024;

/// What addresses have used of their share.
#[derive(Debug)]
pub(super) struct Accounts {
    /// Strangers must not know who shares a place with whom.
    secret: RandomState,
    asked: u64,
    sets: Box<[[Account; WAYS]]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Stands for the address.
    tag: u64,
    /// When all that was used will have come back, in milliseconds.
    settled_ms: u64,
}

impl Accounts {
    pub(super) fn new() -> Self {
        let sets = vec![[Account::default(); WAYS]; SETS].into_boxed_slice();
        Self { secret: RandomState::new(), asked: 0, sets }
    }

    /// Whether a connection may be accepted, `now` after some start. Counts it if so.
    pub(super) fn allow(&mut self, party: Party, limit: &RateLimit, now: Duration) -> bool {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let (interval, now) = (millis(limit.interval), millis(now));
        let tag = self.secret.hash_one(party);
        let set = &mut self.sets[tag as usize % SETS];
        let known = set.iter().position(|account| account.tag == tag);
        let forgotten = || (0..WAYS).min_by_key(|i| set[*i].settled_ms).unwrap_or(0);
        let place = known.unwrap_or_else(forgotten);
        let settled = if known.is_some() { set[place].settled_ms.max(now) } else { now };
        let burst = interval.saturating_mul(u64::from(limit.burst.max(1)) - 1);
        if settled - now <= burst {
            set[place] = Account { tag, settled_ms: settled.saturating_add(interval) };
            return true;
        }
        self.asked += 1;
        self.secret.hash_one(self.asked) & ((1 << limit.leak.clamp(1, 8)) - 1) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit { interval: Duration::from_secs(8), burst: 4, leak: 2 };

    fn party(address: &str) -> Party {
        Party::of(address.parse().unwrap())
    }

    #[test]
    fn a_burst_and_then_one_each_interval() {
        let mut accounts = Accounts::new();
        let strict = RateLimit { leak: 8, ..LIMIT };
        let mut at = |seconds| accounts.allow(party("192.0.2.1"), &strict, Duration::from_secs(seconds));
        assert_eq!([0; 4].map(&mut at), [true; 4]);
        assert!([1; 20].map(&mut at).iter().filter(|allowed| **allowed).count() < 5);
        assert!(at(8));
        assert!(at(1_000) && at(1_000) && at(1_000) && at(1_000));
    }

    #[test]
    fn some_of_what_is_too_much_leaks() {
        let mut accounts = Accounts::new();
        let mut ask = || accounts.allow(party("192.0.2.1"), &LIMIT, Duration::ZERO);
        let allowed = (0..4_000).filter(|_| ask()).count();
        assert!((800..1_200).contains(&allowed), "{allowed}");
    }

    #[test]
    fn addresses_of_one_network_share_and_others_do_not() {
        assert_eq!(party("2001:db8::1"), party("2001:db8::ffff:1:2"));
        assert_ne!(party("2001:db8::1"), party("2001:db8:0:1::1"));
        assert_eq!(party("::ffff:192.0.2.1"), party("192.0.2.1"));
        assert_ne!(party("192.0.2.1"), party("192.0.2.2"));
    }

    #[test]
    fn a_flood_of_addresses_does_not_make_others_wait() {
        let mut accounts = Accounts::new();
        for i in 0..100_000_u32 {
            let flood = Party::of(IpAddr::V4(i.into()));
            assert!(accounts.allow(flood, &LIMIT, Duration::ZERO));
        }
        assert!(accounts.allow(party("192.0.2.1"), &LIMIT, Duration::ZERO));
    }
}
