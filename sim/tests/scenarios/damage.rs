//! Recordings that were damaged: what is read of them is refused or does no harm.

use ntp_engine::record::{Line, replay};
use ntp_engine::{Input, Now};
use ntp_sim::World;
use ntp_sim::server::Server;
use serde_json::{Value, json};

use crate::common::*;

/// The places of all figures in a value.
fn figures(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(place.to_owned()),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, inner)| figures(inner, &format!("{place}/{i}"), found));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| figures(inner, &format!("{place}/{key}"), found));
        }
        _ => {}
    }
}

/// The state of an engine ten minutes after its start, and what reached it in the ten minutes after that.
fn halves() -> (Line<'static>, Vec<Line<'static>>) {
    let servers = [Server::perfect(lan().with_loss(0.1)), Server::perfect(internet().with_loss(0.1))];
    let mut world = World::recorded(&client_of(&servers));
    world.run_for(hours(1.0 / 6.0));
    let (engine, now, at) = (world.engine().clone(), world.client_now(), world.recording().len());
    world.step_by_other(secs(2.0));
    world.run_for(hours(1.0 / 6.0));
    let inputs = world.recording()[at..].iter().filter(|line| matches!(line, Line::Input { .. }));
    (Line::State { now, engine: Box::new(engine) }, inputs.cloned().collect())
}

/// Hands over states with one figure that is wild for its kind, each third figure in its turn, as far as they can be
/// read. Returns how many can, and how many cannot.
fn damaged_states(mut run: impl FnMut(&str, Line<'static>)) -> (usize, usize) {
    let wild =
        [json!(0), json!(-1), json!(1e308), json!(u64::MAX), json!(i64::MAX), json!(u32::MAX), json!(127)];
    let (state, _) = halves();
    let whole = serde_json::to_value(&state).expect("a state has a form in JSON");
    let mut places = Vec::new();
    figures(&whole, "", &mut places);
    let (mut accepted, mut refused) = (0, 0);
    for (place, value) in places.iter().step_by(3).flat_map(|place| wild.iter().map(move |v| (place, v))) {
        let mut damaged = whole.clone();
        *damaged.pointer_mut(place).expect("it was found there") = value.clone();
        if let Ok(line) = serde_json::from_str(&damaged.to_string()) {
            accepted += 1;
            run(place, line);
        } else {
            refused += 1;
        }
    }
    (accepted, refused)
}

#[test]
fn an_engine_with_one_wild_figure_is_refused_or_lives() {
    let (_, inputs) = halves();
    let end = inputs.iter().rev().find_map(|line| match line {
        Line::Input { now, .. } => Some(*now),
        _ => None,
    });
    let end = end.expect("there are inputs");
    let (accepted, refused) = damaged_states(|place, state| {
        // Shown when this fails.
        println!("{place}");
        let lines = [state].into_iter().chain(inputs.iter().cloned());
        let mut engine = replay(lines, |_, _| {}).expect("it begins with a state");
        for span in [100.0, 200.0, 300.0].map(secs) {
            let now = Now { monotonic: end.monotonic + span, raw: end.raw + span };
            engine.handle(now, Input::Tick);
            assert!(!serde_json::to_string(&engine.report(now)).expect("a report").is_empty());
        }
    });
    assert!(accepted > 500 && refused > 500, "{accepted} accepted, {refused} refused");
}
