use std::path::Path;

use ntp_engine::record::Line;
use ntp_engine::{ClockOutcome, Input};
use ntp_proto::time::{Frequency, NtpDuration};

use super::*;
use crate::case::{Case, Polling, load};
use crate::world::World;

/// Six hours of five servers of which two lie.
fn world() -> World {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/servers.toml");
    let cases = load(&folder).expect("the scenarios can be read");
    let case: &Case = cases.iter().find(|case| case.name == "servers-two-lie").expect("it is there");
    let mut world = World::recorded(&case.scenario(Polling::Default, 1));
    world.run_for(NtpDuration::from_secs(6 * 3_600));
    world
}

fn through_json(lines: &[Line<'_>]) -> Vec<Line<'static>> {
    let text: Vec<String> = lines.iter().map(|l| serde_json::to_string(l).expect("JSON")).collect();
    read(text.join("\n").as_bytes()).expect("what was written can be read")
}

#[test]
fn a_faithful_recording_shows_no_difference() {
    let world = world();
    let exact = replay(&through_json(world.recording())).expect("it begins with a start");
    assert_eq!(exact.differences, []);
    assert_eq!(
        exact.engine.report(exact.now).tracking.updates,
        world.engine().report(exact.now).tracking.updates
    );
}

#[test]
fn another_decision_in_the_recording_is_found() {
    let world = world();
    let mut lines = world.recording().to_vec();
    let rate = lines.iter_mut().rev().find_map(|line| match line {
        Line::Input { input: Input::Clock(ClockOutcome::RateSet { rate, .. }), .. } => Some(rate),
        _ => None,
    });
    let rate = rate.expect("a rate was set");
    *rate = *rate + Frequency::from_ppm(0.1);
    let differences = replay(&lines).expect("it begins with a start").differences;
    assert!(!differences.is_empty() && differences[0].1.contains("RateSet"), "{differences:?}");
}

#[test]
fn the_same_options_lead_to_the_same_clock() {
    let world = world();
    let run = what_if(world.recording(), |_| {}).expect("it begins with a start");
    assert!(run.answered > 100 && run.answered == run.replies, "{} of {}", run.answered, run.replies);
    assert!(run.ahead().abs() < NtpDuration::from_nanos(1_000), "{}", run.ahead());
}

#[test]
fn other_polls_are_answered_as_far_as_the_recording_goes() {
    let world = world();
    let change = |assignment: &'static str| {
        move |options: &mut Options| set(options, assignment).expect("it can be set")
    };
    let often = what_if(world.recording(), change("maxpoll=6")).expect("it begins with a start");
    let same = what_if(world.recording(), change("iburst=true")).expect("it begins with a start");
    assert!(often.asked > 2 * same.asked && often.answered <= often.replies, "{often:?}");
    for run in [&often, &same] {
        assert!(run.served_ahead().abs() < NtpDuration::from_millis(1), "{}", run.served_ahead());
    }
}

#[test]
fn options_that_do_not_exist_cannot_be_set() {
    let mut options = Options::default();
    for wrong in ["maxpoll", "maxpull=3", "steering.max_slew_rate=fast", "steering.max_slew_rate=\"x\""] {
        assert!(set(&mut options, wrong).is_err(), "{wrong}");
    }
    set(&mut options, "steering.max_slew_rate=0.0001").expect("it can be set");
    assert_eq!(options.steering.max_slew_rate, Frequency::new(1e-4));
}
