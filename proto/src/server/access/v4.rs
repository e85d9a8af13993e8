//! The ranges of IPv4 by their upper 16 bits.
//!
//! ```text
//!  upper 16 bits ─▶ entry ─┬─▶ the permission, if all addresses of the block have the same
//!                          ├─▶ a line with up to 24 starts: how many of them are not after the lower 16 bits?
//!                          └─▶ a map with two bits for each piece of the block
//! ```
//!
//! So a look-up reads an entry and, for a block that is divided, one more place. A line is as long as a line
//! of the processor's cache. Maps are for blocks that are divided often; their pieces are as large as the
//! divisions allow, at most 16 KiB for a block.

use super::Permission;
use super::ranges::Ranges;

const BLOCKS: usize = 1 << 16;
/// Starts in a line; with their permissions and what holds before the first one they fill 64 bytes.
const STARTS: usize = 24;

/// All blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct TableV4 {
    /// One for each block; none at all if nobody is served.
    entries: Vec<Entry>,
    lines: Vec<Line>,
    maps: Vec<u8>,
}

/// Two bits of kind, and the permission, the number of a line, or the place of a map in units of 64 bytes with
/// its shift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry(u32);

const SAME: u32 = 0;
const LINE: u32 = 1;
const MAP: u32 = 2;
/// Maps begin at multiples of so many bytes.
const UNIT: usize = 64;

/// Where permissions start to hold within a block, in order. Unused ones are at the end and start nowhere.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line {
    starts: [u16; STARTS],
    count: u8,
    /// Two bits for what holds before the first start, and for each start.
    permissions: u64,
}

impl TableV4 {
    pub(super) fn new(ranges: &Ranges) -> Self {
        let mut table = Self::default();
        if !ranges.serve_anyone() {
            return table;
        }
        let mut starts = ranges.starts();
        let mut holds = Permission::Deny;
        // What is beyond the last address starts in no block.
        while let Some(block) = starts.first().map(|(start, _)| start >> 16).filter(|b| *b < BLOCKS as u128) {
            table.entries.resize(block as usize, Entry::same(holds));
            let here = starts.partition_point(|(start, _)| start >> 16 <= block);
            let (within, after) = starts.split_at(here);
            let entry = table.entry(holds, within);
            table.entries.push(entry);
            holds = within.last().map_or(holds, |(_, permission)| *permission);
            starts = after;
        }
        table.entries.resize(BLOCKS, Entry::same(holds));
        table
    }

    /// What holds at `address`.
    pub(super) fn find(&self, address: u32) -> Permission {
        let Some(entry) = self.entries.get((address >> 16) as usize) else { return Permission::Deny };
        let (low, payload) = (address as u16, entry.0 >> 2);
        match entry.0 & 3 {
            SAME => permission(payload as u8),
            LINE => self.lines.get(payload as usize).map_or(Permission::Deny, |line| line.find(low)),
            _ => {
                let piece = usize::from(low) >> (payload & 15);
                let byte = (payload >> 4) as usize * UNIT + piece / 4;
                self.maps.get(byte).map_or(Permission::Deny, |four| permission(four >> (piece % 4 * 2)))
            }
        }
    }

    /// For a block in which `starts` begin, and `before` holds up to the first.
    fn entry(&mut self, before: Permission, starts: &[(u128, Permission)]) -> Entry {
        match starts {
            [(start, all)] if *start as u16 == 0 => Entry::same(*all),
            few if few.len() <= STARTS => {
                self.lines.push(Line::new(before, few));
                Entry((self.lines.len() as u32 - 1) << 2 | LINE)
            }
            many => self.map(before, many),
        }
    }

    fn map(&mut self, before: Permission, starts: &[(u128, Permission)]) -> Entry {
        // Pieces as large as the finest division.
        let shift =
            starts.iter().map(|(start, _)| (*start as u16).trailing_zeros()).min().unwrap_or(0).min(15);
        let pieces = 1usize << (16 - shift);
        let at = self.maps.len() / UNIT;
        self.maps.resize(self.maps.len() + (pieces / 4).max(1).next_multiple_of(UNIT), 0);
        let (mut holds, mut next) = (before, starts.iter().peekable());
        for piece in 0..pieces {
            while let Some((_, permission)) =
                next.next_if(|(start, _)| usize::from(*start as u16) >> shift <= piece)
            {
                holds = *permission;
            }
            self.maps[at * UNIT + piece / 4] |= bits(holds) << (piece % 4 * 2);
        }
        Entry((at as u32) << 6 | shift << 2 | MAP)
    }
}

impl Entry {
    const fn same(permission: Permission) -> Self {
        Self((bits(permission) as u32) << 2 | SAME)
    }
}

impl Line {
    fn new(before: Permission, starts: &[(u128, Permission)]) -> Self {
        let mut line = Self {
            starts: [u16::MAX; STARTS],
            count: starts.len() as u8,
            permissions: u64::from(bits(before)),
        };
        for (i, (start, permission)) in starts.iter().enumerate() {
            line.starts[i] = *start as u16;
            line.permissions |= u64::from(bits(*permission)) << (2 * (i + 1));
        }
        line
    }

    fn find(&self, low: u16) -> Permission {
        // Without a branch: how many start here or before. The unused ones do at the very last address.
        let begun = self.starts.iter().map(|start| u8::from(*start <= low)).sum::<u8>().min(self.count);
        permission((self.permissions >> (2 * begun)) as u8)
    }
}

const fn bits(permission: Permission) -> u8 {
    permission as u8
}

const fn permission(bits: u8) -> Permission {
    match bits & 3 {
        1 => Permission::Allow,
        2 => Permission::Query,
        _ => Permission::Deny,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_cache_line() {
        assert_eq!(size_of::<Line>(), 64);
    }

    /// A hundred thousand scattered networks of one address each.
    #[test]
    fn memory_is_bounded_by_the_number_of_networks() {
        let rule = |i: u32| {
            let address = core::net::Ipv4Addr::from_bits(i.wrapping_mul(0x9e37_79b1));
            let network = super::super::Prefix::new(address.into(), 32).unwrap();
            super::super::AccessRule { network, permission: Permission::Allow }
        };
        let table = TableV4::new(&Ranges::new((0..100_000).map(rule)));
        let bytes = table.entries.len() * 4 + table.lines.len() * 64 + table.maps.len();
        assert!(bytes < 5 << 20, "{bytes}");
        assert_eq!(table.find(0x9e37_79b1), Permission::Allow);
    }
}
