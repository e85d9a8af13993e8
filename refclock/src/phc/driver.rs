//! A hardware clock as a reference clock.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

use ntp_clock::{Reading, Shows};
use ntp_proto::time::{EstimatedTime, NtpDuration, RawTime};

use super::bracket::{Bracket, PhcTime};
use super::gait::{Judge, Look};
use super::pulses::Pulses;
use super::reader::PhcReader;
use super::status::Status;
use super::track::PhcTrack;
use super::{Options, device};
use crate::sys::monotonic_raw;
use crate::{Driver, Wait};

/// How well readings of a clock repeat, on a network card.
const PRECISION: NtpDuration = NtpDuration::from_nanos(100);
/// A pulse that is older has waited for somebody who was not there.
const PULSE_AGE: NtpDuration = NtpDuration::from_secs(3);

/// An open hardware clock. Readings come only while it goes as clocks do: see [`Gait`](super::Gait).
#[derive(Debug)]
pub struct HardwareClock {
    options: Options,
    path: PathBuf,
    reader: PhcReader,
    pulses: Option<Pulses>,
    judge: Judge,
    track: PhcTrack,
    /// When it was looked at, by the clock that nobody steers.
    looked: Option<Duration>,
    looks: u64,
    failures: u64,
}

impl HardwareClock {
    /// Opens the clock, and sets up its pin if it is to stamp pulses.
    ///
    /// # Errors
    /// If there is no such clock, it may not be opened, or it does not stamp pulses as it is to.
    pub fn open(options: Options) -> io::Result<Self> {
        let path = device::path(&options.device)?;
        let reader = PhcReader::open_as(&path, options.extpps.is_some(), !options.nocrossts)?;
        let pins = reader.abilities().pins;
        let start = |wanted| Pulses::start(reader.as_fd(), wanted, pins);
        let pulses = options.extpps.as_ref().map(start).transpose()?;
        Ok(Self {
            options,
            path,
            reader,
            pulses,
            judge: Judge::default(),
            track: PhcTrack::new(PRECISION),
            looked: None,
            looks: 0,
            failures: 0,
        })
    }

    /// How it is now.
    #[must_use]
    pub fn status(&self) -> Status {
        let now = monotonic_raw::now();
        let by_interface = !self.options.device.starts_with('/');
        Status {
            device: self.path.display().to_string(),
            interface: by_interface.then(|| self.options.device.clone()),
            clock: device::number(&self.path),
            method: self.reader.method(),
            fallback: self.reader.fallback().map(str::to_owned),
            window_s: self.track.latest().map(|latest| latest.window.to_seconds()),
            age_s: self.looked.map(|looked| now.saturating_sub(looked).as_secs_f64()),
            gait: self.judge.gait(),
            looks: self.looks,
            faults: self.judge.faults(),
            failures: self.failures,
            rate_ppm: self.track.rate().map(|rate| -rate * 1e6),
            abilities: *self.reader.abilities(),
            pulses: self.pulses.as_ref().map(|pulses| pulses.status(now)),
        }
    }

    /// Reads the clock and judges it; what it shows is returned if it is to be believed.
    fn read(&mut self) -> io::Result<Option<Bracket>> {
        let before = monotonic_raw::now();
        let bracket = self.reader.read()?;
        let after = monotonic_raw::now();
        self.looked = Some(after);
        self.looks += 1;
        let Some(bracket) = bracket else {
            self.failures += 1;
            return Ok(None);
        };
        self.track.feed(bracket);
        let gait = self.judge.look(Look { before, after, shows: bracket.shows });
        Ok(gait.is_steady().then_some(bracket))
    }

    /// Whether it is time to look again. Pulses may come far more often.
    fn is_due(&self, now: Duration) -> bool {
        self.looked.is_none_or(|looked| now.saturating_sub(looked) >= self.options.interval / 2)
    }
}

