//! What a person reads.

use ntp_engine::explain::MajorityReport;

use super::*;

fn test(name: &str, passed: bool, words: &str) -> TestReport {
    TestReport {
        name: name.to_owned(),
        passed,
        words: words.to_owned(),
        value: None,
        at_least: None,
        at_most: None,
        unit: None,
    }
}

fn way() -> PathReport {
    PathReport {
        noise_interval: 0.604,
        noise_proportional: 0.3,
        noise_alike: 0.096,
        asymmetry: 0.0,
        shortest_s: 300e-6,
        typical_excess_s: 20e-6,
        round_trips: 200,
        paths: 1,
        bias_s: None,
        bias_stddev_s: None,
    }
}

fn asked() -> PollReport {
    PollReport {
        in_burst: false,
        interval_s: 64.0,
        wanted_s: Some(700.0),
        next_s: 128.0,
        shortest_s: 64.0,
        longest_s: 512.0,
        servers: 3,
        why: Why::Regular,
    }
}

fn liar() -> SourceExplanation {
    SourceExplanation {
        name: "192.0.2.66".to_owned(),
        address: "192.0.2.66:123".parse().unwrap(),
        state: "falseticker".to_owned(),
        used: false,
        selected: false,
        reason: "contradicts the majority: 1.000 s ahead of anything they allow".to_owned(),
        tests: vec![
            test("samples", true, "20; minsamples 1"),
            test("agreement", false, "it misses by 1.000 s"),
        ],
        distance: Some(DistanceReport {
            total_s: 410e-6,
            half_root_delay_s: 50e-6,
            root_dispersion_s: 200e-6,
            half_path_delay_s: 150e-6,
            own_dispersion_s: 9e-6,
            aged_s: 1e-6,
        }),
        weight: None,
        path: Some(way()),
        poll: Some(asked()),
        changes: vec!["would be used if A".to_owned(), "would be used if B".to_owned()],
    }
}

fn of_clock() -> ClockExplanation {
    let claim = |name: &str, low_s, high_s, state: &str| Claim {
        name: name.to_owned(),
        address: "192.0.2.1:123".parse().unwrap(),
        state: state.to_owned(),
        low_s,
        high_s,
    };
    ClockExplanation {
        verdict: "the clock is set by A".to_owned(),
        majority: Some(MajorityReport { agreeing: 2, of: 3, trusted: false, low_s: -1e-4, high_s: 2e-4 }),
        claims: vec![claim("192.0.2.1", -1e-4, 3e-4, "selected"), claim("A", 0.9, 1.1, "falseticker")],
        wander_ppm: Some(1e-3),
        hour_without_samples_s: Some(124.7e-6),
    }
}

fn explanation() -> Explanation {
    let address = "192.0.2.1:123".parse().unwrap();
    let duplicate = Duplicate { name: "b.example".to_owned(), address, used_by: "192.0.2.1".to_owned() };
    Explanation {
        clock: of_clock(),
        sources: vec![liar()],
        unresolved: vec!["a.example".to_owned()],
        duplicates: vec![duplicate],
    }
}

#[test]
fn a_verdict_comes_first_and_what_would_change_it_last() {
    let expected = "\
clock: the clock is set by A
  agreed  2 of 3 usable sources: 100 us fast to 200 us slow
  claims  100 us fast to 300 us slow, says 192.0.2.1 (selected)
          900 ms slow to 1.10 s slow, says A (192.0.2.1) (falseticker)
  wander  1.000 ppb in 1 s: 125 us in an hour without samples, one sigma

192.0.2.66: not used (falseticker): contradicts the majority: 1.000 s ahead of anything they allow
  tests     passed  samples    20; minsamples 1
            FAILED  agreement  it misses by 1.000 s
  distance  410 us = root delay/2 50.0 us + root dispersion 200 us + path delay/2 150 us + own dispersion 9.00 us \
+ age 1.00 us
  noise     within half of the excess delay 60 %, in proportion to it 30 %, all alike 10 %; no asymmetry learnt
  path      shortest round trip 300 us, typically 20.0 us more, by 200 of them; it never changed
  asked     every 64.0 s: its samples are worth asking every 700 s among 3 servers, which is later than it may be \
asked; every 128 s after its next sample; limits 64.0 s to 512 s
  changes   would be used if A
            would be used if B

a.example: not used: the name has no address yet; it is looked up again and again

b.example: not used: 192.0.2.1:123 is asked already, as 192.0.2.1
";
    assert_eq!(render(&explanation(), true), expected);
    let alone = render(&explanation(), false);
    assert!(alone.starts_with("192.0.2.66: not used"), "{alone}");
}

#[test]
fn a_source_that_is_used_says_so_and_its_share() {
    let used = SourceExplanation {
        state: "selected".to_owned(),
        used: true,
        reason: "used, the best source".to_owned(),
        weight: Some(0.55),
        ..liar()
    };
    let text = source(&used);
    assert!(text.starts_with("192.0.2.66: used, the best source\n"), "{text}");
    assert!(text.contains("\n  weight    55 % of what all sources that are used say together\n"), "{text}");
}

#[test]
fn what_nobody_knows_yet_is_left_out() {
    let new = SourceExplanation {
        tests: Vec::new(),
        distance: None,
        path: None,
        changes: Vec::new(),
        poll: Some(PollReport { wanted_s: None, ..asked() }),
        ..liar()
    };
    let text = source(&new);
    assert_eq!(
        text.lines().nth(1),
        Some("  asked  every 64.0 s: nothing is known of its samples yet; limits 64.0 s to 512 s")
    );
    let nobody = ClockExplanation {
        majority: None,
        claims: Vec::new(),
        wander_ppm: None,
        hour_without_samples_s: None,
        ..of_clock()
    };
    assert_eq!(clock(&nobody), "clock: the clock is set by A\n");
}

#[test]
fn a_path_that_changed_has_a_bias_with_a_side() {
    let behind = PathReport { paths: 2, bias_s: Some(-1.2e-3), bias_stddev_s: Some(2e-4), ..way() };
    assert!(
        path(&behind)
            .ends_with("it changed: the present one makes the source appear 1.20 ms behind, +- 200 us")
    );
    assert!(path(&PathReport { paths: 2, ..way() }).ends_with("it changed and is the first one again"));
    let skewed = PathReport { asymmetry: -0.12, ..way() };
    assert!(
        noise(&skewed).ends_with("; its excess delay makes it -0.12 of that ahead"),
        "{}",
        noise(&skewed)
    );
}

#[test]
fn haste_has_a_reason_and_an_end() {
    let new = PollReport { why: Why::New { requests: 9, until: 32 }, ..asked() };
    assert!(poll(&new).contains("until it was sent 32 requests (9 so far)"), "{}", poll(&new));
    let burst = PollReport { in_burst: true, ..new };
    assert!(
        poll(&burst).starts_with("in quick succession for the moment, then every 64.0 s: "),
        "{}",
        poll(&burst)
    );
    let hasty = PollReport { why: Why::Unsettled { credit: 1 }, ..asked() };
    assert!(poll(&hasty).contains("; for 1 more request at most;"), "{}", poll(&hasty));
    let eager = PollReport { wanted_s: Some(9.0), next_s: 64.0, servers: 1, ..asked() };
    assert_eq!(
        poll(&eager),
        "every 64.0 s: its samples are worth asking every 9.00 s, which is sooner than it may be asked; \
         limits 64.0 s to 512 s"
    );
}
