//! Servers that tell different times: a majority decides, and without one nothing happens.

use ntp_proto::time::NtpDuration;
use ntp_sim::network::Path;
use ntp_sim::server::Server;
use ntp_sim::{Scenario, World};

use crate::common::*;

/// Never stepped, and never off by more than 10 ms once the first slew is over.
fn is_not_misled(scenario: &Scenario, liar: usize) {
    let mut world = World::recorded(scenario);
    let initial = scenario.ahead.to_seconds().abs();
    each_second(&mut world, 7_200, |second, world| {
        assert_below!(
            clock_error(world),
            initial.max(0.010) + 1e-3,
            "second {second}, seed {}",
            scenario.seed
        );
        if second >= 30 {
            assert_below!(clock_error(world), 0.010, "second {second}, seed {}", scenario.seed);
        }
        if world.engine().report(world.client_now()).tracking.updates > 0 {
            assert_below!(served_error(world), 0.010, "second {second}, seed {}", scenario.seed);
        }
    });
    assert_eq!(steps(&world), [], "seed {}", scenario.seed);
    assert_eq!(source(&world, liar).state, "falseticker", "seed {}", scenario.seed);
    assert!(source(&world, liar).reason.contains("contradicts the majority"));
}

#[test]
fn one_liar_among_four_moves_nothing() {
    let good = Server::perfect(internet());
    for seed in 1..=3 {
        let servers = [good, good, good.lying_by(NtpDuration::from_secs(1)), good];
        is_not_misled(&Scenario { seed, ..client_of(&servers) }, 2);
    }
}

#[test]
fn a_liar_that_answers_first_moves_nothing() {
    let good = Server::perfect(internet());
    let next_door = Path::symmetric(secs(20e-6), secs(1e-6));
    let liar = Server::perfect(next_door).lying_by(NtpDuration::from_secs(1));
    for seed in 1..=3 {
        is_not_misled(&Scenario { seed, ..client_of(&[liar, good, good, good]) }, 0);
    }
}

#[test]
fn a_server_that_starts_to_lie_loses_its_say() {
    let good = Server::perfect(lan());
    let mut world = World::recorded(&client_of(&[good, good, good, good]));
    world.run_for(hours(1.0));
    world.server(1).ahead = NtpDuration::from_secs(1);
    each_second(&mut world, 7_200, |second, world| {
        assert_below!(clock_error(world), 0.010, "{second} s after the first lie");
    });
    assert_eq!(source(&world, 1).state, "falseticker");
    assert_eq!(steps(&world), []);
}

#[test]
fn two_servers_that_disagree_move_nothing_and_both_are_told_why() {
    let good = Server::perfect(lan());
    let mut world = World::recorded(&client_of(&[good, good.lying_by(NtpDuration::from_secs(1))]));
    world.run_for(hours(2.0));
    let tracking = tracking(&world);
    assert_eq!((tracking.updates, tracking.synchronised), (0, false));
    for index in [0, 1] {
        assert_eq!(source(&world, index).state, "no majority");
        assert!(source(&world, index).reason.contains("nobody can tell who is right"));
    }
    assert_eq!(steps(&world), []);
}

#[test]
fn silent_servers_do_not_delay_the_first_update() {
    let good = Server::perfect(lan());
    let silent = good.that(ntp_sim::server::Behaviour::Silent);
    let mut world = World::new(&client_of(&[silent, good, silent, silent]));
    world.run_for(secs(11.0));
    assert_below!(clock_error(&world), 2.0 * MILLISECOND);
}
