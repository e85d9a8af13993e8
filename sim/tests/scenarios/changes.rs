//! What happens to a world in the course of time happens to the client.

use ntp_proto::time::Frequency;
use ntp_sim::change::{Change, ServerChange};
use ntp_sim::network::Path;
use ntp_sim::server::{Behaviour, Server};
use ntp_sim::stamps::Stamps;
use ntp_sim::{Scenario, World};

use crate::common::*;

fn with(changes: &[(f64, ServerChange)], servers: &[Server]) -> Scenario {
    let changes = changes.iter().map(|(at, change)| (secs(*at), Change::Server(0, *change))).collect();
    Scenario { changes, ..client_of(servers) }
}

#[test]
fn a_cut_path_is_silent_until_the_last_reason_is_gone() {
    use ServerChange::{Cut, Mend};
    let cuts = [(600.0, Cut), (700.0, Cut), (4_000.0, Mend), (8_000.0, Mend)];
    let mut world = World::new(&with(&cuts, &[Server::perfect(lan())]));
    world.run_for(secs(600.0));
    let replies = source(&world, 0).replies;
    world.run_for(secs(7_400.0));
    assert_eq!(source(&world, 0).replies, replies);
    world.run_for(secs(1_200.0));
    assert!(source(&world, 0).replies > replies);
}

#[test]
fn a_longer_way_back_moves_the_clock_by_half_and_the_shorter_one_moves_it_back() {
    let by = secs(2e-3);
    let there = [(3_600.0, ServerChange::Route(secs(0.0), by))];
    let and_back = [there[0], (7_200.0, ServerChange::Route(secs(0.0), -by))];
    let longer = with(&and_back, &[Server::perfect(lan())]);
    let mut world = World::new(&longer);
    world.run_for(hours(2.0));
    assert_below!(source(&world, 0).last_delay_s.unwrap(), 2.4e-3);
    assert!(source(&world, 0).last_delay_s.unwrap() > 2.1e-3);
    world.run_for(hours(2.0));
    assert_below!(source(&world, 0).last_delay_s.unwrap(), 0.4e-3);
    assert_below!(clock_error(&world), MILLISECOND);
}

#[test]
fn a_server_that_gains_takes_its_client_along() {
    let drift = [(0.0, ServerChange::Drift(Frequency::from_ppm(5.0)))];
    let mut world = World::new(&with(&drift, &[Server::perfect(lan())]));
    world.run_for(hours(10.0));
    let ahead = world.clock().error().to_seconds();
    assert_below!((ahead - 36_000.0 * 5e-6).abs(), MILLISECOND);
}

#[test]
fn a_server_that_says_that_it_has_no_time_is_not_followed() {
    let change = [(0.0, ServerChange::Behave(Behaviour::Unsynchronised))];
    let mut world = World::new(&with(&change, &[Server::perfect(lan())]));
    world.run_for(hours(1.0));
    assert_eq!(tracking(&world).updates, 0);
    assert!(source(&world, 0).requests > 0);
}

#[test]
fn a_foreign_step_in_a_scenario_is_told_to_the_client() {
    let changes = vec![(secs(1_800.0), Change::Step(secs(3.0)))];
    let mut world = World::new(&Scenario { changes, ..lan_client() });
    world.run_for(secs(1_799.0));
    let steps = tracking(&world).steps;
    world.run_for(secs(2.0));
    assert_eq!(tracking(&world).steps, steps + 1);
    assert!(clock_error(&world) > 1.0);
}

#[test]
fn a_jump_of_the_frequency_is_followed() {
    let changes = vec![(secs(7_200.0), Change::Frequency(Frequency::from_ppm(3.0)))];
    let mut world = World::new(&Scenario { changes, ..lan_client() });
    world.run_for(hours(2.0));
    let before = tracking(&world).frequency_ppm;
    world.run_for(hours(2.0));
    let change = tracking(&world).frequency_ppm - before;
    assert_below!((change + 3.0).abs(), 0.3, "{change} ppm");
}

#[test]
fn packets_that_arrive_twice_count_once() {
    let mut path = lan();
    (path.out.duplication, path.back.duplication) = (1.0, 1.0);
    let mut world = World::new(&client_of(&[Server::perfect(path)]));
    world.run_for(hours(4.0));
    let source = source(&world, 0);
    assert_eq!((source.replies, source.discards), (source.requests, vec![]));
    assert_below!(clock_error(&world), 50e-6);
}

#[test]
fn replies_that_are_overtaken_by_the_next_request_are_not_used() {
    let mut path = Path::symmetric(secs(100e-6), secs(10e-6));
    // A tenth of all delays is around a thousand seconds.
    (path.out.jitter.spike_share, path.out.jitter.spike_factor) = (0.1, 1e8);
    let mut world = World::new(&client_of(&[Server::perfect(path)]));
    world.run_for(secs(600.0));
    each_second(&mut world, 4 * 3_600, |second, world| {
        assert_below!(clock_error(world), MILLISECOND, "second {second}");
    });
    let source = source(&world, 0);
    assert!(source.replies < source.requests, "{source:?}");
}

#[test]
fn a_reply_that_is_heard_of_late_is_as_good_as_any() {
    let stamps = Stamps { wakeup: secs(0.2), ..Stamps::default() };
    let mut world = World::new(&Scenario { stamps, ..lan_client() });
    world.run_for(hours(1.0));
    let (mut worst, delay) = (0.0_f64, source(&world, 0).last_delay_s.unwrap());
    each_second(&mut world, 3_600, |_, world| worst = worst.max(clock_error(world)));
    assert_below!(worst, 50e-6);
    assert_below!(delay, 1e-3);
}
