//! The ranges of IPv6 as a shallow tree.
//!
//! The lowest level holds all starts; each level above holds every sixteenth of the level below. A look-up counts
//! in one group of sixteen per level how many are not after the address, and goes down there: five groups for a
//! hundred thousand networks.

use super::Permission;
use super::ranges::Ranges;

const FANOUT: usize = 16;

/// All starts.
#[derive(Clone, Debug, Default)]
pub(super) struct TreeV6 {
    /// The top first.
    levels: Vec<Vec<u128>>,
    permissions: Vec<Permission>,
}

impl TreeV6 {
    pub(super) fn new(ranges: &Ranges) -> Self {
        let (starts, permissions): (Vec<u128>, _) = ranges.starts().iter().copied().unzip();
        let mut levels = vec![starts];
        while let Some(level) = levels.last().filter(|level| level.len() > FANOUT) {
            let above = level.iter().copied().step_by(FANOUT).collect();
            levels.push(above);
        }
        levels.reverse();
        Self { levels, permissions }
    }

    /// What holds at `address`.
    pub(super) fn find(&self, address: u128) -> Permission {
        let mut at = 0;
        for level in &self.levels {
            let group = level.iter().skip(at * FANOUT).take(FANOUT);
            let begun = group.map(|start| usize::from(*start <= address)).sum::<usize>();
            // Only before the very first start nothing has begun.
            let Some(last) = begun.checked_sub(1) else { return Permission::Deny };
            at = at * FANOUT + last;
        }
        self.permissions.get(at).copied().unwrap_or_default()
    }
}
