//! Anything that can happen to an engine, in any order, for any time.
//!
//! Oracle: no panic; each input causes a bounded number of actions; the next wake-up is never in the past;
//! every figure that leaves is finite, and a stratum is only claimed by a clock that is set.

#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use ntp_clock::{ClockEpoch, Reading, Shows, Stamp};
use ntp_engine::record::start;
use ntp_engine::{
    Action, CertificateDates, ClockCommand, ClockOutcome, Command, Engine, Entry, FromFile, Host, Input,
    KeyExchange, KeyFailure, Local, Now, NtsOptions, Options, RefclockOptions, SourceId, SourceKind,
    SourceOptions, StampQuality, Target,
};
use ntp_proto::client::TxToken;
use ntp_proto::nts::{Aead, NtsSession, SessionKeys};
use ntp_proto::packet::{HEADER_LEN, Leap, PollExp, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, respond};
use ntp_proto::time::{EstimatedTime, Frequency, Monotonic, NtpDuration, NtpShort, RawTime};

/// More than the engine could have to do at once.
const MAX_ACTIONS: usize = 200;
/// Converting the end of a slew to another clock and back rounds.
const ROUNDING: NtpDuration = NtpDuration::from_nanos(10);
/// What the kernel can be told at most: a tick of ±10 % and 500 ppm.
const MAX_RATE_PPM: f64 = 100_500.0;

/// A request that left.
type Sent = (SourceId, TxToken, [u8; HEADER_LEN]);

/// The engine and the machine that it runs on.
struct Machine {
    engine: Engine,
    now: Now,
    epochs: Vec<ClockEpoch>,
    sent: Vec<Sent>,
    /// Who waits for keys.
    wanted: Vec<(SourceId, CertificateDates)>,
    lookups: Vec<Input<'static>>,
    allowed: bool,
}

fuzz_target!(|bytes: &[u8]| {
    // Running out of bytes is the end of the story.
    let _ = story(&mut Unstructured::new(bytes));
});

fn story(u: &mut Unstructured<'_>) -> Result<()> {
    let now =
        Now { monotonic: Monotonic::default(), raw: RawTime::from_unix(u.arbitrary::<i32>()?.into(), 0) };
    let engine = start(options(u)?, [7; 32], now);
    let (epochs, sent, lookups) = (vec![engine.epoch()], Vec::new(), Vec::new());
    let wanted = Vec::new();
    let mut machine = Machine { engine, now, epochs, sent, wanted, lookups, allowed: true };
    machine.carry_out();
    while !u.is_empty() {
        machine.pass(u)?;
        let input = machine.input(u)?;
        machine.tell(input);
    }
    Ok(())
}

fn options(u: &mut Unstructured<'_>) -> Result<Options> {
    let mut source = SourceOptions::default();
    source.association.iburst = u.arbitrary()?;
    source.association.burst = u.arbitrary()?;
    source.association.min_poll = PollExp::new(u.int_in_range(-7..=10)?);
    source.nts = u.ratio(1, 4)?.then_some(NtsOptions { port: 4460, cert_set: 0 });
    source.flags.prefer = u.arbitrary()?;
    source.flags.trust = u.arbitrary()?;
    let mut entry = |index: u8| {
        let host = match u.int_in_range(0..=3)? {
            0 => Host::Name(format!("pool{index}.example")),
            1 => Host::Address([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, index].into()),
            _ => Host::Address([192, 0, 2, index].into()),
        };
        let kind = if u.arbitrary()? { SourceKind::Pool { servers: 4 } } else { SourceKind::Server };
        Ok(Entry { host, port: 123, kind, options: source })
    };
    let entries = (0..4).map(&mut entry).collect::<Result<_>>()?;
    let mut options = Options { entries, adjust: !u.ratio(1, 4)?, ..Options::default() };
    options.refclocks = refclocks(u)?;
    options.local = u.arbitrary::<bool>()?.then_some(Local { stratum: Stratum::new(10) });
    options.steering.step_limit =
        *u.choose(&[ntp_clock::steer::StepLimit::Always, ntp_clock::steer::StepLimit::First(3)])?;
    Ok(options)
}

