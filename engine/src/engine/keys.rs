//! Keys for sources that are asked with NTS: who asks for them when, and by what time certificates are judged.

use std::net::{IpAddr, SocketAddr};

use super::Engine;
use crate::action::{Action, CertificateDates};
use crate::directory::LookupId;
use crate::event::Event;
use crate::input::{KeyExchange, KeyFailure, Now};
use crate::options::{Host, SavedKeys};
use crate::source::{Kind, Source, SourceId};

impl Engine {
    /// Sources whose keys are missing, used up or old ask for them.
    pub(super) fn fetch_keys(&mut self, now: Now) {
        let (dates, lifetime) = (self.certificate_dates(now), self.options.nts.lifetime);
        for source in &mut self.sources {
            let Source { kind: Kind::Server(asked), id, name, .. } = source else { continue };
            let Some(keys) = &mut asked.keys else { continue };
            // Who is not to be asked for time needs no keys.
            let Some(due) = asked.association.next_request() else { continue };
            if due <= now.monotonic {
                keys.prepare(now.monotonic, lifetime, &mut self.rng);
            }
            if keys.poll(now.monotonic) {
                self.actions.push_back(Action::EstablishKeys {
                    source: *id,
                    host: Host::from(name.as_str()),
                    server: SocketAddr::new(keys.address, keys.options.port),
                    cert_set: keys.options.cert_set,
                    dates,
                });
            }
        }
    }

    /// A server gave keys, or did not.
    pub(super) fn keys_established(
        &mut self,
        now: Now,
        id: SourceId,
        dates: CertificateDates,
        result: Result<Box<KeyExchange>, KeyFailure>,
    ) {
        let result =
            result.and_then(|given| match given.server.and_then(|server| self.held_by_another(id, server)) {
                Some(name) => Err(KeyFailure {
                    is_refusal: true,
                    words: format!("its time server is asked already, as {name}"),
                }),
                None => Ok(given),
            });
        let Self { sources, rng, events, entries, .. } = self;
        let Some(asked) = sources.iter_mut().find(|s| s.id == id).and_then(Source::asked_mut) else { return };
        let Some(keys) = &mut asked.keys else { return };
        match result {
            Ok(given) => {
                let port = entries.get(asked.entry).and_then(Option::as_ref).map_or(123, |entry| entry.port);
                asked.address = given.server.unwrap_or(SocketAddr::new(keys.address, port));
                let aead = given.session.aead();
                keys.established(now.monotonic, *given, dates);
                events.push_back(Event::KeysEstablished { source: id, address: asked.address.into(), aead });
            }
            Err(failure) => {
                let is_news = keys.trouble() != Some(failure.words.as_str());
                let why = failure.words.clone();
                let retry = keys.failed(now.monotonic, failure, rng);
                if is_news {
                    let address = asked.address.into();
                    events.push_back(Event::KeysMissing { source: id, address, why, retry });
                }
            }
        }
    }

    /// The clock is right: certificates that were believed before are judged by it.
    pub(super) fn judge_certificates(&mut self, now: Now) {
        let CertificateDates::At(unix) = self.certificate_dates(now) else { return };
        for source in &mut self.sources {
            let Source { kind: Kind::Server(asked), id, .. } = source else { continue };
            let Some(keys) = &mut asked.keys else { continue };
            if !keys.time_is_known(now.monotonic, unix, &mut self.rng) {
                let why = keys.trouble().unwrap_or_default().to_owned();
                let retry = keys.next_exchange().map_or_else(Default::default, |at| at - now.monotonic);
                let (source, address) = (*id, asked.address.into());
                self.events.push_back(Event::KeysMissing { source, address, why, retry });
            }
        }
    }

    /// What the next run can ask with; cookies that were used are not among it.
    #[must_use]
    pub fn saved_keys(&self) -> Vec<SavedKeys> {
        let saved = self.sources.iter().filter_map(|source| {
            let asked = source.asked()?;
            let keys = asked.keys.as_ref()?;
            let session = keys.session().filter(|session| session.cookies() > 0)?.clone();
            let (host, server) = (Host::from(source.name.as_str()), asked.address);
            Some(SavedKeys { host, address: keys.address, server, session })
        });
        saved.collect()
    }

    /// What an earlier run has left for the server at `address` of this entry; to be used once.
    pub(super) fn take_saved_keys(&mut self, entry: LookupId, address: IpAddr) -> Option<SavedKeys> {
        let host = &self.entry(entry)?.host;
        let saved = &self.options.saved_keys;
        let at = saved.iter().position(|keys| keys.host == *host && keys.address == address)?;
        let keys = self.options.saved_keys.swap_remove(at);
        self.holder_of(keys.server).is_none().then_some(keys)
    }

    /// The time by which the dates of certificates are judged.
    ///
    /// Before the clock is set for the first time it may be behind, as on machines without a battery, but hardly ahead:
    /// a certificate that is not valid yet is then no reason for suspicion.
    fn certificate_dates(&self, now: Now) -> CertificateDates {
        let policy = &self.options.nts;
        let updates = self.discipline.updates();
        if updates < policy.unchecked_updates {
            return CertificateDates::Unchecked;
        }
        match &self.tracking {
            Some(tracking) => {
                let estimate = tracking.estimate;
                let shown = now.raw + self.discipline.phase(&estimate, now).as_duration();
                CertificateDates::At(shown.to_unix().0)
            }
            None => CertificateDates::NotBefore(now.raw.to_unix().0.max(policy.not_before)),
        }
    }

    /// The name of another source that has this address.
    fn held_by_another(&self, id: SourceId, address: SocketAddr) -> Option<&str> {
        let holder = self.holder_of(address).filter(|source| source.id != id);
        holder.map(|source| source.name.as_str())
    }
}
