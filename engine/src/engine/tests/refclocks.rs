//! Reference clocks: what pulses and times become, and what is made of those that are wrong.

use ntp_clock::{Reading, Shows};

use super::*;
use crate::refclock::{PulseOptions, RefclockOptions};
use crate::report::RefclockReport;

const GPS: RefId = RefId::from_ascii(*b"GPS\0");
const PPS: RefId = RefId::from_ascii(*b"PPS\0");
/// How late the receiver's sentences come, and how much that varies.
const LATE: NtpDuration = NtpDuration::from_millis(120);

fn refclocks() -> Vec<RefclockOptions> {
    let gps =
        RefclockOptions { ref_id: GPS, delay: NtpDuration::from_millis(400), ..RefclockOptions::default() };
    let pulses = PulseOptions { lock: Some(GPS), ..PulseOptions::default() };
    vec![gps, RefclockOptions { ref_id: PPS, pulses, ..RefclockOptions::default() }]
}

/// A receiver with pulses, and a clock that is behind by so much.
fn receiver(behind: NtpDuration) -> Bench {
    let bench = Bench::new(Options { refclocks: refclocks(), ..Options::default() }, behind);
    assert_eq!(bench.engine.report(bench.now).sources.len(), 2);
    bench
}

impl Bench {
    fn read(&mut self, source: u32, shows: Shows) {
        self.read_leap(source, shows, None);
    }

    fn read_leap(&mut self, source: u32, shows: Shows, leap: Option<Leap>) {
        let nanos = if shows == Shows::Pulse { 1 } else { 10_000_000 };
        let reading = Reading { at: self.now.raw, shows, leap, resolution: NtpDuration::from_nanos(nanos) };
        let at = Stamp { time: self.now.raw, epoch: self.engine.epoch() };
        self.tell(Input::Reading { source: SourceId(source), at, reading });
    }

    /// Until true time is `at`, whatever the clock makes of that.
    fn until(&mut self, at: EstimatedTime) {
        while self.truth < at {
            let faster = 1.0 + self.rate().as_ratio();
            let next = self.engine.next_wakeup(self.now) - self.now.monotonic;
            let step = next.scaled(1.0 / faster).max(NtpDuration::from_nanos(10)).min(at - self.truth);
            self.pass(step);
            if self.engine.next_wakeup(self.now) <= self.now.monotonic {
                self.tell(Input::Tick);
            }
        }
    }

    fn until_second(&mut self) {
        let (seconds, _) = self.truth.to_parts();
        self.until(EstimatedTime::from_parts(seconds + 1, 0));
    }

    /// The receiver says which second this is, late.
    fn sentence(&mut self) {
        let (seconds, _) = self.truth.to_parts();
        let second = EstimatedTime::from_parts(seconds, 0);
        self.until(second + LATE + NtpDuration::from_millis(seconds % 7));
        self.read(0, Shows::Time(second));
    }

    /// So many seconds with a pulse each, which is late by what `late` says, and a sentence.
    fn seconds(&mut self, seconds: i64, late: impl Fn(i64) -> NtpDuration) {
        for second in 0..seconds {
            self.until_second();
            self.until(self.truth + late(second));
            self.read(1, Shows::Pulse);
            self.sentence();
        }
    }

    fn pulses(&self) -> RefclockReport {
        self.source(1).refclock.unwrap()
    }
}

fn in_time(_: i64) -> NtpDuration {
    NtpDuration::ZERO
}

#[test]
fn pulses_set_a_clock_that_was_decades_off() {
    let mut bench = receiver(NtpDuration::from_secs(1_700_000_000));
    bench.seconds(20, in_time);
    assert!(bench.tracking().synchronised);
    assert_eq!(bench.tracking().address.unwrap().to_string(), "PPS");
    assert_eq!((bench.tracking().stratum, bench.tracking().ref_id.as_str()), (1, "PPS"));
    assert!(bench.behind().abs() < 1e-6, "{}", bench.behind());
}

#[test]
fn sentences_number_pulses_and_leave_the_clock_to_them() {
    let mut bench = receiver(NtpDuration::from_millis(300));
    bench.seconds(60, in_time);
    assert_eq!((bench.source(0).state.as_str(), bench.source(1).state.as_str()), ("numbering", "selected"));
    assert!(bench.behind().abs() < 1e-6, "{}", bench.behind());
    let gps = bench.source(0).refclock.unwrap();
    assert!((gps.suggested_offset_s.unwrap() - 0.123).abs() < 2e-3, "{gps:?}");
    assert_eq!((bench.pulses().locked, bench.pulses().lock.as_deref()), (Some(true), Some("GPS")));
}

