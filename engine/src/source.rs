//! One server: how it is asked, what it has taught, and what selection makes of it.

use std::net::{IpAddr, SocketAddr};

use ntp_clock::select::{Candidate, Flags, State};
use ntp_clock::{Decision, Estimate, Interval, Pace, PollAdvice, Sample, SourceFilter};
use ntp_proto::client::{Association, Discard, Measurement, Standing, TxToken};
use ntp_proto::packet::{Leap, Precision, RefId, Stratum};
use ntp_proto::time::{FreeTime, Frequency, Monotonic, NtpDuration, Offset};
use serde::{Deserialize, Serialize};

use crate::input::{StampQuality, USER_STAMP_RESOLUTION};
use crate::keys::Keys;
use crate::options::{Entry, MADE, SourceOptions};

/// How fast a clock that nobody sets is assumed to go wrong beyond what is estimated.
pub(crate) const MAX_CLOCK_ERROR: Frequency = Frequency::from_ppm(1.0);
/// So many samples make a source fit for the first update of the clock.
const SETTLED_SAMPLES: u64 = 3;
/// An answer that takes longer is none.
const FIRST_ANSWER: NtpDuration = NtpDuration::from_secs(3);
/// A source that stays silent for so many requests is not waited for.
const SILENT_REQUESTS: u64 = 3;
/// After so many refused detours in a row the detour is the road, until a short way is found again.
const MAX_DETOURS: u32 = 8;

/// Names a source for as long as the engine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub(crate) u32);

impl SourceId {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// What the latest good reply said of the server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerState {
    pub(crate) leap: Leap,
    pub(crate) stratum: Stratum,
    pub(crate) ref_id: RefId,
    pub(crate) root_delay: NtpDuration,
    pub(crate) root_dispersion: NtpDuration,
}

/// The latest sample, for people.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LastSample {
    pub(crate) at: FreeTime,
    /// Against the system clock as it was then.
    pub(crate) offset: Offset,
    pub(crate) delay: NtpDuration,
}

/// How far the truth may be from what a source says, by causes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distance {
    /// From the server to its primary clock and back; half of it counts.
    pub(crate) root_delay: NtpDuration,
    /// From us to the server and back; half of it counts.
    pub(crate) path_delay: NtpDuration,
    /// What the server says of itself.
    pub(crate) root_dispersion: NtpDuration,
    /// Three standard deviations of our estimate.
    pub(crate) own_dispersion: NtpDuration,
    /// What our clock may have gone wrong since the latest sample.
    pub(crate) aged: NtpDuration,
}

impl Distance {
    pub(crate) fn total(&self) -> NtpDuration {
        let delay = self.root_delay + self.path_delay;
        delay.half() + self.root_dispersion + self.own_dispersion + self.aged
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) id: SourceId,
    pub(crate) entry: usize,
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) options: SourceOptions,
    pub(crate) association: Association,
    /// Of those that are asked with NTS.
    pub(crate) keys: Option<Keys>,
    pub(crate) filter: SourceFilter,
    pub(crate) server: Option<ServerState>,
    pub(crate) last: Option<LastSample>,
    pub(crate) last_discard: Option<Discard>,
    pub(crate) state: State,
    pub(crate) tx_quality: StampQuality,
    pub(crate) rx_quality: StampQuality,
    pub(crate) was_reachable: bool,
    /// For how many polls in a row it has been of no use.
    pub(crate) bad_polls: u32,
    /// For how many polls in a row it has been unreachable.
    pub(crate) unreachable_polls: u32,
    outstanding: Option<TxToken>,
    local: Option<IpAddr>,
    detours: u32,
    pace: Pace,
    /// Between the latest two samples.
    pub(crate) spacing: NtpDuration,
}

impl Source {
    pub(crate) fn new(
        id: SourceId,
        (entry, wanted): (usize, &Entry),
        address: SocketAddr,
        filter: SourceFilter,
        keys: Option<Keys>,
        start: Monotonic,
    ) -> Self {
        let (name, options) = (wanted.host.to_string(), wanted.options);
        let mut association = Association::new(options.association, start);
        if options.offline {
            association.go_offline();
        }
        Self {
            id,
            entry,
            name,
            address,
            options,
            association,
            keys,
            filter,
            server: None,
            last: None,
            last_discard: None,
            state: State::New,
            tx_quality: StampQuality::User,
            rx_quality: StampQuality::User,
            was_reachable: false,
            bad_polls: 0,
            unreachable_polls: 0,
            outstanding: None,
            local: None,
            detours: 0,
            pace: Pace::default(),
            spacing: NtpDuration::ZERO,
        }
    }

