//! Reference clocks as they are written down, and what they are in a world and in the client's options.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use ntp_engine::{PulseOptions, RefclockOptions};
use ntp_proto::packet::{PollExp, RefId, Stratum};
use ntp_proto::time::Offset;
use serde::Deserialize;

use super::build::micros;
use super::file::{Shared, Spikes};
use crate::delay::{Jitter, Queue, Shape};
use crate::refclock::{Device, Gives, Late};

/// A reference clock: how it is, and what the operator says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// Its letters.
    pub refid: String,
    /// Whether it gives pulses and not the time of day.
    pub pulse: bool,
    /// Readings in a second.
    pub rate: u32,
    /// Every reading is stamped so many microseconds late.
    pub base_us: f64,
    /// The scale of each reading's own error.
    pub jitter_us: f64,
    /// How that is distributed.
    pub shape: Shape,
    /// Readings whose own error is a multiple.
    pub spikes: Option<Spikes>,
    /// Readings that had to wait.
    pub late: Option<Lates>,
    /// A delay that readings share.
    pub queue: Option<Shared>,
    /// Stamps are multiples of so many microseconds.
    pub resolution_us: f64,
    /// So many microseconds after the stamp the engine hears of a reading.
    pub heard_us: f64,
    /// For so long readings are gathered, log2 seconds.
    pub poll: i8,
    /// So many are kept for that.
    pub filter: usize,
    /// Added to every offset, in microseconds.
    pub offset_us: f64,
    /// Readings may be wrong by half of this all the same way, in microseconds.
    pub delay_us: f64,
    /// Samples are not taken to be better than this, in microseconds.
    pub precision_us: f64,
    /// Its stratum.
    pub stratum: u8,
    /// Who numbers its pulses; left out: the system clock.
    pub lock: Option<String>,
    /// Selected before others.
    pub prefer: bool,
    /// Never selected.
    pub noselect: bool,
    /// Believed whatever others say.
    pub trust: bool,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            refid: "REF".to_owned(),
            pulse: false,
            rate: 1,
            base_us: 0.0,
            jitter_us: 0.0,
            shape: Shape::Normal,
            spikes: None,
            late: None,
            queue: None,
            resolution_us: 0.0,
            heard_us: 0.0,
            poll: 4,
            filter: 64,
            offset_us: 0.0,
            delay_us: 1e-3,
            precision_us: 0.0,
            stratum: 0,
            lock: None,
            prefer: false,
            noselect: false,
            trust: false,
        }
    }
}

/// Readings that had to wait.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lates {
    /// The share of readings.
    pub share: f64,
    /// They wait for any time up to this, in microseconds.
    pub up_to_us: f64,
}

impl Clock {
    pub(super) fn device(&self) -> Device {
        let gives = if self.pulse { Gives::Pulse } else { Gives::Time };
        let spikes = self.spikes.unwrap_or(Spikes { share: 0.0, factor: 1.0 });
        Device {
            base: micros(self.base_us),
            jitter: Jitter {
                scale: micros(self.jitter_us),
                shape: self.shape,
                spike_share: spikes.share,
                spike_factor: spikes.factor,
            },
            late: self.late.map(|late| Late { share: late.share, up_to: micros(late.up_to_us) }),
            queue: self.queue.map(Queue::from),
            resolution: micros(self.resolution_us),
            heard_after: micros(self.heard_us),
            ..Device::perfect(gives, self.rate)
        }
    }

    pub(super) fn options(&self) -> RefclockOptions {
        let mut options = RefclockOptions {
            ref_id: letters(&self.refid).unwrap_or(RefId::NONE),
            offset: Offset::reference_ahead_by(micros(self.offset_us)),
            delay: micros(self.delay_us),
            precision: micros(self.precision_us),
            stratum: Stratum::new(self.stratum),
            poll: PollExp::new(self.poll),
            filter: self.filter,
            pulses: PulseOptions {
                rate: self.rate,
                lock: self.lock.as_deref().and_then(letters),
                ..PulseOptions::default()
            },
            ..RefclockOptions::default()
        };
        options.flags.prefer = self.prefer;
        options.flags.noselect = self.noselect;
        options.flags.trust = self.trust;
        options
    }

    fn check(&self) -> Result<()> {
        letters(&self.refid).with_context(|| format!("refid {}: not one to four letters", self.refid))?;
        if let Some(lock) = &self.lock {
            letters(lock).with_context(|| format!("lock {lock}: not one to four letters"))?;
        }
        ensure!(self.rate > 0, "a reference clock's rate has to be above 0");
        ensure!(self.queue.is_none_or(|q| q.memory_s > 0.0), "a queue's memory_s has to be above 0");
        self.shape.check()
    }
}

/// All of a scenario.
pub(super) fn check(clocks: &[Clock]) -> Result<()> {
    let names: BTreeSet<&str> = clocks.iter().map(|clock| clock.refid.as_str()).collect();
    ensure!(names.len() == clocks.len(), "two reference clocks have the same refid");
    clocks.iter().try_for_each(Clock::check)
}

fn letters(text: &str) -> Option<RefId> {
    let mut code = [0; 4];
    let bytes = text.as_bytes();
    let fits = (1..=4).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    fits.then(|| code[..bytes.len()].copy_from_slice(bytes))?;
    Some(RefId::from_ascii(code))
}
