//! A story for each state: what it is told, and that selection keeps the promise.

use proptest::prelude::*;

use super::super::tests::{any_case, flagged, gaining, source};
use super::*;

fn told(case: &Case, of: usize) -> (&'static str, Vec<String>) {
    let name = |i: usize| ["A", "B", "C", "D"][i].to_owned();
    let words = case.changes(of).iter().map(|change| change.words(&name)).collect();
    (case.examine().trials[of].state().name(), words)
}

fn case(candidates: &[Candidate]) -> Case {
    Case { candidates: candidates.to_vec(), current: None, limits: Limits::default() }
}

fn check(case: &Case, of: usize, state: &str, words: &[&str]) {
    assert_eq!(told(case, of), (state, words.iter().map(|w| (*w).to_owned()).collect()));
}

#[test]
fn who_fails_alone_learns_which_limit_and_by_how_much() {
    let far = case(&[source(0, 3_210)]);
    check(
        &far,
        0,
        "distant",
        &[
            "would be the selected source if maxdistance were above 3.210 s",
            "would be the selected source if its distance were 210.000 ms smaller",
        ],
    );
    let noisy = Candidate { jitter: Uncertainty::from_seconds(1.5), ..source(0, 10) };
    let words = told(&case(&[noisy]), 0).1;
    assert!(words[0].contains("if maxjitter were above 1.5"), "{words:?}");
    let young = Candidate { min_samples: Some(103), ..source(0, 10) };
    check(&case(&[young]), 0, "few samples", &["would be the selected source if it gave 3 more samples"]);
    let low = Candidate { stratum: Stratum::new(16), ..source(0, 10) };
    check(&case(&[low]), 0, "stratum", &["would be the selected source if maxstratum were 16 or more"]);
    let silent = Candidate { reachable: false, ..source(0, 10) };
    check(&case(&[silent]), 0, "unreachable", &["would be the selected source if it answered again"]);
    let unwanted = flagged(source(0, 10), |f| f.noselect = true);
    check(
        &case(&[unwanted]),
        0,
        "noselect",
        &["would be the selected source if it were not marked noselect"],
    );
    let new = Candidate { estimate: None, samples: 0, ..source(0, 10) };
    check(&case(&[new]), 0, "no samples", &[]);
}

#[test]
fn who_would_fail_the_next_test_is_not_promised_anything() {
    let silent_liar = Candidate { reachable: false, ..source(500, 10) };
    check(
        &case(&[source(0, 10), source(1, 10), silent_liar]),
        2,
        "unreachable",
        &[
            "would get further, but not be used (falseticker: contradicts the majority: 480.000 ms ahead of anything \
         they allow), if it answered again",
        ],
    );
}

#[test]
fn a_falseticker_learns_who_it_would_take() {
    check(
        &case(&[source(0, 10), source(1, 10), source(1_000, 10)]),
        2,
        "falseticker",
        &[
            "would be used, combined with the selected source, if its time were 980.000 ms earlier",
            "would be the selected source if 2 more sources agreed with it",
        ],
    );
    let words = told(&case(&[source(0, 10), source(1, 10), source(-1_000, 9)]), 2).1;
    assert!(words[0].ends_with("if its time were 982.000 ms later"), "{words:?}");
}

#[test]
fn two_who_disagree_need_a_third_or_to_come_closer() {
    check(
        &case(&[source(0, 10), source(100, 10)]),
        0,
        "no majority",
        &[
            "would be the selected source if one more source agreed with it",
            "would be the selected source if its time were 80.000 ms later",
        ],
    );
}

#[test]
fn a_drifting_clock_learns_by_how_much() {
    let words = told(&case(&[gaining(0.0), gaining(0.0), gaining(-1.0)]), 2).1;
    assert_eq!(words, ["would be used, combined with the selected source, if its clock lost 1.000 ppm less"]);
}

#[test]
fn who_waits_learns_for_whom() {
    let mut few = case(&[source(0, 10)]);
    few.limits.min_sources = 2;
    check(
        &few,
        0,
        "waiting",
        &[
            "would be the selected source if one more source agreed with it",
            "would be the selected source if minsources were 1",
        ],
    );
    let mut required = flagged(source(0, 10), |f| f.require = true);
    required.reachable = false;
    check(
        &case(&[source(0, 10), required]),
        0,
        "waiting",
        &["would be the selected source if one with require could be used: B"],
    );
}

#[test]
fn a_spare_takes_over_when_the_preferred_source_falls_silent() {
    let preferred = flagged(source(0, 20), |f| f.prefer = true);
    check(
        &case(&[preferred, source(1, 5)]),
        1,
        "spare",
        &[
            "would be the selected source if eight requests in a row were not answered by A",
            "would be the selected source if it were marked prefer",
        ],
    );
}

#[test]
fn who_is_outclassed_learns_the_distance_that_counts() {
    check(
        &case(&[source(0, 4), source(0, 40)]),
        1,
        "outclassed",
        &[
            "would be used, combined with the selected source, if its distance were 27.700 ms smaller",
            "would be the selected source if eight requests in a row were not answered by A",
            "would be used, combined with the selected source, if combinelimit were above 9.76",
        ],
    );
}

#[test]
fn who_is_used_learns_how_that_would_end() {
    let mut pair = case(&[source(0, 10), source(0, 20)]);
    pair.current = Some(0);
    check(
        &pair,
        0,
        "selected",
        &["would be replaced by B if eight requests in a row were not answered by A"],
    );
    check(
        &pair,
        1,
        "combined",
        &[
            "would be the selected source if its distance were 13.100 ms smaller",
            "would be the selected source if eight requests in a row were not answered by A",
        ],
    );
    let mut three = case(&[source(0, 10), source(0, 12), source(500, 10)]);
    three.current = Some(0);
    let words = told(&three, 1).1;
    assert!(words[1].starts_with("would not be used any more (no majority: only 1 of 2"), "{words:?}");
    let mut alone = case(&[source(0, 10)]);
    let silent = "if eight requests in a row were not answered by A";
    check(&alone, 0, "selected", &[&format!("would be lost, with nobody in its place, {silent}")]);
    alone.current = Some(0);
    check(&alone, 0, "selected", &[&format!("would be kept, since no other could be used, {silent}")]);
    let mut kept = case(&[Candidate { reachable: false, ..source(0, 10) }]);
    kept.current = Some(0);
    check(
        &kept,
        0,
        "unreachable",
        &[
            "would be the selected source if it answered again",
            "would be lost, with nobody in its place, if it stayed silent for more than maxunreach polls",
        ],
    );
}

proptest! {
    /// Those whose own figures or whose majority is at fault always learn of something that gets them further.
    #[test]
    fn nobody_is_left_without_advice((candidates, current, limits) in any_case()) {
        let case = Case { candidates, current, limits };
        let found = case.examine();
        for (of, trial) in found.trials.iter().enumerate() {
            let state = trial.state();
            let is_helpless = matches!(state, State::NoSamples | State::NoMajority { .. } | State::Waiting { .. });
            let changes = case.changes(of);
            prop_assert!(is_helpless || state.is_used() || !changes.is_empty(), "{:?} of {:?}", state, case);
            for change in changes {
                prop_assert!(discriminant(&change.state) != discriminant(&state), "{:?}", change);
            }
        }
    }
}
