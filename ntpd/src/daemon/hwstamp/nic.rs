//! One interface that stamps.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ntp_config::HardwareTimestamps;
use ntp_proto::time::{Monotonic, NtpDuration, RawTime};
use ntp_refclock::phc::{PhcReader, TrackedPhc, link_speed};

use super::meaning::Card;
use super::offer::{self, Offer};
use super::seconds;
use crate::control::HardwareStampReport;
use crate::sys::hwstamp::{self, StampConfig, TX_OFF};
use crate::sys::interface;
use crate::sys::udp::HardwareStamp;

/// What is known of a card's clock does not reach further than some time beyond this.
const LONGEST_INTERVAL: Duration = Duration::from_secs(64);
/// A card that did not make so many stamps of departure in a row is not waited for.
const IN_VAIN: u32 = 8;

/// How soon a clock is looked at again after the first time.
const SECOND_LOOK: NtpDuration = NtpDuration::from_millis(50);

/// An interface that is switched on, for as long as this lives.
#[derive(Debug)]
pub(super) struct Nic {
    name: String,
    index: u32,
    clock_number: u32,
    clock: TrackedPhc,
    options: HardwareTimestamps,
    config: StampConfig,
    /// What was switched on before we came, if that was changed.
    before: Option<StampConfig>,
    /// Of the link, in Mbit/s.
    speed: Option<u32>,
    next_look: Monotonic,
    /// In a row.
    in_vain: u32,
    received: u64,
    sent: u64,
    refused: u64,
}

impl Nic {
    /// Switches it on.
    pub(super) fn open(name: &str, options: &HardwareTimestamps, now: Monotonic) -> io::Result<Self> {
        let Offer { clock: clock_number, config } = offer::of(name, options.rxfilter)?;
        let index = interface::index(name)?;
        let device = PathBuf::from(format!("/dev/ptp{clock_number}"));
        let reader = PhcReader::open(&device, !options.nocrossts)
            .map_err(|error| explain(&error, &device.display().to_string()))?;
        let (config, before) = switch_on(name, config)?;
        let mut nic = Self {
            name: name.to_owned(),
            index,
            clock_number,
            clock: TrackedPhc::new(reader, options.precision),
            options: options.clone(),
            config,
            before,
            speed: link_speed(name),
            next_look: now,
            in_vain: 0,
            received: 0,
            sent: 0,
            refused: 0,
        };
        nic.look(now)?;
        // Nothing can be said of a clock that was looked at once.
        nic.next_look = now + SECOND_LOOK;
        tracing::info!(
            event = "hardware_timestamps",
            interface = name,
            "{name} stamps packets by /dev/ptp{clock_number}, read by {}",
            nic.clock.reader().method()
        );
        Ok(nic)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn index(&self) -> u32 {
        self.index
    }

    /// When its clock has to be read.
    pub(super) const fn next_look(&self) -> Monotonic {
        self.next_look
    }

    /// Reads its clock.
    ///
    /// # Errors
    /// When it is gone.
    pub(super) fn look(&mut self, now: Monotonic) -> io::Result<()> {
        self.next_look = now + seconds(self.options.maxpoll());
        self.clock.look().map(drop)
    }

    /// Why its clock cannot be used, though it is there.
    pub(super) fn trouble(&self) -> Option<String> {
        let gait = self.clock.gait();
        gait.is_fault().then(|| format!("its clock {gait}"))
    }

    /// Looks after what changes seldom.
    pub(super) fn refresh(&mut self) {
        self.speed = link_speed(&self.name);
    }

    /// The system clock was set.
    pub(super) fn forget(&mut self) {
        self.clock.forget();
    }

    /// When a datagram had arrived; see [`HwStamps::arrival`](super::HwStamps::arrival).
    pub(super) fn arrival(&mut self, stamp: &HardwareStamp, beside: RawTime) -> Option<RawTime> {
        let arrived = self.up_to_date().and_then(|card| card.arrival(stamp, beside));
        self.count(arrived, |nic| &mut nic.received)
    }

    /// When a datagram left; see [`HwStamps::departure`](super::HwStamps::departure).
    pub(super) fn departure(&mut self, stamp: &HardwareStamp, beside: RawTime) -> Option<RawTime> {
        self.in_vain = 0;
        let left = self.up_to_date().and_then(|card| card.departure(stamp, beside));
        self.count(left, |nic| &mut nic.sent)
    }

    /// Whether a stamp of departure may still come.
    pub(super) const fn is_worth_waiting_for(&self) -> bool {
        self.config.transmit != TX_OFF && self.in_vain < IN_VAIN
    }

    /// Whether it stamps what is sent and NTP that arrives.
    pub(super) const fn is_two_way(&self) -> bool {
        self.config.transmit != TX_OFF && offer::receives_ntp(self.config)
    }

    pub(super) const fn waited_in_vain(&mut self) {
        self.in_vain = self.in_vain.saturating_add(1);
    }

    pub(super) fn report(&self) -> HardwareStampReport {
        HardwareStampReport {
            interface: self.name.clone(),
            clock: self.clock_number,
            sending: self.config.transmit != TX_OFF,
            receiving: offer::receives_ntp(self.config),
            method: self.clock.reader().method(),
            fallback: self.clock.reader().fallback().map(str::to_owned),
            gait: self.clock.gait(),
            window_s: self.clock.window().map(NtpDuration::to_seconds),
            rate_ppm: self.clock.rate().map(|rate| rate * 1e6),
            link_mbps: self.speed,
            sent: self.sent,
            received: self.received,
            refused: self.refused,
        }
    }

    /// What its stamps mean, after its clock was read again if that was long ago. `None` while nothing is known.
    fn up_to_date(&mut self) -> Option<Card<'_>> {
        let wanted = Duration::from_nanos(seconds(self.options.minpoll).to_nanos().unsigned_abs());
        let interval = wanted.min(LONGEST_INTERVAL);
        if self.clock.is_due(interval) {
            // A clock that is gone is noticed at the next look that is due anyway.
            let _ = self.clock.look();
        }
        let HardwareTimestamps { txcomp, rxcomp, .. } = self.options;
        Some(Card { line: self.clock.line()?, txcomp, rxcomp, speed: self.speed })
    }

    fn count<T>(&mut self, time: Option<T>, used: impl Fn(&mut Self) -> &mut u64) -> Option<T> {
        let counter = if time.is_some() { used(self) } else { &mut self.refused };
        *counter += 1;
        time
    }
}

impl Drop for Nic {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // An interface that is gone stamps nothing anyway.
            let _ = hwstamp::set(&self.name, before);
        }
    }
}

/// Switches an interface on, unless it is. Returns what is on now, and what was before if that was changed.
fn switch_on(name: &str, wanted: StampConfig) -> io::Result<(StampConfig, Option<StampConfig>)> {
    // Some drivers do not tell.
    let before = hwstamp::get(name).ok();
    let wanted = before.map_or(wanted, |before| offer::beside(before, wanted));
    if before == Some(wanted) {
        return Ok((wanted, None));
    }
    let now = hwstamp::set(name, wanted).map_err(|error| explain(&error, "cannot be switched on"))?;
    Ok((now, before))
}

fn explain(error: &io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
