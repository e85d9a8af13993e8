//! Sources that are asked with NTS, against a server made of the other half of the protocol.

use ntp_proto::nts::{Aead, CookieKey, CookieKeys, NtsSession, Opening, SessionKeys};
use ntp_proto::server::Template;
use rand_core::SeedableRng;

use super::*;
use crate::action::CertificateDates;
use crate::input::{KeyExchange, KeyFailure};
use crate::options::{AuthSelect, NtsOptions, NtsPolicy};
use crate::report::NtsReport;

const NTS: NtsOptions = NtsOptions { port: 4460, cert_set: 2 };
/// Any certificate of the tests is valid from then …
const NOT_BEFORE: i64 = 1_799_000_000;
/// … until then.
const NOT_AFTER: i64 = 1_801_000_000;

/// A server of time and keys.
struct Server {
    cookies: CookieKeys,
    session: SessionKeys,
    rng: ChaCha12Rng,
}

impl Server {
    fn new(id: u32) -> Self {
        let key = CookieKey::new(id, Aead::AesSivCmac256, &[id as u8; 32]).unwrap();
        let session = SessionKeys::new(Aead::Aes128GcmSiv, &[1; 16], &[2; 16]).unwrap();
        Self { cookies: CookieKeys::new(key, []), session, rng: ChaCha12Rng::seed_from_u64(9) }
    }

    fn session(&mut self, keys: &SessionKeys) -> NtsSession {
        let cookies: Vec<_> =
            (0..8).map(|_| self.cookies.seal(&self.session, &mut self.rng).as_ref().to_vec()).collect();
        NtsSession::new(keys.clone(), cookies)
    }

    fn keys(&mut self) -> KeyExchange {
        let session = self.session(&self.session.clone());
        let (not_before, not_after) = (NOT_BEFORE, NOT_AFTER);
        KeyExchange { session, alternative: None, server: None, not_before, not_after }
    }

    fn reply(&mut self, request: &[u8], time: EstimatedTime) -> Vec<u8> {
        let (mut bytes, time) = (request.to_vec(), time.to_wire());
        match Opening::new(&mut bytes, &self.cookies) {
            Opening::Opened(request) => {
                let reply = request.reply(time, &Template::new(&VARS), &self.cookies, &mut self.rng);
                reply.depart(time).unwrap().to_vec()
            }
            Opening::Unknown(nak) => nak.reply(time, time).to_vec(),
            other => panic!("{other:?}"),
        }
    }
}

fn options() -> Options {
    let mut options = servers(1);
    options.entries[0].options.nts = Some(NTS);
    options.entries[0].options.association.iburst = true;
    options
}

impl Bench {
    fn exchanges(&self) -> Vec<CertificateDates> {
        let dates = |action: &Action| match action {
            Action::EstablishKeys { dates, .. } => Some(*dates),
            _ => None,
        };
        self.actions.iter().filter_map(dates).collect()
    }

    /// Waits until keys are asked for once more; how long that takes.
    fn wait_for_exchange(&mut self) -> f64 {
        let (asked, begin) = (self.exchanges().len(), self.now.monotonic);
        while self.exchanges().len() == asked {
            let next = self.engine.next_wakeup(self.now);
            assert!(next - self.now.monotonic < secs(100_000), "nobody will ask");
            self.wait((next - self.now.monotonic).max(NtpDuration::from_nanos(1_000)));
        }
        (self.now.monotonic - begin).to_seconds()
    }

    fn give(&mut self, result: Result<KeyExchange, KeyFailure>) {
        let dates = *self.exchanges().last().unwrap();
        let source = self.engine.sources[0].id;
        self.tell(Input::KeysEstablished { source, dates, result: result.map(Box::new) });
    }

    fn reply_of(&mut self, server: &mut Server) {
        self.pass(DELAY);
        let Request { source, token, bytes, .. } = &self.requests[0];
        let (source, token) = (*source, *token);
        let bytes = server.reply(bytes, self.truth - DELAY.half()).into();
        let at = Stamp { time: self.now.raw, epoch: self.engine.epoch() };
        self.tell(Input::Datagram { source, token, at, quality: StampQuality::Kernel, bytes });
    }