/// A clock that shows the time, and one that gives pulses.
fn refclocks(u: &mut Unstructured<'_>) -> Result<Vec<RefclockOptions>> {
    let mut clocks = Vec::new();
    for letters in [*b"GPS\0", *b"PPS\0"] {
        let mut clock = RefclockOptions { ref_id: RefId::from_ascii(letters), ..RefclockOptions::default() };
        clock.poll = PollExp::new(u.int_in_range(-7..=10)?);
        clock.filter = u.int_in_range(0..=100)?;
        clock.ahead = u.arbitrary::<i32>()?.into();
        clock.only_pulses = u.arbitrary()?;
        clock.pulses.rate = u.int_in_range(0..=2_000)?;
        clock.pulses.lock = u.arbitrary::<bool>()?.then_some(RefId::from_ascii(*b"GPS\0"));
        clock.pulses.max_lock_age = u.arbitrary()?;
        clock.offset = ntp_proto::time::Offset::from_seconds(f64::from(u.arbitrary::<i16>()?) / 1e3);
        clocks.push(clock);
    }
    Ok(clocks)
}

impl Machine {
    /// Time passes: to the next wake-up, a little, or a lot.
    fn pass(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let span = match u.int_in_range(0..=3)? {
            0 => self.engine.next_wakeup(self.now) - self.now.monotonic,
            1 => NtpDuration::from_nanos(u.int_in_range(0..=20_000_000)?),
            2 => NtpDuration::from_secs(u.int_in_range(0..=4_000)?),
            _ => NtpDuration::from_secs(i64::from(u.arbitrary::<u16>()?) << u.int_in_range(0..=8)?),
        };
        let span = span.clamp(NtpDuration::ZERO, NtpDuration::from_secs(1 << 24));
        self.now.monotonic = self.now.monotonic + span;
        self.now.raw = self.now.raw + span;
        Ok(())
    }

