//! What may be touched, and who wants to be left alone.

use ntp_engine::Action;
use ntp_sim::server::{Behaviour, Server};
use ntp_sim::{Scenario, World};

use crate::common::*;

#[test]
fn an_observer_serves_right_time_from_a_wrong_clock_that_it_never_touches() {
    let mut scenario = Scenario { ahead: secs(2.0), ..lan_client() };
    scenario.options.adjust = false;
    let mut world = World::recorded(&scenario);
    world.run_for(secs(60.0));
    each_second(&mut world, 7_200, |second, world| {
        assert_below!(served_error(world), MILLISECOND, "{second} s after the first minute");
    });
    assert!(!world.actions().iter().any(|action| matches!(action, Action::Clock(_))));
    assert!(clock_error(&world) > 2.0 && tracking(&world).synchronised);
}

#[test]
fn a_server_that_denies_service_is_not_asked_again() {
    for code in [*b"DENY", *b"RSTR"] {
        let server = Server::perfect(lan()).that(Behaviour::Kisses(code));
        let mut world = World::recorded(&client_of(&[server]));
        world.run_for(hours(24.0));
        assert_eq!(world.packets(), 1);
        assert!(source(&world, 0).reason.contains("not asked any more"), "{}", source(&world, 0).reason);
        assert!(world.actions().iter().any(|action| matches!(action, Action::Forget { .. })));
    }
}

#[test]
fn a_server_that_asks_for_fewer_requests_gets_fewer_for_good() {
    let mut world = settled();
    let before = source(&world, 0).poll_s;
    world.server(0).behaviour = Behaviour::Kisses(*b"RATE");
    world.run_for(secs(2.2 * before));
    world.server(0).behaviour = Behaviour::Answers;
    assert!(source(&world, 0).poll_s >= 2.0 * before, "from {before} to {}", source(&world, 0).poll_s);
    let packets = world.packets();
    world.run_for(hours(2.0));
    assert!((world.packets() - packets) as f64 <= 7_200.0 / (2.0 * before) + 1.0);
    assert_below!(clock_error(&world), MILLISECOND);
}

#[test]
fn a_kiss_instead_of_the_first_reply_does_not_set_the_clock() {
    let server = Server::perfect(lan()).that(Behaviour::Kisses(*b"RATE"));
    let mut world = World::recorded(&client_of(&[server]));
    world.run_for(hours(1.0));
    assert!(!tracking(&world).synchronised);
    assert_below!(f64::from(world.packets() as u32), 3_600.0 / 64.0);
}
