//! Runs repeat exactly: live from their seed, and from a recording.

use ntp_engine::Action;
use ntp_engine::record::{Line, replay};
use ntp_sim::server::Server;
use ntp_sim::{Scenario, World};

use crate::common::*;

/// Two servers, losses, and somebody who steps the clock: something of everything.
fn eventful(seed: u64) -> Scenario {
    let servers = [Server::perfect(lan().with_loss(0.1)), Server::perfect(internet().with_loss(0.1))];
    Scenario { seed, ahead: secs(3.0), ..client_of(&servers) }
}

fn run(seed: u64) -> World {
    let mut world = World::recorded(&eventful(seed));
    world.run_for(hours(1.0));
    world.step_by_other(secs(-2.0));
    world.run_for(hours(1.0));
    world
}

fn to_json(lines: &[Line<'_>]) -> Vec<String> {
    lines.iter().map(|line| serde_json::to_string(line).expect("a line can be written")).collect()
}

fn actions_of(recording: &[String]) -> Vec<Action> {
    let lines: Vec<Line<'_>> = recording
        .iter()
        .map(|line| serde_json::from_str(line).expect("what was written can be read"))
        .collect();
    let mut actions = Vec::new();
    replay(lines, |_, action| actions.push(action)).expect("it begins with a start");
    actions
}

#[test]
fn what_is_written_down_is_read_back_to_the_last_bit() {
    let live = run(2);
    for line in live.recording() {
        let written = serde_json::to_string(line).expect("a line can be written");
        assert_eq!(&serde_json::from_str::<Line<'_>>(&written).expect("and read"), line);
    }
}

#[test]
fn a_recording_that_went_through_json_gives_the_same_decisions_twice() {
    let live = run(1);
    let recording = to_json(live.recording());
    let (first, second) = (actions_of(&recording), actions_of(&recording));
    assert!(first.len() > 300, "only {} actions: nothing is shown", first.len());
    assert_eq!(first.len(), live.actions().len());
    for (i, (replayed, decided)) in first.iter().zip(live.actions()).enumerate() {
        assert_eq!(replayed, decided, "action {i}");
    }
    assert_eq!(first, second);
}

#[test]
fn a_seed_determines_the_run_and_another_gives_another() {
    let (one, same, other) = (run(7), run(7), run(8));
    assert_eq!(one.actions(), same.actions());
    assert_eq!(one.clock().error(), same.clock().error());
    assert_eq!(to_json(one.recording()), to_json(same.recording()));
    assert_ne!(one.actions(), other.actions());
    assert_ne!(one.clock().error(), other.clock().error());
}
