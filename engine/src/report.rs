//! Everything there is to show of an engine, as one immutable value. Built on demand.
//!
//! Field names carry their units. Signs: offsets are reference − ours, so positive means that our clock is
//! slow; frequencies are corrections, so positive means that our clock loses time by itself.

mod refclock;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ntp_clock::select::State;
use ntp_proto::client::Standing as Answering;
use ntp_proto::nts::NtsSession;
use ntp_proto::packet::{Leap, RefId, Stratum};
use serde::{Deserialize, Serialize};

use crate::address::SourceAddress;
use crate::directory::LookupId;
use crate::engine::Engine;
use crate::input::{Now, StampQuality};
use crate::keys::Keys;
use crate::options::{Origin, SourceKind};
use crate::reference::Standing;
use crate::source::{Kind, Source};

pub use refclock::RefclockReport;

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The clock.
    pub tracking: TrackingReport,
    /// The sources, in the order in which they were added.
    pub sources: Vec<SourceReport>,
    /// Names that have no address yet.
    pub unresolved: Vec<String>,
    /// What comes to nothing because another source has its address.
    pub duplicates: Vec<Duplicate>,
}

/// A server or pool without a source of its own, because another has its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// As configured.
    pub name: String,
    /// Its address.
    pub address: SourceAddress,
    /// The source that has it, as configured.
    pub used_by: String,
}

/// Who may steer the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// We do.
    Adjusting,
    /// We were told not to (`-x`).
    Observing,
    /// We should, but the kernel does not let us.
    Denied,
}

/// What the clock is set by and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackingReport {
    /// Whether the clock is set by a source.
    pub synchronised: bool,
    /// Whether the own clock is served for want of better.
    pub local: bool,
    /// Who may steer the clock.
    pub control: Control,
    /// Leap indicator that is served.
    pub leap: Leap,
    /// Stratum that is served.
    pub stratum: u8,
    /// Reference identifier that is served, in hexadecimal.
    pub ref_id: String,
    /// The selected source, as configured.
    pub source: Option<String>,
    /// Its address.
    pub address: Option<SourceAddress>,
    /// Unix time of the latest update.
    pub reference_time_unix: Option<f64>,
    /// Seconds since the latest update.
    pub age_s: Option<f64>,
    /// What is still to be corrected: best estimate minus system clock.
    pub remaining_offset_s: f64,
    /// What the system clock was off by at the latest update.
    pub last_offset_s: f64,
    /// Root mean square of that over the latest updates.
    pub rms_offset_s: f64,
    /// The correction that makes the clock keep step.
    pub frequency_ppm: f64,
    /// One standard deviation of it.
    pub skew_ppm: f64,
    /// The rate that the clock runs at now, slew included.
    pub rate_ppm: f64,
    /// Whether a slew is in progress.
    pub slewing: bool,
    /// Round trip to the primary clock.
    pub root_delay_s: f64,
    /// Dispersion now.
    pub root_dispersion_s: f64,
    /// One standard deviation of the estimate.
    pub stddev_s: Option<f64>,
    /// The true error of the system clock is not larger than this.
    pub error_bound_s: Option<f64>,
    /// The figure of that name in existing dashboards: |last offset| + root dispersion + root delay / 2.
    pub chrony_clock_error_ms: Option<f64>,
    /// Between the latest two updates.
    pub update_interval_s: f64,
    /// Updates of the clock since the start.
    pub updates: u32,
    /// Steps of the clock since the start, others' included.
    pub steps: u64,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Its number.
    pub id: u32,
    /// As configured.
    pub name: String,
    /// Its address.
    pub address: SourceAddress,
    /// `server`, `pool` or `refclock`.
    pub kind: String,
    /// Who wants it: `configuration`, `operator`, or the path of a file of `sources.sourcedir`.
    pub origin: String,
    /// One word.
    pub state: String,
    /// Whether the clock is set by it.
    pub used: bool,
    /// Whether it is the selected one.
    pub selected: bool,
    /// Why it is used or not, in words.
    pub reason: String,
    /// Whether it is left alone, since there is no way to it.
    pub offline: bool,
    /// Its stratum, once it answered.
    pub stratum: Option<u8>,
    /// What it is set by, in hexadecimal.
    pub ref_id: Option<String>,
    /// Its reach register, in octal.
    pub reach: String,
    /// Seconds between requests.
    pub poll_s: f64,
    /// Age of the latest sample.
    pub last_sample_age_s: Option<f64>,
    /// Offset of the latest sample against the clock as it was then.
    pub last_offset_s: Option<f64>,
    /// Round trip of the latest sample.
    pub last_delay_s: Option<f64>,
    /// Offset of the system clock by all samples, now.
    pub offset_s: Option<f64>,
    /// One standard deviation of it.
    pub stddev_s: Option<f64>,
    /// How far the truth may be from it (root distance).
    pub error_bound_s: Option<f64>,
    /// Correction that makes the clock keep step with it.
    pub frequency_ppm: Option<f64>,
    /// One standard deviation of it.
    pub skew_ppm: Option<f64>,
    /// Shortest round trip.
    pub min_delay_s: Option<f64>,
    /// Spread of a single sample's offset.
    pub jitter_s: Option<f64>,
    /// Samples so far.
    pub samples: u64,
    /// Requests sent; none to a reference clock.
    pub requests: u64,
    /// Replies that were believed.
    pub replies: u64,
    /// How often each test of a reply failed; those that never did are left out.
    pub discards: Vec<(String, u64)>,
    /// Who made the stamps of the latest exchange, transmit and receive; none of a reference clock.
    pub stamps: Option<(StampQuality, StampQuality)>,
    /// How it is authenticated; `None`: not at all.
    pub nts: Option<NtsReport>,
    /// More of it, if it is a reference clock.
    pub refclock: Option<RefclockReport>,
}