#[test]
fn without_pulses_the_clock_goes_on_by_itself_and_says_how_well() {
    let mut bench = receiver(NtpDuration::ZERO);
    bench.seconds(120, in_time);
    for _ in 0..300 {
        bench.until_second();
        bench.sentence();
    }
    assert_eq!(
        (bench.source(0).state.as_str(), bench.source(1).state.as_str()),
        ("numbering", "unreachable")
    );
    assert!(bench.source(1).selected && bench.tracking().synchronised);
    assert!(bench.behind().abs() < 1e-5, "{}", bench.behind());
    assert!(bench.tracking().error_bound_s.unwrap() < 1e-2, "{:?}", bench.tracking());
}

#[test]
fn pulses_without_anybody_who_knows_the_second_are_not_used() {
    let mut bench = receiver(NtpDuration::ZERO);
    for _ in 0..20 {
        bench.until_second();
        bench.read(1, Shows::Pulse);
    }
    assert!(!bench.tracking().synchronised);
    let pulses = bench.pulses();
    assert_eq!(pulses.locked, Some(false));
    assert!(bench.source(1).reason.contains("GPS, which numbers the pulses, has shown no time yet"));
}

#[test]
fn single_pulses_that_are_late_or_doubled_do_no_harm() {
    let mut bench = receiver(NtpDuration::ZERO);
    bench.seconds(60, in_time);
    bench.seconds(120, |second| NtpDuration::from_nanos(if second % 5 == 0 { 1_300_000 } else { 0 }));
    assert!(bench.behind().abs() < 1e-6, "{}", bench.behind());
    for _ in 0..60 {
        bench.until_second();
        bench.read(1, Shows::Pulse);
        bench.until(bench.truth + NtpDuration::from_millis(100));
        bench.read(1, Shows::Pulse);
        bench.sentence();
    }
    assert!(bench.behind().abs() < 1e-6, "{}", bench.behind());
    assert!(bench.source(1).discards.contains(&("displaced".to_owned(), 84)), "{:?}", bench.source(1));
}

#[test]
fn a_train_that_moves_is_not_followed() {
    let mut bench = receiver(NtpDuration::ZERO);
    bench.seconds(120, in_time);
    bench.seconds(600, |_| NtpDuration::from_millis(100));
    assert!(bench.behind().abs() < 1e-5, "{}", bench.behind());
    let displaced = bench.pulses().displaced_s.unwrap();
    assert!((displaced + 0.1).abs() < 1e-4, "{displaced}");
    assert!(bench.source(1).reason.contains("later than they did"), "{}", bench.source(1).reason);
    bench.seconds(60, in_time);
    assert_eq!(bench.pulses().displaced_s, None);
    assert_eq!(bench.source(1).state, "selected");
}

#[test]
fn too_many_pulses_from_the_start_are_not_used() {
    let mut bench = receiver(NtpDuration::ZERO);
    for _ in 0..40 {
        bench.until_second();
        for _ in 0..5 {
            bench.read(1, Shows::Pulse);
            bench.until(bench.truth + NtpDuration::from_millis(199));
        }
        bench.sentence();
    }
    assert_eq!(bench.source(1).samples, 0);
    assert!(bench.source(1).reason.contains("more than the rate says"), "{}", bench.source(1).reason);
}

#[test]
fn pulses_are_numbered_by_the_clock_where_nobody_else_is_named() {
    let mut options = servers(1);
    options.refclocks = vec![RefclockOptions { ref_id: PPS, ..RefclockOptions::default() }];
    options.refclocks[0].flags.prefer = true;
    let mut bench = Bench::new(options, NtpDuration::from_millis(40));
    for _ in 0..6 {
        bench.until_second();
        bench.read(0, Shows::Pulse);
    }
    assert!(bench.source(0).reason.contains("the system clock is not set yet"), "{}", bench.source(0).reason);
    bench.follow(6);
    for _ in 0..40 {
        bench.until_second();
        bench.read(0, Shows::Pulse);
    }
    assert_eq!(bench.tracking().address.unwrap().to_string(), "PPS");
    assert!(bench.behind().abs() < 1e-6, "{}", bench.behind());
}

