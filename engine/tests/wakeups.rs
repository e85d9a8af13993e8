//! A million wake-ups: whatever happens, the engine never asks to be woken in the past, so that a driver that
//! does as it is told never spins.

mod machine;

use machine::{Machine, options};

const WAKEUPS: u32 = 1_000_000;

#[test]
fn no_wakeup_of_a_million_lies_in_the_past() {
    for (seed, servers) in [(1, 1), (2, 2), (3, 5), (4, 0)] {
        let mut machine = Machine::new(seed, options(servers));
        for _ in 0..WAKEUPS / 4 {
            machine.wake();
        }
    }
}
