//! Fix and satellites as people are shown them. [`super::assembly`] hands over what a burst says,
//! [`super::receiver`] the lists of satellites.

use ntp_proto::time::{Monotonic, NtpDuration};

use super::evidence::Evidence;
use super::sentence::Gsv;
use super::status::{Fix, Position};

/// What was said last of the fix and of satellites.
#[derive(Default)]
pub(super) struct Sky {
    shows_position: bool,
    fix: Option<(Fix, Monotonic)>,
    used: Option<u16>,
    hdop: Option<f32>,
    position: Option<Position>,
    systems: [System; SYSTEMS],
}

/// What one talker has listed.
#[derive(Clone, Copy, Default)]
struct System {
    talker: [u8; 2],
    heard: Monotonic,
    /// The signal that the list begins with.
    signal: Option<u8>,
    /// One bit for each satellite number of the list that is coming in: of several signals, each satellite once.
    listed: [u64; NUMBERS / 64],
    /// How many the last full list had.
    count: u16,
}

/// There are six systems, each with two names at most.
const SYSTEMS: usize = 12;

/// Satellites have numbers below this.
const NUMBERS: usize = 512;

/// What was said longer ago is not shown. Some receivers list satellites every five seconds only.
const LATELY: NtpDuration = NtpDuration::from_secs(20);

impl Sky {
    pub(super) fn new(shows_position: bool) -> Self {
        Self { shows_position, ..Self::default() }
    }

    /// What a burst said, if it said anything.
    pub(super) fn show(&mut self, evidence: &Evidence, now: Monotonic) {
        let Some(fix) = evidence.fix() else { return };
        self.fix = Some((fix, now));
        self.used = evidence.used();
        self.hdop = evidence.hdop;
        // Where a house stands is nobody's business unless its owner says so.
        self.position = evidence.position.filter(|_| self.shows_position && fix.gives_time());
    }

    /// A list of satellites, or a part of it.
    pub(super) fn list(&mut self, talker: [u8; 2], gsv: &Gsv, now: Monotonic) {
        let Some(system) = self.system(talker, now) else { return };
        system.heard = now;
        if gsv.first && (system.signal.is_none() || system.signal == gsv.signal) {
            (system.signal, system.listed) = (gsv.signal, Default::default());
        }
        for number in gsv.satellites.into_iter().flatten() {
            let number = number as usize % NUMBERS;
            if let Some(word) = system.listed.get_mut(number / 64) {
                *word |= 1 << (number % 64);
            }
        }
        if gsv.last {
            system.count = system.listed.iter().map(|word| word.count_ones() as u16).sum();
        }
    }

    /// The place for a talker; another's who has not been heard for a while, if need be.
    fn system(&mut self, talker: [u8; 2], now: Monotonic) -> Option<&mut System> {
        let place = self.systems.iter().position(|system| system.talker == talker).or_else(|| {
            self.systems.iter().position(|system| system.talker == [0; 2] || now - system.heard > LATELY)
        })?;
        let system = self.systems.get_mut(place)?;
        if system.talker != talker {
            *system = System { talker, ..System::default() };
        }
        Some(system)
    }

    fn is_recent(&self, now: Monotonic) -> bool {
        self.fix.is_some_and(|(_, when)| now - when <= LATELY)
    }

    pub(super) fn fix(&self, now: Monotonic) -> Option<Fix> {
        self.fix.filter(|_| self.is_recent(now)).map(|(fix, _)| fix)
    }

    pub(super) fn used(&self, now: Monotonic) -> Option<u16> {
        self.used.filter(|_| self.is_recent(now))
    }

    pub(super) fn hdop(&self, now: Monotonic) -> Option<f32> {
        self.hdop.filter(|_| self.is_recent(now))
    }

    pub(super) fn position(&self, now: Monotonic) -> Option<Position> {
        self.position.filter(|_| self.is_recent(now))
    }

    /// Satellites of all systems that were listed lately.
    pub(super) fn in_view(&self, now: Monotonic) -> Option<u16> {
        let heard = |system: &&System| system.talker != [0; 2] && now - system.heard <= LATELY;
        self.systems.iter().filter(heard).map(|system| system.count).reduce(|sum, count| sum + count)
    }
}

/// Without the position.
impl std::fmt::Debug for Sky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sky").field("fix", &self.fix).field("used", &self.used).finish_non_exhaustive()
    }
}
