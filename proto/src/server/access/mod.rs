//! Who may ask.
//!
//! Rules are prefixes with a permission; the longest prefix that contains an address decides, among equal
//! prefixes the last, and what no rule contains is denied. The rules are flattened once into disjoint
//! ranges, and those into tables: a look-up touches one or two places in memory for IPv4 and a handful for
//! IPv6, however many rules there are and however they overlap.
//!
//! | file | holds |
//! |---|---|
//! | `ranges.rs` | rules as disjoint ranges |
//! | `v4.rs` | the ranges of IPv4 by their upper 16 bits |
//! | `v6.rs` | the ranges of IPv6 as a shallow tree |

mod ranges;
mod v4;
mod v6;

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use self::ranges::Ranges;
use self::v4::TableV4;
use self::v6::TreeV6;

/// What an address may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Nothing; its datagrams are dropped without a word.
    #[default]
    Deny,
    /// Ask for the time.
    Allow,
    /// Ask for the time and send management queries.
    Query,
}

/// A network: an address and the number of its leading bits that count.
///
/// IPv4 addresses that are mapped into IPv6 are IPv4 addresses here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

/// A prefix length beyond the address, or address bits beyond the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixError {
    /// More bits than the address has.
    TooLong,
    /// Bits are set that do not count.
    HostBits,
}

impl Prefix {
    /// The network of `address` with `len` leading bits.
    ///
    /// # Errors
    /// When the length or the address does not fit.
    pub fn new(address: IpAddr, len: u8) -> Result<Self, PrefixError> {
        let width = if address.is_ipv4() { 32 } else { 128 };
        if len > width {
            return Err(PrefixError::TooLong);
        }
        let prefix = Self { address, len };
        let (first, _) = prefix.range();
        if first == key(address) { Ok(prefix) } else { Err(PrefixError::HostBits) }
    }

    /// The first address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits count.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.len
    }

    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let (first, last) = self.range();
        address.is_ipv4() == self.address.is_ipv4() && (first..=last).contains(&key(address))
    }

    /// First and last address as keys.
    fn range(&self) -> (u128, u128) {
        let host_bits = match self.address {
            IpAddr::V4(_) => 32 - u32::from(self.len),
            IpAddr::V6(_) => 128 - u32::from(self.len),
        };
        let host = u128::MAX.checked_shr(128 - host_bits).unwrap_or(0);
        let first = key(self.address) & !host;
        (first, first | host)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "prefix is longer than the address",
            Self::HostBits => "address has bits set beyond the prefix",
        })
    }
}

impl core::error::Error for PrefixError {}

/// One line of the access list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// Whom it is about.
    pub network: Prefix,
    /// What they may do.
    pub permission: Permission,
}

/// The compiled rules of both address families.
#[derive(Clone, Debug, Default)]
pub struct AccessList {
    v4: TableV4,
    v6: TreeV6,
    serves_anyone: bool,
}

impl AccessList {
    /// Compiles `rules`, given in the order in which they were written.
    #[must_use]
    pub fn new(rules: &[AccessRule]) -> Self {
        let family = |v4: bool| rules.iter().copied().filter(move |r| r.network.address.is_ipv4() == v4);
        let (v4, v6) = (Ranges::new(family(true)), Ranges::new(family(false)));
        Self {
            serves_anyone: v4.serve_anyone() || v6.serve_anyone(),
            v4: TableV4::new(&v4),
            v6: TreeV6::new(&v6),
        }
    }

    /// What `address` may do.
    #[must_use]
    pub fn permission(&self, address: IpAddr) -> Permission {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.v4.find(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.find(v6.to_bits()),
        }
    }

    /// Whether anybody is served at all.
    #[must_use]
    pub const fn serves_anyone(&self) -> bool {
        self.serves_anyone
    }
}

