//! Who is asked, and what becomes of answers.

use std::net::IpAddr;

use ntp_clock::{PollAdvice, Sample, Stamp};
use ntp_proto::client::{Discard, Standing, TxToken};
use ntp_proto::packet::KissCode;
use ntp_proto::time::{NtpDuration, Offset};

use super::Engine;
use crate::action::Action;
use crate::event::Event;
use crate::input::{Now, StampQuality, Target};
use crate::source::{Kind, LastSample, Source, SourceId};

impl Engine {
    /// Requests that are due go out.
    pub(super) fn ask(&mut self, now: Now) {
        let free = self.discipline.timeline.free_now(now.raw);
        for source in &mut self.sources {
            let id = source.id;
            let Some(asked) = source.asked_mut().filter(|asked| asked.may_be_asked()) else { continue };
            let Some(request) = asked.association.poll_request(now.monotonic, free, &mut self.rng) else {
                continue;
            };
            asked.request_leaves(request.token);
            // What only warms up the way needs no proof, and cookies are few.
            let bytes = match asked.keys.as_mut().filter(|_| !request.is_warm_up) {
                Some(keys) => keys.request(&request.bytes, &mut self.rng),
                None => Some(request.bytes.to_vec()),
            };
            // Nobody who is to be asked with proof is asked without.
            let Some(bytes) = bytes else { continue };
            self.actions.push_back(Action::Send {
                source: id,
                token: request.token,
                remote: asked.address,
                bytes: bytes.into(),
            });
            if !request.is_warm_up {
                Self::judge(source);
            }
        }
        if self.lose_silent() {
            self.reselect(now, None);
        }
    }

    /// The sources that have fallen silent are told of; says whether there are any.
    pub(super) fn lose_silent(&mut self) -> bool {
        let Self { sources, events, .. } = self;
        let mut lost = false;
        for source in sources.iter_mut().filter(|s| s.was_reachable && !s.reach().is_reachable()) {
            source.was_reachable = false;
            lost = true;
            events.push_back(Event::SourceLost { source: source.id, address: source.address() });
        }
        lost
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
        if let Some(asked) = self.source(source).and_then(Source::asked_mut) {
            asked.departed(token, at, quality, local);
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
        let precision = self.options.precision;
        let Some(Source { kind: Kind::Server(asked), filter, server, .. }) = self.source(id) else { return };
        asked.rx_quality = quality;
        let Some(t4) = t4 else {
            asked.association.count_discard(Discard::ClockChanged);
            return;
        };
        let result = asked.examine(now.monotonic, token, t4, bytes).and_then(|m| {
            let accepted = asked.accept(filter, &m, precision);
            accepted.inspect_err(|discard| asked.association.count_discard(*discard))
        });
        match result {
            Ok((sample, state)) => {
                asked.last_discard = None;
                *server = Some(state);
                // Nothing more is expected on that socket, and an open port invites guesses.
                self.actions.push_back(Action::Forget { source: id });
                self.sampled(now, id, &sample);
            }
            Err(Discard::WarmUp) => {}
            Err(discard) => {
                asked.last_discard = Some(discard);
                self.refused(now, id, discard);
            }
        }
    }

    /// A source, of whatever kind, gave a sample.
    pub(super) fn sampled(&mut self, now: Now, id: SourceId, sample: &Sample) {
        let timeline = &self.discipline.timeline;
        // As it was then, but for steps and changes of its rate since: a reference clock's sample is some seconds old.
        let corrected = timeline.to_raw(sample.at).reinterpret() - sample.at;
        let Some(source) = self.source(id) else { return };
        let observation = source.filter.update(sample);
        let offset = Offset::reference_ahead_by(sample.offset.as_duration() - corrected);
        source.spacing = source.last.map_or(NtpDuration::ZERO, |last| sample.at - last.at);
        source.last = Some(LastSample { at: sample.at, offset, delay: sample.delay });
        self.found(id);
        let together = self.reselect(now, Some((id, &observation)));
        if let Some(source) = self.source(id) {
            source.filter.learn_noise(&observation, together.as_ref());
        }
        self.choose_poll(id);
    }

    /// Every source is asked at once and every name looked up again.
    pub(super) fn refresh(&mut self, now: Now) {
        let asked = self.sources.iter_mut().filter_map(Source::asked_mut);
        for asked in asked.filter(|asked| asked.association.standing() != Standing::Offline) {
            asked.restart(now.monotonic);
        }
        self.look_up_all(now);
    }

    /// There is a way to these sources.
    pub(super) fn go_online(&mut self, now: Now, whom: &Target) {
        let asked = self.sources.iter_mut().filter(|s| whom.includes(s)).filter_map(Source::asked_mut);
        for asked in asked.filter(|asked| asked.association.standing() == Standing::Offline) {
            asked.restart(now.monotonic);
        }
        self.look_up_all(now);
    }

    /// There is no way to these sources for now.
    pub(super) fn go_offline(&mut self, now: Now, whom: &Target) {
        for source in self.sources.iter_mut().filter(|s| whom.includes(s)) {
            let id = source.id;
            let Some(asked) = source.asked_mut() else { continue };
            asked.association.go_offline();
            self.actions.push_back(Action::Forget { source: id });
        }
        self.reselect(now, None);
    }

    /// These sources are asked in quick succession.
    pub(super) fn burst(&mut self, now: Now, whom: &Target, replies: u8, requests: u8) {
        let asked = self.sources.iter_mut().filter(|s| whom.includes(s)).filter_map(Source::asked_mut);
        for asked in asked.filter(|asked| asked.association.standing() == Standing::Active) {
            asked.association.burst(now.monotonic, replies, requests);
        }
    }

    fn choose_poll(&mut self, id: SourceId) {
        let together = self.together();
        if let Some(Source { kind: Kind::Server(asked), filter, state, .. }) = self.source(id) {
            let together = together.as_ref().filter(|_| state.is_used());
            asked.choose_poll(filter, together.map(|(advice, servers)| (advice, *servers)));
        }
    }

    /// What a sample of a source that is used is worth, and to how many of them.
    pub(crate) fn together(&self) -> Option<(PollAdvice, usize)> {
        self.ensemble.as_ref().map(|e| (*e.poll(), e.members().len()))
    }

    fn found(&mut self, id: SourceId) {
        let Some(source) = self.source(id) else { return };
        if !source.was_reachable {
            source.was_reachable = true;
            let found = Event::SourceFound { source: id, address: source.address() };
            self.events.push_back(found);
        }
    }

    fn refused(&mut self, now: Now, id: SourceId, discard: Discard) {
        let Discard::Kiss(code @ (KissCode::Rate | KissCode::Deny | KissCode::Rstr)) = discard else {
            return;
        };
        let Some(address) = self.source(id).map(|s| s.address()) else { return };
        self.events.push_back(Event::Kiss { source: id, address, code });
        if code != KissCode::Rate {
            self.actions.push_back(Action::Forget { source: id });
            self.reselect(now, None);
        }
    }
}