impl Driver for HardwareClock {
    fn wait(&self) -> Wait {
        match self.pulses {
            None => Wait::For(self.options.interval),
            Some(_) => Wait::ReadableOr(self.options.interval),
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.pulses.as_ref().map(|_| self.reader.as_fd())
    }

    fn look(&mut self, clock: fn() -> RawTime, readings: &mut Vec<Reading>) -> io::Result<()> {
        let Some(pulses) = &mut self.pulses else {
            let bracket = self.read()?;
            readings.extend(bracket.map(|bracket| reading(&bracket)));
            return Ok(());
        };
        let moment = monotonic_raw::now();
        let stamps = pulses.fetch(self.reader.as_fd(), moment)?;
        if self.is_due(moment) {
            self.read()?;
        }
        let now = clock();
        let placed = readings.len();
        if self.judge.gait().is_steady() {
            readings.extend(stamps.iter().filter_map(|stamp| place(&self.track, *stamp, now)));
        }
        let placed = readings.len() - placed;
        if let Some(pulses) = &mut self.pulses {
            pulses.not_placed += (stamps.len() - placed) as u64;
        }
        Ok(())
    }
}

impl Drop for HardwareClock {
    fn drop(&mut self) {
        if let Some(pulses) = &self.pulses {
            pulses.stop(self.reader.as_fd());
        }
    }
}

/// What it shows is its own; the engine knows whether that is UTC.
fn reading(bracket: &Bracket) -> Reading {
    let shows: EstimatedTime = bracket.shows.reinterpret();
    Reading { at: bracket.at, shows: Shows::Time(shows), leap: None, resolution: bracket.uncertainty() }
}

/// A pulse that the hardware stamped, on the system clock, which shows `now`.
fn place(track: &PhcTrack, stamp: PhcTime, now: RawTime) -> Option<Reading> {
    let (at, resolution) = track.system_time(stamp)?;
    let is_recent = (now - at).abs() <= PULSE_AGE;
    is_recent.then_some(Reading { at, shows: Shows::Pulse, leap: None, resolution })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_shows_what_the_clock_shows() {
        let (before, after) = (RawTime::from_unix(100, 0), RawTime::from_unix(100, 2_000));
        let bracket = Bracket::between(before, PhcTime::from_unix(137, 5), after).unwrap();
        let reading = reading(&bracket);
        assert_eq!(reading.at, RawTime::from_unix(100, 1_000));
        assert_eq!(reading.shows, Shows::Time(EstimatedTime::from_unix(137, 5)));
        assert_eq!((reading.leap, reading.resolution.to_nanos()), (None, 1_000));
    }

    #[test]
    fn what_is_no_clock_is_an_error() {
        let open = |device: &str| {
            let device = device.to_owned();
            HardwareClock::open(Options { device, ..Options::default() }).unwrap_err().to_string()
        };
        assert_eq!(open("/dev/null"), "is no PTP clock");
        assert_eq!(open("lo"), "interface lo has no hardware clock");
    }

    #[test]
    fn a_pulse_is_placed_on_the_system_clock() {
        let mut track = PhcTrack::new(PRECISION);
        let system = |second, nanos| RawTime::from_unix(1_000 + second, nanos);
        for second in [0, 1] {
            // The system clock gains 1 µs a second.
            let at = system(second, second as u32 * 1_000);
            track.feed(Bracket::between(at, PhcTime::from_unix(second, 0), at).unwrap());
        }
        let stamp = PhcTime::from_unix(1, 500_000_000);
        let pulse = place(&track, stamp, system(1, 600_000_000)).unwrap();
        assert!((pulse.at - system(1, 500_001_500)).abs() <= NtpDuration::from_nanos(1), "{pulse:?}");
        assert_eq!((pulse.shows, pulse.leap), (Shows::Pulse, None));
        assert_eq!(place(&track, stamp, system(9, 0)), None, "it waited for too long");
    }
}
