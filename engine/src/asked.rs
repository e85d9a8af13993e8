//! A server that is asked for time over the network, and what becomes of its answers.

use std::net::{IpAddr, SocketAddr};

use ntp_clock::{Decision, Interval, Pace, PollAdvice, Sample, SourceFilter};
use ntp_proto::client::{Association, Discard, Measurement, Standing, TxToken};
use ntp_proto::packet::{Precision, RefId, Stratum};
use ntp_proto::time::{FreeTime, Monotonic, NtpDuration, Offset};
use serde::{Deserialize, Serialize};

use crate::input::StampQuality;
use crate::keys::Keys;
use crate::options::{Entry, MADE, SourceOptions};
use crate::source::ServerState;

/// So many samples make a source fit for the first update of the clock.
const SETTLED_SAMPLES: u64 = 3;
/// An answer that takes longer is none.
const FIRST_ANSWER: NtpDuration = NtpDuration::from_secs(3);
/// A source that stays silent for so many requests is not waited for.
const SILENT_REQUESTS: u64 = 3;
/// After so many refused detours in a row the detour is the road, until a short way is found again.
const MAX_DETOURS: u32 = 8;

/// What a source has that is a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Whose server it is.
    pub(crate) entry: usize,
    pub(crate) address: SocketAddr,
    pub(crate) options: SourceOptions,
    pub(crate) association: Association,
    /// Of those that are asked with NTS.
    pub(crate) keys: Option<Keys>,
    pub(crate) last_discard: Option<Discard>,
    pub(crate) tx_quality: StampQuality,
    pub(crate) rx_quality: StampQuality,
    outstanding: Option<TxToken>,
    local: Option<IpAddr>,
    detours: u32,
    pace: Pace,
}

impl Asked {
    pub(crate) fn new(
        (entry, wanted): (usize, &Entry),
        address: SocketAddr,
        keys: Option<Keys>,
        start: Monotonic,
    ) -> Self {
        let options = wanted.options;
        let mut association = Association::new(options.association, start);
        if options.offline {
            association.go_offline();
        }
        Self {
            entry,
            address,
            options,
            association,
            keys,
            last_discard: None,
            tx_quality: StampQuality::User,
            rx_quality: StampQuality::User,
            outstanding: None,
            local: None,
            detours: 0,
            pace: Pace::default(),
        }
    }

    /// Whether every figure could be that of a source. What came from a file need not.
    pub(crate) fn is_sound(&self) -> bool {
        self.association.is_sound() && self.keys.as_ref().is_none_or(Keys::is_sound)
    }

    /// It is treated otherwise from now on.
    pub(crate) fn set_options(&mut self, options: SourceOptions) {
        self.options = options;
        self.association.set_params(options.association);
        self.keys.take_if(|_| options.nts.is_none());
    }

    /// When something is to be done for it.
    pub(crate) fn next_wakeup(&self) -> Option<Monotonic> {
        let request = self.association.next_request()?;
        match &self.keys {
            None => Some(request),
            Some(keys) if !keys.are_there() => keys.next_exchange(),
            Some(keys) => Some(keys.next_exchange().map_or(request, |exchange| exchange.min(request))),
        }
    }

    /// Whether it may be asked for time.
    pub(crate) fn may_be_asked(&self) -> bool {
        self.keys.as_ref().is_none_or(Keys::are_there)
    }

    /// The address that its name had, or that was configured: time may be asked for elsewhere.
    pub(crate) fn found_at(&self) -> IpAddr {
        self.keys.as_ref().map_or(self.address.ip(), |keys| keys.address)
    }

    /// What a reply says, if it is the server's.
    pub(crate) fn examine(
        &mut self,
        now: Monotonic,
        token: TxToken,
        t4: FreeTime,
        datagram: &[u8],
    ) -> Result<Measurement, Discard> {
        // What warmed up the way was asked without proof.
        if let Some(keys) = self.keys.as_mut().filter(|_| !self.association.is_warm_up(token)) {
            let proof = keys.accept(datagram).map_err(Discard::Nts);
            proof.inspect_err(|discard| self.association.count_discard(*discard))?;
        }
        self.association.handle_reply(now, token, t4, datagram)
    }

    /// A request goes out; its stamps are the program's own until better ones come.
    pub(crate) fn request_leaves(&mut self, token: TxToken) {
        self.outstanding = Some(token);
    }

    /// The request left.
    pub(crate) fn departed(
        &mut self,
        token: TxToken,
        at: FreeTime,
        quality: StampQuality,
        local: Option<IpAddr>,
    ) {
        if self.outstanding == Some(token) {
            self.association.handle_departure(token, at);
            self.tx_quality = quality;
            self.local = local.or(self.local);
        }
    }

    /// A reply that the association believes becomes a sample, unless the path or the clock forbids it.
    pub(crate) fn accept(
        &mut self,
        filter: &mut SourceFilter,
        m: &Measurement,
        our_precision: Precision,
    ) -> Result<(Sample, ServerState), Discard> {
        let resolution = self.resolution(m, our_precision);
        let delay = m.exchange.delay();
        self.check_delay(filter, m, delay, resolution)?;
        if self.is_loop(m) {
            return Err(Discard::Loop);
        }
        let server = ServerState {
            leap: m.leap,
            stratum: m.stratum.max(self.options.min_stratum),
            ref_id: m.ref_id,
            root_delay: m.root_delay.to_duration(),
            root_dispersion: m.root_dispersion.to_duration(),
        };
        let offset = in_our_era(m).as_duration() + self.options.offset.as_duration();
        let sample = Sample {
            at: m.exchange.midpoint(),
            offset: Offset::reference_ahead_by(offset),
            delay: delay.max(NtpDuration::ZERO),
            resolution,
        };
        Ok((sample, server))
    }