    fn nts(&self) -> NtsReport {
        self.engine.report(self.now).sources[0].nts.clone().unwrap()
    }
}

fn failure(is_refusal: bool) -> KeyFailure {
    KeyFailure { is_refusal, words: "no such luck".to_owned() }
}

/// A bench with keys.
fn with_keys(server: &mut Server) -> Bench {
    let mut bench = Bench::new(options(), NtpDuration::ZERO);
    bench.give(Ok(server.keys()));
    bench
}

#[test]
fn time_is_asked_for_with_the_keys_that_were_given() {
    let mut server = Server::new(1);
    let mut bench = Bench::new(options(), NtpDuration::ZERO);
    let Some(Action::EstablishKeys { host, server: at, cert_set, .. }) =
        bench.actions.iter().find(|a| matches!(a, Action::EstablishKeys { .. }))
    else {
        panic!("{:?}", bench.actions)
    };
    assert_eq!(
        (host.to_string(), at.to_string(), *cert_set),
        ("192.0.2.1".into(), "192.0.2.1:4460".into(), 2)
    );
    assert!(bench.requests.is_empty(), "nothing is asked without keys");
    bench.give(Ok(server.keys()));
    for _ in 0..8 {
        bench.ask();
        bench.reply_of(&mut server);
        assert_eq!(bench.nts().cookies, 8, "each reply brings what its request took");
    }
    assert!(bench.tracking().synchronised);
    let nts = bench.nts();
    assert_eq!((nts.aead_id, nts.attempts, nts.exchanges, nts.trouble), (Some(30), 1, 1, None));
    assert!(bench.events.iter().any(|e| matches!(e, Event::KeysEstablished { .. })), "{:?}", bench.events);
}

#[test]
fn what_is_not_proved_is_not_believed_and_does_no_harm() {
    let mut server = Server::new(1);
    let mut bench = with_keys(&mut server);
    bench.ask();
    bench.pass(DELAY);
    let mut plain = bench.requests[0].bytes[..48].to_vec();
    let time = bench.truth.to_wire();
    let forged = respond(&mut plain, time, &VARS).unwrap().depart(time).to_vec();
    let (source, token) = (bench.requests[0].source, bench.requests[0].token);
    let at = Stamp { time: bench.now.raw, epoch: bench.engine.epoch() };
    bench.tell(Input::Datagram { source, token, at, quality: StampQuality::Kernel, bytes: forged.into() });
    let report = bench.engine.report(bench.now);
    assert_eq!(report.sources[0].discards, [("nts_not_ours".to_owned(), 1)]);
    bench.reply_of(&mut server);
    assert_eq!(bench.engine.report(bench.now).sources[0].replies, 1);
}

#[test]
fn the_way_is_warmed_up_without_a_cookie() {
    let mut server = Server::new(1);
    let mut options = options();
    options.entries[0].options.association.presend = Some(options.entries[0].options.association.min_poll);
    options.entries[0].options.association.iburst = false;
    let mut bench = Bench::new(options, NtpDuration::ZERO);
    bench.give(Ok(server.keys()));
    assert_eq!((bench.requests[0].bytes.len(), bench.nts().cookies), (48, 8));
    bench.pass(DELAY);
    bench.answer(0);
    let discards = bench.engine.report(bench.now).sources[0].discards.clone();
    assert_eq!(discards, [("warm_up".to_owned(), 1)]);
    bench.ask();
    assert!(bench.requests[0].bytes.len() > 48);
    bench.reply_of(&mut server);
    assert_eq!(bench.engine.report(bench.now).sources[0].replies, 1);
}

#[test]
fn failures_are_repeated_ever_more_seldom() {
    let mut bench = Bench::new(options(), NtpDuration::ZERO);
    let mut waits = Vec::new();
    for _ in 0..13 {
        bench.give(Err(failure(false)));
        waits.push(bench.wait_for_exchange());
    }
    let expected = [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 3600.0, 3600.0];
    for (wait, expected) in waits.iter().zip(expected) {
        assert!((0.74 * expected..=1.01 * expected).contains(wait), "{waits:?}");
    }
    let told = bench.events.iter().filter(|e| matches!(e, Event::KeysMissing { .. })).count();
    assert_eq!(told, 1, "one reason is told once");
    assert!(bench.engine.report(bench.now).sources[0].reason.contains("no such luck"));
    assert!(bench.requests.is_empty());
    let mut bench = Bench::new(options(), NtpDuration::ZERO);
    bench.give(Err(failure(true)));
    assert!((24.0..=32.1).contains(&bench.wait_for_exchange()));
}

