//! The stated error bound holds: the true error of the system clock never exceeds it.

use ntp_sim::network::Path;
use ntp_sim::server::Server;
use ntp_sim::{Scenario, World};

use crate::common::*;

fn the_bound_holds(path: Path) {
    for seed in 1..=3 {
        let mut world = World::new(&Scenario { seed, ..client_of(&[Server::perfect(path)]) });
        each_second(&mut world, 7_200, |second, world| {
            let (error, report) = (clock_error(world), tracking(world));
            let bound = report.error_bound_s.unwrap_or(f64::INFINITY);
            assert!(
                error <= bound,
                "seed {seed}, second {second}: off by {error}, bound {bound}; {report:?}"
            );
        });
        assert!(tracking(&world).error_bound_s.is_some());
    }
}

#[test]
fn the_error_bound_holds_in_every_second_on_a_lan() {
    the_bound_holds(lan());
}

#[test]
fn the_error_bound_holds_in_every_second_across_the_internet() {
    the_bound_holds(internet());
}

#[test]
fn the_error_bound_holds_on_a_lop_sided_path() {
    let mut path = internet();
    path.back.base = secs(30e-3);
    the_bound_holds(path);
}

/// The way back becomes 20 ms longer for good: nobody can tell, so the bound has to allow for it.
#[test]
fn the_error_bound_holds_when_a_route_changes_for_good() {
    let mut world = World::new(&lan_client());
    world.run_for(hours(2.0));
    world.server(0).path.back.base = secs(20.5e-3);
    each_second(&mut world, 8 * 3_600, |second, world| {
        let (error, report) = (clock_error(world), tracking(world));
        assert!(error <= report.error_bound_s.unwrap(), "second {second}: off by {error}; {report:?}");
    });
}

/// One near server and five far ones, all far ones lop-sided the same way.
#[test]
fn the_error_bound_holds_for_a_mean_of_near_and_far() {
    let near = Server::perfect(Path::symmetric(secs(0.4e-3), secs(10e-6)));
    let mut far = near;
    far.path.back.base = secs(1.6e-3);
    let mut world = World::new(&client_of(&[near, far, far, far, far, far]));
    each_second(&mut world, 2 * 3_600, |second, world| {
        let Some(bound) = tracking(world).error_bound_s else { return };
        assert_below!(clock_error(world), bound, "second {second}");
    });
}