    fn input(&mut self, u: &mut Unstructured<'_>) -> Result<Input<'static>> {
        Ok(match u.int_in_range(0..=15)? {
            0..=3 => self.reply(u)?,
            4 => self.departed(u)?,
            5 => {
                let by = NtpDuration::from_ticks(u.arbitrary::<i64>()? >> u.int_in_range(0..=40)?);
                self.now.raw = self.now.raw + by;
                Input::SteppedByOther { by }
            }
            6 => Input::Resumed { asleep: NtpDuration::from_secs(u.arbitrary::<u32>()?.into()) },
            7 => Input::RateChangedByOther { rate: rate(u)? },
            8 => self.resolved(u)?,
            9 => Input::Command(command(u)?),
            11 => self.keys(u)?,
            13..=15 => self.reading(u)?,
            10 => {
                self.allowed = u.arbitrary()?;
                Input::Tick
            }
            _ => Input::Tick,
        })
    }

    /// Keys are given, or not; what they are worth is another matter.
    fn keys(&mut self, u: &mut Unstructured<'_>) -> Result<Input<'static>> {
        if self.wanted.is_empty() {
            return Ok(Input::Tick);
        }
        let (source, dates) = self.wanted.swap_remove(u.choose_index(self.wanted.len())?);
        let result = if u.ratio(1, 3)? {
            Err(KeyFailure { is_refusal: u.arbitrary()?, words: "refused".to_owned() })
        } else {
            let keys = SessionKeys::new(Aead::Aes128GcmSiv, &[1; 16], &[2; 16]).expect("of the right length");
            let cookies = vec![vec![3; 4 * u.int_in_range(0..=300)?]; u.int_in_range(0..=9)?];
            let session = NtsSession::new(keys, cookies);
            let alternative = u.ratio(1, 4)?.then(|| session.clone());
            let server = u.ratio(1, 4)?.then_some(([192, 0, 2, u.arbitrary()?], 123).into());
            Ok(Box::new(KeyExchange {
                session,
                alternative,
                server,
                not_before: u.arbitrary()?,
                not_after: u.arbitrary()?,
            }))
        };
        Ok(Input::KeysEstablished { source, dates, result })
    }

    fn reading(&mut self, u: &mut Unstructured<'_>) -> Result<Input<'static>> {
        let at = self.stamp(u)?;
        let lie = if u.ratio(1, 3)? { u.arbitrary::<i64>()? >> u.int_in_range(0..=50)? } else { 0 };
        let time: EstimatedTime = (at.time + NtpDuration::from_ticks(lie)).reinterpret();
        let reading = Reading {
            at: at.time,
            shows: if u.arbitrary()? { Shows::Pulse } else { Shows::Time(time) },
            leap: *u.choose(&[None, Some(Leap::None), Some(Leap::Insert), Some(Leap::Unsynchronised)])?,
            resolution: NtpDuration::from_nanos(u.arbitrary::<u32>()?.into()),
        };
        Ok(Input::Reading { source: SourceId::refclock(u.int_in_range(0..=2)?), at, reading })
    }

    fn stamp(&self, u: &mut Unstructured<'_>) -> Result<Stamp> {
        let epoch = if u.ratio(1, 8)? { *u.choose(&self.epochs)? } else { self.engine.epoch() };
        let ago = NtpDuration::from_nanos(u.int_in_range(-1_000..=50_000_000)?);
        Ok(Stamp { time: self.now.raw - ago, epoch })
    }

    fn reply(&mut self, u: &mut Unstructured<'_>) -> Result<Input<'static>> {
        if self.sent.is_empty() {
            return Ok(Input::Tick);
        }
        let (source, token, request) = *u.choose(&self.sent)?;
        let lie = if u.ratio(1, 2)? { u.arbitrary::<i64>()? >> u.int_in_range(0..=50)? } else { 0 };
        let time = (self.now.raw + NtpDuration::from_ticks(lie)).to_wire();
        let odd = u.ratio(1, 8)?;
        let vars = SystemVars {
            leap: Leap::None,
            stratum: Stratum::new(if odd { u.arbitrary()? } else { 1 }),
            precision: Precision::new(if odd { u.arbitrary()? } else { -20 }),
            root_delay: NtpShort::from_bits(if odd { u.arbitrary()? } else { 0 }),
            root_dispersion: NtpShort::from_bits(if odd { u.arbitrary()? } else { 0 }),
            ref_id: RefId::from_ascii(if odd {
                *u.choose(&[*b"RATE", *b"DENY", *b"XFAC"])?
            } else {
                *b"GPS\0"
            }),
            reference: time,
        };
        let mut bytes = request.to_vec();
        let mut bytes =
            respond(&mut bytes, time, &vars).expect("a request is a request").depart(time).to_vec();
        if u.ratio(1, 16)? {
            let at = u.choose_index(bytes.len())?;
            bytes[at] = u.arbitrary()?;
        }
        let quality = *u.choose(&[StampQuality::Kernel, StampQuality::User, StampQuality::Hardware])?;
        Ok(Input::Datagram { source, token, at: self.stamp(u)?, quality, bytes: bytes.into() })
    }

    fn departed(&self, u: &mut Unstructured<'_>) -> Result<Input<'static>> {
        if self.sent.is_empty() {
            return Ok(Input::Tick);
        }
        let (source, token, _) = *u.choose(&self.sent)?;
        let local = u.arbitrary::<bool>()?.then_some([198, 51, 100, 1].into());
        Ok(Input::Departed { source, token, at: self.stamp(u)?, quality: StampQuality::Kernel, local })
    }

    fn resolved(&mut self, u: &mut Unstructured<'_>) -> Result<Input<'static>> {
        let Some(Input::Resolved { lookup, .. }) = self.lookups.pop() else { return Ok(Input::Tick) };
        let addresses = (0..u.int_in_range(0..=6)?).map(|_| Ok([203, 0, 113, u.arbitrary()?].into()));
        Ok(Input::Resolved { lookup, addresses: addresses.collect::<Result<_>>()? })
    }

    fn tell(&mut self, input: Input<'_>) {
        self.engine.handle(self.now, input);
        self.carry_out();
        let next = self.engine.next_wakeup(self.now);
        assert!(next + ROUNDING >= self.now.monotonic, "{next} is past {}", self.now.monotonic);
        self.check_figures();
    }

    fn carry_out(&mut self) {
        while self.engine.poll_event().is_some_and(|event| !event.to_string().is_empty()) {}
        let mut actions = 0;
        while let Some(action) = self.engine.poll_action() {
            actions += 1;
            assert!(actions < MAX_ACTIONS, "no end of actions: {action:?}");
            match action {
                Action::Send { source, token, bytes, .. } => {
                    self.sent.retain(|(s, t, _)| *s != source || t.number() + 1 == token.number());
                    let header = bytes.first_chunk().copied().expect("a request begins with a header");
                    self.sent.push((source, token, header));
                }
                Action::Resolve { lookup, .. } => {
                    self.lookups.push(Input::Resolved { lookup, addresses: Vec::new() });
                }
                Action::EstablishKeys { source, dates, .. } => self.wanted.push((source, dates)),
                Action::Clock(ClockCommand::SetStatus(_)) | Action::Save(_) | Action::Forget { .. } => {}
                Action::Clock(command) => {
                    let outcome = self.clock(command);
                    self.engine.handle(self.now, Input::Clock(outcome));
                }
            }
        }
    }

    fn clock(&mut self, command: ClockCommand) -> ClockOutcome {
        let at = self.now.raw;
        match command {
            _ if !self.allowed => ClockOutcome::Denied,
            ClockCommand::Step(by) => {
                self.now.raw = self.now.raw + by;
                ClockOutcome::Stepped { at, by }
            }
            ClockCommand::SetRate(rate) => {
                assert!(rate.abs().to_ppm() <= MAX_RATE_PPM, "{rate}");
                ClockOutcome::RateSet { at, rate }
            }
            ClockCommand::SetStatus(_) => unreachable!("needs no outcome"),
        }
    }

    fn check_figures(&mut self) {
        let epoch = self.engine.epoch();
        if self.epochs.last() != Some(&epoch) {
            self.epochs.push(epoch);
        }
        let snapshot = self.engine.snapshot();
        assert_eq!(snapshot.epoch, epoch);
        assert!(snapshot.rate.as_ratio().is_finite(), "{snapshot:?}");
        assert!(snapshot.dispersion_rate.as_ratio().is_finite(), "{snapshot:?}");
        assert!(snapshot.dispersion_rate >= Frequency::ZERO, "{snapshot:?}");
        assert!(
            !snapshot.root_dispersion.is_negative() && !snapshot.root_delay.is_negative(),
            "{snapshot:?}"
        );
        let claims = snapshot.leap != Leap::Unsynchronised;
        assert!(!claims || snapshot.valid_until >= self.now.raw, "{snapshot:?}");
        assert_eq!(claims, snapshot.stratum.is_synchronised(), "{snapshot:?}");

        let report = self.engine.report(self.now).tracking;
        let known = [report.stddev_s, report.error_bound_s, report.chrony_clock_error_ms, report.age_s];
        let always = [
            report.remaining_offset_s,
            report.last_offset_s,
            report.rms_offset_s,
            report.frequency_ppm,
            report.skew_ppm,
            report.rate_ppm,
            report.root_dispersion_s,
        ];
        assert!(known.into_iter().flatten().chain(always).all(f64::is_finite), "{report:?}");
        assert_eq!(claims, report.synchronised || report.local, "{report:?}");
    }
}

fn rate(u: &mut Unstructured<'_>) -> Result<Frequency> {
    let share = f64::from(u.arbitrary::<i16>()?) / f64::from(i16::MAX);
    Ok(Frequency::from_ppm(share * 100_000.0))
}

fn command(u: &mut Unstructured<'_>) -> Result<Command> {
    let host = Host::Address([192, 0, 2, u.int_in_range(1..=5)?].into());
    let whom = if u.arbitrary()? { Target::All } else { Target::Host(host.clone()) };
    Ok(match u.int_in_range(0..=7)? {
        0 => Command::Step,
        1 => Command::Refresh,
        2 => Command::Online(whom),
        3 => Command::Offline(whom),
        4 => Command::Burst { whom, replies: u.arbitrary()?, requests: u.arbitrary()? },
        5 => {
            let kind = SourceKind::Server;
            Command::Add(Box::new(Entry { host, port: 123, kind, options: SourceOptions::default() }))
        }
        6 => {
            let (file, kind, options) =
                ("a.sources".to_owned(), SourceKind::Server, SourceOptions::default());
            let entry = Entry { host, port: 123, kind, options };
            Command::SourceFiles(if u.arbitrary()? { vec![FromFile { file, entry }] } else { Vec::new() })
        }
        _ => Command::Delete(host),
    })
}