    /// How often it is asked follows what its samples are worth: to `servers` that set the clock together, or to
    /// itself alone if it is not one of them.
    pub(crate) fn choose_poll(&mut self, filter: &SourceFilter, ensemble: Option<(&PollAdvice, usize)>) {
        let (advice, interval) = self.interval(filter, ensemble);
        self.association.set_poll(self.pace.next(&advice, &interval));
    }

    /// What the interval may be, and what would be decided about it now.
    pub(crate) fn poll_decision(
        &self,
        filter: &SourceFilter,
        ensemble: Option<(&PollAdvice, usize)>,
    ) -> (Interval, Decision) {
        let (advice, interval) = self.interval(filter, ensemble);
        (interval, self.pace.decide(&advice, &interval))
    }

    fn interval(
        &self,
        filter: &SourceFilter,
        ensemble: Option<(&PollAdvice, usize)>,
    ) -> (PollAdvice, Interval) {
        let params = &self.options.association;
        let longest = params.max_poll.max(params.min_poll);
        // The last step would save few packets and cost a third of the accuracy; it is for those that are not used.
        let sparing = if longest > params.min_poll { longest.shorter() } else { longest };
        let (advice, servers) = ensemble.unwrap_or((filter.poll(), 1));
        let interval = Interval {
            now: self.association.poll(),
            shortest: params.min_poll,
            longest: if ensemble.is_some() { sparing } else { longest },
            requests: self.association.requests(),
            servers,
        };
        (*advice, interval)
    }

    /// Whether the first update of the clock should wait for it: it is about to be asked for the first time, its
    /// first answer may be on its way, or it is being asked in quick succession and has not said enough yet.
    pub(crate) fn is_settling(&self, filter: &SourceFilter, now: Monotonic) -> bool {
        let association = &self.association;
        if association.next_request().is_none() {
            return false;
        }
        let silent = association.replies() == 0;
        let asked_lately = association.latest_request().is_some_and(|at| now - at < FIRST_ANSWER);
        match association.requests() {
            0 => true,
            1 if silent => asked_lately,
            requests if association.is_bursting() => {
                filter.samples() < SETTLED_SAMPLES && !(silent && requests > SILENT_REQUESTS)
            }
            _ => false,
        }
    }

    /// Whether the server said that it does not want to be asked.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.association.standing(), Standing::Refused(_))
    }

    /// Starts over because somebody says so; what was learnt stays.
    pub(crate) fn restart(&mut self, now: Monotonic) {
        self.association.restart(now);
        if let Some(keys) = &mut self.keys {
            keys.hurry(now);
        }
    }

    fn resolution(&self, m: &Measurement, our_precision: Precision) -> NtpDuration {
        let stamps = self.tx_quality.lateness().max(self.rx_quality.lateness());
        // A server that claims a precision of years is not taken at its word.
        let theirs = m.precision.to_duration().min(NtpDuration::from_millis(10));
        our_precision.to_duration().max(theirs).max(stamps).max(NtpDuration::from_nanos(1))
    }

    fn check_delay(
        &mut self,
        filter: &mut SourceFilter,
        m: &Measurement,
        delay: NtpDuration,
        resolution: NtpDuration,
    ) -> Result<(), Discard> {
        if delay > self.options.max_delay || delay < -resolution {
            return Err(Discard::Delay);
        }
        let shortest = filter.min_delay();
        let known = filter.samples() > 0;
        if self.options.max_delay_ratio.is_some_and(|ratio| known && delay > shortest.scaled(ratio)) {
            return Err(Discard::DelayRatio);
        }
        let surprise = filter.surprise(m.exchange.midpoint(), delay).unwrap_or(0.0);
        if self.options.max_delay_deviation.is_none_or(|limit| surprise <= limit) {
            self.detours = 0;
        } else if self.detours < MAX_DETOURS {
            self.detours += 1;
            filter.suspect(m.exchange.midpoint(), delay);
            return Err(Discard::DelayDeviation);
        }
        Ok(())
    }

    /// Whether the server follows us. On loopback an address does not tell one daemon from another.
    fn is_loop(&self, m: &Measurement) -> bool {
        let ours = self.local.filter(|local| !local.is_loopback());
        m.stratum > Stratum::PRIMARY && ours.is_some_and(|local| RefId::of_address(local) == m.ref_id)
    }
}

/// The offset, in the era that brings the server's time within 68 years of this version's making: a clock that
/// starts in 1970 is more than half an era from servers after 2038. What is too far to be said in one offset is
/// said in several.
fn in_our_era(m: &Measurement) -> Offset {
    let offset = m.exchange.offset();
    let theirs = m.exchange.t4 + offset.as_duration();
    let earliest = FreeTime::from_unix(MADE, 0) + NtpDuration::MIN;
    if theirs < earliest { Offset::reference_ahead_by(NtpDuration::MAX) } else { offset }
}
