//! Which servers stand for an entry: names become sources, and sources that go bad are replaced.
//!
//! A source that never answered is *tentative*: it makes room for the next address after a few requests, so
//! dead addresses of a pool cost seconds. A source that worked and went bad is replaced at most once in half
//! an hour, whatever the number of sources: when the own network fails, everybody looks bad.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use ntp_clock::SourceFilter;
use ntp_clock::select::State;
use ntp_proto::time::{Monotonic, NtpDuration};
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::action::Action;
use crate::asked::Asked;
use crate::directory::LookupId;
use crate::event::Event;
use crate::input::Now;
use crate::keys::Keys;
use crate::options::{Entry, FromFile, Host, Origin, SourceKind};
use crate::source::{Kind, Source, SourceId};

/// Sources do not start all at the same moment, but soon: thousands of them within a quarter of a minute.
const START_SPACING: NtpDuration = NtpDuration::from_millis(50);
const START_SLOTS: u32 = 320;
/// A source that never answered so many requests makes room, if there is somebody else to ask.
const TENTATIVE_REQUESTS: u64 = 4;
/// A source is bad when it was so for this many polls.
const BAD_POLLS: u32 = 8;
/// At most one source that used to work is replaced in this time.
const REPLACE_INTERVAL: NtpDuration = NtpDuration::from_secs(1_800);

/// When a source was last replaced, and whether one waits for a look-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Replacements {
    latest: Option<Monotonic>,
    pending: Option<SourceId>,
}

impl Engine {
    pub(super) fn add_entries(&mut self, now: Now) {
        for index in 0..self.entries.len() {
            self.open_entry(now, index);
        }
    }

    /// One more server or pool.
    pub(super) fn add_entry(&mut self, now: Now, entry: Entry, origin: Origin) {
        let index = self.entries.len();
        self.entries.push(Some(entry));
        self.origins.insert(index, origin);
        self.directory.add();
        self.open_entry(now, index);
    }

    /// The entries of files are these from now on.
    pub(super) fn take_files(&mut self, now: Now, entries: Vec<FromFile>) {
        let mut wanted: BTreeMap<(String, u16), Vec<FromFile>> = BTreeMap::new();
        for new in entries {
            wanted.entry((new.entry.host.to_string(), new.entry.port)).or_default().push(new);
        }
        for index in 0..self.entries.len() {
            let (Some(entry), Some(Origin::File(file))) =
                (&self.entries[index], self.origins.get_mut(&index))
            else {
                continue;
            };
            let alike = wanted.get_mut(&(entry.host.to_string(), entry.port));
            let same = alike.and_then(|new| Some((new.iter().position(|n| n.entry == *entry)?, new)));
            match same {
                Some((at, new)) => *file = new.swap_remove(at).file,
                None => self.close_entry(index),
            }
        }
        self.remove_sources(|asked, entries| entries[asked.entry].is_none());
        self.open_freed(now);
        for FromFile { file, entry } in wanted.into_values().flatten() {
            self.add_entry(now, entry, Origin::File(file));
        }
        self.reselect(now, None);
    }

    /// The entries whose host or one of whose addresses is `host`, and all their sources, go.
    pub(super) fn delete(&mut self, now: Now, host: &Host) {
        let is_it = |asked: &Asked| matches!(host, Host::Address(a) if asked.address.ip() == *a);
        for index in 0..self.entries.len() {
            let named = self.entries[index].as_ref().is_some_and(|entry| entry.host == *host);
            let server = self.entries[index].as_ref().is_some_and(|entry| entry.kind == SourceKind::Server);
            let hit = self.asked().any(|(_, asked)| asked.entry == index && is_it(asked));
            if named || hit && server {
                self.close_entry(index);
            }
        }
        self.remove_sources(|asked, entries| entries[asked.entry].is_none() || is_it(asked));
        self.open_freed(now);
        self.reselect(now, None);
    }

    /// A name is looked up.
    pub(super) fn look_up(&mut self, lookup: LookupId) {
        let Some(entry) = self.entry(lookup) else { return };
        let (name, family) = (entry.host.to_string(), entry.options.family);
        self.actions.push_back(Action::Resolve { lookup, name, family });
    }

