//! What others do to the clock, and what is left of it.

use ntp_sim::World;
use ntp_sim::server::Behaviour;

use crate::common::*;

#[test]
fn a_foreign_step_is_slewed_away_and_never_served() {
    for by in [5.0, -5.0] {
        let mut world = settled();
        let (epoch, frequency) = (world.engine().epoch(), tracking(&world).frequency_ppm);
        world.step_by_other(secs(by));
        assert_ne!(world.engine().epoch(), epoch, "a step begins an epoch");
        each_second(&mut world, 3_600, |second, world| {
            assert_below!(served_error(world), MILLISECOND, "{second} s after a step by {by} s");
            if second >= 300 {
                assert_below!(clock_error(world), MILLISECOND, "{second} s after a step by {by} s");
            }
            let change = (tracking(world).frequency_ppm - frequency).abs();
            assert_below!(change, 0.5, "{second} s after a step by {by} s");
        });
        assert_eq!(steps(&world), [], "only the first updates may step");
    }
}

#[test]
fn foreign_steps_close_together_are_told_apart() {
    let mut world = settled();
    for by in [5.0, -3.0, 0.7, -20.0, 17.0] {
        world.step_by_other(secs(by));
        world.run_for(secs(0.37));
    }
    each_second(&mut world, 600, |second, world| {
        assert_below!(served_error(world), MILLISECOND, "{second} s after the last step");
    });
    assert_below!(clock_error(&world), MILLISECOND);
}

#[test]
fn a_server_that_is_silent_for_six_hours_leaves_a_clock_that_says_how_doubtful_it_is() {
    let mut world = settled();
    world.server(0).behaviour = Behaviour::Silent;
    let mut last = dispersion(&world);
    for hour in 1..=6 {
        world.run_for(hours(1.0));
        let now = tracking(&world);
        assert!(now.synchronised && now.stratum == 2, "after {hour} h: {now:?}");
        assert!(dispersion(&world) > last, "dispersion must grow in hour {hour}");
        assert!(clock_error(&world) <= now.error_bound_s.unwrap(), "after {hour} h: {now:?}");
        last = dispersion(&world);
    }
    assert_eq!(source(&world, 0).state, "unreachable");

    world.server(0).behaviour = Behaviour::Answers;
    world.run_for(secs(300.0));
    assert_eq!(source(&world, 0).state, "selected");
    assert!(dispersion(&world) < last);
    assert_below!(clock_error(&world), MILLISECOND);
}

fn dispersion(world: &World) -> f64 {
    let vars = world.engine().snapshot().system_vars(world.client_now().raw);
    vars.root_dispersion.to_duration().to_seconds()
}

#[test]
fn a_server_that_jumps_moves_the_phase_and_not_the_frequency() {
    for by in [0.005, 0.5, -5.0] {
        let mut world = settled();
        let frequency = tracking(&world).frequency_ppm;
        world.server(0).ahead = secs(by);
        each_second(&mut world, 3_600, |second, world| {
            let change = (tracking(world).frequency_ppm - frequency).abs();
            assert_below!(change, 1.0, "{second} s after a jump by {by} s");
        });
        assert_below!((world.clock().error().to_seconds() - by).abs(), MILLISECOND, "after a jump by {by} s");
    }
}

#[test]
fn a_server_that_refuses_service_has_no_say_any_more() {
    let mut world = settled();
    world.server(0).behaviour = Behaviour::Kisses(*b"DENY");
    world.run_for(hours(0.5));
    let source = source(&world, 0);
    assert!(!source.used && source.reach == "000", "{source:?}");
}
