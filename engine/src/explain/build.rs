//! From selection's findings to what is shown.

use ntp_clock::select::{Case, Change, Condition, Examination, Majority, State, Test, Trial};
use ntp_clock::{Decision, Portrait, Why as Reason};
use ntp_proto::client::Standing;
use ntp_proto::time::{FreeTime, NtpDuration};

use super::{
    Claim, ClockExplanation, DistanceReport, Explanation, MajorityReport, PathReport, PollReport,
    SourceExplanation, TestReport, Why, verdict,
};
use crate::engine::Engine;
use crate::input::{Now, Target};
use crate::options::Host;
use crate::report::{Duplicate, reason};
use crate::source::{Distance, Source};

/// For more sources than this at once, what would change a verdict is not tried out: each try is a selection among
/// all of them, and nothing else happens meanwhile.
const MOST_ADVISED: usize = 32;

/// What is seen at one moment.
struct View<'a> {
    engine: &'a Engine,
    free: FreeTime,
    /// What the system clock shows more than the free-running one.
    corrected: NtpDuration,
    case: Case,
    found: Examination,
    /// Whether what would change a verdict is tried out.
    advises: bool,
}

impl Engine {
    /// Why the clock is set by whom it is set, and why each of the sources `whom` is used or not; `None` if there
    /// is no such source.
    #[must_use]
    pub fn explain(&self, now: Now, whom: &Target) -> Option<Explanation> {
        let free = self.discipline.timeline.free_now(now.raw);
        let corrected = now.raw.reinterpret() - free;
        let case = self.case(now);
        let asked: Vec<usize> =
            (0..self.sources.len()).filter(|i| whom.includes(&self.sources[*i])).collect();
        let advises = asked.len() <= MOST_ADVISED;
        let view = View { engine: self, free, corrected, found: case.examine(), case, advises };
        let (mut duplicates, mut unresolved) = self.without_source();
        duplicates.retain(|duplicate| is_meant(whom, duplicate));
        unresolved.retain(|name| *whom == Target::All || *whom == Target::Host(Host::Name(name.clone())));
        let sources: Vec<SourceExplanation> = asked.into_iter().map(|i| view.source(i)).collect();
        let nobody = sources.is_empty() && duplicates.is_empty() && unresolved.is_empty();
        (!nobody || *whom == Target::All).then(|| Explanation {
            clock: view.clock(now),
            sources,
            unresolved,
            duplicates,
        })
    }
}

fn is_meant(whom: &Target, duplicate: &Duplicate) -> bool {
    match whom {
        Target::All => true,
        Target::Host(host) => duplicate.name == host.to_string(),
    }
}

