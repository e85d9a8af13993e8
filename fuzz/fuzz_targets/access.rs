//! Any list of rules, asked for any addresses.
//!
//! Oracle: the definition, bit by bit. The longest prefix that contains the address decides, of equal ones
//! the last, and without any the address is denied.

#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use ntp_proto::server::{AccessList, AccessRule, Permission, Prefix};

#[derive(Debug)]
struct Case {
    rules: Vec<AccessRule>,
    addresses: Vec<IpAddr>,
}

impl Arbitrary<'_> for Case {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        let rules =
            (0..u.int_in_range(0..=24)?).filter_map(|_| rule(u).transpose()).collect::<Result<_>>()?;
        let addresses = (0..16).map(|_| address(u)).collect::<Result<_>>()?;
        Ok(Self { rules, addresses })
    }
}

/// Half of all addresses have few distinct bits, so that networks nest and touch.
fn address(u: &mut Unstructured<'_>) -> Result<IpAddr> {
    let bits: u128 = u.arbitrary()?;
    let (v4, few): (bool, bool) = u.arbitrary()?;
    let bits = if few { bits & 0xc000_0000_0000_0000_0000_0000_c000_0003 } else { bits };
    Ok(if v4 { IpAddr::V4((bits as u32).into()) } else { IpAddr::V6(bits.into()) })
}

fn rule(u: &mut Unstructured<'_>) -> Result<Option<AccessRule>> {
    let (address, len) = (address(u)?, u.int_in_range(0..=128)?);
    let permission = *u.choose(&[Permission::Deny, Permission::Allow, Permission::Query])?;
    let host_bits = |width: u8| u128::MAX.checked_shl(u32::from(width.saturating_sub(len))).unwrap_or(0);
    let address = match address {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & host_bits(32) as u32).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & host_bits(128)).into()),
    };
    Ok(Prefix::new(address, len).ok().map(|network| AccessRule { network, permission }))
}

fuzz_target!(|case: Case| {
    let list = AccessList::new(&case.rules);
    let edges = case.rules.iter().map(|rule| rule.network.address());
    let mut served = false;
    for address in case.addresses.iter().copied().chain(edges) {
        let expected = by_definition(&case.rules, address.to_canonical());
        assert_eq!(list.permission(address), expected, "{address}");
        served |= expected > Permission::Deny;
    }
    assert!(!served || list.serves_anyone());
});

fn by_definition(rules: &[AccessRule], address: IpAddr) -> Permission {
    let inside = |rule: &&AccessRule| {
        let bits_in_common = match (rule.network.address(), address) {
            (IpAddr::V4(network), IpAddr::V4(asked)) => (network.to_bits() ^ asked.to_bits()).leading_zeros(),
            (IpAddr::V6(network), IpAddr::V6(asked)) => (network.to_bits() ^ asked.to_bits()).leading_zeros(),
            _ => return false,
        };
        bits_in_common >= u32::from(rule.network.bits())
    };
    // Of equal maxima the last is found.
    let decides = rules.iter().filter(inside).max_by_key(|rule| rule.network.bits());
    decides.map_or(Permission::Deny, |rule| rule.permission)
}