#[test]
fn an_operator_need_not_wait_and_silence_is_no_answer() {
    let mut bench = Bench::new(options(), NtpDuration::ZERO);
    (0..8).for_each(|_| {
        bench.give(Err(failure(false)));
        bench.wait_for_exchange();
    });
    bench.give(Err(failure(false)));
    bench.wait(secs(1));
    bench.tell(Input::Command(Command::Refresh));
    assert_eq!(bench.exchanges().len(), 10, "at once, and not after minutes");
    assert!((299.0..302.0).contains(&bench.wait_for_exchange()), "whoever asks may die of it");
}

#[test]
fn a_server_that_forgot_its_cookies_is_asked_for_new_keys_without_a_storm() {
    let mut old = Server::new(1);
    let mut bench = with_keys(&mut old);
    bench.ask();
    bench.reply_of(&mut old);
    let mut new = Server::new(2);
    bench.ask();
    bench.reply_of(&mut new);
    assert_eq!(bench.nts().refusals, 1);
    bench.wait_for_exchange();
    for _ in 0..4 {
        // Its keys are no good either.
        bench.give(Ok(old.keys()));
        bench.ask();
        bench.reply_of(&mut new);
        bench.wait_for_exchange();
    }
    assert_eq!(bench.nts().trouble.as_deref(), Some("the server cannot open our cookies"));
    bench.give(Ok(old.keys()));
    bench.ask();
    bench.reply_of(&mut new);
    assert!(bench.wait_for_exchange() > 200.0);
    bench.give(Ok(new.keys()));
    bench.ask();
    bench.reply_of(&mut new);
    assert_eq!((bench.nts().exchanges, bench.nts().trouble), (7, None));
}

#[test]
fn a_forged_refusal_before_the_true_reply_changes_nothing() {
    let mut server = Server::new(1);
    let mut bench = with_keys(&mut server);
    bench.ask();
    bench.reply_of(&mut Server::new(2));
    bench.reply_of(&mut server);
    bench.ask();
    bench.reply_of(&mut server);
    assert_eq!((bench.nts().exchanges, bench.nts().refusals, bench.nts().attempts), (1, 1, 1));
}

#[test]
fn the_other_keys_that_a_server_can_have_meant_are_tried() {
    let mut server = Server::new(1);
    let mut bench = Bench::new(options(), NtpDuration::ZERO);
    let wrong = SessionKeys::new(Aead::Aes128GcmSiv, &[7; 16], &[8; 16]).unwrap();
    let right = server.keys();
    let session = server.session(&wrong);
    bench.give(Ok(KeyExchange { session, alternative: Some(right.session.clone()), ..right }));
    bench.ask();
    // The cookie opens, but the request is not made with the keys in it.
    bench.reply_of(&mut Server::new(2));
    bench.ask();
    bench.reply_of(&mut server);
    assert_eq!((bench.nts().exchanges, bench.nts().attempts, bench.nts().cookies), (1, 1, 8));
}

#[test]
fn silence_uses_cookies_up_and_shortens_requests() {
    let mut server = Server::new(1);
    let mut bench = with_keys(&mut server);
    let mut lengths = vec![bench.requests[0].bytes.len()];
    for _ in 0..7 {
        bench.ask();
        lengths.push(bench.requests[0].bytes.len());
    }
    let longest = *lengths.iter().max().unwrap();
    assert!(longest > lengths[0] && lengths[7] == lengths[0], "{lengths:?}");
    assert_eq!(bench.nts().cookies, 0);
    bench.wait_for_exchange();
    assert_eq!(bench.nts().trouble.as_deref(), Some("no reply has brought new cookies"));
}

