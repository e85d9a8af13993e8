//! Selection told as small stories.

use ntp_proto::time::{FreeTime, Frequency, Offset};
use proptest::prelude::*;

use super::*;

pub(super) fn source(offset_ms: i64, distance_ms: i64) -> Candidate {
    let at = FreeTime::from_unix(0, 0);
    let mut estimate = Estimate::of_frequency(at, Frequency::ZERO, Frequency::ZERO);
    estimate.offset = Offset::reference_ahead_by(NtpDuration::from_millis(offset_ms));
    Candidate {
        estimate: Some(estimate),
        root_distance: NtpDuration::from_millis(distance_ms),
        jitter: Uncertainty::from_seconds(1e-4),
        samples: 100,
        was_drifting: false,
        stratum: Stratum::new(2),
        min_samples: None,
        reachable: true,
        may_be_kept: true,
        flags: Flags::default(),
        is_remote: true,
        clock_error: None,
    }
}

pub(super) fn flagged(candidate: Candidate, set: impl Fn(&mut Flags)) -> Candidate {
    let mut flags = candidate.flags;
    set(&mut flags);
    Candidate { flags, ..candidate }
}

fn names(candidates: &[Candidate], limits: &Limits) -> Vec<&'static str> {
    select(candidates, None, limits).states.iter().map(|s| s.name()).collect()
}

fn check(candidates: &[Candidate], expected: &[&str]) {
    assert_eq!(names(candidates, &Limits::default()), expected);
}

#[test]
fn a_lone_source_is_believed() {
    check(&[source(500, 10)], &["selected"]);
}

#[test]
fn a_liar_is_outvoted() {
    check(&[source(0, 10), source(1_000, 10), source(5, 9)], &["combined", "falseticker", "selected"]);
}

#[test]
fn a_falseticker_is_told_by_how_much_it_misses() {
    let selection = select(&[source(0, 10), source(1_000, 10), source(0, 10)], None, &Limits::default());
    let State::Falseticker { misses_by } = selection.states[1] else { panic!("{selection:?}") };
    assert_eq!(misses_by, NtpDuration::from_millis(990) - NtpDuration::from_millis(10));
}

#[test]
fn two_that_disagree_are_both_not_believed() {
    check(&[source(0, 10), source(100, 10)], &["no majority", "no majority"]);
}

#[test]
fn two_liars_who_agree_beat_one_honest_source_and_three_who_do_not_beat_nobody() {
    check(&[source(0, 10), source(500, 10), source(505, 10)], &["falseticker", "selected", "combined"]);
    let four = [source(0, 10), source(500, 10), source(700, 10), source(900, 10)];
    check(&four, &["no majority"; 4]);
}

#[test]
fn a_trusted_source_decides_against_any_majority() {
    let trusted = flagged(source(0, 10), |f| f.trust = true);
    check(&[trusted, source(500, 10), source(505, 10)], &["selected", "falseticker", "falseticker"]);
}

#[test]
fn a_preferred_truechimer_is_used_alone_but_not_when_it_lies() {
    let preferred = |offset| flagged(source(offset, 20), |f| f.prefer = true);
    check(&[preferred(0), source(1, 5), source(2, 5)], &["selected", "spare", "spare"]);
    check(&[preferred(900), source(1, 5), source(2, 6)], &["falseticker", "selected", "combined"]);
}

#[test]
fn noselect_is_neither_used_nor_heard() {
    let measured = flagged(source(500, 10), |f| f.noselect = true);
    check(&[measured, source(0, 10)], &["noselect", "selected"]);
}

#[test]
fn limits_exclude_and_say_so() {
    let mut jittery = source(0, 10);
    jittery.jitter = Uncertainty::from_seconds(1.5);
    let mut silent = source(0, 10);
    silent.reachable = false;
    let mut new = source(0, 10);
    new.estimate = None;
    let all = [source(0, 3_001), jittery, silent, new, source(0, 10)];
    check(&all, &["distant", "jittery", "unreachable", "no samples", "selected"]);
}

#[test]
fn who_numbers_pulses_is_used_when_the_clock_is_known_worse() {
    let numbering =
        |clock| Candidate { clock_error: Some(NtpDuration::from_millis(clock)), ..source(0, 200) };
    check(&[numbering(1), source(0, 1)], &["numbering", "selected"]);
    check(&[numbering(1)], &["numbering"]);
    check(&[numbering(300)], &["selected"]);
}

#[test]
fn whoever_keeps_to_pulses_is_not_replaced_by_who_numbers_them() {
    let pulses = Candidate { reachable: false, is_remote: false, ..source(0, 1) };
    let numbering = Candidate { clock_error: Some(NtpDuration::from_millis(2)), ..source(0, 200) };
    let selection = select(&[numbering, pulses], Some(1), &Limits::default());
    assert_eq!((selection.selected, selection.states[1]), (Some(1), State::Kept));
}

