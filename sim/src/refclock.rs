//! A reference clock of the client's machine, with what is wrong about its readings.
//!
//! It shows the time, or gives a pulse, at the beginning of each interval of true time. What the client stamps comes
//! later, or earlier, by the sum of all that can delay it.

use ntp_clock::Shows;
use ntp_proto::time::{EstimatedTime, NtpDuration};

use crate::delay::{Jitter, Level, Queue};
use crate::random::Random;

/// What a reference clock gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gives {
    /// Date and time.
    #[default]
    Time,
    /// That an interval began.
    Pulse,
}

/// Readings that had to wait.
#[derive(Clone, Copy, Debug)]
pub struct Late {
    /// The share of readings.
    pub share: f64,
    /// For any time up to this.
    pub up_to: NtpDuration,
}

/// A reference clock as it is built.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    /// What it gives.
    pub gives: Gives,
    /// Readings in a second, at least one.
    pub rate: u32,
    /// Every reading is stamped so much after the moment that it tells.
    pub base: NtpDuration,
    /// What each reading meets by itself, on both sides if the shape says so.
    pub jitter: Jitter,
    /// Those that are struck.
    pub late: Option<Late>,
    /// A delay that readings share.
    pub queue: Option<Queue>,
    /// Stamps are multiples of this, and the driver says so; zero: as fine as can be.
    pub resolution: NtpDuration,
    /// So long after the stamp the engine hears of it.
    pub heard_after: NtpDuration,
    /// Readings come so much later than they should: the device itself is wrong.
    pub displaced: NtpDuration,
    /// How many reasons there are for it to be silent.
    pub silences: u32,
}

impl Device {
    /// One whose readings are right.
    #[must_use]
    pub const fn perfect(gives: Gives, rate: u32) -> Self {
        Self {
            gives,
            rate,
            base: NtpDuration::ZERO,
            jitter: Jitter::exponential(NtpDuration::ZERO),
            late: None,
            queue: None,
            resolution: NtpDuration::ZERO,
            heard_after: NtpDuration::ZERO,
            displaced: NtpDuration::ZERO,
            silences: 0,
        }
    }
}

/// Something that happens to a reference clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChange {
    /// There is one reason more for it to be silent.
    Silence,
    /// There is one reason less.
    Speak,
    /// Its readings come so much later.
    Displace(NtpDuration),
}

impl DeviceChange {
    pub(crate) fn undone(self) -> Self {
        match self {
            Self::Silence => Self::Speak,
            Self::Speak => Self::Silence,
            Self::Displace(by) => Self::Displace(-by),
        }
    }

    /// Lets it happen.
    pub fn apply(self, device: &mut Device) {
        match self {
            Self::Silence => device.silences += 1,
            Self::Speak => device.silences = device.silences.saturating_sub(1),
            Self::Displace(by) => device.displaced += by,
        }
    }
}

/// A reference clock at work. It has random numbers of its own.
#[derive(Clone, Debug)]
pub struct Ticking {
    /// As it is built.
    pub device: Device,
    random: Random,
    level: Level,
    /// It began with a whole second …
    start: EstimatedTime,
    /// … and has told of so many intervals since.
    told: u64,
}

/// One reading, before the client has stamped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// When it is stamped, in true time.
    pub at: EstimatedTime,
    /// What it shows.
    pub shows: Shows,
}

impl Ticking {
    /// Begins with the interval after the one that begins at `start`, a whole second.
    #[must_use]
    pub fn new(device: Device, random: Random, start: EstimatedTime) -> Self {
        Self { device, random, level: Level::default(), start, told: 0 }
    }

    /// The next reading; one that is silent passes unseen.
    pub fn next_beat(&mut self) -> Beat {
        self.told += 1;
        let rate = u64::from(self.device.rate.max(1));
        let (whole, part) = ((self.told / rate) as i64, (self.told % rate) as f64 / rate as f64);
        let told = self.start + NtpDuration::from_secs(whole) + NtpDuration::from_seconds(part);
        let shows = match self.device.gives {
            Gives::Time => Shows::Time(told),
            Gives::Pulse => Shows::Pulse,
        };
        Beat { at: told + self.device.displaced + self.lateness(), shows }
    }

    /// All deviates are drawn in any case, so that a change does not shift everything after it.
    fn lateness(&mut self) -> NtpDuration {
        let Device { base, jitter, late, queue, rate, .. } = self.device;
        let random = &mut self.random;
        let mut lateness = base + jitter.draw(random);
        let (struck, wait) = (random.uniform(), random.uniform());
        if let Some(late) = late.filter(|late| struck < late.share) {
            lateness += late.up_to.scaled(wait);
        }
        if let Some(queue) = &queue {
            let interval = NtpDuration::from_seconds(1.0 / f64::from(rate.max(1)));
            lateness += self.level.wait(queue, interval, random);
        }
        lateness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: NtpDuration = NtpDuration::from_secs(1);
    const START: EstimatedTime = EstimatedTime::from_unix(1_800_000_000, 0);

    fn lateness(device: Device, readings: i64) -> Vec<NtpDuration> {
        let mut ticking = Ticking::new(device, Random::new(1, 1), START);
        (1..=readings).map(|n| ticking.next_beat().at - (START + NtpDuration::from_secs(n))).collect()
    }

    #[test]
    fn a_time_is_that_of_the_moment_and_not_of_the_stamp() {
        let late = NtpDuration::from_millis(120);
        let device = Device { base: late, ..Device::perfect(Gives::Time, 1) };
        let beat = Ticking::new(device, Random::new(1, 1), START).next_beat();
        assert_eq!(beat, Beat { at: START + SECOND + late, shows: Shows::Time(START + SECOND) });
    }

    #[test]
    fn intervals_that_no_float_holds_do_not_add_up_to_an_error() {
        let mut ticking = Ticking::new(Device::perfect(Gives::Pulse, 5), Random::new(1, 1), START);
        let last = (0..500_000).map(|_| ticking.next_beat().at).last();
        assert_eq!(last, Some(START + NtpDuration::from_secs(100_000)));
    }

    #[test]
    fn only_a_share_had_to_wait() {
        let late = Late { share: 0.1, up_to: NtpDuration::from_millis(1) };
        let device = Device { late: Some(late), ..Device::perfect(Gives::Pulse, 1) };
        let waits = lateness(device, 10_000);
        let struck: Vec<f64> =
            waits.iter().filter(|w| **w > NtpDuration::ZERO).map(|w| w.to_seconds()).collect();
        assert!((900..1_100).contains(&struck.len()), "{}", struck.len());
        let mean = struck.iter().sum::<f64>() / struck.len() as f64;
        assert!((mean - 0.5e-3).abs() < 0.03e-3, "{mean}");
    }

    #[test]
    fn what_is_displaced_comes_back_as_it_went() {
        let mut device = Device::perfect(Gives::Pulse, 1);
        let change = DeviceChange::Displace(NtpDuration::from_millis(100));
        change.apply(&mut device);
        assert_eq!(lateness(device, 1), [NtpDuration::from_millis(100)]);
        change.undone().apply(&mut device);
        assert_eq!(lateness(device, 1), [NtpDuration::ZERO]);
    }
}
