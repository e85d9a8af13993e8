//! A pool whose members die, lie and go bad: the good ones are found and kept.

use std::collections::BTreeMap;

use ntp_engine::{Entry, Host, SourceKind};
use ntp_proto::time::NtpDuration;
use ntp_sim::server::{Behaviour, Server};
use ntp_sim::{Scenario, World};

use crate::common::*;

/// Eight addresses behind one name: the first two are dead, the third lies by a second, the others are good.
fn pool_of_eight(seed: u64) -> Scenario {
    let good = Server::perfect(internet());
    let dead = good.that(Behaviour::Silent);
    let servers = [dead, dead, good.lying_by(secs(1.0)), good, good, good, good, good];
    let scenario = client_of(&servers);
    let name = "pool.example".to_owned();
    let addresses = scenario.servers.iter().map(|(address, _)| address.ip()).collect();
    let mut options = scenario.options.clone();
    let kind = SourceKind::Pool { servers: 4 };
    let source = options.entries[0].options;
    options.entries = vec![Entry { host: Host::Name(name.clone()), port: 123, kind, options: source }];
    Scenario { seed, names: BTreeMap::from([(name, addresses)]), options, ..scenario }
}

fn good_ones_in_use(world: &World) -> usize {
    let sources = world.engine().report(world.client_now()).sources;
    let honest = |s: &&ntp_engine::report::SourceReport| s.used && s.offset_s.is_some_and(|o| o.abs() < 0.1);
    sources.iter().filter(honest).count()
}

/// Seconds until so many good servers are in use.
fn until_good(world: &mut World, number: usize, patience: u32) -> u32 {
    (1..=patience)
        .find(|_| {
            world.run_for(NtpDuration::from_secs(1));
            good_ones_in_use(world) == number
        })
        .unwrap_or_else(|| panic!("{} good ones after {patience} s", good_ones_in_use(world)))
}

#[test]
fn four_good_servers_are_found_and_one_that_goes_bad_is_replaced() {
    for seed in 1..=5 {
        let mut world = World::recorded(&pool_of_eight(seed));
        let found = until_good(&mut world, 4, 1_800);
        world.run_for(hours(1.0));
        // One of those in use: the last of the addresses cannot be told from the first by the daemon.
        let in_use = world.engine().report(world.client_now()).sources[3].address;
        let index = (0..8).find(|i| in_use == address(*i).into()).expect("it is one of the eight");
        world.server(index).ahead = secs(0.5);
        let noticed = until_good(&mut world, 3, 3 * 3_600);
        let replaced = noticed + until_good(&mut world, 4, 3 * 3_600);
        assert_below!(clock_error(&world), 5.0 * MILLISECOND, "seed {seed}");
        println!(
            "seed {seed}: four good ones after {found} s, one went bad, noticed after {noticed} s, replaced after {replaced} s"
        );
    }
}

#[test]
fn no_more_than_one_is_replaced_in_half_an_hour_when_all_look_bad() {
    let mut world = World::recorded(&pool_of_eight(1));
    until_good(&mut world, 4, 1_800);
    world.run_for(hours(1.0));
    for index in 0..8 {
        world.server(index).behaviour = Behaviour::Silent;
    }
    let before: Vec<_> =
        world.engine().report(world.client_now()).sources.iter().map(|s| s.address).collect();
    world.run_for(hours(0.75));
    let after: Vec<_> = world.engine().report(world.client_now()).sources.iter().map(|s| s.address).collect();
    let kept = before.iter().filter(|a| after.contains(a)).count();
    assert!(kept >= 2, "{before:?} became {after:?}");
    for index in 0..8 {
        world.server(index).behaviour = Behaviour::Answers;
    }
    until_good(&mut world, 4, 3 * 3_600);
}
