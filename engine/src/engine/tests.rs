//! An engine against inputs made by hand: one machine whose clock does what it is told, and servers of true
//! time whose replies come when the story wants them.

use ntp_clock::Stamp;
use ntp_proto::client::TxToken;
use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, respond};
use ntp_proto::time::{EstimatedTime, NtpDuration, NtpShort, RawTime};

use super::*;
use crate::action::{ClockCommand, ClockStatus};
use crate::directory::LookupId;
use crate::input::{ClockOutcome, StampQuality};
use crate::options::{Entry, Family, FromFile, Host, SourceKind, SourceOptions};
use crate::report::{Control, SourceReport, TrackingReport};

/// Round trip of every request.
const DELAY: NtpDuration = NtpDuration::from_nanos(200_000);

struct Request {
    source: SourceId,
    token: TxToken,
    bytes: Vec<u8>,
    /// When it left.
    at: Stamp,
}

/// The machine that an engine runs on.
struct Bench {
    engine: Engine,
    now: Now,
    truth: EstimatedTime,
    /// Whether the kernel lets us touch the clock.
    allowed: bool,
    /// The latest request of each source.
    requests: Vec<Request>,
    actions: Vec<Action>,
    events: Vec<Event>,
}

impl Bench {
    /// A clock that is behind true time by `behind`.
    fn new(options: Options, behind: NtpDuration) -> Self {
        let truth = EstimatedTime::from_unix(1_800_000_000, 0);
        let now = Now { monotonic: Monotonic::from_nanos(5), raw: (truth - behind).reinterpret() };
        let engine = crate::record::start(options, [1; 32], now);
        let (requests, actions, events) = (Vec::new(), Vec::new(), Vec::new());
        let mut bench = Self { engine, now, truth, allowed: true, requests, actions, events };
        bench.carry_out();
        bench
    }

    /// One server that has answered often enough for the clock to be set.
    fn synchronised() -> Self {
        let mut bench = Self::new(servers(1), NtpDuration::ZERO);
        bench.follow(8);
        assert!(bench.tracking().synchronised);
        (bench.actions, bench.events) = (Vec::new(), Vec::new());
        bench
    }

    fn tell(&mut self, input: Input<'_>) {
        self.engine.handle(self.now, input);
        self.carry_out();
    }

    /// Nothing happens for so long; ticks come when the engine wants them.
    fn wait(&mut self, span: NtpDuration) {
        let end = self.now.monotonic + span;
        loop {
            let next =
                self.engine.next_wakeup(self.now).max(self.now.monotonic + NtpDuration::from_nanos(10));
            if next > end {
                break;
            }
            self.pass_until(next);
            self.tell(Input::Tick);
        }
        self.pass_until(end);
    }

    fn pass_until(&mut self, end: Monotonic) {
        let left = (end - self.now.monotonic).max(NtpDuration::ZERO);
        self.pass(left.scaled(1.0 / (1.0 + self.rate().as_ratio())));
    }

    /// The next request leaves.
    fn ask(&mut self) {
        let asked = self.actions.len();
        while !self.actions[asked..].iter().any(|a| matches!(a, Action::Send { .. })) {
            let wait = self.engine.next_wakeup(self.now) - self.now.monotonic;
            self.wait(wait.max(NtpDuration::from_nanos(1_000)));
        }
    }

    /// The next so many requests are answered.
    fn follow(&mut self, requests: usize) {
        for _ in 0..requests {
            self.ask();
            self.pass(DELAY);
            for index in 0..self.requests.len() {
                self.answer(index);
            }
        }
    }

    /// A true reply to the source's latest request arrives; the times of its way are what they were.
    fn answer(&mut self, index: usize) {
        let at = Stamp { time: self.now.raw, epoch: self.engine.epoch() };
        self.answer_stamped(index, at);
    }

    fn answer_stamped(&mut self, index: usize, at: Stamp) {
        let Some(Request { source, token, bytes, .. }) = self.requests.get(index) else { return };
        let (source, token) = (*source, *token);
        let mut bytes = bytes.clone();
        let time = (self.truth - DELAY.half()).to_wire();
        let reply = respond(&mut bytes, time, &VARS).unwrap().depart(time).to_vec();
        let quality = StampQuality::Kernel;
        self.tell(Input::Datagram { source, token, at, quality, bytes: reply.into() });
    }

