//! What is known of the clock from a source, or from all of them.

use ntp_proto::time::{FreeTime, Frequency, NtpDuration, Offset, Uncertainty};

/// Variances and covariance of phase (s²), phase and frequency (s), and frequency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Covariance {
    pub(crate) xx: f64,
    pub(crate) xf: f64,
    pub(crate) ff: f64,
}

impl Covariance {
    /// What it grows to in `h` seconds when the frequency wanders by `w` per √s.
    pub(crate) fn advanced(self, h: f64, w: f64) -> Self {
        let q = w * w;
        Self {
            xx: self.xx + 2.0 * h * self.xf + h * h * self.ff + q * h * h * h / 3.0,
            xf: self.xf + h * self.ff + q * h * h / 2.0,
            ff: self.ff + q * h,
        }
    }
}

/// The free-running clock against a reference, at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Estimate {
    /// The moment.
    pub at: FreeTime,
    /// How far the reference is ahead of the free-running clock.
    pub offset: Offset,
    /// How fast that grows: the correction that makes the clock keep step.
    pub frequency: Frequency,
    pub(crate) covariance: Covariance,
    /// Random walk of the frequency, per √s.
    pub(crate) wander: f64,
}

impl Estimate {
    /// Frequency alone, from a drift file: the offset is unknown.
    #[must_use]
    pub fn of_frequency(at: FreeTime, frequency: Frequency, skew: Frequency) -> Self {
        let xx = Uncertainty::UNKNOWN.to_seconds();
        let ff = skew.as_ratio() * skew.as_ratio();
        let covariance = Covariance { xx, xf: 0.0, ff };
        Self { at, offset: Offset::ZERO, frequency, covariance, wander: 1e-9 }
    }

    /// The same knowledge at another moment.
    #[must_use]
    pub fn advanced(self, to: FreeTime) -> Self {
        let elapsed = to - self.at;
        let grown = self.offset.as_duration() + self.frequency * elapsed;
        Self {
            at: to,
            offset: Offset::reference_ahead_by(grown),
            covariance: self.covariance.advanced(elapsed.to_seconds().max(0.0), self.wander),
            ..self
        }
    }

    /// One standard deviation of the offset.
    #[must_use]
    pub fn uncertainty(&self) -> Uncertainty {
        Uncertainty::from_seconds(self.covariance.xx.max(0.0).sqrt())
    }

    /// One standard deviation of the frequency.
    #[must_use]
    pub fn frequency_uncertainty(&self) -> Frequency {
        Frequency::new(self.covariance.ff.max(0.0).sqrt())
    }

    /// Random walk of the frequency: one standard deviation of its change in a second.
    #[must_use]
    pub const fn wander(&self) -> Frequency {
        Frequency::new(self.wander)
    }

    /// The offset became less certain, for a reason that no sample shows.
    #[must_use]
    pub fn disturbed(mut self, by: Uncertainty) -> Self {
        self.covariance.xx += by.to_seconds() * by.to_seconds();
        self
    }

    /// The offset is more by this: a leap second changed the reference's count of seconds, and not the clock.
    #[must_use]
    pub fn renumbered(self, by: NtpDuration) -> Self {
        Self { offset: Offset::reference_ahead_by(self.offset.as_duration() + by), ..self }
    }

    /// Three standard deviations of the offset, as a span.
    #[must_use]
    pub fn dispersion(&self) -> NtpDuration {
        NtpDuration::from_seconds(3.0 * self.uncertainty().to_seconds())
    }
}
