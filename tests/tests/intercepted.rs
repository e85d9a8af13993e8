//! The daemon in a world whose libc is not the kernel's, as under a simulator.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::{network, repository};
use truechimer_tests::peers::{Chronyd, chronyd_once};

fn build_world(folder: &tempfile::TempDir) -> PathBuf {
    let library = folder.path().join("world.so");
    let source = repository().join("tests/shim/world.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-Wall", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compiler.status().expect("cc can be run").success());
    library
}

/// The world's wall clock is sixteen years behind, its monotonic clock starts at zero, and it ends programs
/// that ask for what it does not know.
#[test]
fn it_lives_in_a_world_with_little_and_serves_the_right_time_there() {
    let Some(network) = network() else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = build_world(&folder);
    let chronyd = Chronyd::serving(&network.server);
    let text = "[[sources.servers]]\naddress = \"10.99.0.2\"\niburst = true\n\
        [server]\nworkers = 0\n\
        [[security.access]]\nnetwork = \"10.99.0.0/24\"\npermission = \"allow\"\n";
    let daemon = Daemon::start_as(&network.client, text, |command| {
        command.env("LD_PRELOAD", &world);
    });
    let took = daemon.wait_for_sync(Duration::from_secs(15));
    println!("synchronised after {took:.1?}");
    let offset = daemon.json("tracking")["remaining_offset_s"].as_f64().unwrap();
    assert!(offset > 15.0 * 365.25 * 86_400.0, "the clock is years slow: {offset}");
    drop(chronyd);
    let output = chronyd_once(&network.server, "server 10.99.0.1 iburst maxsamples 1");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let wrong_by =
        said.split("wrong by ").nth(1).and_then(|s| s.split(' ').next()).and_then(|s| s.parse::<f64>().ok());
    assert!(wrong_by.is_some_and(|s| s.abs() < 0.01), "what is served is right all the same: {said}");
    assert!(!daemon.log().contains("not for this world"), "{}", daemon.log());
}

/// The world has memory that a reference clock writes to, and can say nothing of it.
#[test]
fn a_reference_clock_in_shared_memory_is_read_there() {
    let Some(network) = network() else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = build_world(&folder);
    let text = "[server]\nworkers = 0\n[[sources.refclocks]]\ndriver = \"shm\"\nunit = 2\nrefid = \"SHM2\"\n";
    let daemon = Daemon::start_as(&network.client, text, |command| {
        command.env("LD_PRELOAD", &world);
    });
    let took = daemon.wait_for_sync(Duration::from_secs(20));
    println!("synchronised after {took:.1?}");
    let tracking = daemon.json("tracking");
    let offset = tracking["remaining_offset_s"].as_f64().unwrap();
    assert!(offset > 15.0 * 365.25 * 86_400.0, "the clock is years slow: {offset}");
    assert_eq!((tracking["ref_id"].as_str(), tracking["stratum"].as_u64()), (Some("SHM2"), Some(1)));
    assert!(!daemon.log().contains("not for this world"), "{}", daemon.log());
}