    /// True time goes on.
    fn pass(&mut self, span: NtpDuration) {
        let gained = self.rate() * span;
        self.truth = self.truth + span;
        self.now.monotonic = self.now.monotonic + span + gained;
        self.now.raw = self.now.raw + span + gained;
    }

    /// What the clock was last told; it has no error of its own.
    fn rate(&self) -> Frequency {
        self.engine.discipline.timeline.correction()
    }

    fn step_by_other(&mut self, by: NtpDuration) {
        self.now.raw = self.now.raw + by;
        self.tell(Input::SteppedByOther { by });
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.engine.poll_action() {
            self.actions.push(action.clone());
            match action {
                Action::Send { source, token, bytes, .. } => {
                    let at = Stamp { time: self.now.raw, epoch: self.engine.epoch() };
                    self.requests.retain(|r| r.source != source);
                    let bytes = bytes.into_owned();
                    self.requests.push(Request { source, token, bytes, at });
                    self.requests.sort_by_key(|r| r.source);
                    let (quality, local) = (StampQuality::User, None);
                    self.engine.handle(self.now, Input::Departed { source, token, at, quality, local });
                }
                Action::Clock(command) => {
                    if let Some(outcome) = self.clock(command) {
                        self.engine.handle(self.now, Input::Clock(outcome));
                    }
                }
                Action::Resolve { .. }
                | Action::EstablishKeys { .. }
                | Action::Save(_)
                | Action::Forget { .. } => {}
            }
        }
        self.events.extend(std::iter::from_fn(|| self.engine.poll_event()));
    }

    fn clock(&mut self, command: ClockCommand) -> Option<ClockOutcome> {
        let at = self.now.raw;
        match command {
            ClockCommand::SetStatus(_) => None,
            _ if !self.allowed => Some(ClockOutcome::Denied),
            ClockCommand::SetRate(rate) => Some(ClockOutcome::RateSet { at, rate }),
            ClockCommand::Step(by) => {
                self.now.raw = self.now.raw + by;
                Some(ClockOutcome::Stepped { at, by })
            }
        }
    }

    fn tracking(&self) -> TrackingReport {
        self.engine.report(self.now).tracking
    }

    fn source(&self, index: usize) -> SourceReport {
        self.engine.report(self.now).sources.swap_remove(index)
    }

    /// How far the clock is behind true time, in seconds.
    fn behind(&self) -> f64 {
        (self.truth - self.now.raw.reinterpret()).to_seconds()
    }

    fn count(&self, event: &Event) -> usize {
        self.events.iter().filter(|e| *e == event).count()
    }

    fn rates(&self) -> Vec<f64> {
        let rate = |action: &Action| match action {
            Action::Clock(ClockCommand::SetRate(rate)) => Some(rate.to_ppm()),
            _ => None,
        };
        self.actions.iter().filter_map(rate).collect()
    }

    fn lookups(&self) -> Vec<LookupId> {
        let lookup = |action: &Action| match action {
            Action::Resolve { lookup, .. } => Some(*lookup),
            _ => None,
        };
        self.actions.iter().filter_map(lookup).collect()
    }
}

const VARS: SystemVars = SystemVars {
    leap: Leap::None,
    stratum: Stratum::PRIMARY,
    precision: Precision::new(-25),
    root_delay: NtpShort::from_bits(0),
    root_dispersion: NtpShort::from_bits(0),
    ref_id: RefId::from_ascii(*b"GPS\0"),
    reference: ntp_proto::time::NtpTimestamp::ZERO,
};

fn entry(host: Host, kind: SourceKind) -> Entry {
    let mut options = SourceOptions::default();
    options.association.iburst = true;
    Entry { host, port: 123, kind, options }
}

fn servers(count: u8) -> Options {
    let server = |n| entry(Host::Address([192, 0, 2, n].into()), SourceKind::Server);
    Options { entries: (1..=count).map(server).collect(), ..Options::default() }
}