#[test]
fn a_clock_that_keeps_tai_is_told_how_far_it_is_ahead() {
    let tai = RefclockOptions { ref_id: GPS, ahead: 37, ..RefclockOptions::default() };
    let mut bench = Bench::new(Options { refclocks: vec![tai], ..Options::default() }, NtpDuration::ZERO);
    for _ in 0..20 {
        bench.until_second();
        bench.read(0, Shows::Time(bench.truth + NtpDuration::from_secs(37)));
    }
    assert!(bench.tracking().synchronised);
    assert!(bench.behind().abs() < 1e-4, "{}", bench.behind());
}

/// 2017 begins, after a leap second.
const MIDNIGHT: EstimatedTime = EstimatedTime::from_unix(1_483_228_800, 0);

/// A receiver with pulses, and a clock that is right, four minutes before midnight.
fn before_midnight() -> Bench {
    let mut bench = receiver(NtpDuration::ZERO);
    bench.truth = MIDNIGHT - NtpDuration::from_secs(300);
    let behind = bench.now.raw - bench.truth.reinterpret();
    bench.step_by_other(-behind);
    bench.seconds(60, in_time);
    assert!(bench.behind().abs() < 1e-6, "{}", bench.behind());
    bench
}

/// What the kernel was told last.
fn armed(bench: &Bench) -> Option<Leap> {
    bench.actions.iter().rev().find_map(|action| match action {
        Action::Clock(ClockCommand::SetStatus(status)) => Some(status.leap),
        _ => None,
    })
}

#[test]
fn who_knows_nothing_of_leap_seconds_does_not_outvote_who_does() {
    let mut bench = before_midnight();
    for _ in 0..60 {
        bench.until_second();
        let second = bench.truth;
        bench.read(1, Shows::Pulse);
        bench.until(second + LATE);
        bench.read_leap(0, Shows::Time(second), Some(Leap::Insert));
    }
    assert_eq!((bench.source(0).state.as_str(), bench.source(1).state.as_str()), ("numbering", "selected"));
    assert_eq!(armed(&bench), Some(Leap::Insert));
}

#[test]
fn a_leap_second_changes_the_count_and_not_the_clock() {
    let mut bench = before_midnight();
    while bench.truth < MIDNIGHT - NtpDuration::from_secs(2) {
        bench.until_second();
        bench.read_leap(1, Shows::Time(bench.truth), Some(Leap::Insert));
    }
    assert_eq!(armed(&bench), Some(Leap::Insert));
    bench.until_second();
    bench.until_second();
    // The kernel, and UTC.
    bench.truth = bench.truth - NtpDuration::from_secs(1);
    bench.step_by_other(NtpDuration::from_secs(-1));
    bench.seconds(60, in_time);
    assert!(bench.behind().abs() < 1e-6, "{}", bench.behind());
    assert_eq!(bench.count(&Event::LeapSecond { leap: Leap::Insert }), 1);
    assert_eq!(bench.source(1).state, "selected");
}

#[test]
fn nobody_asks_a_reference_clock_so_no_order_makes_it_asked() {
    let bench = receiver(NtpDuration::ZERO);
    let gps = || Host::from("GPS");
    let refused = |command: Command| bench.engine.objection(&command).unwrap();
    let burst = Command::Burst { whom: Target::Host(gps()), replies: 1, requests: 1 };
    for command in [Command::Offline(Target::Host(gps())), burst, Command::Delete(gps())] {
        let why = refused(command);
        assert!(why.starts_with("GPS is a reference clock of this machine, which nobody asks"), "{why}");
    }
    assert_eq!(refused(Command::Online(Target::Host("SHM".into()))), "there is no source SHM");
    assert_eq!(bench.engine.objection(&Command::Offline(Target::All)), None);
    let explained = bench.engine.explain(bench.now, &Target::Host("PPS".into())).unwrap();
    assert_eq!(explained.sources.len(), 1);
    assert_eq!(explained.sources[0].address.to_string(), "PPS");
}

#[test]
fn a_clock_that_falls_silent_is_explained_without_requests() {
    let mut bench = receiver(NtpDuration::ZERO);
    bench.seconds(120, in_time);
    let explained = |bench: &Bench| bench.engine.explain(bench.now, &Target::Host("PPS".into())).unwrap();
    let words = |bench: &Bench| explained(bench).sources[0].tests[2].words.clone();
    assert_eq!(words(&bench), "gave usable time at one of the last eight polls");
    assert_eq!(explained(&bench).sources[0].path, None);
    for _ in 0..300 {
        bench.until_second();
        bench.sentence();
    }
    let silent = "gave no usable time for eight polls; kept, since no other can be used";
    assert_eq!(words(&bench), silent);
    assert!(bench.source(1).reason.starts_with(silent), "{}", bench.source(1).reason);
}

