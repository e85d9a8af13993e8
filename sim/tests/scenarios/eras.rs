//! Dates at which others' clocks break: the end of NTP era 0, the end of 32-bit Unix time, and clocks that
//! start decades away from the truth.

use ntp_clock::steer::StepLimit;
use ntp_proto::time::EstimatedTime;
use ntp_sim::{Scenario, World};

use crate::common::*;

/// 2036-02-07T06:28:16Z, the first second of NTP era 1.
const ERA_1: i64 = 2_085_978_496;
/// 2038-01-19T03:14:08Z, the first second that 32 signed bits of Unix time cannot tell.
const UNIX_32_BIT: i64 = 2_147_483_648;
/// 2026-01-01T00:00:00Z.
const TODAY: i64 = 1_767_225_600;
const YEAR: f64 = 365.25 * 86_400.0;

/// Below a millisecond from one minute after the start, in clock and served time, for `seconds` in all.
#[track_caller]
fn stays_right(start: i64, ahead: f64, seconds: u32) -> World {
    let mut scenario =
        Scenario { start: EstimatedTime::from_unix(start, 0), ahead: secs(ahead), ..lan_client() };
    scenario.options.steering.step_limit = StepLimit::Always;
    let mut world = World::new(&scenario);
    world.run_for(secs(60.0));
    each_second(&mut world, seconds - 60, |second, world| {
        assert_below!(clock_error(world), MILLISECOND, "{second} s after the first minute");
        assert_below!(served_error(world), MILLISECOND, "{second} s after the first minute");
    });
    assert!(tracking(&world).synchronised);
    world
}

#[test]
fn time_goes_on_across_the_end_of_era_0() {
    stays_right(ERA_1 - 600, 0.2, 1_800);
}

#[test]
fn time_goes_on_across_the_end_of_32_bit_unix_time() {
    stays_right(UNIX_32_BIT - 600, 0.2, 1_800);
}

#[test]
fn a_clock_that_starts_in_1970_finds_today() {
    let world = stays_right(TODAY, -(TODAY as f64), 1_800);
    assert_eq!(tracking(&world).steps, 1);
}

#[test]
fn a_clock_that_starts_60_years_ahead_comes_back() {
    let world = stays_right(TODAY, 60.0 * YEAR, 1_800);
    assert_eq!(tracking(&world).steps, 1);
}

#[test]
fn a_clock_of_era_0_finds_a_server_in_era_1() {
    stays_right(ERA_1 + 86_400, -10.0 * 86_400.0, 1_800);
}