fn pool(servers: usize) -> Options {
    let host = Host::Name("pool.example".to_owned());
    Options { entries: vec![entry(host, SourceKind::Pool { servers })], ..Options::default() }
}

fn secs(seconds: i64) -> NtpDuration {
    NtpDuration::from_secs(seconds)
}

#[test]
fn the_first_update_waits_until_all_that_answer_have_said_enough() {
    let mut bench = Bench::new(servers(2), secs(0));
    bench.wait(NtpDuration::from_millis(100));
    assert_eq!(bench.requests.len(), 2);
    for exchange in 0..3 {
        bench.answer(0);
        assert_eq!(bench.tracking().updates, 0, "source 1 has given {exchange} samples");
        bench.answer(1);
        bench.wait(NtpDuration::from_millis(2_100));
    }
    assert!(bench.tracking().updates > 0, "both have said enough");
}

#[test]
fn the_first_update_does_not_wait_for_the_silent() {
    let mut bench = Bench::new(servers(2), secs(0));
    bench.wait(NtpDuration::from_millis(100));
    for _ in 0..4 {
        bench.answer(0);
        bench.wait(NtpDuration::from_millis(2_100));
    }
    assert!(bench.source(1).requests > 3 && bench.source(1).replies == 0);
    bench.follow(1);
    assert!(bench.tracking().updates > 0);
}

#[test]
fn a_clock_that_may_not_be_touched_is_told_once_and_tried_again() {
    let mut bench = Bench::new(servers(1), NtpDuration::from_millis(500));
    bench.allowed = false;
    bench.follow(4);
    assert_eq!(bench.tracking().control, Control::Denied);
    assert_eq!(bench.count(&Event::ClockDenied), 1);
    assert!(bench.tracking().synchronised, "time is served all the same");
    let served = bench.engine.snapshot().estimate(bench.now.raw) - bench.truth;
    assert!(served.abs() < NtpDuration::from_millis(1), "{served}");

    let tries = bench.rates().len();
    bench.wait(secs(60));
    assert_eq!(bench.rates().len(), tries, "left alone for 64 s");
    bench.follow(3);
    assert!(bench.rates().len() > tries, "then tried again");
    assert_eq!(bench.count(&Event::ClockDenied), 1);
    assert_eq!(bench.count(&Event::ClockAllowed), 0);

    bench.allowed = true;
    bench.follow(3);
    assert_eq!(bench.tracking().control, Control::Adjusting);
    assert_eq!((bench.count(&Event::ClockDenied), bench.count(&Event::ClockAllowed)), (1, 1));
    bench.wait(secs(60));
    assert!(bench.behind().abs() < 1e-3, "{}", bench.behind());
}

#[test]
fn a_rate_that_somebody_else_set_is_told_and_taken_back() {
    let mut bench = Bench::synchronised();
    let base = bench.tracking().frequency_ppm;
    let rate = Frequency::from_ppm(50.0);
    bench.tell(Input::RateChangedByOther { rate });
    assert_eq!(bench.count(&Event::RateChangedByOther { rate }), 1);
    assert!(bench.rates().first().is_some_and(|ppm| (ppm - base).abs() < 1.0), "{:?}", bench.rates());
    let uncertain = bench.tracking().stddev_s.unwrap();
    assert!(uncertain >= 50e-6 * 60.0, "nobody knows since when: {uncertain}");
}

#[test]
fn late_stamps_replace_the_programs_own_one_after_the_other() {
    let mut bench = Bench::new(servers(1), secs(0));
    let Request { source, token, at, .. } = bench.requests[0];
    let late = NtpDuration::from_nanos(50_000);
    bench.pass(DELAY);
    for (left, quality) in [(late, StampQuality::Kernel), (late + late, StampQuality::Hardware)] {
        let at = Stamp { time: at.time + left, ..at };
        bench.tell(Input::Departed { source, token, at, quality, local: None });
    }
    bench.answer(0);
    let delay = bench.source(0).last_delay_s.unwrap();
    assert!((delay - (DELAY - late - late).to_seconds()).abs() < 1e-9, "{delay}");
    assert_eq!(bench.source(0).stamps, Some((StampQuality::Hardware, StampQuality::Kernel)));
}

