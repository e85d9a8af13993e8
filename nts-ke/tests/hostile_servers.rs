//! Servers that our client must survive, and say in words what is wrong with them.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod lab;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use lab::{Folder, NOW, Server, question, strange_server, trust};
use ntp_proto::nts::Aead;
use nts_ke::client::{Dates, KeError, Outcome, Question, Stage, TlsFault, Trust, establish};
use nts_ke::message::{ErrorCode, Refused, Request, Response, negotiate};
use nts_ke::record::{Malformed, RecordType, Writer};
use nts_ke::server::CertificateFiles;
use nts_ke::{ALPN, UnixTime};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd};

/// What our client makes of a server that says these bytes.
fn heard(bytes: Vec<u8>) -> Result<Outcome, KeError> {
    let folder = Folder::new();
    let files = folder.certificate("strange", &["localhost"]);
    let address = strange_server(&files, Some(ALPN), move |stream| {
        stream.write_all(&bytes)?;
        stream.conn.send_close_notify();
        stream.flush()
    });
    establish(&trust(&[&files.certificate]), &question("localhost"), &[address])
}

/// A good answer with these records before it.
fn answer_with(records: &[(bool, RecordType, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::default();
    for (critical, kind, body) in records {
        assert!(writer.record(*critical, *kind, body));
    }
    let mut bytes = writer.finish();
    bytes.truncate(bytes.len() - 4);
    let mut good = negotiate(&Request::ntpv4(&[15]), &Aead::ALL).0;
    good.cookies = vec![vec![7; 100]; 8];
    bytes.extend(good.write());
    bytes
}

#[test]
fn answers_that_make_no_sense_are_named() {
    use RecordType as R;
    let malformed = |bytes| match heard(bytes) {
        Err(KeError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(malformed(vec![0, 5, 0xff, 0xff]), Malformed::TooLong);
    assert_eq!(malformed([0, 99, 0, 0].repeat(5_000)), Malformed::TooLong);
    assert_eq!(malformed(answer_with(&[(true, R(77), b"")])), Malformed::UnknownCritical(R(77)));
    assert_eq!(malformed(answer_with(&[(true, R::AEAD, &[0, 15])])), Malformed::Duplicate(R::AEAD));
    assert_eq!(malformed(answer_with(&[(true, R::PORT, &[1, 2, 3])])), Malformed::BadLength(R::PORT));
    assert_eq!(malformed(answer_with(&[(true, R::SERVER, b"evil\nname")])), Malformed::BadValue(R::SERVER));
    assert_eq!(malformed([&answer_with(&[])[..], &[0]].concat()), Malformed::AfterEnd);
    let whole = answer_with(&[]);
    assert_eq!(malformed(whole[..whole.len() - 4].to_vec()), Malformed::NoEnd);
    assert_eq!(malformed(whole[..whole.len() - 50].to_vec()), Malformed::Truncated);
    assert_eq!(malformed(Vec::new()), Malformed::NoEnd);
}

#[test]
fn answers_that_are_of_no_use_are_named() {
    let refused = |bytes| match heard(bytes) {
        Err(KeError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    let code = ErrorCode::INTERNAL;
    assert_eq!(refused(Response::error(code).write()), Refused::Error(code));
    assert_eq!(refused(answer_with(&[(true, RecordType::WARNING, &[0, 3])])), Refused::Warning(3));
    let none = negotiate(&Request::ntpv4(&[15]), &Aead::ALL).0;
    assert_eq!(refused(none.write()), Refused::NoCookies);
    let foreign = Response { aead: Some(Some(17)), cookies: vec![vec![1]], ..none };
    assert_eq!(refused(foreign.write()), Refused::AeadNotOffered(17));
}

#[test]
fn cookies_of_all_lengths_and_any_order_do_no_harm() {
    let long = vec![1; 5_000];
    let odd: &[(bool, RecordType, &[u8])] = &[
        (false, RecordType::COOKIE, b""),
        (false, RecordType::COOKIE, &long),
        (false, RecordType(500), b"x"),
    ];
    let outcome = heard(answer_with(odd)).unwrap();
    assert_eq!(outcome.cookies, vec![vec![7; 100]; 8]);
    assert_eq!(outcome.keys.aead(), Aead::AesSivCmac256);
}

/// Asks for `aead` a server that puts the keys which it exports by these contexts into its cookie.
fn exported(aead: Aead, compliant_gcm_siv: bool, named: u8) -> Outcome {
    let folder = Folder::new();
    let files = folder.certificate("strange", &["localhost"]);
    let address = strange_server(&files, Some(ALPN), move |stream| {
        let key = |direction| {
            let context = [0, 0, 0, named, direction];
            let room = vec![0; aead.key_len()];
            stream
                .conn
                .export_keying_material(room, b"EXPORTER-network-time-security", Some(&context))
                .unwrap()
        };
        let request = Request { compliant_gcm_siv, ..Request::ntpv4(&[aead.id()]) };
        let mut answer = negotiate(&request, &Aead::ALL).0;
        answer.cookies = vec![[key(0), key(1)].concat()];
        stream.write_all(&answer.write())?;
        stream.flush()
    });
    let asked = Question { aeads: &[aead], ..question("localhost") };
    establish(&trust(&[&files.certificate]), &asked, &[address]).unwrap()
}

#[test]
fn keys_are_exported_as_the_standard_has_it() {
    for aead in Aead::ALL {
        let outcome = exported(aead, true, aead.id() as u8);
        assert_eq!([outcome.keys.c2s(), outcome.keys.s2c()].concat(), outcome.cookies[0]);
        assert!(outcome.alternative.is_none());
    }
}

/// Without a word about how it exports keys both ways have to be tried.
#[test]
fn both_ways_to_export_short_keys_are_kept_ready() {
    let old = exported(Aead::Aes128GcmSiv, false, 15);
    assert_eq!([old.keys.c2s(), old.keys.s2c()].concat(), old.cookies[0]);
    let other = exported(Aead::Aes128GcmSiv, false, 30);
    let alternative = other.alternative.unwrap();
    assert_eq!([alternative.c2s(), alternative.s2c()].concat(), other.cookies[0]);
}

fn timeout_stage(address: SocketAddr, trust: &Trust) -> (Stage, Duration) {
    let start = Instant::now();
    let hasty = Question { patience: Duration::from_millis(400), ..question("localhost") };
    match establish(trust, &hasty, &[address]) {
        Err(KeError::Timeout(stage)) => (stage, start.elapsed()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn slow_and_silent_servers_cost_only_so_much_time() {
    let server = Server::start();
    // Nobody accepts, but the kernel does.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (stage, took) = timeout_stage(silent.local_addr().unwrap(), &server.trust());
    assert!(stage == Stage::Handshake && took < Duration::from_secs(2), "{stage} {took:?}");
    let drip = strange_server(&server.files, Some(ALPN), |stream| {
        loop {
            stream.write_all(&[0, 99, 0, 0])?;
            stream.flush()?;
            sleep(Duration::from_millis(20));
        }
    });
    let (stage, took) = timeout_stage(drip, &server.trust());
    assert!(stage == Stage::Exchange && took < Duration::from_secs(2), "{stage} {took:?}");
}

#[test]
fn a_server_that_does_not_speak_nts_is_told_from_one_that_lies() {
    let server = Server::start();
    let other = strange_server(&server.files, None, |_| Ok(()));
    let result = establish(&server.trust(), &question("localhost"), &[other]);
    assert!(matches!(result, Err(KeError::NoAlpn)), "{result:?}");
    let garbage = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = garbage.local_addr().unwrap();
    thread::spawn(move || garbage.accept()?.0.write_all(b"220 mail.example ESMTP\r\n"));
    let result = establish(&server.trust(), &question("localhost"), &[address]);
    assert!(matches!(result, Err(KeError::Tls(TlsFault::Other(_)))), "{result:?}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let result = establish(&server.trust(), &question("localhost"), &[nobody]);
    assert!(matches!(result, Err(KeError::Connect(_))), "{result:?}");
    assert!(matches!(establish(&server.trust(), &question("localhost"), &[]), Err(KeError::NoAddress)));
    assert!(matches!(establish(&server.trust(), &question("a b"), &[address]), Err(KeError::BadName)));
}

#[test]
fn an_endless_handshake_is_cut() {
    let server = Server::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Change-cipher-spec records may come in any number before a ServerHello does.
    thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        loop {
            stream.write_all(&[0x14, 3, 3, 0, 1, 1])?;
        }
        #[allow(unreachable_code, reason = "it says what the closure returns")]
        std::io::Result::Ok(())
    });
    let result = establish(&server.trust(), &question("localhost"), &[address]);
    assert!(matches!(result, Err(KeError::TooMuch | KeError::Tls(_))), "{result:?}");
}

/// An authority, and what it signed.
struct Authority {
    folder: Folder,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = Folder::new();
        let mut params = CertificateParams::default();
        // Authorities of the same name would be tried as if they were one.
        params.distinguished_name.push(DnType::CommonName, folder.path("").display().to_string());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        std::fs::write(folder.path("root.pem"), root.pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    fn trust(&self) -> Trust {
        trust(&[&self.folder.path("root.pem")])
    }

    /// A server with a certificate for `localhost` that is valid from and to the beginning of these years.
    fn server(&self, years: [i32; 2]) -> SocketAddr {
        let files = self.files(years);
        let good = answer_with(&[]);
        strange_server(&files, Some(ALPN), move |stream| {
            stream.write_all(&good)?;
            stream.flush()
        })
    }

    fn files(&self, years: [i32; 2]) -> CertificateFiles {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
        [params.not_before, params.not_after] = years.map(|year| date_time_ymd(year, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.folder.write("server", &certificate.pem(), &key.serialize_pem())
    }
}

fn fault(result: Result<Outcome, KeError>) -> TlsFault {
    match result {
        Err(KeError::Tls(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_in_words() {
    let (authority, other) = (Authority::new(), Authority::new());
    let ask = |trust: &Trust, years, question: &Question<'_>| {
        establish(trust, question, &[authority.server(years)])
    };
    let plain = question("localhost");
    assert!(ask(&authority.trust(), [2020, 2040], &plain).is_ok());
    let expired = fault(ask(&authority.trust(), [2020, 2021], &plain));
    assert_eq!(expired.to_string(), "certificate expired at 2021-01-01 00:00:00 UTC");
    let early = fault(ask(&authority.trust(), [2035, 2040], &plain));
    assert_eq!(early.to_string(), "certificate is not valid before 2035-01-01 00:00:00 UTC");
    assert_eq!(fault(ask(&other.trust(), [2020, 2040], &plain)), TlsFault::UnknownIssuer);
    let name = fault(ask(&authority.trust(), [2020, 2040], &question("other.example")));
    assert!(matches!(&name, TlsFault::WrongName(names) if names.len() == 1), "{name}");
}

#[test]
fn without_a_clock_everything_but_the_dates_is_checked() {
    let (authority, other) = (Authority::new(), Authority::new());
    for now in [UnixTime(0), NOW, UnixTime(4_000_000_000)] {
        let skip = |name| Question { now, dates: Dates::Skip, ..question(name) };
        let ask = |trust: &Trust, name| establish(trust, &skip(name), &[authority.server([2026, 2030])]);
        let outcome = ask(&authority.trust(), "localhost").unwrap();
        assert_eq!(outcome.chain.valid().not_before.to_string(), "2026-01-01 00:00:00 UTC");
        assert_eq!(fault(ask(&other.trust(), "localhost")), TlsFault::UnknownIssuer);
        assert!(matches!(fault(ask(&authority.trust(), "other.example")), TlsFault::WrongName(_)));
        // Once the clock is right.
        assert_eq!(outcome.chain.check(&authority.trust(), NOW), Ok(()));
        let late = outcome.chain.check(&authority.trust(), UnixTime(4_000_000_000));
        assert!(matches!(late, Err(TlsFault::Expired(Some(_)))), "{late:?}");
        assert_eq!(outcome.chain.check(&other.trust(), NOW), Err(TlsFault::UnknownIssuer));
    }
}
