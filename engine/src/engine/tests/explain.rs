//! What an engine says when it is asked why.

use ntp_proto::time::Offset;

use super::*;
use crate::explain::{Explanation, SourceExplanation, Why};
use crate::input::Target;

/// Servers of which the last ones are ahead by so many seconds.
fn ahead(count: u8, seconds: &[i64]) -> Bench {
    let mut options = servers(count);
    for (entry, ahead) in options.entries.iter_mut().rev().zip(seconds) {
        entry.options.offset = Offset::reference_ahead_by(secs(*ahead));
    }
    let mut bench = Bench::new(options, secs(0));
    bench.follow(8 * usize::from(count));
    bench
}

fn all(bench: &Bench) -> Explanation {
    bench.engine.explain(bench.now, &Target::All).unwrap()
}

fn failed(source: &SourceExplanation) -> Vec<&str> {
    source.tests.iter().filter(|test| !test.passed).map(|test| &*test.name).collect()
}

#[test]
fn a_liar_among_three_is_told_what_it_missed() {
    let bench = ahead(3, &[1]);
    let told = all(&bench);
    let [first, second, liar] = &told.sources[..] else { panic!("{told:?}") };
    assert_eq!((&*liar.state, liar.used, failed(liar)), ("falseticker", false, vec!["agreement"]));
    assert!(liar.reason.starts_with("contradicts the majority: "), "{}", liar.reason);
    assert!(
        liar.changes[0].contains("if its time were 9") && liar.changes[0].ends_with(" ms earlier"),
        "{liar:?}"
    );
    assert!(liar.changes[1].ends_with("if 2 more sources agreed with it"), "{:?}", liar.changes);
    let majority = told.clock.majority.unwrap();
    assert_eq!((majority.agreeing, majority.of, majority.trusted), (2, 3, false));
    assert!(majority.low_s < 0.0 && majority.high_s > 0.0, "the system clock is right: {majority:?}");
    let claim = told.clock.claims[2].clone();
    assert!(claim.low_s > 0.99 && claim.high_s < 1.01 && claim.low_s < claim.high_s, "{claim:?}");
    assert!(failed(first).is_empty() && failed(second).is_empty());
    let weights = first.weight.unwrap() + second.weight.unwrap();
    assert!((weights - 1.0).abs() < 1e-9 && liar.weight.is_none(), "{weights}");
    let selected = told.sources.iter().find(|source| source.selected).unwrap();
    let by_both = format!("the clock is set by {} and 1 other that is combined with it", selected.name);
    assert_eq!(told.clock.verdict, by_both);
}

#[test]
fn the_parts_of_a_distance_are_all_of_it() {
    let bench = ahead(1, &[]);
    let source = all(&bench).sources.remove(0);
    let d = source.distance.unwrap();
    let parts =
        d.half_root_delay_s + d.root_dispersion_s + d.half_path_delay_s + d.own_dispersion_s + d.aged_s;
    assert!((parts - d.total_s).abs() < 1e-9, "{d:?}");
    let test = source.tests.iter().find(|test| test.name == "distance").unwrap();
    assert_eq!((test.value, test.at_most, test.unit.as_deref()), (Some(d.total_s), Some(3.0), Some("s")));
    assert!((d.half_path_delay_s - DELAY.to_seconds() / 2.0).abs() < 1e-9, "{d:?}");
}

#[test]
fn a_new_source_is_asked_often_because_it_is_new() {
    let bench = ahead(1, &[]);
    let poll = all(&bench).sources.remove(0).poll.unwrap();
    assert_eq!(poll.why, Why::New { requests: bench.source(0).requests, until: 28 });
    assert_eq!((poll.interval_s, poll.next_s), (poll.shortest_s, poll.shortest_s));
}

#[test]
fn without_a_majority_the_clock_says_so() {
    let told = all(&ahead(3, &[5, 10]));
    assert_eq!(
        told.clock.verdict,
        "nobody sets the clock: of 3 usable sources, no two agree, so nobody can tell who is right"
    );
    assert_eq!(told.clock.claims.len(), 3);
    assert!(told.sources.iter().all(|source| failed(source) == ["majority"]), "{:?}", told.sources);
    let far = all(&Bench::new(servers(1), secs(0)));
    assert!(far.clock.verdict.starts_with("nobody sets the clock yet"), "{}", far.clock.verdict);
    let nobody = all(&Bench::new(servers(0), secs(0)));
    assert_eq!(nobody.clock.verdict, "nobody sets the clock: no source has an address");
}

#[test]
fn nobody_who_can_be_used_is_counted_by_what_is_wrong() {
    let mut bench = Bench::new(servers(2), secs(0));
    bench.wait(secs(60));
    assert_eq!(all(&bench).clock.verdict, "nobody sets the clock, since no source can be used: 2 no samples");
    assert_eq!(all(&bench).sources[0].changes, ["would be judged after its first usable reply"]);
}

#[test]
fn who_was_kept_learns_how_long_that_may_last() {
    let bench = fallen_silent(|options| options.entries[0].options.max_unreach = 20);
    let told = all(&bench);
    assert!(
        told.clock.verdict.ends_with("its word is kept, since no other can be used"),
        "{}",
        told.clock.verdict
    );
    let [_, ends] = &told.sources[0].changes[..] else { panic!("{told:?}") };
    assert!(ends.contains("maxunreach polls (") && ends.ends_with(" of 20 so far)"), "{ends}");
}

#[test]
fn so_many_sources_are_advised_one_by_one() {
    let bench = ahead(33, &[1]);
    let told = all(&bench);
    assert!(told.sources.iter().all(|source| source.changes.len() == 1), "{:?}", told.sources[0].changes);
    assert_eq!(told.sources[32].changes, ["told by: ntpctl explain 192.0.2.33"]);
    let liar = bench.engine.explain(bench.now, &Target::Host("192.0.2.33".into())).unwrap().sources.remove(0);
    assert!(liar.changes[0].contains(" ms earlier"), "{:?}", liar.changes);
}

#[test]
fn sources_are_asked_about_by_name_or_address() {
    let mut bench = Bench::new(pool(1), secs(0));
    let asked = |bench: &Bench, host: &str| bench.engine.explain(bench.now, &Target::Host(host.into()));
    assert_eq!(asked(&bench, "pool.example").unwrap().unresolved, ["pool.example"]);
    let lookup = bench.lookups()[0];
    bench.tell(Input::Resolved { lookup, addresses: vec![[192, 0, 2, 1].into()] });
    for host in ["pool.example", "192.0.2.1"] {
        assert_eq!(asked(&bench, host).unwrap().sources[0].name, "pool.example");
    }
    bench.follow(8);
    let verdict = asked(&bench, "pool.example").unwrap().clock.verdict;
    assert_eq!(verdict, "the clock is set by pool.example (192.0.2.1)");
    assert_eq!(asked(&bench, "192.0.2.2"), None);
    bench.tell(Input::Command(Command::Offline(Target::All)));
    let changes = asked(&bench, "pool.example").unwrap().sources.remove(0).changes;
    assert_eq!(changes, ["would be asked again after: ntpctl online 192.0.2.1"]);
}