/// The keys of a source that is asked with NTS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NtsReport {
    /// What packets are authenticated by; `None` without keys.
    pub aead: Option<String>,
    /// The number of that algorithm.
    pub aead_id: Option<u16>,
    /// Cookies that are left; a request takes one.
    pub cookies: usize,
    /// Bytes of the next one.
    pub cookie_length: usize,
    /// How often keys were asked for.
    pub attempts: u64,
    /// And given.
    pub exchanges: u64,
    /// Seconds since they were given the last time.
    pub established_ago_s: Option<f64>,
    /// How often the server said that it cannot open a cookie.
    pub refusals: u64,
    /// Where keys are asked for.
    pub server: SocketAddr,
    /// Why there are none, or no new ones.
    pub trouble: Option<String>,
    /// Seconds until they are asked for, or asked for again if nothing comes of the exchange that is under way; `None` if
    /// they are not wanted.
    pub next_attempt_s: Option<f64>,
}

impl Engine {
    /// Everything there is to show at `now`.
    #[must_use]
    pub fn report(&self, now: Now) -> Report {
        let (duplicates, unresolved) = self.without_source();
        Report {
            tracking: self.tracking_report(now),
            sources: self.sources.iter().map(|s| self.source_report(s, now)).collect(),
            unresolved,
            duplicates,
        }
    }

