//! Who is asked, and what becomes of answers.

use std::net::IpAddr;

use ntp_clock::{PollAdvice, Stamp};
use ntp_proto::client::{Discard, Standing, TxToken};
use ntp_proto::packet::KissCode;
use ntp_proto::time::{NtpDuration, Offset};

use super::Engine;
use crate::action::Action;
use crate::event::Event;
use crate::input::{Now, StampQuality, Target};
use crate::source::{LastSample, SourceId};

impl Engine {
    /// Requests that are due go out.
    pub(super) fn ask(&mut self, now: Now) {
        let free = self.discipline.timeline.free_now(now.raw);
        let mut lost = false;
        for source in &mut self.sources {
            if !source.may_be_asked() {
                continue;
            }
            let Some(request) = source.association.poll_request(now.monotonic, free, &mut self.rng) else {
                continue;
            };
            source.request_leaves(request.token);
            // What only warms up the way needs no proof, and cookies are few.
            let bytes = match source.keys.as_mut().filter(|_| !request.is_warm_up) {
                Some(keys) => keys.request(&request.bytes, &mut self.rng),
                None => Some(request.bytes.to_vec()),
            };
            // Nobody who is to be asked with proof is asked without.
            let Some(bytes) = bytes else { continue };
            self.actions.push_back(Action::Send {
                source: source.id,
                token: request.token,
                remote: source.address,
                bytes: bytes.into(),
            });
            if request.is_warm_up {
                continue;
            }
            Self::judge(source);
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
        let result = source.examine(now.monotonic, token, t4, bytes).and_then(|m| {
            source.accept(&m, precision).inspect_err(|discard| source.association.count_discard(*discard))
        });
        match result {
            Ok(sample) => {
                source.last_discard = None;
                let observation = source.filter.update(&sample);
                let offset = Offset::reference_ahead_by(sample.offset.as_duration() - corrected);
                source.spacing = source.last.map_or(NtpDuration::ZERO, |last| sample.at - last.at);
                source.last = Some(LastSample { at: sample.at, offset, delay: sample.delay });
                // Nothing more is expected on that socket, and an open port invites guesses.
                self.actions.push_back(Action::Forget { source: id });
                self.found(id);
                let together = self.reselect(now, Some((id, &observation)));
                if let Some(source) = self.source(id) {
                    source.filter.learn_noise(&observation, together.as_ref());
                }
                self.choose_poll(id);
            }
            Err(Discard::WarmUp) => {}
            Err(discard) => {
                source.last_discard = Some(discard);
                self.refused(now, id, discard);
            }
        }
    }

    /// Every source is asked at once and every name looked up again.
    pub(super) fn refresh(&mut self, now: Now) {
        for source in self.sources.iter_mut().filter(|s| s.association.standing() != Standing::Offline) {
            source.restart(now.monotonic);
        }
        self.look_up_all(now);
    }

    /// There is a way to these sources.
    pub(super) fn go_online(&mut self, now: Now, whom: &Target) {
        for source in self.sources.iter_mut().filter(|s| whom.includes(s)) {
            if source.association.standing() == Standing::Offline {
                source.restart(now.monotonic);
            }
        }
        self.look_up_all(now);
    }

    /// There is no way to these sources for now.
    pub(super) fn go_offline(&mut self, now: Now, whom: &Target) {
        for source in self.sources.iter_mut().filter(|s| whom.includes(s)) {
            source.association.go_offline();
            self.actions.push_back(Action::Forget { source: source.id });
        }
        self.reselect(now, None);
    }

    /// These sources are asked in quick succession.
    pub(super) fn burst(&mut self, now: Now, whom: &Target, replies: u8, requests: u8) {
        for source in self.sources.iter_mut().filter(|s| whom.includes(s)) {
            if source.association.standing() == Standing::Active {
                source.association.burst(now.monotonic, replies, requests);
            }
        }
    }

    fn choose_poll(&mut self, id: SourceId) {
        let together = self.together();
        if let Some(source) = self.source(id) {
            let together = together.as_ref().filter(|_| source.state.is_used());
            source.choose_poll(together.map(|(advice, servers)| (advice, *servers)));
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
            let found = Event::SourceFound { source: id, address: source.address };
            self.events.push_back(found);
        }
    }

    fn refused(&mut self, now: Now, id: SourceId, discard: Discard) {
        let Discard::Kiss(code @ (KissCode::Rate | KissCode::Deny | KissCode::Rstr)) = discard else {
            return;
        };
        let Some(address) = self.source(id).map(|s| s.address) else { return };
        self.events.push_back(Event::Kiss { source: id, address, code });
        if code != KissCode::Rate {
            self.actions.push_back(Action::Forget { source: id });
            self.reselect(now, None);
        }
    }
}