    /// Whether every figure could be that of a source. What came from a file need not.
    pub(crate) fn is_sound(&self) -> bool {
        self.association.is_sound() && self.filter.is_sound() && self.keys.as_ref().is_none_or(Keys::is_sound)
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

    /// Whether nobody on the way can change what it says.
    pub(crate) const fn is_authenticated(&self) -> bool {
        self.keys.is_some()
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
    pub(crate) fn accept(&mut self, m: &Measurement, our_precision: Precision) -> Result<Sample, Discard> {
        let resolution = self.resolution(m, our_precision);
        let delay = m.exchange.delay();
        self.check_delay(m, delay, resolution)?;
        if self.is_loop(m) {
            return Err(Discard::Loop);
        }
        self.server = Some(ServerState {
            leap: m.leap,
            stratum: m.stratum.max(self.options.min_stratum),
            ref_id: m.ref_id,
            root_delay: m.root_delay.to_duration(),
            root_dispersion: m.root_dispersion.to_duration(),
        });
        let offset = in_our_era(m).as_duration() + self.options.offset.as_duration();
        Ok(Sample {
            at: m.exchange.midpoint(),
            offset: Offset::reference_ahead_by(offset),
            delay: delay.max(NtpDuration::ZERO),
            resolution,
        })
    }

    /// How often it is asked follows what its samples are worth: to `servers` that set the clock together, or to
    /// itself alone if it is not one of them.
    pub(crate) fn choose_poll(&mut self, ensemble: Option<(&PollAdvice, usize)>) {
        let (advice, interval) = self.interval(ensemble);
        self.association.set_poll(self.pace.next(&advice, &interval));
    }

    /// What the interval may be, and what would be decided about it now.
    pub(crate) fn poll_decision(&self, ensemble: Option<(&PollAdvice, usize)>) -> (Interval, Decision) {
        let (advice, interval) = self.interval(ensemble);
        (interval, self.pace.decide(&advice, &interval))
    }

    fn interval(&self, ensemble: Option<(&PollAdvice, usize)>) -> (PollAdvice, Interval) {
        let params = &self.options.association;
        let longest = params.max_poll.max(params.min_poll);
        // The last step would save few packets and cost a third of the accuracy; it is for those that are not used.
        let sparing = if longest > params.min_poll { longest.shorter() } else { longest };
        let (advice, servers) = ensemble.unwrap_or((self.filter.poll(), 1));
        let interval = Interval {
            now: self.association.poll(),
            shortest: params.min_poll,
            longest: if ensemble.is_some() { sparing } else { longest },
            requests: self.association.requests(),
            servers,
        };
        (*advice, interval)
    }

    /// How far the truth may be from this source's estimate at `at`.
    pub(crate) fn root_distance(&self, estimate: &Estimate) -> NtpDuration {
        self.distance(estimate).map_or(NtpDuration::MAX, |distance| distance.total())
    }

    /// The same by its causes; `None` before the first good reply.
    pub(crate) fn distance(&self, estimate: &Estimate) -> Option<Distance> {
        let server = self.server?;
        let age = self.last.map_or(NtpDuration::ZERO, |last| estimate.at - last.at).max(NtpDuration::ZERO);
        Some(Distance {
            root_delay: server.root_delay,
            path_delay: self.filter.path_delay(),
            root_dispersion: server.root_dispersion,
            own_dispersion: estimate.dispersion(),
            aged: MAX_CLOCK_ERROR * age,
        })
    }

    /// How far a lop-sided way to the primary clock can mislead.
    pub(crate) fn way(&self) -> NtpDuration {
        let server = self.server.map_or(NtpDuration::ZERO, |s| s.root_delay.half() + s.root_dispersion);
        server + self.filter.min_delay().half()
    }

    /// Round trip to the primary clock, as far as it stands behind the estimate.
    pub(crate) fn root_delay(&self) -> NtpDuration {
        self.server.map_or(NtpDuration::ZERO, |s| s.root_delay) + self.filter.path_delay()
    }

    /// What selection is to make of it: `flags`, which are those of its options as the policy sees them.
    pub(crate) fn candidate(&self, at: FreeTime, flags: Flags) -> Candidate {
        let estimate = self.filter.estimate(at);
        Candidate {
            estimate,
            root_distance: estimate.map_or(NtpDuration::MAX, |e| self.root_distance(&e)),
            jitter: self.filter.jitter(),
            samples: self.filter.samples(),
            was_drifting: matches!(self.state, State::Drifting { .. }),
            stratum: self.server.map_or(Stratum::UNSYNCHRONISED, |s| s.stratum),
            min_samples: self.options.min_samples,
            reachable: self.association.reach().is_reachable(),
            may_be_kept: self.association.standing() == Standing::Active
                && self.unreachable_polls <= self.options.max_unreach,
            flags,
        }
    }

    /// Whether the first update of the clock should wait for it: it is about to be asked for the first time, its
    /// first answer may be on its way, or it is being asked in quick succession and has not said enough yet.
    pub(crate) fn is_settling(&self, now: Monotonic) -> bool {
        let association = &self.association;
        if self.options.flags.noselect || association.next_request().is_none() {
            return false;
        }
        let silent = association.replies() == 0;
        let asked_lately = association.latest_request().is_some_and(|at| now - at < FIRST_ANSWER);
        match association.requests() {
            0 => true,
            1 if silent => asked_lately,
            requests if association.is_bursting() => {
                self.filter.samples() < SETTLED_SAMPLES && !(silent && requests > SILENT_REQUESTS)
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
        let both_kernel = self.tx_quality == StampQuality::Kernel && self.rx_quality == StampQuality::Kernel;
        let stamps = if both_kernel { NtpDuration::ZERO } else { USER_STAMP_RESOLUTION };
        // A server that claims a precision of years is not taken at its word.
        let theirs = m.precision.to_duration().min(NtpDuration::from_millis(10));
        our_precision.to_duration().max(theirs).max(stamps).max(NtpDuration::from_nanos(1))
    }

    fn check_delay(
        &mut self,
        m: &Measurement,
        delay: NtpDuration,
        resolution: NtpDuration,
    ) -> Result<(), Discard> {
        if delay > self.options.max_delay || delay < -resolution {
            return Err(Discard::Delay);
        }
        let shortest = self.filter.min_delay();
        let known = self.filter.samples() > 0;
        if self.options.max_delay_ratio.is_some_and(|ratio| known && delay > shortest.scaled(ratio)) {
            return Err(Discard::DelayRatio);
        }
        let surprise = self.filter.surprise(m.exchange.midpoint(), delay).unwrap_or(0.0);
        if self.options.max_delay_deviation.is_none_or(|limit| surprise <= limit) {
            self.detours = 0;
        } else if self.detours < MAX_DETOURS {
            self.detours += 1;
            self.filter.suspect(m.exchange.midpoint(), delay);
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
