//! One source: what it has taught, and what selection makes of it. Servers and reference clocks alike.

use ntp_clock::select::{Candidate, Flags, State};
use ntp_clock::{Estimate, SourceFilter};
use ntp_proto::client::{Reach, Standing};
use ntp_proto::packet::{Leap, RefId, Stratum};
use ntp_proto::time::{FreeTime, Frequency, Monotonic, NtpDuration, Offset, Uncertainty};
use serde::{Deserialize, Serialize};

use crate::address::SourceAddress;
use crate::asked::Asked;
use crate::keys::Keys;
use crate::refclock::Refclock;

/// How fast a clock that nobody sets is assumed to go wrong beyond what is estimated.
pub(crate) const MAX_CLOCK_ERROR: Frequency = Frequency::from_ppm(1.0);
/// A reference clock is waited for so long after the start before it gave anything.
const FIRST_READING: NtpDuration = NtpDuration::from_secs(2);

/// Names a source for as long as the engine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub(crate) u32);

impl SourceId {
    /// That of a reference clock, by its place in [`Options::refclocks`](crate::Options::refclocks): they come first.
    #[must_use]
    pub const fn refclock(place: usize) -> Self {
        Self(place as u32)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// What the clock of a source is said to be.
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

/// How a source gives time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// It is asked.
    Server(Box<Asked>),
    /// It shows it.
    Refclock(Box<Refclock>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) id: SourceId,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) filter: SourceFilter,
    pub(crate) server: Option<ServerState>,
    pub(crate) last: Option<LastSample>,
    pub(crate) state: State,
    pub(crate) was_reachable: bool,
    /// For how many polls in a row it has been of no use.
    pub(crate) bad_polls: u32,
    /// For how many polls in a row it has been unreachable.
    pub(crate) unreachable_polls: u32,
    /// Between the latest two samples.
    pub(crate) spacing: NtpDuration,
}

impl Source {
    pub(crate) fn new(id: SourceId, name: String, kind: Kind, filter: SourceFilter) -> Self {
        Self {
            id,
            name,
            kind,
            filter,
            server: None,
            last: None,
            state: State::New,
            was_reachable: false,
            bad_polls: 0,
            unreachable_polls: 0,
            spacing: NtpDuration::ZERO,
        }
    }

    /// Whether every figure could be that of a source. What came from a file need not.
    pub(crate) fn is_sound(&self) -> bool {
        let kind = match &self.kind {
            Kind::Server(asked) => asked.is_sound(),
            Kind::Refclock(refclock) => refclock.is_sound(),
        };
        kind && self.filter.is_sound()
    }

    /// What it says of the end of the day; `None`: it knows nothing of leap seconds, or has said nothing yet.
    pub(crate) fn announces(&self) -> Option<Leap> {
        match &self.kind {
            Kind::Server(_) => self.server.map(|server| server.leap),
            Kind::Refclock(refclock) => refclock.leap,
        }
    }

    /// What it has that is a server; `None` for a reference clock.
    pub(crate) fn asked(&self) -> Option<&Asked> {
        match &self.kind {
            Kind::Server(asked) => Some(asked),
            Kind::Refclock(_) => None,
        }
    }

    pub(crate) fn asked_mut(&mut self) -> Option<&mut Asked> {
        match &mut self.kind {
            Kind::Server(asked) => Some(asked),
            Kind::Refclock(_) => None,
        }
    }

    /// What it has that is a reference clock; `None` for a server.
    pub(crate) fn refclock(&self) -> Option<&Refclock> {
        match &self.kind {
            Kind::Server(_) => None,
            Kind::Refclock(refclock) => Some(refclock),
        }
    }

