//! Of recordings that are replayed, also with other options.

use std::path::Path;

use ntp_engine::record::Line;
use ntp_engine::{Action, ClockCommand, Input};
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

/// The second half of a recording, beginning with the state of the engine.
fn second_half(lines: &[Line<'_>]) -> Vec<Line<'static>> {
    let middle = lines.len() / 2;
    // Where an input comes next, all that was decided before is done.
    let rest = &lines[middle..];
    let at = middle
        + rest.iter().position(|l| matches!(l, Line::Input { input: Input::Tick, .. })).expect("a tick");
    let exact = replay(&lines[..at]).expect("it begins with a start");
    let state = Line::State { now: exact.now, engine: Box::new(exact.engine) };
    through_json(&[&[state], &lines[at..]].concat())
}

#[test]
fn a_faithful_recording_shows_no_difference() {
    let world = world();
    let exact = replay(&through_json(world.recording())).expect("it begins with a start");
    assert_eq!(exact.differences, []);
    assert_eq!(exact.decisions, world.actions().len() as u64);
    assert_eq!(
        exact.engine.report(exact.now).tracking.updates,
        world.engine().report(exact.now).tracking.updates
    );
}

#[test]
fn a_recording_that_begins_in_the_middle_shows_no_difference() {
    let world = world();
    let lines = second_half(world.recording());
    let exact = replay(&lines).expect("it begins with a state");
    assert_eq!((exact.differences, exact.gaps), (Vec::new(), 0));
    assert!(exact.decisions > 500, "{}", exact.decisions);
    assert_eq!(&exact.engine, world.engine());
}

#[test]
fn parts_that_follow_each_other_are_one_and_a_gap_is_told() {
    let world = world();
    let (all, second) = (world.recording(), second_half(world.recording()));
    let first = all.len() + 1 - second.len();
    let whole = replay(&[&all[..first], &second].concat()).expect("it begins with a start");
    assert_eq!((whole.differences, whole.gaps), (Vec::new(), 0));
    let torn = replay(&[&all[..first - 40], &second].concat()).expect("it begins with a start");
    assert_eq!((torn.differences, torn.gaps), (Vec::new(), 1));
}

#[test]
fn another_decision_in_the_recording_is_found() {
    let world = world();
    let mut lines = world.recording().to_vec();
    let rate = lines.iter_mut().rev().find_map(|line| match line {
        Line::Action(Action::Clock(ClockCommand::SetRate(rate))) => Some(rate),
        _ => None,
    });
    let rate = rate.expect("a rate was set");
    *rate = *rate + Frequency::from_ppm(0.1);
    let differences = replay(&lines).expect("it begins with a start").differences;
    assert!(differences.len() == 1 && differences[0].1.contains("SetRate"), "{differences:?}");
}

#[test]
fn a_reply_that_was_forged_in_the_recording_leads_to_other_decisions() {
    let world = world();
    let mut lines = world.recording().to_vec();
    let datagrams = lines.iter_mut().filter_map(|line| match line {
        Line::Input { input: Input::Datagram { bytes, .. }, .. } => Some(bytes),
        _ => None,
    });
    // The lowest byte of the seconds of its receive timestamp.
    datagrams.last().expect("there are replies").to_mut()[35] ^= 1;
    assert!(!replay(&lines).expect("it begins with a start").differences.is_empty());
}

#[test]
fn a_last_line_without_its_end_is_passed_over_and_other_damage_is_told() {
    let world = world();
    let lines = &world.recording()[..9];
    let text: String = lines.iter().map(|l| serde_json::to_string(l).expect("JSON") + "\n").collect();
    assert_eq!(read(text.as_bytes()).expect("it is whole").len(), 9);
    assert_eq!(read(&text.as_bytes()[..text.len() - 5]).expect("one line is cut off").len(), 8);
    let damaged = text.replacen("\"now\"", "\"then\"", 1);
    assert!(read(damaged.as_bytes()).expect_err("no such line").to_string().contains("line 1"));
    let headless = text.split_once('\n').expect("lines").1;
    assert!(read(headless.as_bytes()).is_err());
}

#[test]
fn a_state_that_cannot_have_come_about_is_refused() {
    let world = world();
    let state = second_half(world.recording()).swap_remove(0);
    let whole = serde_json::to_value(&state).expect("JSON");
    let damages = [
        ("/state/engine/sources/0/id", "9", "order"),
        ("/state/engine/sources/4/kind/server/entry", "99", "no server"),
        ("/state/engine/directory/places", "[]", "match"),
        ("/state/engine/entries", "[]", "missing"),
        ("/state/engine/sources/1/kind/server/association/requests", "18446744073709551615", "source"),
        ("/state/engine/sources/1/kind/server/association/schedule/stretch", "-1.0", "source"),
        ("/state/engine/sources/2/filter/bank/cells", "[]", "source"),
        ("/state/engine/ensemble/bank/cells", "[]", "ensemble"),
        ("/state/engine/discipline/timeline/segments", "[]", "clock"),
    ];
    for (place, value, why) in damages {
        let mut damaged = whole.clone();
        *damaged.pointer_mut(place).expect(place) = serde_json::from_str(value).expect("JSON");
        let error = read(damaged.to_string().as_bytes()).expect_err(place);
        assert!(format!("{error:#}").contains(why), "{place}: {error:#}");
    }
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
fn an_engine_that_runs_already_can_be_given_other_options_but_no_other_servers() {
    let world = world();
    let lines = second_half(world.recording());
    let same = what_if(&lines, |_| {}).expect("it begins with a state");
    assert!(same.answered > 100 && same.ahead().abs() < NtpDuration::from_nanos(1_000), "{}", same.ahead());
    let often =
        what_if(&lines, |options| set(options, "maxpoll=6").expect("it can be set")).expect("it can begin");
    assert!(often.asked > 3 * same.asked / 2, "{} and {}", often.asked, same.asked);
    assert!(what_if(&lines, |options| options.entries.clear()).is_none());
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
