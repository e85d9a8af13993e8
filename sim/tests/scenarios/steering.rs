//! How the clock is brought to the right time, and how fast.

use ntp_clock::steer::StepLimit;
use ntp_engine::{Action, ClockCommand};
use ntp_proto::time::Frequency;
use ntp_sim::oscillator::Quartz;
use ntp_sim::server::Server;
use ntp_sim::statistics::Errors;
use ntp_sim::{Scenario, World};

use crate::common::*;

/// The default limit of a slew, and what the base rate may add to it.
const MAX_RATE_PPM: f64 = 83_333.4 + 100.0;

#[test]
fn an_offset_of_200_ms_and_60_ppm_is_gone_in_a_minute_and_the_next_hour_is_quiet() {
    for seed in 1..=10 {
        let mut errors = Errors::default();
        let quartz = Quartz::wandering(Frequency::from_ppm(60.0), Frequency::new(1e-9));
        let mut world = World::new(&Scenario { seed, ahead: secs(0.2), quartz, ..lan_client() });
        world.run_for(secs(60.0));
        each_second(&mut world, 3_600, |second, world| {
            assert_below!(clock_error(world), MILLISECOND, "seed {seed}, {second} s after the first minute");
            errors.add(clock_error(world));
        });
        assert_below!(errors.rms(), 20e-6, "seed {seed}");
    }
}

#[test]
fn an_offset_of_100_s_is_stepped_once_and_gone_in_ten_seconds() {
    for ahead in [100.0, -100.0] {
        let mut world = World::recorded(&Scenario { ahead: secs(ahead), ..lan_client() });
        world.run_for(secs(10.0));
        assert_below!(clock_error(&world), MILLISECOND, "ahead by {ahead}");
        world.run_for(hours(1.0));
        assert_eq!(steps(&world).len(), 1, "ahead by {ahead}");
        assert_below!(clock_error(&world), MILLISECOND, "ahead by {ahead}");
    }
}

#[test]
fn an_offset_of_half_a_second_is_slewed_within_the_rate_limit() {
    for ahead in [0.5, -0.5] {
        let mut world = World::recorded(&Scenario { ahead: secs(ahead), ..lan_client() });
        world.run_for(secs(60.0));
        assert_eq!(steps(&world), [], "ahead by {ahead}");
        assert_below!(clock_error(&world), MILLISECOND, "ahead by {ahead}");
        let mut fastest = 0.0_f64;
        for action in world.actions() {
            if let Action::Clock(ClockCommand::SetRate(rate)) = action {
                fastest = fastest.max(rate.abs().to_ppm());
            }
        }
        assert_below!(fastest, MAX_RATE_PPM, "ahead by {ahead}");
    }
}

#[test]
fn a_clock_that_may_never_be_stepped_is_slewed_and_serves_right_time_meanwhile() {
    let mut scenario = Scenario { ahead: secs(10.0), ..lan_client() };
    scenario.options.steering.step_limit = StepLimit::Never;
    let mut world = World::recorded(&scenario);
    world.run_for(secs(10.0));
    each_second(&mut world, 170, |second, world| {
        assert_below!(served_error(world), MILLISECOND, "{second} s after the first ten");
    });
    assert_eq!(steps(&world), []);
    assert_below!(clock_error(&world), MILLISECOND);
}

#[test]
fn a_third_of_all_packets_may_be_lost() {
    for seed in 1..=3 {
        let server = Server::perfect(lan().with_loss(0.3));
        let mut world = World::new(&Scenario { seed, ..client_of(&[server]) });
        world.run_for(secs(60.0));
        each_second(&mut world, 7_200, |second, world| {
            assert_below!(clock_error(world), MILLISECOND, "seed {seed}, {second} s after the first minute");
        });
    }
}
