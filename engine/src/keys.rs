//! The keys of a source that is asked with NTS (RFC 8915): whether there are any, when new ones are fetched, and what a
//! reply has to prove.
//!
//! ```text
//!  Keys::poll ─▶ Action::EstablishKeys ─▶ TCP and TLS, by the caller ─▶ Input::KeysEstablished ─▶ Keys::established
//!  Keys::request: header ─▶ datagram     Keys::accept: is this the server's reply?
//! ```
//!
//! A server is never asked for keys at the pace of a storm: what fails is repeated after a time that doubles up to an
//! hour, and is not the same for two clients.

use std::net::IpAddr;

use ntp_proto::nts::{NtsDiscard, NtsSession, Pending};
use ntp_proto::packet::HEADER_LEN;
use ntp_proto::time::{Monotonic, NtpDuration};
use rand_core::RngCore;
use serde::{Deserialize, Serialize};

use crate::action::CertificateDates;
use crate::input::{KeyExchange, KeyFailure};
use crate::options::NtsOptions;

/// Where nobody listens is asked again after this; it may be the own network that is not there yet.
const FIRST_RETRY: NtpDuration = NtpDuration::from_secs(2);
/// A server that has no keys for us, or whose keys are no good, is asked again after this.
const FIRST_RETRY_OF_REFUSED: NtpDuration = NtpDuration::from_secs(32);
/// Both double each time, up to this.
const LAST_RETRY: NtpDuration = NtpDuration::from_secs(3_600);
/// Whoever fetches keys has given up long before.
const LONGEST_EXCHANGE: NtpDuration = NtpDuration::from_secs(300);
/// No more failures in a row are counted.
const MAX_FAILURES: u32 = 1 << 16;
/// So many cookies a request may ask for at most besides the one that it spends.
const MAX_PLACEHOLDERS: u8 = 7;
/// So many requests in a row without a true reply: the long ones may be filtered.
const LOSSES: u8 = 2;
/// So many true replies in a row: longer requests may be tried.
const GAINS: u8 = 8;

/// How far the fetching of keys is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Exchange {
    /// Nothing is wanted.
    Idle,
    /// To be begun at this time.
    Due(Monotonic),
    /// Begun, not ended; nothing has come of it if it has not by then.
    Asked(Monotonic),
}

/// The keys of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Keys {
    pub(crate) options: NtsOptions,
    /// Whom to ask for keys; time may have to be asked elsewhere.
    pub(crate) address: IpAddr,
    session: Option<NtsSession>,
    /// What the keys may be instead, as servers differ; to be tried if the first request is refused.
    alternative: Option<NtsSession>,
    established: Option<Monotonic>,
    /// The dates of a certificate that could not be judged yet, in Unix seconds.
    unjudged: Option<(i64, i64)>,
    exchange: Exchange,
    pending: Option<Pending>,
    /// The latest request was answered by a refusal that anybody could have made.
    was_refused: bool,
    /// Exchanges in a row that came to nothing; keys that no reply has proved count too.
    failures: u32,
    trouble: Option<String>,
    placeholders: u8,
    lost: u8,
    gained: u8,
    pub(crate) counts: KeyCounts,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyCounts {
    /// Keys were asked for.
    pub(crate) attempts: u64,
    /// And given.
    pub(crate) exchanges: u64,
    /// The server said that it cannot open a cookie.
    pub(crate) refusals: u64,
}

impl Keys {
    /// There are none yet, or those that an earlier run has left; they are wanted from `start` on.
    pub(crate) fn new(
        options: NtsOptions,
        address: IpAddr,
        session: Option<NtsSession>,
        start: Monotonic,
    ) -> Self {
        let session = session.filter(|session| session.cookies() > 0);
        Self {
            options,
            address,
            exchange: if session.is_some() { Exchange::Idle } else { Exchange::Due(start) },
            // How old they are is not known any more, so they are as good as new.
            established: session.is_some().then_some(start),
            session,
            alternative: None,
            unjudged: None,
            pending: None,
            was_refused: false,
            failures: 0,
            trouble: None,
            placeholders: MAX_PLACEHOLDERS,
            lost: 0,
            gained: 0,
            counts: KeyCounts::default(),
        }
    }

    /// Whether time can be asked for.
    pub(crate) const fn are_there(&self) -> bool {
        self.session.is_some()
    }

    /// How often in a row they could not be had.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    /// What they are.
    pub(crate) const fn session(&self) -> Option<&NtsSession> {
        self.session.as_ref()
    }

    /// When they were given.
    pub(crate) const fn established_at(&self) -> Option<Monotonic> {
        self.established
    }

    /// Why there are none, or no new ones; `None` if nothing is wrong.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// When they will be asked for, unless they come before.
    pub(crate) const fn next_exchange(&self) -> Option<Monotonic> {
        match self.exchange {
            Exchange::Due(at) | Exchange::Asked(at) => Some(at),
            Exchange::Idle => None,
        }
    }

    /// Whether every figure could be one. What came from a file need not.
    pub(crate) fn is_sound(&self) -> bool {
        self.failures <= MAX_FAILURES && self.placeholders <= MAX_PLACEHOLDERS
    }