    pub(crate) fn refclock_mut(&mut self) -> Option<&mut Refclock> {
        match &mut self.kind {
            Kind::Server(_) => None,
            Kind::Refclock(refclock) => Some(refclock),
        }
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SourceAddress {
        match &self.kind {
            Kind::Server(asked) => SourceAddress::Network(asked.address),
            Kind::Refclock(refclock) => SourceAddress::Refclock(refclock.options.ref_id),
        }
    }

    /// How those who follow us because of it refer to what we follow.
    pub(crate) fn ref_id(&self) -> RefId {
        match &self.kind {
            Kind::Server(asked) => RefId::of_address(asked.address.ip()),
            Kind::Refclock(refclock) => refclock.options.ref_id,
        }
    }

    /// The entry of the configuration that it stands for; a reference clock stands for itself.
    pub(crate) fn entry(&self) -> Option<usize> {
        self.asked().map(|asked| asked.entry)
    }

    /// What the operator says of it.
    pub(crate) fn flags(&self) -> Flags {
        match &self.kind {
            Kind::Server(asked) => asked.options.flags,
            Kind::Refclock(refclock) => refclock.options.flags,
        }
    }

    /// For so many polls it may stay selected after it fell silent.
    pub(crate) fn max_unreach(&self) -> u32 {
        match &self.kind {
            Kind::Server(asked) => asked.options.max_unreach,
            Kind::Refclock(refclock) => refclock.options.max_unreach,
        }
    }

    /// Which of the latest polls brought something.
    pub(crate) fn reach(&self) -> Reach {
        match &self.kind {
            Kind::Server(asked) => asked.association.reach(),
            Kind::Refclock(refclock) => refclock.reach(),
        }
    }

    /// Between two polls.
    pub(crate) fn poll(&self) -> NtpDuration {
        match &self.kind {
            Kind::Server(asked) => asked.association.poll().interval(),
            Kind::Refclock(refclock) => refclock.options.poll.interval(),
        }
    }

    /// When something is to be done for it.
    pub(crate) fn next_wakeup(&self) -> Option<Monotonic> {
        match &self.kind {
            Kind::Server(asked) => asked.next_wakeup(),
            Kind::Refclock(refclock) => refclock.next_wakeup(),
        }
    }

    /// Whether nobody on the way can change what it says. To a clock of this machine there is no way.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.asked().is_none_or(|asked| asked.keys.is_some())
    }

    /// Its keys, if it is asked with NTS.
    pub(crate) fn keys(&self) -> Option<&Keys> {
        self.asked()?.keys.as_ref()
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

    /// What selection is to make of it: `flags`, which are those of its options as the policy sees them. `clock_error`:
    /// how well the clock is known without it, if it is only there for the rest of the time.
    pub(crate) fn candidate(
        &self,
        at: FreeTime,
        flags: Flags,
        clock_error: Option<NtpDuration>,
    ) -> Candidate {
        let estimate = self.filter.estimate(at);
        let min_samples = match &self.kind {
            Kind::Server(asked) => asked.options.min_samples,
            Kind::Refclock(refclock) => refclock.options.min_samples,
        };
        Candidate {
            estimate,
            root_distance: estimate.map_or(NtpDuration::MAX, |e| self.root_distance(&e)),
            jitter: self.jitter(),
            samples: self.filter.samples(),
            was_drifting: matches!(self.state, State::Drifting { .. }),
            stratum: self.server.map_or(Stratum::UNSYNCHRONISED, |s| s.stratum),
            min_samples,
            reachable: self.reach().is_reachable(),
            may_be_kept: self.asked().is_none_or(|a| a.association.standing() == Standing::Active)
                && self.unreachable_polls <= self.max_unreach(),
            flags,
            is_remote: self.asked().is_some(),
            clock_error,
        }
    }

    /// How much a single sample of a server scatters, or a single reading of a reference clock.
    pub(crate) fn jitter(&self) -> Uncertainty {
        match self.refclock().map(Refclock::scatter) {
            None => self.filter.jitter(),
            Some(scatter) => Uncertainty::from_seconds(scatter.map_or(0.0, NtpDuration::to_seconds)),
        }
    }

    /// Whether the first update of the clock should wait for it, which started `started`: something is on its way.
    pub(crate) fn is_settling(&self, now: Monotonic, started: Monotonic) -> bool {
        let is_wanted = !self.flags().noselect;
        is_wanted
            && match &self.kind {
                Kind::Server(asked) => asked.is_settling(&self.filter, now),
                Kind::Refclock(refclock) => {
                    let may_begin = now - started < FIRST_READING;
                    let begins = may_begin || refclock.counts.readings > 0;
                    self.filter.samples() == 0 && begins && !refclock.waits_for_clock()
                }
            }
    }
}
