//! Who sets the clock, or why nobody does, in a sentence.

use ntp_clock::select::{Examination, Majority, State};

/// Before the first update.
pub(super) const SETTLING: &str =
    "nobody sets the clock yet: those who answer quickly are heard first, for 10 s at most";

/// What selection found. `name` tells what a source is called.
pub(super) fn of(found: &Examination, name: &dyn Fn(usize) -> String) -> String {
    let states: Vec<State> = found.trials.iter().map(|trial| trial.state()).collect();
    match (found.selected, found.majority) {
        (Some(i), _) if states[i] == State::Kept => {
            format!(
                "{} set the clock and has fallen silent; its word is kept, since no other can be used",
                name(i)
            )
        }
        (Some(i), _) => set_by(&name(i), &states),
        (None, _) if states.is_empty() => "nobody sets the clock: no source has an address".to_owned(),
        (None, Some(majority)) if !majority.is_one() => no_majority(&majority),
        (None, Some(_)) => {
            let waiting = states.iter().find(|state| matches!(state, State::Waiting { .. }));
            let why = waiting.map_or_else(|| "no good source is left".to_owned(), ToString::to_string);
            format!("nobody sets the clock: those who agree are {why}")
        }
        (None, None) => format!("nobody sets the clock, since no source can be used: {}", counts(&states)),
    }
}

fn set_by(selected: &str, states: &[State]) -> String {
    let combined = states.iter().filter(|state| matches!(state, State::Combined)).count();
    let others = match combined {
        0 => String::new(),
        1 => " and 1 other that is combined with it".to_owned(),
        more => format!(" and {more} others that are combined with it"),
    };
    format!("the clock is set by {selected}{others}")
}

fn no_majority(majority: &Majority) -> String {
    let &Majority { agreeing, of, trusted, .. } = majority;
    let sources = if trusted { "trusted sources" } else { "usable sources" };
    match agreeing {
        1 => {
            format!("nobody sets the clock: of {of} {sources}, no two agree, so nobody can tell who is right")
        }
        _ => format!(
            "nobody sets the clock: of {of} {sources}, no more than {agreeing} agree, and that is no majority"
        ),
    }
}

/// `2 unreachable, 1 distant`.
fn counts(states: &[State]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for state in states {
        match counts.iter_mut().find(|(name, _)| *name == state.name()) {
            Some((_, count)) => *count += 1,
            None => counts.push((state.name(), 1)),
        }
    }
    counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}