#[test]
fn a_server_that_is_almost_as_good_is_not_combined_with_a_clock_in_this_machine() {
    let distant = |nanos, is_remote| {
        let root_distance = NtpDuration::from_nanos(nanos);
        Candidate { root_distance, is_remote, ..source(0, 0) }
    };
    check(&[distant(20_000, false), distant(150_000, true)], &["selected", "outclassed"]);
    check(&[distant(20_000, true), distant(150_000, true)], &["selected", "combined"]);
}

#[test]
fn minsources_and_require_make_the_clock_wait() {
    let two = Limits { min_sources: 2, ..Limits::default() };
    assert_eq!(names(&[source(0, 10)], &two), ["waiting"]);
    assert_eq!(names(&[source(0, 10), source(1, 10)], &two), ["selected", "combined"]);
    let mut required = flagged(source(0, 10), |f| f.require = true);
    check(&[required, source(0, 9)], &["combined", "selected"]);
    required.reachable = false;
    check(&[required, source(0, 9)], &["unreachable", "waiting"]);
}

#[test]
fn far_worse_sources_are_not_combined() {
    check(&[source(0, 10), source(0, 29), source(0, 40)], &["selected", "combined", "outclassed"]);
}

#[test]
fn selection_sticks_to_what_it_has() {
    let sources = [source(0, 10), source(0, 10)];
    for current in [0, 1] {
        assert_eq!(select(&sources, Some(current), &Limits::default()).selected, Some(current));
    }
}

#[test]
fn a_nearer_stratum_wins_at_equal_distance() {
    let mut primary = source(0, 10);
    primary.stratum = Stratum::PRIMARY;
    check(&[source(0, 10), primary], &["combined", "selected"]);
}

#[test]
fn where_as_many_agree_in_two_places_both_are_kept() {
    check(&[source(0, 30), source(-3, 1), source(3, 1)], &["outclassed", "selected", "combined"]);
}

pub(super) fn gaining(ppm: f64) -> Candidate {
    let mut candidate = source(0, 10);
    if let Some(estimate) = &mut candidate.estimate {
        estimate.frequency = Frequency::from_ppm(ppm);
    }
    candidate
}

#[test]
fn a_clock_that_drifts_is_found_before_its_offset_tells() {
    check(&[gaining(0.01), gaining(0.0), gaining(1.0)], &["selected", "combined", "drifting"]);
    let selection = select(&[gaining(0.0), gaining(0.0), gaining(-1.0)], None, &Limits::default());
    let why = selection.states[2].to_string();
    assert!(why.starts_with("its clock loses 1"), "{why}");
}

#[test]
fn of_two_nobody_can_tell_which_drifts_and_a_doubtful_rate_is_no_reason() {
    check(&[gaining(0.0), gaining(1.0)], &["selected", "combined"]);
    let mut unsure = gaining(1.0);
    if let Some(estimate) = &mut unsure.estimate {
        estimate.covariance.ff = 1e-12;
    }
    check(&[gaining(0.0), gaining(0.0), unsure], &["selected", "combined", "combined"]);
    let young = Candidate { samples: 11, ..gaining(1.0) };
    check(&[gaining(0.0), gaining(0.0), young], &["selected", "combined", "combined"]);
}

#[test]
fn a_source_is_not_considered_before_it_gave_the_samples_that_are_asked_for() {
    let limits = Limits { min_samples: 101, ..Limits::default() };
    assert_eq!(names(&[source(0, 10)], &limits), ["few samples"]);
    let own = Candidate { min_samples: Some(100), ..source(0, 10) };
    assert_eq!(names(&[own], &limits), ["selected"]);
    let more = Candidate { min_samples: Some(120), ..source(0, 10) };
    let state = select(&[more], None, &Limits::default()).states[0];
    assert_eq!(state.to_string(), "has given 100 of the 120 samples that minsamples asks for");
}

#[test]
fn strata_outside_the_window_are_not_considered() {
    let of = |stratum| Candidate { stratum: Stratum::new(stratum), ..source(0, 10) };
    let limits = Limits { strata: (Stratum::new(2), Stratum::new(3)), ..Limits::default() };
    let selection = select(&[of(1), of(2), of(3), of(4)], None, &limits);
    let names: Vec<_> = selection.states.iter().map(|s| s.name()).collect();
    assert_eq!(names, ["stratum", "selected", "combined", "stratum"]);
    assert_eq!(selection.states[0].to_string(), "has stratum 1, below minstratum 2");
    assert_eq!(selection.states[3].to_string(), "has stratum 4, above maxstratum 3");
}