/// The machine stood still for so long, and nobody knows.
fn paused(mut bench: Bench, millis: i64) -> Bench {
    bench.until(bench.truth + NtpDuration::from_millis(550));
    bench.truth = bench.truth + NtpDuration::from_millis(millis);
    bench
}

#[test]
fn pulses_are_believed_again_after_a_jump_that_the_sentences_have_seen_first() {
    for millis in [300, -700, 2_000, 5_450] {
        let mut bench = receiver(NtpDuration::ZERO);
        bench.seconds(300, in_time);
        let mut bench = paused(bench, millis);
        bench.seconds(150, in_time);
        assert!(bench.behind().abs() < 1e-6, "{millis}: {}", bench.behind());
        assert_eq!(bench.source(1).state, "selected");
    }
}

#[test]
fn sentences_that_are_seconds_away_are_followed_when_there_are_no_pulses() {
    let mut bench = receiver(NtpDuration::ZERO);
    bench.seconds(300, in_time);
    let mut bench = paused(bench, 5_000);
    for _ in 0..300 {
        bench.until_second();
        bench.sentence();
    }
    assert!(bench.behind().abs() < 0.2, "{}", bench.behind());
    assert_eq!(bench.source(0).state, "selected");
}

#[test]
fn a_machine_that_misjudged_its_sleep_is_not_set_wrong_by_the_pulses() {
    let mut bench = receiver(NtpDuration::ZERO);
    bench.seconds(300, in_time);
    let asleep = NtpDuration::from_secs(3_600);
    bench.truth = bench.truth + asleep + NtpDuration::from_millis(600);
    bench.now.raw = bench.now.raw + asleep;
    bench.tell(Input::Resumed { asleep });
    for _ in 0..20 {
        bench.seconds(1, in_time);
        assert!(bench.behind() < 0.61, "away from true time: {}", bench.behind());
    }
    assert!(bench.behind().abs() < 1e-6, "{}", bench.behind());
}

#[test]
fn readings_from_before_and_after_a_jump_say_nothing_of_the_clock() {
    for phase in 0..16 {
        let shm = RefclockOptions { ref_id: GPS, ..RefclockOptions::default() };
        let mut bench = Bench::new(Options { refclocks: vec![shm], ..Options::default() }, NtpDuration::ZERO);
        let show = |bench: &mut Bench, seconds: i64| {
            for second in 0..seconds {
                bench.until_second();
                let shown = bench.truth;
                bench.until(shown + NtpDuration::from_nanos(second % 5 * 1_000));
                bench.read(0, Shows::Time(shown));
            }
        };
        show(&mut bench, 300 + phase);
        bench.truth = bench.truth + NtpDuration::from_secs(1);
        show(&mut bench, 90);
        assert!(bench.behind().abs() < 1e-4, "{phase}: {}", bench.behind());
    }
}

#[test]
fn a_clock_that_keeps_tai_is_further_ahead_after_a_leap_second() {
    let tai = RefclockOptions { ref_id: GPS, ahead: 36, ..RefclockOptions::default() };
    let mut bench = Bench::new(Options { refclocks: vec![tai], ..Options::default() }, NtpDuration::ZERO);
    bench.truth = MIDNIGHT - NtpDuration::from_secs(60);
    let behind = bench.now.raw - bench.truth.reinterpret();
    bench.step_by_other(-behind);
    let show = |bench: &mut Bench, ahead: i64| {
        bench.until_second();
        bench.read_leap(0, Shows::Time(bench.truth + NtpDuration::from_secs(ahead)), Some(Leap::Insert));
    };
    (0..59).for_each(|_| show(&mut bench, 36));
    bench.until_second();
    bench.truth = bench.truth - NtpDuration::from_secs(1);
    bench.step_by_other(NtpDuration::from_secs(-1));
    assert_eq!(bench.count(&Event::LeapSecond { leap: Leap::Insert }), 1);
    (0..90).for_each(|_| show(&mut bench, 37));
    assert!(bench.behind().abs() < 1e-4, "{}", bench.behind());
}