#[test]
fn a_stamp_that_comes_after_the_reply_or_for_another_request_changes_nothing() {
    let mut bench = Bench::new(servers(1), secs(0));
    let Request { source, token, at, .. } = bench.requests[0];
    let wrong = Stamp { time: at.time - secs(1), ..at };
    let departed = Input::Departed { source, token, at: wrong, quality: StampQuality::Kernel, local: None };
    bench.pass(DELAY);
    bench.answer(0);
    let before = bench.source(0).last_delay_s;
    bench.tell(departed.clone());
    assert_eq!(bench.source(0).last_delay_s, before);
    bench.wait(NtpDuration::from_millis(2_100));
    assert_ne!(bench.requests[0].token, token);
    let waited = bench.now.raw - bench.requests[0].at.time;
    bench.tell(departed);
    bench.answer(0);
    let delay = bench.source(0).last_delay_s.unwrap();
    assert!((delay - waited.to_seconds()).abs() < 1e-6, "{delay}, not {waited}");
}

#[test]
fn an_exchange_during_which_we_step_the_clock_measures_the_same() {
    for behind in [900, -900] {
        let mut bench = Bench::new(servers(1), NtpDuration::from_millis(behind));
        bench.follow(3);
        bench.ask();
        bench.pass(DELAY.half());
        let token = bench.requests[0].token;
        bench.tell(Input::Command(Command::Step));
        assert_eq!((bench.tracking().steps, bench.requests[0].token), (1, token), "still the same request");
        bench.pass(DELAY.half());
        bench.answer(0);
        let source = bench.source(0);
        assert_eq!(source.samples, 4, "{source:?}");
        assert!((source.last_delay_s.unwrap() - DELAY.to_seconds()).abs() < 1e-6, "{source:?}");
        assert!(source.last_offset_s.unwrap().abs() < 1e-3, "{source:?}");
    }
}

#[test]
fn a_reply_stamped_just_before_our_step_measures_the_same_by_either_label() {
    for behind in [900, -900] {
        for label_is_new in [false, true] {
            let mut bench = Bench::new(servers(1), NtpDuration::from_millis(behind));
            bench.follow(3);
            bench.ask();
            bench.pass(DELAY);
            let before = Stamp { time: bench.now.raw, epoch: bench.engine.epoch() };
            bench.tell(Input::Command(Command::Step));
            let epoch = if label_is_new { bench.engine.epoch() } else { before.epoch };
            bench.answer_stamped(0, Stamp { epoch, ..before });
            let source = bench.source(0);
            assert_eq!(source.samples, 4, "{source:?}");
            assert!((source.last_delay_s.unwrap() - DELAY.to_seconds()).abs() < 1e-6, "{source:?}");
        }
    }
}

#[test]
fn a_foreign_step_makes_a_new_request_and_the_next_sample_is_right() {
    for by in [5.0, -5.0] {
        let mut bench = Bench::synchronised();
        bench.ask();
        let token = bench.requests[0].token;
        bench.step_by_other(NtpDuration::from_seconds(by));
        assert_eq!(bench.count(&Event::SteppedByOther { by: NtpDuration::from_seconds(by) }), 1);
        assert_ne!(bench.requests[0].token, token, "asked again at once");
        bench.pass(DELAY);
        bench.answer(0);
        let source = bench.source(0);
        assert!((source.last_delay_s.unwrap() - DELAY.to_seconds()).abs() < 20e-6, "{source:?}");
        assert!((source.last_offset_s.unwrap() + by).abs() < 1e-3, "{source:?}");
    }
}

#[test]
fn a_reply_from_a_forgotten_epoch_is_counted_and_not_used() {
    let mut bench = Bench::synchronised();
    let old = Stamp { time: bench.now.raw, epoch: bench.engine.epoch() };
    for _ in 0..40 {
        bench.step_by_other(NtpDuration::from_millis(1));
    }
    let samples = bench.source(0).samples;
    bench.answer_stamped(0, old);
    assert_eq!(bench.source(0).samples, samples);
    assert!(bench.source(0).discards.contains(&("clock_changed".to_owned(), 1)));
}

