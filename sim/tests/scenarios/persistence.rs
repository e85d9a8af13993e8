//! What one run learns for the next.

use ntp_engine::{Action, Drift, Event, Input};
use ntp_proto::time::Frequency;
use ntp_sim::oscillator::Quartz;
use ntp_sim::server::{Behaviour, Server};
use ntp_sim::{Scenario, World};

use crate::common::*;

/// The true rate of these clocks; the correction is its opposite.
const PPM: f64 = 37.0;

fn quartz(wander: f64) -> Quartz {
    Quartz::wandering(Frequency::from_ppm(PPM), Frequency::new(wander))
}

fn scenario(seed: u64) -> Scenario {
    Scenario { seed, quartz: quartz(1e-9), ..lan_client() }
}

fn saved(world: &World) -> Vec<Drift> {
    let drift = |action: &Action| if let Action::Save(drift) = action { Some(*drift) } else { None };
    world.actions().iter().filter_map(drift).collect()
}

#[test]
fn the_drift_is_saved_within_the_first_hour_and_again_each_hour() {
    for seed in 1..=3 {
        let mut world = World::recorded(&scenario(seed));
        world.run_for(hours(0.999));
        let first = saved(&world);
        assert!(!first.is_empty(), "seed {seed}: nothing saved in an hour");
        for drift in first {
            assert_below!((drift.frequency.to_ppm() + PPM).abs(), 0.5, "seed {seed}");
        }
        world.run_for(hours(5.0));
        assert!((5..=7).contains(&saved(&world).len()), "seed {seed}: {}", saved(&world).len());
    }
}

#[test]
fn a_start_with_a_drift_has_the_right_frequency_at_once() {
    let mut first = World::recorded(&scenario(1));
    first.run_for(hours(1.0));
    let mut next = Scenario { quartz: quartz(0.0), ..scenario(2) };
    next.options.drift = saved(&first).pop();
    assert!(next.options.drift.is_some());
    next.servers = vec![(address(0), Server::perfect(lan()).that(Behaviour::Silent))];
    let mut world = World::new(&next);
    assert_below!(world.clock().frequency_error().to_ppm().abs(), 0.5);
    each_second(&mut world, 600, |second, world| {
        assert_below!(world.clock().frequency_error().to_ppm().abs(), 0.5, "second {second}");
    });
}

#[test]
fn a_wrong_drift_is_unlearnt() {
    let mut scenario = scenario(3);
    scenario.options.drift =
        Some(Drift { frequency: Frequency::from_ppm(100.0), skew: Frequency::from_ppm(0.001) });
    let mut world = World::new(&scenario);
    world.run_for(hours(1.0));
    each_second(&mut world, 3_600, |second, world| {
        assert_below!(clock_error(world), MILLISECOND, "{second} s after the first hour");
    });
    assert_below!((tracking(&world).frequency_ppm + PPM).abs(), 0.5);
}

#[test]
fn a_restart_with_the_last_run_in_mind_knows_at_once_what_another_learns_in_an_hour() {
    let skew_after_restart = |recall| {
        let mut world = settled();
        world.restart(lan_client().options, recall);
        world.run_for(secs(10.0));
        assert_below!(clock_error(&world), 100e-6, "recall: {recall}");
        tracking(&world).skew_ppm
    };
    let (with, without) = (skew_after_restart(true), skew_after_restart(false));
    assert!(with < 0.05 && without > 4.0 * with, "{with} ppm with, {without} ppm without");
}

#[test]
fn a_history_is_not_used_once_somebody_set_the_clock() {
    let mut world = settled();
    let history = world.engine().history(world.client_now());
    world.step_by_other(secs(1.0));
    let options = lan_client().options;
    let mut engine = ntp_engine::record::start(options, [0; 32], world.client_now());
    engine.handle(world.client_now(), Input::Recall(Box::new(history)));
    let told: Vec<Event> = std::iter::from_fn(|| engine.poll_event()).collect();
    assert!(told.contains(&Event::HistoryNotUsed), "{told:?}");
}
