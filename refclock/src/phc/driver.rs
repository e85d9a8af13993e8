//! A hardware clock as a reference clock.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use ntp_clock::{Reading, Shows};
use ntp_proto::time::{EstimatedTime, NtpDuration, RawTime};

use super::bracket::Bracket;
use super::pulses::Pulses;
use super::reader::PhcReader;
use super::status::Status;
use super::tracked::TrackedPhc;
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
    clock: TrackedPhc,
    pulses: Option<Pulses>,
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
        Ok(Self { options, path, clock: TrackedPhc::new(reader, PRECISION), pulses })
    }

    /// How it is now.
    #[must_use]
    pub fn status(&self) -> Status {
        let now = monotonic_raw::now();
        let by_interface = !self.options.device.starts_with('/');
        let (clock, reader) = (&self.clock, self.clock.reader());
        Status {
            device: self.path.display().to_string(),
            interface: by_interface.then(|| self.options.device.clone()),
            clock: device::number(&self.path),
            method: reader.method(),
            fallback: reader.fallback().map(str::to_owned),
            window_s: clock.window().map(NtpDuration::to_seconds),
            age_s: clock.age().map(|age| age.as_secs_f64()),
            gait: clock.gait(),
            looks: clock.looks(),
            faults: clock.faults(),
            failures: clock.failures(),
            rate_ppm: clock.rate().map(|rate| rate * 1e6),
            abilities: *reader.abilities(),
            pulses: self.pulses.as_ref().map(|pulses| pulses.status(now)),
        }
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
        self.pulses.as_ref().map(|_| self.clock.reader().as_fd())
    }

    fn look(&mut self, clock: fn() -> RawTime, readings: &mut Vec<Reading>) -> io::Result<()> {
        let Some(pulses) = &mut self.pulses else {
            let bracket = self.clock.look()?;
            readings.extend(bracket.map(|bracket| reading(&bracket)));
            return Ok(());
        };
        let stamps = pulses.fetch(self.clock.reader().as_fd(), monotonic_raw::now())?;
        // Pulses may come far more often than there is reason to look.
        if self.clock.is_due(self.options.interval / 2) {
            self.clock.look()?;
        }
        let (now, before) = (clock(), readings.len());
        let placed = stamps.iter().filter_map(|stamp| pulse(self.clock.system_time(*stamp)?, now));
        readings.extend(placed);
        pulses.not_placed += (stamps.len() - (readings.len() - before)) as u64;
        Ok(())
    }
}

impl Drop for HardwareClock {
    fn drop(&mut self) {
        if let Some(pulses) = &self.pulses {
            pulses.stop(self.clock.reader().as_fd());
        }
    }
}

/// What it shows is its own; the engine knows whether that is UTC.
fn reading(bracket: &Bracket) -> Reading {
    let shows: EstimatedTime = bracket.shows.reinterpret();
    Reading { at: bracket.at, shows: Shows::Time(shows), leap: None, resolution: bracket.uncertainty() }
}

/// A pulse at that time of the system clock, uncertain by so much; the clock shows `now`.
fn pulse((at, resolution): (RawTime, NtpDuration), now: RawTime) -> Option<Reading> {
    let is_recent = (now - at).abs() <= PULSE_AGE;
    is_recent.then_some(Reading { at, shows: Shows::Pulse, leap: None, resolution })
}

#[cfg(test)]
mod tests {
    use super::super::PhcTime;
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
    fn a_pulse_counts_while_it_is_recent() {
        let (at, within) = (RawTime::from_unix(100, 0), NtpDuration::from_nanos(70));
        let expected = Reading { at, shows: Shows::Pulse, leap: None, resolution: within };
        assert_eq!(pulse((at, within), RawTime::from_unix(100, 900_000_000)), Some(expected));
        assert_eq!(pulse((at, within), RawTime::from_unix(109, 0)), None, "it waited for too long");
    }
}