#[test]
fn a_silent_source_is_kept_while_nobody_else_can_be_used() {
    let silent = Candidate { reachable: false, ..source(0, 10) };
    let states = |candidates: &[Candidate], current| {
        let selection = select(candidates, current, &Limits::default());
        (selection.selected, selection.states)
    };
    assert_eq!(states(&[silent, silent], Some(1)), (Some(1), vec![State::Unreachable, State::Kept]));
    assert_eq!(states(&[silent, silent], None), (None, vec![State::Unreachable; 2]), "it was never selected");
    assert_eq!(
        states(&[source(0, 10), silent], Some(1)),
        (Some(0), vec![State::Selected, State::Unreachable])
    );
    let given_up = Candidate { may_be_kept: false, ..silent };
    assert_eq!(states(&[given_up], Some(0)), (None, vec![State::Unreachable]));
    let doubtful = Candidate { root_distance: NtpDuration::from_secs(4), ..silent };
    assert_eq!(states(&[doubtful], Some(0)), (None, vec![State::Unreachable]));
}

/// Any source: each figure is on either side of its limit, so that no test is passed by all.
fn any_source() -> impl Strategy<Value = Candidate> {
    let claim = (-40..40_i64, 1..30_i64, prop::bool::weighted(0.05), prop::bool::weighted(0.05));
    let talk = (prop::sample::select(vec![0, 3, 12, 100_u64]), prop::bool::weighted(0.8), any::<bool>());
    let rate = (prop::sample::select(vec![-1.0, 0.0, 0.01, 1.0]), prop::bool::weighted(0.05), 0..5_u8);
    let flags = prop::array::uniform4(prop::bool::weighted(0.1));
    (claim, talk, rate, flags).prop_map(|(claim, talk, rate, flags)| {
        let ((offset, distance, is_far, is_noisy), (samples, reachable, may_be_kept)) = (claim, talk);
        let ((ppm, was_drifting, stratum), [prefer, noselect, trust, require]) = (rate, flags);
        let like = gaining(ppm);
        let offset = Offset::reference_ahead_by(NtpDuration::from_millis(offset));
        Candidate {
            estimate: like.estimate.filter(|_| samples > 0).map(|e| Estimate { offset, ..e }),
            root_distance: NtpDuration::from_millis(if is_far { 3_001 } else { distance }),
            jitter: Uncertainty::from_seconds(if is_noisy { 2.0 } else { 1e-4 }),
            samples,
            was_drifting,
            stratum: Stratum::new(stratum),
            reachable,
            may_be_kept,
            flags: Flags { prefer, noselect, trust, require },
            ..like
        }
    })
}

/// Up to eight sources, of which one may be selected, and limits that some of them exceed.
pub(super) fn any_case() -> impl Strategy<Value = (Vec<Candidate>, Option<usize>, Limits)> {
    let sources = prop::collection::vec(any_source(), 1..8);
    (sources, any::<prop::sample::Index>(), any::<bool>(), 0..4_usize, 0..5_u64).prop_map(
        |(sources, current, is_set, min_sources, min_samples)| {
            let current = is_set.then(|| current.index(sources.len()));
            let strata = (Stratum::new(1), Stratum::new(3));
            (sources, current, Limits { min_sources, min_samples, strata, ..Limits::default() })
        },
    )
}

proptest! {
    #[test]
    fn exactly_those_are_used_that_fail_no_test((sources, current, limits) in any_case()) {
        let found = examine(&sources, current, &limits);
        let states = select(&sources, current, &limits).states;
        for (trial, state) in found.trials.iter().zip(states) {
            let first = trial.tests.iter().find_map(Test::failure);
            prop_assert_eq!(state.is_used(), first.is_none(), "{:?} is {:?}", trial, state);
            prop_assert!(first.is_none_or(|first| first == state), "{:?} is {:?}", trial, state);
        }
        let selected: Vec<usize> = (0..sources.len()).filter(|i| found.trials[*i].state().is_selected()).collect();
        prop_assert_eq!(selected, found.selected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn figures_are_within_their_limits_unless_the_test_is_failed((sources, current, limits) in any_case()) {
        for test in examine(&sources, current, &limits).trials.iter().flat_map(|trial| &trial.tests) {
            let within = test.figure().is_none_or(|figure| figure.is_within());
            // Figures do not show what excuses: that nobody is required, that most disagree, that it is selected.
            let excusable = matches!(test, Test::Rate { .. } | Test::Company { .. } | Test::Combining { .. });
            prop_assert!(within || excusable || test.failure().is_some(), "{:?}", test);
            let unmeasured = matches!(test, Test::Company { required: Some(false), .. });
            prop_assert!(!within || unmeasured || test.figure().is_none() || test.failure().is_none(), "{:?}", test);
        }
    }

    #[test]
    fn who_has_no_say_changes_nothing((sources, current, limits) in any_case()) {
        let found = examine(&sources, current, &limits);
        let silent = Candidate { reachable: false, may_be_kept: false, ..source(0, 10) };
        let with_silent = examine(&[sources, vec![silent]].concat(), current, &limits);
        prop_assert_eq!(&found.trials[..], &with_silent.trials[..found.trials.len()]);
    }
}