fn key(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(Ipv4Addr::to_bits(v4)),
        IpAddr::V6(v6) => Ipv6Addr::to_bits(v6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(network: &str, permission: Permission) -> AccessRule {
        let (address, len) = network.split_once('/').unwrap();
        let network = Prefix::new(address.parse().unwrap(), len.parse().unwrap()).unwrap();
        AccessRule { network, permission }
    }

    fn ask(list: &AccessList, address: &str) -> Permission {
        list.permission(address.parse().unwrap())
    }

    #[test]
    fn the_longest_prefix_decides_whatever_the_order() {
        let list = AccessList::new(&[
            rule("10.1.2.3/32", Permission::Query),
            rule("10.0.0.0/8", Permission::Allow),
            rule("10.1.0.0/16", Permission::Deny),
        ]);
        assert_eq!(ask(&list, "10.0.0.1"), Permission::Allow);
        assert_eq!(ask(&list, "10.1.0.1"), Permission::Deny);
        assert_eq!(ask(&list, "10.1.2.3"), Permission::Query);
        assert_eq!(ask(&list, "10.1.2.4"), Permission::Deny);
        assert_eq!(ask(&list, "10.2.0.0"), Permission::Allow);
        assert_eq!(ask(&list, "11.0.0.0"), Permission::Deny);
    }

    #[test]
    fn of_equal_prefixes_the_last_decides() {
        let list =
            AccessList::new(&[rule("0.0.0.0/0", Permission::Deny), rule("0.0.0.0/0", Permission::Allow)]);
        assert_eq!(ask(&list, "255.255.255.255"), Permission::Allow);
        assert_eq!(ask(&list, "::1"), Permission::Deny);
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        let list = AccessList::new(&[rule("192.0.2.0/24", Permission::Allow)]);
        assert_eq!(ask(&list, "::ffff:192.0.2.9"), Permission::Allow);
    }

    #[test]
    fn nothing_is_served_without_rules() {
        assert!(!AccessList::new(&[]).serves_anyone());
        assert!(!AccessList::new(&[rule("::/0", Permission::Deny)]).serves_anyone());
        assert!(AccessList::new(&[rule("::/0", Permission::Allow)]).serves_anyone());
    }

    #[test]
    fn prefixes_are_checked() {
        assert_eq!(Prefix::new("10.0.0.1".parse().unwrap(), 8), Err(PrefixError::HostBits));
        assert_eq!(Prefix::new("10.0.0.0".parse().unwrap(), 33), Err(PrefixError::TooLong));
    }

    /// Straight from the definition.
    fn slow(rules: &[AccessRule], address: u32) -> Permission {
        let inside = |r: &&AccessRule| {
            let (first, last) = r.network.range();
            (first..=last).contains(&u128::from(address))
        };
        // max_by_key returns the last of equal maxima.
        rules.iter().filter(inside).max_by_key(|r| r.network.len).map_or(Permission::Deny, |r| r.permission)
    }

    prop_compose! {
        fn any_rule()(bits: u32, len in 0u8..=32, permission in 0..3) -> AccessRule {
            // Few distinct leading bits, so that networks nest and touch.
            let address = (bits & 0xc000_0003) & u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0);
            let network = Prefix::new(IpAddr::V4(Ipv4Addr::from_bits(address)), len).unwrap();
            let permission = [Permission::Deny, Permission::Allow, Permission::Query][permission as usize];
            AccessRule { network, permission }
        }
    }

    /// What holds at `address`, by halving.
    fn find(ranges: &Ranges, address: u128) -> Permission {
        let after = ranges.starts().partition_point(|(start, _)| *start <= address);
        after.checked_sub(1).map_or(Permission::Deny, |i| ranges.starts()[i].1)
    }

    /// Of a hundred thousand networks in both families, against ranges that are searched one by one.
    #[test]
    fn a_hundred_thousand_networks_are_looked_up_as_their_ranges_say() {
        use rand_core::{RngCore, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let permissions = [Permission::Deny, Permission::Allow, Permission::Query];
        let mut network = |i: usize| {
            let (bits, len) = match i % 3 {
                // Single hosts and small networks, dense in some places and scattered elsewhere.
                0 => (u128::from(rng.next_u32() & 0x0a03_ffff), 20 + rng.next_u32() % 13),
                1 => (u128::from(rng.next_u32()), 8 + rng.next_u32() % 25),
                _ => (0x2001 << 112 | u128::from(rng.next_u64()) << 40, 24 + rng.next_u32() % 105),
            };
            let width = if i % 3 == 2 { 128 } else { 32 };
            let bits = bits >> (width - len) << (width - len);
            let address = if width == 32 {
                IpAddr::V4(Ipv4Addr::from_bits(bits as u32))
            } else {
                IpAddr::V6(Ipv6Addr::from_bits(bits))
            };
            let network = Prefix::new(address, len as u8).unwrap();
            AccessRule { network, permission: permissions[rng.next_u32() as usize % 3] }
        };
        let rules: Vec<AccessRule> = (0..100_000).map(&mut network).collect();
        let list = AccessList::new(&rules);
        let family =
            |v4: bool| Ranges::new(rules.iter().copied().filter(move |r| r.network.address.is_ipv4() == v4));
        let (v4, v6) = (family(true), family(false));
        let mut served = 0;
        for rule in &rules {
            let (first, last) = rule.network.range();
            for asked in [first.wrapping_sub(1), first, last, last.wrapping_add(1)] {
                let (address, expected) = if rule.network.address.is_ipv4() {
                    (IpAddr::V4(Ipv4Addr::from_bits(asked as u32)), find(&v4, u128::from(asked as u32)))
                } else {
                    (IpAddr::V6(Ipv6Addr::from_bits(asked)), find(&v6, asked))
                };
                served += u32::from(expected > Permission::Deny);
                assert_eq!(list.permission(address), expected, "{address}");
            }
        }
        assert!(served > 100_000, "{served}");
    }

    /// A thousand networks in both families, a hundred thousand addresses, against the definition.
    #[test]
    fn a_thousand_networks_agree_with_their_definition_for_a_hundred_thousand_addresses() {
        use rand_core::{RngCore, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        // Few distinct leading bits, so that networks nest and addresses hit them.
        let mut address = |v6: bool| {
            let noise = rng.next_u64();
            if v6 {
                let bits = 0x2001_0db8u128 << 96 | u128::from(noise & 0x0f0f_ff00_0000_00ff) << 32;
                (IpAddr::V6(Ipv6Addr::from_bits(bits)), 32 + rng.next_u32() % 97)
            } else {
                let bits = 10 << 24 | (noise as u32 & 0x00ff_f0ff);
                (IpAddr::V4(Ipv4Addr::from_bits(bits)), 8 + rng.next_u32() % 25)
            }
        };
        let permissions = [Permission::Deny, Permission::Allow, Permission::Query];
        let rules: Vec<AccessRule> = (0..1_000)
            .map(|i| {
                let (address, len) = address(i % 2 == 0);
                let (first, _) = Prefix { address, len: len as u8 }.range();
                let address = match address {
                    IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(first as u32)),
                    IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(first)),
                };
                let network = Prefix::new(address, len as u8).unwrap();
                AccessRule { network, permission: permissions[i % 3] }
            })
            .collect();
        let list = AccessList::new(&rules);
        let ranges: Vec<_> =
            rules.iter().map(|r| (r.network.address.is_ipv4(), r.network.range(), r)).collect();
        let mut decided_by_rule = 0;
        for i in 0..100_000 {
            let (address, _) = address(i % 2 == 0);
            let (v4, asked) = (address.is_ipv4(), key(address));
            let inside =
                ranges.iter().filter(|(f, (first, last), _)| *f == v4 && *first <= asked && asked <= *last);
            let decisive = inside.map(|(_, _, rule)| rule).max_by_key(|r| r.network.len);
            decided_by_rule += u32::from(decisive.is_some());
            let expected = decisive.map_or(Permission::Deny, |r| r.permission);
            assert_eq!(list.permission(address), expected, "{address}");
        }
        assert!(decided_by_rule > 30_000, "the addresses hit too few networks: {decided_by_rule}");
    }

    proptest! {
        #[test]
        fn compiled_rules_agree_with_their_definition(
            rules in prop::collection::vec(any_rule(), 0..20), asked in prop::collection::vec(any::<u32>(), 50),
        ) {
            let list = AccessList::new(&rules);
            for address in asked.into_iter().flat_map(|a| [a, a & 0xc000_0003, a | 0x3fff_fffc]) {
                let found = list.permission(IpAddr::V4(Ipv4Addr::from_bits(address)));
                prop_assert_eq!(found, slow(&rules, address), "{}", Ipv4Addr::from_bits(address));
            }
        }
    }
}
