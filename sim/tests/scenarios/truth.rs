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
