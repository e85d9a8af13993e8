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
    for (i, (replayed, decided)) in first.iter().zip(&live.actions()).enumerate() {
        assert_eq!(replayed, decided, "action {i}");
    }
    assert_eq!(first, second);
}

/// An engine that is written down and read back between any two inputs decides as though nothing had been.
#[test]
fn a_run_that_is_cut_anywhere_goes_on_as_it_would_have() {
    let lines = run(3).recording().to_vec();
    let (now, mut engine) = lines[0].engine().expect("it begins with a start");
    while engine.poll_action().is_some() {}
    while engine.poll_event().is_some() {}
    let mut latest = now;
    for (i, line) in lines.iter().enumerate().skip(1) {
        let state = Line::State { now: latest, engine: Box::new(engine.clone()) };
        let written = serde_json::to_string(&state).expect("a state can be written");
        let read: Line<'_> = serde_json::from_str(&written).unwrap_or_else(|error| panic!("{i}: {error}"));
        assert_eq!(read, state, "before line {i}");
        if i % 100 == 0 {
            let rest = || lines[i..].iter().cloned();
            let mut restored = Vec::new();
            replay([read].into_iter().chain(rest()), |at, action| restored.push((at, action)));
            let mut expected = Vec::new();
            replay([state].into_iter().chain(rest()), |at, action| expected.push((at, action)));
            assert!(restored == expected, "cut before line {i}");
            assert!(restored.len() > 10 || i + 100 > lines.len(), "only {} actions", restored.len());
        }
        if let Line::Input { now, input } = line {
            latest = *now;
            engine.handle(*now, input.clone());
            while engine.poll_action().is_some() {}
            while engine.poll_event().is_some() {}
        }
    }
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
