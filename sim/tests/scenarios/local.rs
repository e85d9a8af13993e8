//! What is served while nobody is followed.

use ntp_engine::Local;
use ntp_proto::packet::{Leap, RefId, Stratum};
use ntp_proto::server::SystemVars;
use ntp_proto::time::NtpDuration;
use ntp_sim::server::{Behaviour, Server};
use ntp_sim::{Scenario, World};

use crate::common::*;

fn served(world: &World) -> SystemVars {
    world.engine().snapshot().system_vars(world.client_now().raw)
}

fn nobody() -> Scenario {
    client_of(&[Server::perfect(lan()).that(Behaviour::Silent)])
}

fn with_local(mut scenario: Scenario) -> Scenario {
    scenario.options.local = Some(Local { stratum: Stratum::new(10) });
    scenario
}

const UNSYNCHRONISED: (Leap, Stratum) = (Leap::Unsynchronised, Stratum::UNSYNCHRONISED);

#[test]
fn before_the_first_update_and_without_answers_time_is_unsynchronised() {
    let mut world = World::new(&nobody());
    for _ in 0..24 {
        assert_eq!((served(&world).leap, served(&world).stratum), UNSYNCHRONISED);
        world.run_for(hours(1.0));
    }
    let mut world = World::new(&lan_client());
    assert_eq!((served(&world).leap, served(&world).stratum), UNSYNCHRONISED);
    world.run_for(secs(60.0));
    assert_eq!((served(&world).leap, served(&world).stratum), (Leap::None, Stratum::new(2)));
}

#[test]
fn the_local_reference_steps_in_once_nobody_has_answered() {
    let mut world = World::new(&with_local(nobody()));
    assert_eq!((served(&world).leap, served(&world).stratum), UNSYNCHRONISED, "not before they were asked");
    world.run_for(secs(60.0));
    assert_eq!((served(&world).leap, served(&world).stratum), (Leap::None, Stratum::new(10)));
    assert_eq!(served(&world).ref_id, RefId::LOCAL);
    assert!(tracking(&world).local);
    world.run_for(hours(24.0));
    assert_eq!(served(&world).stratum, Stratum::new(10));
}

#[test]
fn without_servers_the_local_reference_is_served_at_once() {
    let mut world = World::new(&with_local(client_of(&[])));
    world.run_for(secs(10.0));
    assert_eq!((served(&world).leap, served(&world).stratum), (Leap::None, Stratum::new(10)));
}

#[test]
fn a_good_clock_stays_synchronised_until_its_bound_exceeds_a_second_and_then_is_local() {
    let mut world = World::new(&with_local(lan_client()));
    world.run_for(hours(1.0));
    world.server(0).behaviour = Behaviour::Silent;
    let mut last = 0.0;
    for hour in 0.. {
        assert!(hour < 2_000, "the bound does not grow: {last}");
        let tracking = tracking(&world);
        if tracking.local {
            break;
        }
        assert!(tracking.synchronised && tracking.stratum == 2, "{hour} h: {tracking:?}");
        last = tracking.root_dispersion_s + tracking.root_delay_s / 2.0;
        assert_below!(last, 1.0, "{hour} h");
        world.run_for(hours(1.0));
    }
    assert!(last > 0.9, "local at a bound of only {last} s");
    assert_eq!((served(&world).leap, served(&world).stratum), (Leap::None, Stratum::new(10)));

    world.server(0).behaviour = Behaviour::Answers;
    world.run_for(secs(600.0));
    assert!(tracking(&world).synchronised);
    assert_eq!(served(&world).stratum, Stratum::new(2));
    assert_below!(clock_error(&world), MILLISECOND);
}

#[test]
fn an_hour_after_the_last_snapshot_time_is_unsynchronised_by_itself() {
    let world = settled();
    let snapshot = *world.engine().snapshot();
    let served = |at| {
        let vars = snapshot.system_vars(at);
        (vars.leap, vars.stratum)
    };
    assert_eq!(served(snapshot.valid_until), (Leap::None, Stratum::new(2)));
    assert_eq!(served(snapshot.valid_until + NtpDuration::from_millis(1)), UNSYNCHRONISED);
    let validity = (snapshot.valid_until - world.client_now().raw).to_seconds();
    assert!((1_800.0..=3_600.0).contains(&validity), "{validity}");
}
