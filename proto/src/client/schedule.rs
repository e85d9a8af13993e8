//! When to ask next: poll interval, bursts, back-off, and the server's wish to be left alone.

use rand_core::RngCore;

use super::Params;
use crate::packet::PollExp;
use crate::time::NtpDuration;

/// Distance of the requests of a burst.
const BURST_INTERVAL: NtpDuration = NtpDuration::from_secs(2);
/// A burst ends after so many good replies …
const BURST_REPLIES: u8 = 4;
/// … or so many requests at start, enough to see that nobody answers …
const INITIAL_REQUESTS: u8 = 8;
/// … or at a regular poll.
const BURST_REQUESTS: u8 = 4;
/// After the burst of the first contact the interval doubles from here up to the regular one: the frequency is
/// known only roughly after a few seconds, and a minute without a look would cost tens of microseconds.
const RAMP_FROM: PollExp = PollExp::new(2);
/// A burst of four is spent only where the average stays above the shortest interval.
const BURST_HEADROOM: i8 = 2;
/// RATE never lengthens the interval beyond 2¹⁰ s, if it was not longer before: a forged one must not silence us
/// for days.
const RATE_CEILING: PollExp = PollExp::new(10);
/// A server that does not answer is asked at most so many steps less often than the shortest interval, so
/// that a link that comes back is noticed in minutes.
const UNREACHABLE_HEADROOM: i8 = 4;
/// Intervals are lengthened by up to this share, lest clients fall into step with each other.
const RANDOM_SHARE: f64 = 0.02;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Burst {
    requests_left: u8,
    replies_left: u8,
    /// Whether it is the one of the first contact.
    initial: bool,
}

const INITIAL_BURST: Burst =
    Burst { requests_left: INITIAL_REQUESTS, replies_left: BURST_REPLIES, initial: true };

/// The poll process (RFC 5905 §13).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Schedule {
    min: PollExp,
    max: PollExp,
    poll: PollExp,
    bursts: bool,
    burst: Option<Burst>,
    /// The interval on the way from the first burst to the regular one.
    ramp: Option<PollExp>,
    unanswered: u32,
    /// 1 … 1.02, drawn anew for each request.
    stretch: f64,
}

impl Schedule {
    pub(super) fn new(params: &Params) -> Self {
        let burst = params.iburst.then_some(INITIAL_BURST);
        Self {
            min: params.min_poll,
            max: params.max_poll.max(params.min_poll),
            poll: params.min_poll,
            bursts: params.burst,
            burst,
            ramp: None,
            unanswered: 0,
            stretch: 1.0,
        }
    }

    /// Whether every figure could be that of a schedule. What came from a file need not.
    pub(super) fn is_sound(&self) -> bool {
        let burst = |burst: Burst| burst.requests_left > 0 && burst.replies_left > 0;
        self.burst.is_none_or(burst) && (1.0..=1.0 + RANDOM_SHARE).contains(&self.stretch)
    }

    /// Other limits from now on; a burst that has begun goes on.
    pub(super) fn set_limits(&mut self, params: &Params) {
        self.min = params.min_poll;
        self.max = params.max_poll.max(params.min_poll);
        self.bursts = params.burst;
        self.set_poll(self.poll);
    }

    pub(super) fn poll(&self) -> PollExp {
        self.poll
    }

    pub(super) fn is_bursting(&self) -> bool {
        self.burst.is_some()
    }

    /// Whether the next request comes sooner than the poll interval says.
    pub(super) fn is_hasty(&self) -> bool {
        self.burst.is_some() || self.ramp.is_some()
    }

    pub(super) fn set_poll(&mut self, wish: PollExp) {
        self.poll = wish.clamp_to(self.min, self.max);
    }

    /// How long after the latest request the next one is due. What happens in between may change it.
    pub(super) fn interval(&self) -> NtpDuration {
        let interval = match (self.burst, self.ramp) {
            (Some(_), _) => BURST_INTERVAL,
            (None, Some(ramp)) => ramp.interval(),
            (None, None) => self.poll.interval(),
        };
        interval.scaled(self.stretch)
    }

    pub(super) fn request_leaves(&mut self, rng: &mut impl RngCore) {
        self.unanswered = self.unanswered.saturating_add(1);
        self.stretch = 1.0 + RANDOM_SHARE * f64::from(rng.next_u32()) / f64::from(u32::MAX);
        self.ramp = self.ramp.map(PollExp::longer).filter(|ramp| *ramp < self.poll);
        self.spend_burst();
        self.back_off();
    }

    pub(super) fn reply_is_good(&mut self) {
        self.unanswered = 0;
        if let Some(burst) = &mut self.burst {
            burst.replies_left -= 1;
            if burst.replies_left == 0 {
                let first_contact = burst.initial;
                self.burst = None;
                self.ramp = Some(RAMP_FROM).filter(|ramp| first_contact && *ramp < self.poll);
            }
        }
    }

    /// RATE: one step slower than now, for good, and no burst.
    pub(super) fn slow_down(&mut self) {
        self.burst = None;
        self.ramp = None;
        self.bursts = false;
        let ceiling = RATE_CEILING.max(self.poll);
        self.min = self.poll.longer().clamp_to(self.min, ceiling);
        self.max = self.max.max(self.min);
        self.set_poll(self.min);
    }

    /// Starts the burst that comes with the first contact again.
    pub(super) fn restart(&mut self, iburst: bool) {
        self.unanswered = 0;
        self.ramp = None;
        self.burst = iburst.then_some(INITIAL_BURST);
    }

    /// A burst because somebody wants it.
    pub(super) fn start_burst(&mut self, replies: u8, requests: u8) {
        self.burst =
            Some(Burst { requests_left: requests.max(1), replies_left: replies.max(1), initial: false });
    }

    fn spend_burst(&mut self) {
        if self.burst.is_none()
            && self.bursts
            && self.poll.get() >= self.min.get().saturating_add(BURST_HEADROOM)
        {
            // One good reply is all that a regular poll is for; the rest of the burst is for lost packets.
            self.burst = Some(Burst { requests_left: BURST_REQUESTS, replies_left: 1, initial: false });
        }
        if let Some(burst) = &mut self.burst {
            burst.requests_left -= 1;
            if burst.requests_left == 0 {
                self.burst = None;
            }
        }
    }

    fn back_off(&mut self) {
        // Only after the reach register is empty, and then a step every eight requests.
        if self.unanswered > 8 && self.burst.is_none() {
            let steps = ((self.unanswered - 1) / 8).min(UNREACHABLE_HEADROOM as u32) as i8;
            self.set_poll(PollExp::new(self.min.get().saturating_add(steps)));
        }
    }
}
