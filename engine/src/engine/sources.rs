//! Who is asked, and what becomes of answers.

use std::net::{IpAddr, SocketAddr};

use ntp_clock::{SourceFilter, Stamp};
use ntp_proto::client::{Discard, TxToken};
use ntp_proto::packet::KissCode;
use ntp_proto::time::{NtpDuration, Offset};

use super::Engine;
use crate::action::Action;
use crate::directory::LookupId;
use crate::event::Event;
use crate::input::{Now, StampQuality};
use crate::options::{Host, SourceKind};
use crate::source::{LastSample, Source, SourceId};

/// Sources do not start all at the same moment, but soon.
const START_SPACING: NtpDuration = NtpDuration::from_millis(50);
const START_SLOTS: u32 = 20;

impl Engine {
    pub(super) fn add_entries(&mut self, now: Now) {
        for entry in 0..self.options.entries.len() {
            match self.options.entries[entry].host {
                Host::Address(address) => self.add_source(now, entry, address),
                Host::Name(_) => self.directory.want(LookupId(entry), now.monotonic),
            }
        }
    }

    /// Names were answered: sources are added until the entry has as many as it wants. No address twice.
    pub(super) fn resolved(&mut self, now: Now, lookup: LookupId, addresses: &[IpAddr]) {
        let Some(entry) = self.options.entries.get(lookup.0).cloned() else { return };
        let fits = |a: &&IpAddr| entry.options.family.is_none_or(|family| family.contains(**a));
        let wanted = match entry.kind {
            SourceKind::Server => 1,
            SourceKind::Pool { servers } => servers,
        };
        for address in addresses.iter().filter(fits) {
            let socket = SocketAddr::new(*address, entry.port);
            let is_new = self.sources.iter().all(|s| s.address != socket);
            if is_new && self.sources_of(lookup) < wanted {
                self.add_source(now, lookup.0, *address);
            }
        }
        if self.sources_of(lookup) >= wanted {
            self.directory.settle(lookup);
            return;
        }
        let (retry, is_first) = self.directory.retry(lookup, now.monotonic);
        if is_first && self.sources_of(lookup) == 0 {
            self.events.push_back(Event::LookupFailed { name: entry.host.to_string(), retry });
        }
    }

    /// A name is looked up.
    pub(super) fn look_up(&mut self, lookup: LookupId) {
        let Some(entry) = self.options.entries.get(lookup.0) else { return };
        let (name, family) = (entry.host.to_string(), entry.options.family);
        self.actions.push_back(Action::Resolve { lookup, name, family });
    }

    /// Requests that are due go out.
    pub(super) fn ask(&mut self, now: Now) {
        let free = self.discipline.timeline.free_now(now.raw);
        let mut lost = false;
        for source in &mut self.sources {
            let Some(request) = source.association.poll_request(now.monotonic, free, &mut self.rng) else {
                continue;
            };
            source.request_leaves(request.token);
            self.actions.push_back(Action::Send {
                source: source.id,
                token: request.token,
                remote: source.address,
                bytes: request.bytes,
            });
            if source.was_reachable && !source.association.reach().is_reachable() {
                source.was_reachable = false;
                lost = true;
                self.events.push_back(Event::SourceLost { source: source.id, address: source.address });
            }
        }
        if lost {
            self.reselect(now, None);
        }
    }

    pub(super) fn departed(
        &mut self,
        now: Now,
        source: SourceId,
        token: TxToken,
        at: Stamp,
        quality: StampQuality,
        local: Option<IpAddr>,
    ) {
        let Some(at) = self.discipline.timeline.to_free(at, now.raw) else { return };
        if let Some(source) = self.source(source) {
            source.departed(token, at, quality, local);
        }
    }

    pub(super) fn datagram(
        &mut self,
        now: Now,
        id: SourceId,
        token: TxToken,
        at: Stamp,
        quality: StampQuality,
        bytes: &[u8],
    ) {
        let t4 = self.discipline.timeline.to_free(at, now.raw);
        let free = self.discipline.timeline.free_now(now.raw);
        let corrected = now.raw.reinterpret() - free;
        let precision = self.options.precision;
        let Some(source) = self.source(id) else { return };
        source.rx_quality = quality;
        let Some(t4) = t4 else {
            source.association.count_discard(Discard::ClockChanged);
            return;
        };
        let result = source.association.handle_reply(now.monotonic, token, t4, bytes).and_then(|m| {
            source.accept(&m, precision).inspect_err(|discard| source.association.count_discard(*discard))
        });
        match result {
            Ok(sample) => {
                source.last_discard = None;
                source.filter.update(&sample);
                let offset = Offset::reference_ahead_by(sample.offset.as_duration() - corrected);
                source.last = Some(LastSample { at: sample.at, offset, delay: sample.delay });
                source.association.set_poll(source.filter.poll().next(source.association.poll()));
                // Nothing more is expected on that socket, and an open port invites guesses.
                self.actions.push_back(Action::Forget { source: id });
                self.found(id);
                self.reselect(now, Some(id));
            }
            Err(discard) => {
                source.last_discard = Some(discard);
                self.refused(id, discard);
            }
        }
    }

    /// Every source is asked at once and every name looked up again.
    pub(super) fn refresh(&mut self, now: Now) {
        for source in &mut self.sources {
            source.restart(now.monotonic);
        }
        for entry in 0..self.options.entries.len() {
            if matches!(self.options.entries[entry].host, Host::Name(_)) {
                self.directory.want(LookupId(entry), now.monotonic);
            }
        }
    }

    fn found(&mut self, id: SourceId) {
        let Some(source) = self.source(id) else { return };
        if !source.was_reachable {
            source.was_reachable = true;
            let found = Event::SourceFound { source: id, address: source.address };
            self.events.push_back(found);
        }
    }

    fn refused(&mut self, id: SourceId, discard: Discard) {
        let Discard::Kiss(code @ (KissCode::Rate | KissCode::Deny | KissCode::Rstr)) = discard else {
            return;
        };
        let Some(address) = self.source(id).map(|s| s.address) else { return };
        self.events.push_back(Event::Kiss { source: id, address, code });
        if code != KissCode::Rate {
            self.actions.push_back(Action::Forget { source: id });
        }
    }

    fn sources_of(&self, lookup: LookupId) -> usize {
        self.sources.iter().filter(|s| s.entry == lookup.0).count()
    }

    fn add_source(&mut self, now: Now, entry: usize, address: IpAddr) {
        let id = SourceId(self.next_source);
        self.next_source += 1;
        let spacing = START_SPACING.scaled(f64::from(id.number() % START_SLOTS));
        let Some(config) = self.options.entries.get(entry) else { return };
        let (name, options) = (config.host.to_string(), config.options);
        let address = SocketAddr::new(address, config.port);
        let (frequency, skew) = match &self.tracking {
            Some(t) => (t.estimate.frequency, t.estimate.frequency_uncertainty()),
            None => (self.prior.frequency, self.prior.skew),
        };
        let filter = SourceFilter::new(frequency, skew);
        let start = now.monotonic + spacing;
        self.events.push_back(Event::SourceAdded { source: id, address, name: name.clone() });
        self.sources.push(Source::new(id, entry, name, address, options, filter, start));
    }
}