    /// A request is about to be made: keys that are used up, refused or older than `lifetime` are replaced.
    pub(crate) fn prepare(&mut self, now: Monotonic, lifetime: NtpDuration, rng: &mut impl RngCore) {
        if std::mem::take(&mut self.was_refused) {
            // The server may have meant other keys than the first ones that were tried.
            self.session = self.alternative.take();
            if self.session.is_none() {
                self.give_up("the server cannot open our cookies", now, FIRST_RETRY_OF_REFUSED, rng);
            }
        }
        let Some(session) = &self.session else { return };
        let old = self.established.is_some_and(|at| now - at > lifetime);
        if session.cookies() == 0 {
            self.session = None;
            self.trouble.get_or_insert_with(|| "no reply has brought new cookies".to_owned());
        }
        if (old || self.session.is_none()) && self.exchange == Exchange::Idle {
            self.exchange = Exchange::Due(now);
        }
    }

    /// Whether they are to be asked for now; that then counts as begun.
    pub(crate) fn poll(&mut self, now: Monotonic) -> bool {
        let is_due = self.next_exchange().is_some_and(|at| at <= now);
        if is_due {
            self.exchange = Exchange::Asked(now + LONGEST_EXCHANGE);
            self.counts.attempts += 1;
        }
        is_due
    }

    /// There is reason to hope: they are asked for at once, if they are to be asked for at all.
    pub(crate) fn hurry(&mut self, now: Monotonic) {
        if let Exchange::Due(_) = self.exchange {
            self.exchange = Exchange::Due(now);
        }
    }

    /// Here they are.
    pub(crate) fn established(&mut self, now: Monotonic, given: KeyExchange, dates: CertificateDates) {
        let judged = matches!(dates, CertificateDates::At(_));
        self.unjudged = (!judged).then_some((given.not_before, given.not_after));
        (self.session, self.alternative) = (Some(given.session), given.alternative);
        (self.established, self.exchange) = (Some(now), Exchange::Idle);
        (self.pending, self.was_refused) = (None, false);
        self.trouble = None;
        self.counts.exchanges += 1;
    }

    /// They were not given; says when they are asked for again.
    pub(crate) fn failed(
        &mut self,
        now: Monotonic,
        failure: KeyFailure,
        rng: &mut impl RngCore,
    ) -> NtpDuration {
        let first = if failure.is_refusal { FIRST_RETRY_OF_REFUSED } else { FIRST_RETRY };
        self.give_up(&failure.words, now, first, rng)
    }

    /// It is `unix` seconds, for sure. False if a certificate that was believed before that was known is not valid
    /// then; what it vouched for is forgotten.
    pub(crate) fn time_is_known(&mut self, now: Monotonic, unix: i64, rng: &mut impl RngCore) -> bool {
        let Some((not_before, not_after)) = self.unjudged.take() else { return true };
        let is_valid = (not_before..=not_after).contains(&unix);
        if !is_valid {
            self.session = None;
            self.give_up("the certificate is not valid now", now, FIRST_RETRY_OF_REFUSED, rng);
        }
        is_valid
    }

    /// The datagram of a request with this header; `None` if there is no cookie left.
    pub(crate) fn request(&mut self, header: &[u8; HEADER_LEN], rng: &mut impl RngCore) -> Option<Vec<u8>> {
        if self.pending.is_some() {
            self.lost = self.lost.saturating_add(1);
            self.gained = 0;
            if self.lost >= LOSSES {
                self.placeholders /= 2;
            }
        }
        let mut datagram = Vec::new();
        let session = self.session.as_mut()?;
        self.pending = session.request(header, self.placeholders.into(), rng, &mut datagram).ok();
        self.pending.is_some().then_some(datagram)
    }

    /// Whether the datagram is the server's reply to the latest request; takes in what it brings.
    pub(crate) fn accept(&mut self, datagram: &[u8]) -> Result<(), NtsDiscard> {
        let (Some(pending), Some(session)) = (&self.pending, &mut self.session) else {
            return Err(NtsDiscard::NotOurs);
        };
        let accepted = session.accept(pending, datagram);
        match accepted {
            Ok(_) => self.proved(),
            Err(NtsDiscard::Nak) => {
                self.counts.refusals += 1;
                self.was_refused = true;
            }
            Err(_) => {}
        }
        accepted.map(|_| ())
    }

    /// A reply has shown that the keys are good.
    fn proved(&mut self) {
        (self.pending, self.was_refused, self.alternative) = (None, false, None);
        (self.failures, self.lost) = (0, 0);
        self.trouble = None;
        self.gained = self.gained.saturating_add(1);
        if self.gained >= GAINS && self.placeholders < MAX_PLACEHOLDERS {
            (self.gained, self.placeholders) = (0, self.placeholders + 1);
        }
    }

    fn give_up(
        &mut self,
        why: &str,
        now: Monotonic,
        first: NtpDuration,
        rng: &mut impl RngCore,
    ) -> NtpDuration {
        let longest = first.scaled(f64::from(1u32 << self.failures.min(16))).min(LAST_RETRY);
        self.failures = (self.failures + 1).min(MAX_FAILURES);
        // From three quarters of it on: clients that were refused together do not come back together.
        let share = 0.75 + 0.25 * f64::from(rng.next_u32()) / f64::from(u32::MAX);
        let retry = longest.scaled(share);
        self.exchange = Exchange::Due(now + retry);
        self.trouble = Some(why.to_owned());
        retry
    }
}