    /// The clock alone, for those who ask every second.
    #[must_use]
    pub fn tracking_report(&self, now: Now) -> TrackingReport {
        let vars = self.snapshot().system_vars(now.raw);
        let tracking = self.tracking.as_ref();
        let estimate = self.estimate(now);
        let remaining = estimate.map_or(0.0, |e| self.discipline.phase(&e, now).to_seconds());
        let root_delay = tracking.map_or(0.0, |t| t.root_delay.to_seconds());
        let dispersion = tracking.zip(estimate).map_or(0.0, |(t, e)| t.root_dispersion(e.at).to_seconds());
        let last_offset = tracking.map_or(0.0, |t| t.last_offset.to_seconds());
        let selected = self.sources.iter().find(|s| tracking.is_some_and(|t| t.source == s.id));
        let known = |value: f64| estimate.map(|_| value);
        TrackingReport {
            synchronised: self.standing == Standing::Synchronised,
            local: self.standing == Standing::Local,
            control: self.control(),
            leap: vars.leap,
            stratum: vars.stratum.get(),
            ref_id: ref_id_words(vars.ref_id, vars.stratum),
            source: selected.map(|s| s.name.clone()),
            address: selected.map(Source::address),
            reference_time_unix: tracking.map(|t| t.reference_time.to_unix_seconds()),
            age_s: tracking.zip(estimate).map(|(t, e)| (e.at - t.updated).to_seconds()),
            remaining_offset_s: remaining,
            last_offset_s: last_offset,
            rms_offset_s: tracking.map_or(0.0, |t| t.rms_offset),
            frequency_ppm: estimate.map_or(self.prior.frequency, |e| e.frequency).to_ppm(),
            skew_ppm: estimate.map_or(self.prior.skew, |e| e.frequency_uncertainty()).to_ppm(),
            rate_ppm: self.discipline.timeline.correction().to_ppm(),
            slewing: self.discipline.is_slewing(),
            root_delay_s: root_delay,
            root_dispersion_s: dispersion,
            stddev_s: estimate.map(|e| e.uncertainty().to_seconds()),
            error_bound_s: known(remaining.abs() + dispersion + root_delay / 2.0),
            chrony_clock_error_ms: known((last_offset.abs() + dispersion + root_delay / 2.0) * 1e3),
            update_interval_s: tracking.map_or(0.0, |t| t.update_interval.to_seconds()),
            updates: self.discipline.updates(),
            steps: self.discipline.steps(),
        }
    }

    fn control(&self) -> Control {
        match (self.discipline.wants_to_adjust(), self.timers.was_denied) {
            (false, _) => Control::Observing,
            (true, true) => Control::Denied,
            (true, false) => Control::Adjusting,
        }
    }

    /// The entries that no source stands for: because others have their addresses, or because they have none.
    pub(crate) fn without_source(&self) -> (Vec<Duplicate>, Vec<String>) {
        let (mut duplicates, mut unresolved) = (Vec::new(), Vec::new());
        let served: BTreeSet<usize> = self.sources.iter().filter_map(Source::entry).collect();
        let entries = self.entries.iter().enumerate().filter_map(|(i, e)| Some((i, e.as_ref()?)));
        for (index, entry) in entries.filter(|(index, _)| !served.contains(index)) {
            let name = entry.host.to_string();
            match self.holder(LookupId(index)) {
                Some(holder) => {
                    let (address, used_by) = (holder.address(), holder.name.clone());
                    duplicates.push(Duplicate { name, address, used_by });
                }
                None => unresolved.push(name),
            }
        }
        (duplicates, unresolved)
    }

    fn kind(&self, entry: Option<usize>) -> &'static str {
        match entry.map(|entry| self.entry(LookupId(entry)).map(|e| e.kind)) {
            None => "refclock",
            Some(Some(SourceKind::Pool { .. })) => "pool",
            Some(_) => "server",
        }
    }

    fn origin(&self, entry: Option<usize>) -> String {
        match entry.and_then(|entry| self.origins.get(&entry)) {
            None => "configuration".to_owned(),
            Some(Origin::Operator) => "operator".to_owned(),
            Some(Origin::File(file)) => file.clone(),
        }
    }

    fn source_report(&self, source: &Source, now: Now) -> SourceReport {
        let free = self.discipline.timeline.free_now(now.raw);
        let estimate = source.filter.estimate(free);
        let has_samples = source.filter.samples() > 0;
        let asked = source.asked();
        SourceReport {
            id: source.id.number(),
            name: source.name.clone(),
            address: source.address(),
            origin: self.origin(source.entry()),
            kind: self.kind(source.entry()).to_owned(),
            state: source.state.name().to_owned(),
            used: source.state.is_used(),
            selected: source.state.is_selected(),
            reason: reason(source, source.state),
            offline: asked.is_some_and(|a| a.association.standing() == Answering::Offline),
            stratum: source.server.map(|s| s.stratum.get()),
            ref_id: source.server.map(|s| ref_id_words(s.ref_id, s.stratum)),
            reach: source.reach().to_string(),
            poll_s: source.poll().to_seconds(),
            last_sample_age_s: source.last.map(|l| (free - l.at).to_seconds()),
            last_offset_s: source.last.map(|l| l.offset.to_seconds()),
            last_delay_s: asked.and(source.last).map(|l| l.delay.to_seconds()),
            offset_s: estimate.map(|e| self.discipline.phase(&e, now).to_seconds()),
            stddev_s: estimate.map(|e| e.uncertainty().to_seconds()),
            error_bound_s: estimate.map(|e| source.root_distance(&e).to_seconds()),
            frequency_ppm: estimate.map(|e| e.frequency.to_ppm()),
            skew_ppm: estimate.map(|e| e.frequency_uncertainty().to_ppm()),
            min_delay_s: asked.filter(|_| has_samples).map(|_| source.filter.min_delay().to_seconds()),
            jitter_s: has_samples.then(|| source.jitter().to_seconds()),
            samples: source.filter.samples(),
            requests: asked.map_or(0, |a| a.association.requests()),
            replies: asked.map_or(0, |a| a.association.replies()),
            discards: discards(source),
            stamps: asked.map(|a| (a.tx_quality, a.rx_quality)),
            nts: source.keys().map(|keys| nts_report(keys, now)),
            refclock: source.refclock().map(|refclock| self.refclock_report(source, refclock, now)),
        }
    }
}

