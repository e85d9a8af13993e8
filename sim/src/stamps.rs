//! How well the client stamps its packets.

use ntp_engine::StampQuality;
use ntp_proto::packet::Precision;
use ntp_proto::time::{Instant, NtpDuration};

/// How the client stamps its packets.
#[derive(Clone, Copy, Debug)]
pub struct Stamps {
    /// Who makes them.
    pub quality: StampQuality,
    /// Stamps are multiples of this; zero: as fine as can be.
    pub resolution: NtpDuration,
    /// Mean of the exponential time between stamp and wire, in both directions: what interrupts, and programs
    /// that wait for their turn, take.
    pub latency: NtpDuration,
    /// Mean of the exponential time from a reply's stamp until the engine hears of it.
    pub wakeup: NtpDuration,
}

impl Default for Stamps {
    fn default() -> Self {
        Self {
            quality: StampQuality::Kernel,
            resolution: NtpDuration::ZERO,
            latency: NtpDuration::ZERO,
            wakeup: NtpDuration::ZERO,
        }
    }
}

/// The nearest multiple of `resolution` within its second; the time itself if that is zero. Whoever cuts stamps
/// off is expected to make up for it, so that they are coarse but not late.
#[must_use]
pub fn coarse<C>(time: Instant<C>, resolution: NtpDuration) -> Instant<C> {
    if resolution == NtpDuration::ZERO {
        return time;
    }
    let step = resolution.to_nanos().max(1);
    let (_, nanos) = time.to_unix();
    let beyond = (i64::from(nanos) + step / 2) % step - step / 2;
    time - NtpDuration::from_nanos(beyond)
}

/// What a clock of this resolution says of its precision; `None` if it is as fine as can be.
#[must_use]
pub fn precision_of(resolution: NtpDuration) -> Option<Precision> {
    let seconds = resolution.to_seconds();
    (seconds > 0.0).then(|| Precision::new(libm::ceil(libm::log2(seconds)) as i8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ntp_proto::time::RawTime;

    #[test]
    fn coarse_stamps_are_the_nearest_multiples() {
        let step = NtpDuration::from_nanos(10_000);
        for (nanos, nearest) in [(123_456_789, 123_460_000), (123_454_321, 123_450_000), (4_999, 0)] {
            assert_eq!(coarse(RawTime::from_unix(1_000, nanos), step).to_unix(), (1_000, nearest));
        }
        assert_eq!(coarse(RawTime::from_unix(1_000, 999_996_000), step).to_unix(), (1_001, 0));
        let time = RawTime::from_unix(1_000, 123_456_789);
        assert_eq!(coarse(time, NtpDuration::ZERO), time);
    }

    #[test]
    fn precision_is_no_finer_than_the_resolution() {
        assert_eq!(precision_of(NtpDuration::from_nanos(10_000)), Some(Precision::new(-16)));
        assert_eq!(precision_of(NtpDuration::from_millis(1)), Some(Precision::new(-9)));
        assert_eq!(precision_of(NtpDuration::ZERO), None);
    }
}
