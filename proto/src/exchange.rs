//! The four timestamps of a request and its reply.

use crate::time::{FreeTime, NtpDuration, NtpTimestamp, Offset};

/// One exchange with a server (RFC 5905 §8). T1 and T4 are ours, T2 and T3 the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The request left, by our free-running clock.
    pub t1: FreeTime,
    /// The request arrived, by the server's clock.
    pub t2: NtpTimestamp,
    /// The reply left, by the server's clock.
    pub t3: NtpTimestamp,
    /// The reply arrived, by our free-running clock.
    pub t4: FreeTime,
}

impl Exchange {
    /// θ = ((T2 − T1) + (T3 − T4)) / 2: how far the server is ahead of our free-running clock. Exact across
    /// an era boundary, and right as long as the two clocks are within 68 years of each other.
    #[must_use]
    pub fn offset(&self) -> Offset {
        let out = self.t2 - self.t1.to_wire();
        let back = self.t3 - self.t4.to_wire();
        Offset::reference_ahead_by(out.midpoint(back))
    }

    /// δ = (T4 − T1) − (T3 − T2): time spent on the path, both directions. Clocks that run at different
    /// rates or read coarsely can make it negative.
    #[must_use]
    pub fn delay(&self) -> NtpDuration {
        (self.t4 - self.t1) - self.processing()
    }

    /// T3 − T2: time the request spent in the server.
    #[must_use]
    pub fn processing(&self) -> NtpDuration {
        self.t3 - self.t2
    }

    /// The moment on our clock for which the offset holds best: half way between request and reply.
    #[must_use]
    pub fn midpoint(&self) -> FreeTime {
        self.t1 + (self.t4 - self.t1).half()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server `ahead` of us, with 3 ms out, 1 ms in the server, 5 ms back.
    fn exchange(start: FreeTime, ahead: NtpDuration) -> Exchange {
        let server = |ms| (start + ahead + NtpDuration::from_millis(ms)).to_wire();
        Exchange { t1: start, t2: server(3), t3: server(4), t4: start + NtpDuration::from_millis(9) }
    }

    #[test]
    fn offset_and_delay_are_exact_across_an_era_boundary() {
        let before_era_1 = FreeTime::from_unix(2_085_978_496, 0) - NtpDuration::from_millis(4);
        let e = exchange(before_era_1, NtpDuration::from_secs(7));
        assert!((e.delay() - NtpDuration::from_millis(8)).abs() <= NtpDuration::from_nanos(1));
        // The path is 2 ms longer on the way back: half of that is error.
        let error = e.offset().as_duration() - NtpDuration::from_millis(6_999);
        assert!(error.abs() <= NtpDuration::from_nanos(1), "{error}");
    }

    #[test]
    fn a_server_decades_away_is_still_measured() {
        let ahead = NtpDuration::from_secs(60 * 365 * 86_400);
        let e = exchange(FreeTime::from_unix(1_000_000, 0), ahead);
        assert!((e.offset().as_duration() - ahead).abs() < NtpDuration::from_millis(2));
    }
}