fn nts_report(keys: &Keys, now: Now) -> NtsReport {
    let session = keys.session();
    NtsReport {
        aead: session.map(|session| session.aead().to_string()),
        aead_id: session.map(|session| session.aead().id()),
        cookies: session.map_or(0, NtsSession::cookies),
        cookie_length: session.map_or(0, NtsSession::cookie_len),
        attempts: keys.counts.attempts,
        exchanges: keys.counts.exchanges,
        established_ago_s: keys.established_at().map(|at| (now.monotonic - at).to_seconds()),
        refusals: keys.counts.refusals,
        server: SocketAddr::new(keys.address, keys.options.port),
        trouble: keys.trouble().map(str::to_owned),
        next_attempt_s: keys.next_exchange().map(|at| (at - now.monotonic).to_seconds()),
    }
}

fn discards(source: &Source) -> Vec<(String, u64)> {
    let all: Vec<(&str, u64)> = match &source.kind {
        Kind::Server(asked) => asked.association.discards().iter().collect(),
        Kind::Refclock(refclock) => refclock.counts.refused().to_vec(),
    };
    let failed = all.into_iter().filter(|(_, count)| *count > 0);
    failed.map(|(name, count)| (name.to_owned(), count)).collect()
}

/// The verdict of selection, preceded by what the source itself says if that is why.
pub(crate) fn reason(source: &Source, state: State) -> String {
    let asked = match &source.kind {
        Kind::Server(asked) => asked,
        Kind::Refclock(refclock) => return refclock::reason(refclock, state),
    };
    let wants_keys = source.keys().filter(|keys| !keys.are_there());
    match (asked.association.standing(), asked.last_discard, state) {
        (Answering::Offline, ..) => "offline: not asked until it is said to be online".to_owned(),
        (Answering::Refused(_), Some(discard), _) => format!("not asked any more: {discard}"),
        _ if wants_keys.is_some() => {
            let why = wants_keys.and_then(Keys::trouble).map(|why| format!(": {why}"));
            format!("no NTS keys{}", why.unwrap_or_default())
        }
        (_, _, State::NotSelectable) if !asked.options.flags.noselect => {
            "measured only: it is not authenticated, which sources.authselectmode asks for".to_owned()
        }
        (_, Some(discard), State::NoSamples | State::New) => format!("no usable sample yet: {discard}"),
        (_, Some(discard), state) => format!("{state}; latest reply not used: {discard}"),
        (_, None, state) => state.to_string(),
    }
}

/// Letters at stratum 1, hexadecimal elsewhere.
fn ref_id_words(ref_id: RefId, stratum: Stratum) -> String {
    let letters = (stratum <= Stratum::PRIMARY).then(|| ref_id.to_ascii()).flatten();
    letters.unwrap_or_else(|| ref_id.to_string())
}