#[test]
fn a_pool_takes_as_many_different_addresses_as_it_wants() {
    let mut bench = Bench::new(pool(3), secs(0));
    let [lookup] = bench.lookups()[..] else { panic!("{:?}", bench.actions) };
    let address = |n| [192, 0, 2, n].into();
    bench.tell(Input::Resolved { lookup, addresses: vec![address(1), address(1), address(2)] });
    assert_eq!(bench.engine.sources.len(), 2, "no address twice");
    bench.wait(secs(3));
    assert_eq!(bench.lookups().len(), 2, "one is missing, so it is asked for again");
    bench.tell(Input::Resolved { lookup, addresses: (1..=9).map(address).collect() });
    assert_eq!(bench.engine.sources.len(), 3);
    bench.wait(secs(5));
    assert_eq!(bench.lookups().len(), 2, "nothing is missing");
    assert!(!bench.events.iter().any(|e| matches!(e, Event::LookupFailed { .. })));
}

#[test]
fn a_server_takes_the_first_address_of_its_family() {
    let mut options = pool(1);
    options.entries[0].kind = SourceKind::Server;
    options.entries[0].options.family = Some(Family::V4);
    let mut bench = Bench::new(options, secs(0));
    assert!(matches!(bench.actions[0], Action::Resolve { family: Some(Family::V4), .. }));
    let addresses = vec!["2001:db8::1".parse().unwrap(), [192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
    bench.tell(Input::Resolved { lookup: bench.lookups()[0], addresses });
    assert_eq!(bench.engine.sources.len(), 1);
    assert_eq!(bench.source(0).address.to_string(), "192.0.2.1:123");
    assert_eq!(bench.source(0).name, "pool.example");
}

#[test]
fn a_name_without_addresses_is_told_and_tried_again_with_patience() {
    let mut bench = Bench::new(pool(4), secs(0));
    let lookup = bench.lookups()[0];
    for (failures, wait) in [2, 4, 8, 16, 32, 64, 128, 256, 256].into_iter().enumerate() {
        bench.tell(Input::Resolved { lookup, addresses: Vec::new() });
        let told = bench.events.iter().filter(|e| matches!(e, Event::LookupFailed { .. })).count();
        assert_eq!(told, 1, "news once");
        assert_eq!(bench.engine.report(bench.now).unresolved, ["pool.example"]);
        bench.wait(secs(wait - 1));
        assert_eq!(bench.lookups().len(), failures + 1, "too early");
        bench.wait(secs(1) + NtpDuration::from_millis(1));
        assert_eq!(bench.lookups().len(), failures + 2, "too late");
    }
}

#[test]
fn a_step_on_request_takes_away_what_the_slew_has_left() {
    let mut bench = Bench::new(servers(1), NtpDuration::from_millis(900));
    bench.follow(4);
    assert!(bench.tracking().slewing && bench.behind() > 0.1, "{}", bench.behind());
    bench.tell(Input::Command(Command::Step));
    assert!(bench.behind().abs() < 1e-3, "{}", bench.behind());
    assert!(!bench.tracking().slewing);
    assert_eq!(bench.tracking().steps, 1);
    assert!(bench.tracking().rate_ppm.abs() < 100.0, "no slew goes on: {}", bench.tracking().rate_ppm);
}

#[test]
fn a_step_on_request_before_anything_is_known_does_nothing() {
    let mut bench = Bench::new(servers(1), secs(0));
    let actions = bench.actions.len();
    bench.tell(Input::Command(Command::Step));
    assert_eq!(bench.actions.len(), actions);
}

#[test]
fn a_refresh_asks_everybody_at_once() {
    let mut bench = Bench::new(servers(3), secs(0));
    bench.follow(12);
    let (before, at) = (bench.tracking(), bench.now.monotonic);
    bench.actions.clear();
    bench.tell(Input::Command(Command::Refresh));
    let asked = bench.actions.iter().filter(|a| matches!(a, Action::Send { .. })).count();
    assert_eq!((asked, bench.now.monotonic), (3, at));
    assert_eq!(bench.tracking().updates, before.updates, "what was learnt stays");
}

#[test]
fn resuming_doubts_the_clock_and_asks_everybody() {
    let mut bench = Bench::synchronised();
    bench.tell(Input::Resumed { asleep: secs(3_600) });
    assert_eq!(bench.count(&Event::Resumed { asleep: secs(3_600) }), 1);
    assert!(bench.actions.iter().any(|a| matches!(a, Action::Send { .. })));
    assert!(bench.tracking().error_bound_s.unwrap() >= 2.0, "{:?}", bench.tracking());
}

#[test]
fn the_kernel_is_told_a_bound_that_holds() {
    let mut bench = Bench::new(servers(1), NtpDuration::from_millis(100));
    bench.follow(6);
    let status = |action: &Action| match action {
        Action::Clock(ClockCommand::SetStatus(status)) => Some(*status),
        _ => None,
    };
    let ClockStatus { synchronised, leap, max_error, est_error } =
        bench.actions.iter().filter_map(status).next_back().unwrap();
    assert!(synchronised && leap == Leap::None);
    assert!(max_error.to_seconds() >= bench.behind().abs() && est_error <= max_error);
}

#[test]
fn snapshots_are_renewed_well_before_they_expire() {
    let mut bench = Bench::synchronised();
    for _ in 0..50 {
        bench.wait(secs(600));
        let left = bench.engine.snapshot().valid_until - bench.now.raw;
        assert!(left >= secs(1_799), "{left}");
    }
}

#[test]
fn a_server_that_follows_us_is_not_followed() {
    let mut bench = Bench::new(servers(1), secs(0));
    let Request { source, token, at, bytes } = &bench.requests[0];
    let (source, token, ours) = (*source, *token, [198, 51, 100, 7].into());
    let vars = SystemVars { stratum: Stratum::new(3), ref_id: RefId::of_address(ours), ..VARS };
    let (at, mut bytes, time) = (*at, bytes.clone(), bench.truth.to_wire());
    let quality = StampQuality::Kernel;
    bench.tell(Input::Departed { source, token, at, quality, local: Some(ours) });
    bench.pass(DELAY);
    let bytes = respond(&mut bytes, time, &vars).unwrap().depart(time).to_vec().into();
    let at = Stamp { time: bench.now.raw, epoch: bench.engine.epoch() };
    bench.tell(Input::Datagram { source, token, at, quality, bytes });
    assert_eq!(bench.source(0).discards, [("loop".to_owned(), 1)]);
    assert_eq!(bench.source(0).samples, 0);
}

#[test]
fn a_slew_in_progress_ends_with_the_service() {
    let mut bench = Bench::new(servers(1), NtpDuration::from_millis(900));
    bench.follow(4);
    assert!(bench.rate().to_ppm() > 1_000.0);
    bench.tell(Input::Shutdown);
    assert!(bench.rate().abs().to_ppm() < 100.0, "{}", bench.rate());
}

#[test]
fn what_an_unknown_source_or_lookup_says_is_ignored() {
    let mut bench = Bench::synchronised();
    let at = Stamp { time: RawTime::from_unix(0, 0), epoch: bench.engine.epoch() };
    let (source, quality) = (SourceId(77), StampQuality::Kernel);
    let token = bench.requests[0].token;
    let before = bench.tracking();
    bench.tell(Input::Departed { source, token, at, quality, local: None });
    bench.tell(Input::Datagram { source, token, at, quality, bytes: vec![0; 48].into() });
    bench.tell(Input::Resolved { lookup: LookupId(9), addresses: vec![[192, 0, 2, 99].into()] });
    assert_eq!(bench.tracking(), before);
    assert_eq!(bench.engine.sources.len(), 1);
}

#[test]
fn a_clock_that_went_back_before_anybody_noticed_makes_no_bound_negative() {
    let mut bench = Bench::new(servers(2), secs(0));
    bench.follow(12);
    bench.now.raw = bench.now.raw - secs(86_400);
    bench.ask();
    bench.pass(DELAY);
    bench.answer(0);
    bench.answer(1);
    for index in [0, 1] {
        let bound = bench.source(index).error_bound_s.unwrap();
        assert!(bound > 0.0, "{bound}");
    }
}

#[test]
fn a_look_up_that_hangs_delays_the_first_update_by_ten_seconds_at_most() {
    let mut options = pool(4);
    options.entries.extend(servers(1).entries);
    let mut bench = Bench::new(options, NtpDuration::from_millis(20));
    assert_eq!(bench.lookups().len(), 1, "asked, and never answered");
    bench.follow(6);
    bench.wait(secs(2));
    assert!(bench.tracking().synchronised, "{:?}", bench.tracking());
}

#[test]
fn a_resume_takes_the_sleep_at_the_rate_without_a_slew() {
    let mut bench = Bench::synchronised();
    bench.step_by_other(NtpDuration::from_millis(-500));
    bench.wait(secs(1));
    assert!(bench.tracking().slewing, "half a second takes six");
    let before = bench.engine.snapshot().estimate(bench.now.raw) - bench.truth;
    let asleep = secs(8 * 3_600);
    bench.now.raw = bench.now.raw + asleep;
    bench.truth = bench.truth + asleep;
    bench.tell(Input::Resumed { asleep });
    let after = bench.engine.snapshot().estimate(bench.now.raw) - bench.truth;
    assert!((after - before).abs() < NtpDuration::from_millis(50), "{before} became {after}");
}

/// One server that answered and fell silent.
fn fallen_silent(change: impl Fn(&mut Options)) -> Bench {
    let mut options = servers(1);
    change(&mut options);
    let mut bench = Bench::new(options, secs(0));
    bench.follow(8);
    bench.requests.clear();
    bench.wait(secs(9 * 70));
    bench
}

fn is_kept(bench: &Bench) -> bool {
    let source = bench.source(0);
    assert_eq!(source.state, "unreachable");
    source.selected
}

#[test]
fn a_source_that_falls_silent_is_kept_while_it_may_be_and_told_once() {
    let told =
        |bench: &Bench| bench.events.iter().filter(|event| matches!(event, Event::SourceKept { .. })).count();
    let mut bench = fallen_silent(|options| options.entries[0].options.max_unreach = 2);
    assert_eq!((is_kept(&bench), told(&bench)), (true, 1));
    assert!(bench.tracking().synchronised);
    bench.wait(secs(3 * 300));
    assert_eq!((is_kept(&bench), told(&bench)), (false, 1));
    assert!(bench.events.iter().any(|event| matches!(event, Event::NoSelection { .. })));

    let mut bench = fallen_silent(|_| {});
    bench.wait(secs(86_400));
    assert!(is_kept(&bench));
    bench.follow(1);
    assert_eq!(bench.source(0).state, "selected");
}

#[test]
fn a_source_that_is_kept_does_not_keep_the_local_clock_from_being_served() {
    let mut bench =
        fallen_silent(|options| options.local = Some(crate::options::Local { stratum: Stratum::new(10) }));
    assert!(is_kept(&bench));
    bench.wait(secs(30 * 86_400));
    assert_eq!((bench.count(&Event::LocalReference), bench.tracking().stratum), (1, 10));
}

#[test]
fn a_copied_source_lends_its_stratum_and_identity() {
    let served = |copy| {
        let mut options = servers(1);
        options.entries[0].options.copy = copy;
        let mut bench = Bench::new(options, secs(0));
        bench.follow(8);
        (bench.tracking().stratum, bench.tracking().ref_id)
    };
    assert_eq!(served(true), (1, "GPS".to_owned()));
    assert_eq!(served(false), (2, "C0000201".to_owned()));
}

#[test]
fn warm_ups_count_for_nothing() {
    let mut options = servers(1);
    options.entries[0].options.association.presend = Some(ntp_proto::packet::PollExp::new(6));
    options.entries[0].options.association.iburst = false;
    let mut bench = Bench::new(options, secs(0));
    bench.follow(6);
    let source = bench.source(0);
    assert_eq!((source.requests, source.replies, source.samples), (3, 3, 3));
    assert_eq!(source.discards, [("warm_up".to_owned(), 3)]);
    assert!(!source.reason.contains("not used"), "{}", source.reason);
}

fn of_file(file: &str, last: u8) -> FromFile {
    let entry = entry(Host::Address([192, 0, 2, last].into()), SourceKind::Server);
    FromFile { file: file.to_owned(), entry }
}

fn origins(bench: &Bench) -> Vec<(u32, String, String)> {
    let sources = bench.engine.report(bench.now).sources;
    sources.into_iter().map(|s| (s.id, s.address.short(), s.origin)).collect()
}

#[test]
fn files_bring_sources_and_take_them_away_and_touch_nothing_else() {
    let told = |id: u32, ip: &str, origin: &str| (id, ip.to_owned(), origin.to_owned());
    let mut bench = Bench::synchronised();
    let files = vec![of_file("a", 2), of_file("a", 3)];
    bench.tell(Input::Command(Command::SourceFiles(files)));
    assert_eq!(origins(&bench)[1..], [told(1, "192.0.2.2", "a"), told(2, "192.0.2.3", "a")]);

    let mut changed = of_file("b", 4);
    changed.entry.options.flags.noselect = true;
    bench.tell(Input::Command(Command::SourceFiles(vec![changed, of_file("b", 3)])));
    let expected = [told(2, "192.0.2.3", "b"), told(3, "192.0.2.4", "b")];
    assert_eq!(origins(&bench)[1..], expected, "what stays is the same source");
    assert!(bench.actions.contains(&Action::Forget { source: SourceId(1) }));

    bench.tell(Input::Command(Command::SourceFiles(vec![of_file("b", 3), of_file("b", 4)])));
    assert_eq!(origins(&bench)[1..], [told(2, "192.0.2.3", "b"), told(4, "192.0.2.4", "b")], "other options");
    bench.tell(Input::Command(Command::SourceFiles(Vec::new())));
    assert_eq!(origins(&bench), [told(0, "192.0.2.1", "configuration")]);
    assert!(bench.tracking().synchronised);
}

#[test]
fn an_address_that_another_source_has_is_told_and_asked_when_it_is_free() {
    let address = "192.0.2.2:123".parse().unwrap();
    let mut bench = Bench::synchronised();
    let again = of_file("a", 2).entry;
    bench.tell(Input::Command(Command::Add(Box::new(again.clone()))));
    assert!(bench.engine.objection(&Command::Add(Box::new(again))).is_some());
    bench.tell(Input::Command(Command::SourceFiles(vec![of_file("a", 2)])));
    let (name, by) = ("192.0.2.2".to_owned(), "192.0.2.2".to_owned());
    assert_eq!(bench.count(&Event::AddressTaken { name: name.clone(), address, by: by.clone() }), 1);
    let report = bench.engine.report(bench.now);
    assert_eq!(report.duplicates, [crate::report::Duplicate { name, address, used_by: by }]);
    assert!(report.unresolved.is_empty());

    let mut bench = Bench::new(pool(1), secs(0));
    let lookup = bench.lookups()[0];
    bench.tell(Input::Resolved { lookup, addresses: vec![[192, 0, 2, 2].into()] });
    bench.tell(Input::Command(Command::SourceFiles(vec![of_file("a", 2)])));
    assert_eq!(bench.engine.report(bench.now).duplicates[0].used_by, "pool.example");
    bench.tell(Input::Command(Command::Delete(Host::Name("pool.example".to_owned()))));
    assert_eq!(origins(&bench), [(1, "192.0.2.2".to_owned(), "a".to_owned())]);
    assert!(bench.engine.report(bench.now).duplicates.is_empty());
}

#[test]
fn a_name_whose_address_another_source_has_is_no_name_without_address() {
    let mut options = pool(1);
    options.entries.extend(servers(1).entries);
    let mut bench = Bench::new(options, secs(0));
    let lookup = bench.lookups()[0];
    bench.tell(Input::Resolved { lookup, addresses: vec![[192, 0, 2, 1].into()] });
    let report = bench.engine.report(bench.now);
    assert_eq!((report.duplicates.len(), report.unresolved.len()), (1, 0));
    assert_eq!(report.duplicates[0].used_by, "192.0.2.1");
    assert!(bench.events.iter().any(|event| matches!(event, Event::AddressTaken { .. })));
    bench.tell(Input::Resolved { lookup, addresses: Vec::new() });
    assert_eq!(bench.engine.report(bench.now).unresolved, ["pool.example"]);
}

mod explain;
mod keys;
mod refclocks;