    /// Every name is looked up again.
    pub(super) fn look_up_all(&mut self, now: Now) {
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.as_ref().is_some_and(|e| matches!(e.host, Host::Name(_))) {
                self.directory.want(LookupId(index), now.monotonic);
            }
        }
    }

    /// A name was answered.
    pub(super) fn resolved(&mut self, now: Now, lookup: LookupId, addresses: &[IpAddr]) {
        let Some(entry) = self.entry(lookup).cloned() else { return };
        let in_use: Vec<IpAddr> = self.asked().map(|(_, asked)| asked.found_at()).collect();
        let fits = |a: &IpAddr| entry.options.family.is_none_or(|family| family.contains(*a));
        self.directory.offer(lookup, addresses.iter().copied().filter(fits), &in_use);
        self.move_if_renamed(now, lookup, addresses);
        self.fill(now, lookup, &entry);
        let awaited = |bad: &SourceId| self.asked().any(|(id, asked)| id == *bad && asked.entry == lookup.0);
        if let Some(bad) = self.replacements.pending.filter(awaited) {
            self.replacements.pending = None;
            self.replace(now, bad);
        }
        if self.sources_of(lookup) >= wanted(&entry) {
            self.directory.settle(lookup, now.monotonic);
            return;
        }
        let (retry, is_first) = self.directory.retry(lookup, now.monotonic);
        if is_first && self.sources_of(lookup) == 0 {
            let name = entry.host.to_string();
            self.events.push_back(match self.holder(lookup) {
                Some(holder) => {
                    Event::AddressTaken { name, address: holder.address(), by: holder.name.clone() }
                }
                None => Event::LookupFailed { name, retry },
            });
        }
    }

    /// Sources that are of no use make room, as far as there is somebody to take their place.
    pub(super) fn replace_bad(&mut self, now: Now) {
        let silent = self.asked().find(|(_, asked)| {
            let was_asked = asked.association.requests() > TENTATIVE_REQUESTS;
            let has_no_keys =
                asked.keys.as_ref().is_some_and(|keys| !keys.are_there() && keys.failures() > 1);
            (was_asked || has_no_keys)
                && asked.association.replies() == 0
                && self.directory.has_spare(LookupId(asked.entry))
        });
        if let Some(id) = silent.map(|(id, _)| id) {
            self.replace(now, id);
            return;
        }
        if self.replacements.latest.is_some_and(|at| now.monotonic - at < REPLACE_INTERVAL) {
            return;
        }
        let named = self.sources.iter().filter_map(|source| {
            let asked = source.asked()?;
            let lookup = LookupId(asked.entry);
            let badness = if asked.is_refused() { BAD_POLLS } else { source.bad_polls };
            self.entry(lookup).is_some_and(is_name).then_some((badness, source.id, lookup))
        });
        let worst = named.max_by_key(|(badness, ..)| *badness);
        let Some((_, id, lookup)) = worst.filter(|(badness, ..)| *badness >= BAD_POLLS) else { return };
        self.replacements.latest = Some(now.monotonic);
        if self.directory.has_spare(lookup) {
            self.replace(now, id);
        } else {
            self.replacements.pending = Some(id);
            self.directory.want(lookup, now.monotonic);
        }
    }

    /// Whether a source can be used, poll by poll.
    pub(super) fn judge(source: &mut Source) {
        let is_reachable = source.reach().is_reachable();
        source.unreachable_polls = if is_reachable { 0 } else { source.unreachable_polls.saturating_add(1) };
        let bad = match source.state {
            State::Falseticker { .. } | State::TooDistant { .. } | State::TooJittery { .. } => true,
            _ => {
                let polls = source.asked().map_or(u64::MAX, |asked| asked.association.requests());
                !is_reachable && polls >= u64::from(BAD_POLLS)
            }
        };
        source.bad_polls = match bad {
            // The reach register has counted eight polls already.
            true if !is_reachable => BAD_POLLS,
            true => source.bad_polls.saturating_add(1),
            false => 0,
        };
    }

    pub(crate) fn entry(&self, lookup: LookupId) -> Option<&Entry> {
        self.entries.get(lookup.0)?.as_ref()
    }

    /// The source at an address.
    pub(crate) fn holder_of(&self, address: SocketAddr) -> Option<&Source> {
        self.sources.iter().find(|s| s.address().socket() == Some(address))
    }

    /// The source that has the address of an entry that came to nothing.
    pub(crate) fn holder(&self, lookup: LookupId) -> Option<&Source> {
        let entry = self.entry(lookup)?;
        match entry.host {
            Host::Address(address) => self.holder_of(SocketAddr::new(address, entry.port)),
            Host::Name(_) => {
                let taken = self.directory.taken(lookup)?;
                self.sources.iter().find(|s| s.address().is_at(taken))
            }
        }
    }

    fn close_entry(&mut self, index: usize) {
        self.entries[index] = None;
        self.origins.remove(&index);
        self.directory.forget(LookupId(index));
    }

    fn open_entry(&mut self, now: Now, index: usize) {
        match self.entries[index].as_ref().map(|entry| entry.host.clone()) {
            Some(Host::Address(address)) => self.add_source(now, index, address),
            Some(Host::Name(_)) => self.directory.want(LookupId(index), now.monotonic),
            None => {}
        }
    }

    /// Addresses that another source had are asked for those who named them, once they are free.
    fn open_freed(&mut self, now: Now) {
        let has_source: BTreeSet<usize> = self.sources.iter().filter_map(Source::entry).collect();
        for index in (0..self.entries.len()).filter(|index| !has_source.contains(index)) {
            let Some(entry) = &self.entries[index] else { continue };
            let Host::Address(address) = entry.host else { continue };
            if self.holder_of(SocketAddr::new(address, entry.port)).is_none() {
                self.add_source(now, index, address);
            }
        }
    }

    fn fill(&mut self, now: Now, lookup: LookupId, entry: &Entry) {
        while self.sources_of(lookup) < wanted(entry)
            && let Some(address) = self.unused_spare(lookup, entry.port)
        {
            self.add_source(now, lookup.0, address);
        }
    }

    /// The server of a name has moved: the address in use is not among those that the name has now.
    fn move_if_renamed(&mut self, now: Now, lookup: LookupId, addresses: &[IpAddr]) {
        let single = self.entry(lookup).is_some_and(|e| e.kind == SourceKind::Server);
        let moved = |asked: &Asked| asked.entry == lookup.0 && !addresses.contains(&asked.found_at());
        let gone = self.asked().find(|(_, asked)| moved(asked)).map(|(id, _)| id);
        if let Some(id) = gone.filter(|_| single && !addresses.is_empty()) {
            self.replace(now, id);
        }
    }

    /// Puts the entry's next address in the place of a source; leaves it if there is none.
    fn replace(&mut self, now: Now, id: SourceId) {
        let Some(Source { kind: Kind::Server(asked), state, .. }) = self.source(id) else { return };
        let (entry, old, found_at, state) = (asked.entry, asked.address, asked.found_at(), *state);
        let Some(address) = self.unused_spare(LookupId(entry), old.port()) else { return };
        self.directory.ban(LookupId(entry), found_at);
        self.remove_source(id);
        self.add_source(now, entry, address);
        self.open_freed(now);
        let new = SocketAddr::new(address, old.port());
        self.events.push_back(Event::SourceReplaced { old: old.into(), new: new.into(), why: state });
        self.reselect(now, None);
    }

    /// The next address to try that no other entry uses meanwhile.
    fn unused_spare(&mut self, lookup: LookupId, port: u16) -> Option<IpAddr> {
        loop {
            let address = self.directory.take_spare(lookup)?;
            let socket = SocketAddr::new(address, port);
            if self.asked().all(|(_, asked)| asked.address != socket && asked.found_at() != address) {
                return Some(address);
            }
        }
    }

    /// The servers among the sources.
    fn asked(&self) -> impl Iterator<Item = (SourceId, &Asked)> {
        self.sources.iter().filter_map(|source| Some((source.id, source.asked()?)))
    }

    /// Of servers; reference clocks stay.
    fn remove_sources(&mut self, goes: impl Fn(&Asked, &[Option<Entry>]) -> bool) {
        let (entries, actions) = (&self.entries, &mut self.actions);
        self.sources.retain(|source| {
            let stays = source.asked().is_none_or(|asked| !goes(asked, entries));
            if !stays {
                actions.push_back(Action::Forget { source: source.id });
            }
            stays
        });
    }

    fn remove_source(&mut self, id: SourceId) {
        self.sources.retain(|s| s.id != id);
        self.actions.push_back(Action::Forget { source: id });
    }

    fn sources_of(&self, lookup: LookupId) -> usize {
        self.asked().filter(|(_, asked)| asked.entry == lookup.0).count()
    }

    fn add_source(&mut self, now: Now, index: usize, address: IpAddr) {
        let Some(entry) = self.entry(LookupId(index)).cloned() else { return };
        let address = SocketAddr::new(address, entry.port);
        if let Some(holder) = self.holder_of(address) {
            let (name, by) = (entry.host.to_string(), holder.name.clone());
            self.events.push_back(Event::AddressTaken { name, address: address.into(), by });
            return;
        }
        let id = self.name_source();
        let spacing = START_SPACING.scaled(f64::from(id.number() % START_SLOTS));
        let (frequency, skew) = match &self.tracking {
            Some(t) => (t.estimate.frequency, t.estimate.frequency_uncertainty()),
            None => (self.prior.frequency, self.prior.skew),
        };
        let filter = self.recalled(address).unwrap_or_else(|| SourceFilter::new(frequency, skew));
        let start = now.monotonic + spacing;
        let name = entry.host.to_string();
        self.events.push_back(Event::SourceAdded { source: id, address: address.into(), name: name.clone() });
        let saved = entry.options.nts.and_then(|_| self.take_saved_keys(LookupId(index), address.ip()));
        let server = saved.as_ref().map_or(address, |saved| saved.server);
        let session = saved.map(|saved| saved.session);
        let keys = entry.options.nts.map(|options| Keys::new(options, address.ip(), session, start));
        let asked = Asked::new((index, &entry), server, keys, start);
        self.sources.push(Source::new(id, name, Kind::Server(Box::new(asked)), filter));
    }

    /// A number that no source had before.
    pub(super) const fn name_source(&mut self) -> SourceId {
        let id = SourceId(self.next_source);
        self.next_source += 1;
        id
    }
}

fn wanted(entry: &Entry) -> usize {
    match entry.kind {
        SourceKind::Server => 1,
        SourceKind::Pool { servers } => servers,
    }
}

fn is_name(entry: &Entry) -> bool {
    matches!(entry.host, Host::Name(_))
}