impl View<'_> {
    fn clock(&self, now: Now) -> ClockExplanation {
        let wander = self.engine.ensemble.as_ref().map(|e| e.estimate(self.free).wander());
        let majority = self.found.majority.map(|majority| self.majority(&majority));
        let claims: Vec<Claim> = (0..self.engine.sources.len()).filter_map(|i| self.claim(i)).collect();
        ClockExplanation {
            verdict: if self.engine.is_settling(now) {
                verdict::SETTLING.to_owned()
            } else {
                verdict::of(&self.found, &|i| self.name(i))
            },
            majority,
            claims,
            wander_ppm: wander.map(|w| w.to_ppm()),
            // The phase that a random walk of the frequency makes grows with the power 3/2 of the time.
            hour_without_samples_s: wander.map(|w| w.as_ratio() * 3_600.0 * (3_600.0_f64 / 3.0).sqrt()),
        }
    }

    fn majority(&self, majority: &Majority) -> MajorityReport {
        let &Majority { agreeing, of, trusted, low, high } = majority;
        let (low_s, high_s) = (self.against_clock(low), self.against_clock(high));
        MajorityReport { agreeing, of, trusted, low_s, high_s }
    }

    fn claim(&self, i: usize) -> Option<Claim> {
        let (low, high) = self.case.candidates[i].claim()?;
        let source = &self.engine.sources[i];
        Some(Claim {
            name: source.name.clone(),
            address: source.address(),
            state: self.found.trials[i].state().name().to_owned(),
            low_s: self.against_clock(low),
            high_s: self.against_clock(high),
        })
    }

    fn source(&self, i: usize) -> SourceExplanation {
        let source = &self.engine.sources[i];
        let Trial { tests, .. } = &self.found.trials[i];
        let state = self.found.trials[i].state();
        let distance = source.filter.estimate(self.free).and_then(|e| source.distance(&e));
        let ensemble = self.engine.ensemble.as_ref().filter(|_| source.state.is_used());
        SourceExplanation {
            name: source.name.clone(),
            address: source.address(),
            state: state.name().to_owned(),
            used: state.is_used(),
            selected: state.is_selected(),
            reason: reason(source, state),
            tests: tests.iter().map(|test| test_report(test, source)).collect(),
            distance: distance.as_ref().map(distance_report),
            weight: ensemble.and_then(|e| e.weight(source.id.number())),
            path: source.asked().and_then(|_| source.filter.portrait()).as_ref().map(path_report),
            poll: self.poll(source),
            changes: self.changes(i, state, distance.as_ref()),
        }
    }

    fn poll(&self, source: &Source) -> Option<PollReport> {
        let asked = source.asked()?;
        let together = self.engine.together().filter(|_| source.state.is_used());
        let together = together.as_ref().map(|(advice, servers)| (advice, *servers));
        let (interval, Decision { wanted, next, why }) = asked.poll_decision(&source.filter, together);
        let requests = interval.requests;
        Some(PollReport {
            in_burst: asked.association.is_bursting(),
            interval_s: interval.now.interval().to_seconds(),
            wanted_s: (source.filter.samples() > 1).then_some(wanted),
            next_s: next.interval().to_seconds(),
            shortest_s: interval.shortest.interval().to_seconds(),
            longest_s: interval.longest.interval().to_seconds(),
            servers: interval.servers,
            why: match why {
                Reason::New { until } => Why::New { requests, until },
                Reason::Unsettled { credit } => Why::Unsettled { credit },
                Reason::Regular => Why::Regular,
            },
        })
    }

    fn changes(&self, i: usize, state: State, distance: Option<&Distance>) -> Vec<String> {
        let source = &self.engine.sources[i];
        match (source.asked().map(|asked| asked.association.standing()), state) {
            (Some(Standing::Offline), _) => {
                vec![format!("would be asked again after: ntpctl online {}", source.address().short())]
            }
            (Some(Standing::Refused(_)), _) => {
                vec!["told us not to ask; would be asked again after: ntpctl refresh".to_owned()]
            }
            (_, State::NoSamples | State::New) => {
                let first = if source.asked().is_some() { "reply" } else { "readings" };
                vec![format!("would be judged after its first usable {first}")]
            }
            _ if !self.advises => vec![format!("told by: ntpctl explain {}", source.address().short())],
            _ => {
                let changes = self.case.changes(i);
                changes.iter().map(|change| self.change(i, change, distance)).collect()
            }
        }
    }

    /// With what selection does not know of it.
    fn change(&self, i: usize, change: &Change, distance: Option<&Distance>) -> String {
        let source = &self.engine.sources[i];
        let more = match (&change.condition, distance) {
            (Condition::Closer(_), Some(distance)) => largest_part(distance),
            (Condition::Samples(more), _) => {
                let wait = source.poll().scaled(*more as f64);
                format!(" (in {wait}, asked as often as now)")
            }
            (Condition::GivenUp, _) => {
                format!(" ({} of {} so far)", source.unreachable_polls, source.max_unreach())
            }
            _ => String::new(),
        };
        change.words(&|i| self.name(i)) + &more
    }

    fn name(&self, i: usize) -> String {
        // Sources that were only supposed to be there have no name.
        let Some(source) = self.engine.sources.get(i) else { return "another".to_owned() };
        let address = source.address().short();
        // The sources of a pool share a name.
        if source.name == address { address } else { format!("{} ({address})", source.name) }
    }

    /// An offset of the free-running clock as one of the system clock, in seconds.
    fn against_clock(&self, offset: NtpDuration) -> f64 {
        (offset - self.corrected).to_seconds()
    }
}

fn test_report(test: &Test, source: &Source) -> TestReport {
    let figure = test.figure();
    // Nobody asks a reference clock.
    let words = match test {
        Test::Answering { reachable: true, .. } if source.refclock().is_some() => {
            "gave usable time at one of the last eight polls".to_owned()
        }
        Test::Answering { kept, .. } if source.refclock().is_some() => {
            let kept = if *kept { "; kept, since no other can be used" } else { "" };
            format!("gave no usable time for eight polls{kept}")
        }
        test => test.to_string(),
    };
    TestReport {
        name: test.name().to_owned(),
        passed: test.failure().is_none(),
        words,
        value: figure.map(|f| f.value),
        at_least: figure.and_then(|f| f.at_least),
        at_most: figure.and_then(|f| f.at_most),
        unit: figure.map(|f| f.unit.to_owned()),
    }
}

fn distance_report(distance: &Distance) -> DistanceReport {
    DistanceReport {
        total_s: distance.total().to_seconds(),
        half_root_delay_s: distance.root_delay.to_seconds() / 2.0,
        root_dispersion_s: distance.root_dispersion.to_seconds(),
        half_path_delay_s: distance.path_delay.to_seconds() / 2.0,
        own_dispersion_s: distance.own_dispersion.to_seconds(),
        aged_s: distance.aged.to_seconds(),
    }
}

fn path_report(portrait: &Portrait) -> PathReport {
    PathReport {
        noise_interval: portrait.noise.interval,
        noise_proportional: portrait.noise.proportional,
        noise_alike: portrait.noise.alike,
        asymmetry: portrait.asymmetry,
        shortest_s: portrait.shortest.to_seconds(),
        typical_excess_s: portrait.typical_excess.to_seconds(),
        round_trips: portrait.round_trips,
        paths: portrait.paths,
        bias_s: portrait.bias.map(|bias| bias.offset.to_seconds()),
        bias_stddev_s: portrait.bias.map(|bias| bias.uncertainty.to_seconds()),
    }
}

/// Where there is most to gain.
fn largest_part(distance: &Distance) -> String {
    let parts = [
        ("half of its root delay", distance.root_delay.half()),
        ("its root dispersion", distance.root_dispersion),
        ("half of the round trip to it", distance.path_delay.half()),
        ("the scatter of its samples", distance.own_dispersion),
        ("the age of its latest sample", distance.aged),
    ];
    let largest = parts.iter().max_by_key(|(_, part)| *part);
    largest.map_or_else(String::new, |(name, part)| format!(" (most of it is {name}, {part})"))
}
