//! An engine on a machine with a clock that somebody steps at times, a kernel that rounds rates, and servers that
//! answer one request of sixteen. Everything follows from the seed.

use std::borrow::Cow;
use std::net::IpAddr;

use ntp_clock::Stamp;
use ntp_engine::record::start;
use ntp_engine::{
    Action, ClockCommand, ClockOutcome, Engine, Entry, Host, Input, Local, Now, Options, SourceId,
    SourceKind, SourceOptions, StampQuality,
};
use ntp_proto::client::TxToken;
use ntp_proto::packet::{Leap, PollExp, Precision, RefId, Stratum};
use ntp_proto::server::{SystemVars, respond};
use ntp_proto::time::{Frequency, Monotonic, NtpDuration, NtpShort, RawTime};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// The end of a slew is converted between clocks, which rounds to this.
const ROUNDING: NtpDuration = NtpDuration::from_nanos(1);
/// What a timer of a driver is late by.
const LATE: NtpDuration = NtpDuration::from_nanos(100);
/// The kernel's unit of frequency, 2⁻¹⁶ ppm.
const RATE_UNIT: f64 = 1e-6 / 65_536.0;

pub(crate) struct Machine {
    pub(crate) engine: Engine,
    pub(crate) now: Now,
    rng: ChaCha8Rng,
    /// On their way.
    replies: Vec<(SourceId, TxToken, Vec<u8>)>,
}

impl Machine {
    pub(crate) fn new(seed: u64, options: Options) -> Self {
        let now = Now { monotonic: Monotonic::default(), raw: RawTime::from_unix(1_800_000_000, 0) };
        let engine = start(options, [seed as u8; 32], now);
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut machine = Self { engine, now, rng, replies: Vec::new() };
        machine.carry_out();
        machine
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.rng.next_u32().is_multiple_of(n)
    }

    fn pass(&mut self, span: NtpDuration) {
        self.now.monotonic = self.now.monotonic + span;
        self.now.raw = self.now.raw + span;
    }

    /// Sleeps as long as the engine wants, or does what cannot wait.
    pub(crate) fn wake(&mut self) {
        let wait = self.engine.next_wakeup(self.now) - self.now.monotonic;
        assert!(wait + ROUNDING >= NtpDuration::ZERO, "{wait} in the past");
        let input = if let Some((source, token, bytes)) = self.replies.pop() {
            let delay = self.rng.next_u32() % 300_000;
            self.pass(NtpDuration::from_nanos(delay.into()));
            let bytes = Cow::Owned(self.reply(bytes));
            let at = Stamp { time: self.now.raw, epoch: self.engine.epoch() };
            Input::Datagram { source, token, at, quality: StampQuality::Kernel, bytes }
        } else {
            self.pass(wait.max(NtpDuration::ZERO) + LATE);
            if self.one_in(5_000) { self.disturbance() } else { Input::Tick }
        };
        self.engine.handle(self.now, input);
        self.carry_out();
    }

    fn disturbance(&mut self) -> Input<'static> {
        if self.one_in(2) {
            let rate = Frequency::from_ppm(f64::from(self.rng.next_u32() % 1_000) - 500.0);
            return Input::RateChangedByOther { rate };
        }
        let by = NtpDuration::from_millis(i64::from(self.rng.next_u32() % 2_001) - 1_000);
        self.now.raw = self.now.raw + by;
        Input::SteppedByOther { by }
    }

    fn carry_out(&mut self) {
        while self.engine.poll_event().is_some() {}
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Send { source, token, bytes, .. } => {
                    if self.one_in(16) {
                        self.replies.push((source, token, bytes.to_vec()));
                    }
                }
                Action::Clock(ClockCommand::SetRate(rate)) => {
                    let rate = Frequency::new((rate.as_ratio() / RATE_UNIT).round() * RATE_UNIT);
                    let outcome = ClockOutcome::RateSet { at: self.now.raw, rate };
                    self.engine.handle(self.now, Input::Clock(outcome));
                }
                Action::Clock(ClockCommand::Step(by)) => {
                    let at = self.now.raw;
                    self.now.raw = self.now.raw + by;
                    self.engine.handle(self.now, Input::Clock(ClockOutcome::Stepped { at, by }));
                }
                Action::Clock(ClockCommand::SetStatus(_))
                | Action::Resolve { .. }
                | Action::EstablishKeys { .. }
                | Action::Save(_)
                | Action::Forget { .. } => {}
            }
        }
    }

    /// The clock's own time, scattered: nothing else matters here.
    fn reply(&mut self, mut request: Vec<u8>) -> Vec<u8> {
        let scatter = NtpDuration::from_nanos(i64::from(self.rng.next_u32() % 1_000_000) - 500_000);
        let time = (self.now.raw + scatter).to_wire();
        let vars = SystemVars {
            leap: Leap::None,
            stratum: Stratum::PRIMARY,
            precision: Precision::new(-20),
            root_delay: NtpShort::default(),
            root_dispersion: NtpShort::default(),
            ref_id: RefId::from_ascii(*b"GPS\0"),
            reference: time,
        };
        respond(&mut request, time, &vars).expect("a request is a request").depart(time).to_vec()
    }
}

/// So many servers, asked often, and the own clock when nobody answers.
pub(crate) fn options(servers: u8) -> Options {
    let entry = |n| {
        let mut options = SourceOptions::default();
        options.association.iburst = true;
        options.association.min_poll = PollExp::new(-4);
        Entry {
            host: Host::Address(IpAddr::from([192, 0, 2, n])),
            port: 123,
            kind: SourceKind::Server,
            options,
        }
    };
    let local = Some(Local { stratum: Stratum::new(10) });
    Options { entries: (0..servers).map(entry).collect(), local, ..Options::default() }
}