#[test]
fn keys_are_renewed_while_the_old_ones_serve() {
    let mut server = Server::new(1);
    let mut options = options();
    options.nts.lifetime = secs(1_000);
    let mut bench = Bench::new(options, NtpDuration::ZERO);
    bench.give(Ok(server.keys()));
    while bench.exchanges().len() == 1 {
        bench.ask();
        bench.reply_of(&mut server);
    }
    let age = bench.nts().established_ago_s.unwrap();
    assert!((1_000.0..2_100.0).contains(&age), "{age}");
    bench.ask();
    bench.reply_of(&mut server);
    bench.give(Err(failure(false)));
    bench.ask();
    bench.reply_of(&mut server);
    assert!(bench.tracking().synchronised && bench.exchanges().len() >= 2);
}

#[test]
fn time_is_asked_where_the_key_server_says() {
    let mut server = Server::new(1);
    let mut bench = Bench::new(options(), NtpDuration::ZERO);
    let elsewhere = "192.0.2.200:124".parse().unwrap();
    bench.give(Ok(KeyExchange { server: Some(elsewhere), ..server.keys() }));
    bench.ask();
    let sent = bench.actions.iter().rev().find_map(|action| match action {
        Action::Send { remote, .. } => Some(*remote),
        _ => None,
    });
    assert_eq!(sent, Some(elsewhere));
    assert_eq!(bench.nts().server.to_string(), "192.0.2.1:4460");
}

#[test]
fn a_clock_that_was_never_set_judges_only_what_has_expired() {
    let policy = NtsPolicy { not_before: 1_790_000_000, ..NtsPolicy::default() };
    let at = |behind: i64, policy: NtsPolicy| {
        let bench = Bench::new(Options { nts: policy, ..options() }, secs(behind));
        bench.exchanges()[0]
    };
    assert_eq!(at(1_800_000_000, policy), CertificateDates::NotBefore(1_790_000_000));
    assert_eq!(at(0, policy), CertificateDates::NotBefore(1_800_000_000));
    assert_eq!(at(0, NtsPolicy { unchecked_updates: 1, ..policy }), CertificateDates::Unchecked);
}

#[test]
fn a_certificate_is_judged_again_once_the_time_is_known() {
    let mut server = Server::new(1);
    for (not_after, keeps) in [(NOT_AFTER, true), (1_799_999_000, false)] {
        let mut bench = Bench::new(options(), NtpDuration::ZERO);
        bench.give(Ok(KeyExchange { not_after, ..server.keys() }));
        for _ in 0..4 {
            if bench.nts().aead.is_some() {
                bench.ask();
                bench.reply_of(&mut server);
            }
        }
        assert!(bench.tracking().synchronised);
        assert_eq!(bench.nts().aead.is_some(), keeps);
        assert_eq!(bench.nts().trouble.is_some(), !keeps);
        if !keeps {
            bench.wait_for_exchange();
            assert!(matches!(bench.exchanges()[1], CertificateDates::At(1_800_000_000..1_800_000_100)));
        }
    }
}

#[test]
fn keys_of_an_earlier_run_are_used_once() {
    let mut server = Server::new(1);
    let mut first = with_keys(&mut server);
    first.ask();
    first.reply_of(&mut server);
    let saved = first.engine.saved_keys();
    let mut bench = Bench::new(Options { saved_keys: saved, ..options() }, NtpDuration::ZERO);
    // The benches throw the same dice, so that their first requests are alike.
    bench.wait(secs(3));
    bench.ask();
    bench.reply_of(&mut server);
    assert_eq!((bench.nts().attempts, bench.nts().cookies), (0, 8));
    assert!(bench.engine.options().saved_keys.is_empty());
}

#[test]
fn sources_without_authentication_are_not_selected_where_it_is_required() {
    for (mode, synchronises) in [(AuthSelect::Require, false), (AuthSelect::Mix, true)] {
        let mut bench = Bench::new(Options { auth_select: mode, ..servers(1) }, NtpDuration::ZERO);
        bench.follow(8);
        assert_eq!(bench.tracking().synchronised, synchronises, "{mode:?}");
        let reason = bench.engine.report(bench.now).sources[0].reason.clone();
        assert_eq!(reason.contains("authselectmode"), !synchronises, "{reason}");
    }
}
