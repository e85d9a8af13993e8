//! Those who want keys from us: the thread that serves them, and the keys of their cookies.
//!
//! ```text
//!  Keyring ─▶ Serving::accept_cookies ─▶ server threads open them
//!          └▶ nts_ke::server, afterwards: it seals new ones
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use ntp_config::{AeadAlgorithm, ServerNts};
use ntp_proto::nts::{Aead, CookieKeys};
use ntp_proto::server::{AccessList, Permission};
use ntp_proto::time::{Monotonic, NtpDuration};
use nts_ke::UnixTime;
use nts_ke::server::{CertificateFiles, Config, Count, Handle, Limits, Listening, RateLimit, start};
use tokio::sync::mpsc::UnboundedSender;

use super::keyring::{self, Clocks, KeySource, Keyring};
use crate::control::{CertificateReport, CookieKeyReport, KeyPortReport, KeyServerReport};
use crate::daemon::driver::Happening;
use crate::daemon::problems::Problems;

/// A problem of a fleet's keys.
const FLEET: &str = "NTS secret of the fleet";
/// 2026-01-01, in Unix seconds: a clock that shows an earlier time was not set yet.
const EARLIEST: i64 = 1_767_225_600;
/// What cannot be had is tried again this often.
const RETRY: NtpDuration = NtpDuration::from_secs(30);
/// The longest time without a look at the keys: the clock may have been set.
const LOOK: NtpDuration = NtpDuration::from_secs(3_600);

/// What serving keys is made from.
#[derive(Debug)]
pub(in crate::daemon) struct KeyServerOptions {
    config: Config,
    source: KeySource,
}

impl KeyServerOptions {
    /// From the configuration: `listen` without ports, and who may ask.
    pub(in crate::daemon) fn new(
        nts: &ServerNts,
        listen: &[SocketAddr],
        access: AccessList,
        default_file: std::path::PathBuf,
    ) -> Self {
        let limit = &nts.ratelimit;
        let rate = limit.enabled.then(|| RateLimit {
            interval: std::time::Duration::from_secs_f64(limit.interval.to_seconds()),
            burst: limit.burst,
            leak: limit.leak,
        });
        let pairs = nts.pairs().map(|(certificate, key)| CertificateFiles {
            certificate: certificate.clone(),
            key: key.clone(),
        });
        let told_port = listen.first().map(SocketAddr::port).filter(|port| *port != 123);
        let config = Config {
            addresses: listen.iter().map(|address| SocketAddr::new(address.ip(), nts.port)).collect(),
            certificates: pairs.collect(),
            aeads: nts.aeads.iter().copied().map(aead).collect(),
            ntp_server: nts.ntpserver.as_ref().map(ToString::to_string),
            ntp_port: nts.ntpport.or(told_port),
            limits: Limits {
                connections: nts.connections as usize,
                connections_per_address: nts.connections_per_client as usize,
                rate,
                patience: std::time::Duration::from_secs_f64(nts.timeout.to_seconds()),
            },
            access: Arc::new(move |address| access.permission(address) != Permission::Deny),
        };
        let interval_s = nts.rotate.try_into().unwrap_or(std::num::NonZeroU32::MIN);
        let source = KeySource {
            file: nts.keyfile.clone().unwrap_or(default_file),
            secret: nts.secret.clone(),
            interval_s,
        };
        Self { config, source }
    }
}

/// The number by which the protocol knows an algorithm of the configuration.
pub(in crate::daemon) const fn aead(algorithm: AeadAlgorithm) -> Aead {
    match algorithm {
        AeadAlgorithm::AesSivCmac256 => Aead::AesSivCmac256,
        AeadAlgorithm::Aes128GcmSiv => Aead::Aes128GcmSiv,
    }
}

/// Serves keys, or will as soon as it can.
#[derive(Debug)]
pub(in crate::daemon) struct KeyServer {
    options: KeyServerOptions,
    keyring: Option<Keyring>,
    handle: Option<Handle>,
    look: Monotonic,
    tell: UnboundedSender<Happening>,
}

impl KeyServer {
    /// To be followed by [`look`](Self::look).
    pub(in crate::daemon) fn new(
        options: KeyServerOptions,
        now: Monotonic,
        tell: UnboundedSender<Happening>,
    ) -> Self {
        Self { options, keyring: None, handle: None, look: now, tell }
    }

    /// When to look after it.
    pub(in crate::daemon) const fn next_look(&self) -> Monotonic {
        self.look
    }

    /// Does what is due: keys that change, a thread that could not be had. `accept` has everybody who serves accept
    /// the cookies of these keys.
    pub(in crate::daemon) fn look(
        &mut self,
        monotonic: Monotonic,
        unix: i64,
        problems: &mut Problems,
        accept: impl FnOnce(CookieKeys),
    ) {
        let now = Clocks { monotonic, unix: UnixTime(unix) };
        if self.keyring.is_none() && self.options.source.secret.is_some() && unix < EARLIEST {
            // The keys follow from the time, and those of another time are nobody's.
            problems.raise(FLEET, "the clock is not set yet", "keys are given once it is");
            self.look = monotonic + NtpDuration::from_secs(1);
            return;
        }
        let changed = match &mut self.keyring {
            Some(keyring) => keyring.advance(now),
            None => self.open_keyring(now, problems),
        };
        let Some(keyring) = &self.keyring else {
            self.look = monotonic + RETRY;
            return;
        };
        self.look = monotonic + keyring.wait(now).clamp(NtpDuration::from_secs(1), LOOK);
        if changed || self.handle.is_none() {
            let (Some(opening), Some(sealing)) = (keyring.keys(now), keyring.keys(now)) else { return };
            accept(opening);
            let sealing = Arc::new(sealing);
            match &self.handle {
                Some(handle) => handle.replace_cookie_keys(sealing),
                None => {
                    let started = start(self.options.config.clone(), sealing);
                    self.handle = problems.note("NTS key server", started, "tried again every 30 s");
                    if self.handle.is_none() {
                        self.look = monotonic + RETRY;
                    }
                }
            }
        }
        if changed {
            self.save(now);
        }
    }

    /// It is another time: a fleet's keys may be others.
    pub(in crate::daemon) const fn clock_was_set(&mut self, now: Monotonic) {
        self.look = now;
    }

    /// The configuration has changed.
    pub(in crate::daemon) fn configure(&mut self, options: KeyServerOptions, now: Monotonic) {
        if options.source != self.options.source {
            (self.keyring, self.look) = (None, now);
        }
        if let Some(handle) = &self.handle {
            handle.configure(options.config.clone());
            handle.reload();
        }
        self.options = options;
    }

    /// Files are read again: certificates, and the secrets of a fleet.
    pub(in crate::daemon) fn reload(&mut self, now: Monotonic) {
        if self.keyring.as_ref().is_some_and(Keyring::is_shared) {
            (self.keyring, self.look) = (None, now);
        }
    }

    /// How it is.
    pub(in crate::daemon) fn report(&self, monotonic: Monotonic, unix: i64) -> KeyServerReport {
        let now = Clocks { monotonic, unix: UnixTime(unix) };
        let infos = self.keyring.as_ref().map(|keyring| keyring.infos(now)).unwrap_or_default();
        let mut report = KeyServerReport {
            is_fleet: self.options.source.secret.is_some(),
            keys: infos
                .iter()
                .map(|info| CookieKeyReport {
                    id: format!("{:08x}", info.id),
                    role: info.role.to_string(),
                    aead: info.aead.to_string(),
                    age_s: info.age_s,
                })
                .collect(),
            ..KeyServerReport::default()
        };
        if let Some(handle) = &self.handle {
            report.connections = handle.connections();
            report.counters = Count::ALL
                .iter()
                .map(|count| (count.name().to_owned(), handle.counters().get(*count)))
                .filter(|(_, count)| *count > 0)
                .collect();
            report.ports =
                handle.ports().into_iter().map(|port| port_report(port.address, &port.state)).collect();
            report.certificates = handle.certificates().iter().map(certificate_report).collect();
        }
        report
    }

    fn open_keyring(&mut self, now: Clocks, problems: &mut Problems) -> bool {
        let secret = self.options.source.secret.is_some();
        let (topic, then) = if secret {
            (FLEET, "no keys are given; tried again every 30 s")
        } else {
            ("NTS cookie keys", "tried again every 30 s")
        };
        let Some((keyring, problem)) = problems.note(topic, Keyring::open(&self.options.source, now), then)
        else {
            return false;
        };
        let file = format!("NTS key file {}", self.options.source.file.display());
        problems.note(&file, problem.map_or(Ok(()), Err), "new keys were made: clients fetch new cookies");
        self.keyring = Some(keyring);
        true
    }

    /// Keeps the keys, in a thread that ends with it: a slow disk must not hold up time service.
    fn save(&self, now: Clocks) {
        let Some((file, slots)) = self.keyring.as_ref().and_then(|keyring| keyring.to_save(now)) else {
            return;
        };
        let tell = self.tell.clone();
        let work = move || {
            let topic = format!("NTS key file {}", file.display());
            // Nobody is left to hear of it when the daemon has ended.
            let _ = tell.send(Happening::KeysSaved { topic, result: keyring::write(&file, &slots) });
        };
        if let Err(error) = thread::Builder::new().name("nts-keys".to_owned()).spawn(work) {
            let topic = format!("NTS key file {}", self.options.source.file.display());
            let _ = self.tell.send(Happening::KeysSaved { topic, result: Err(error) });
        }
    }

    /// Keeps the keys with their age, at the end of the daemon.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(in crate::daemon) fn save_at_end(&self, monotonic: Monotonic, unix: i64) -> io::Result<()> {
        let now = Clocks { monotonic, unix: UnixTime(unix) };
        match self.keyring.as_ref().and_then(|keyring| keyring.to_save(now)) {
            Some((file, slots)) => keyring::write(&file, &slots),
            None => Ok(()),
        }
    }
}

/// What of it does not work, in sentences.
pub(in crate::daemon) fn problems(report: &KeyServerReport) -> impl Iterator<Item = String> {
    let ports = report.ports.iter().filter_map(|port| {
        let why = port.problem.as_ref()?;
        Some(format!("NTS key exchange at {}: {why}", port.address))
    });
    let certificates = report.certificates.iter().filter_map(|certificate| {
        let why = certificate.problem.as_ref()?;
        let then = certificate.subject.as_ref().map_or("", |_| "; the one before stays in force");
        Some(format!("NTS certificate: {why}{then}"))
    });
    ports.chain(certificates)
}

fn port_report(address: SocketAddr, state: &Listening) -> KeyPortReport {
    let (open, problem) = match state {
        Listening::At(_) => (true, None),
        Listening::NoCertificate => (false, Some("there is no certificate to serve with".to_owned())),
        Listening::Failed(why) => (false, Some(why.clone())),
    };
    KeyPortReport { address: address.to_string(), open, problem }
}

fn certificate_report(state: &nts_ke::server::CertificateState) -> CertificateReport {
    let loaded = state.loaded.as_ref();
    CertificateReport {
        file: state.files.certificate.clone(),
        subject: loaded.map(|certificate| certificate.subject.clone()),
        names: loaded.map(|certificate| certificate.dns_names.clone()).unwrap_or_default(),
        not_after_unix: loaded.map(|certificate| certificate.valid.not_after.0),
        problem: state.error.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_work_is_told() {
        let broken = |subject: Option<&str>| CertificateReport {
            subject: subject.map(str::to_owned),
            problem: Some("a.pem: no certificate in PEM format".to_owned()),
            ..CertificateReport::default()
        };
        let report = KeyServerReport {
            ports: vec![
                port_report(([0, 0, 0, 0], 4460).into(), &Listening::At(([0, 0, 0, 0], 4460).into())),
                port_report(([0, 0, 0, 0], 4461).into(), &Listening::NoCertificate),
            ],
            certificates: vec![broken(Some("CN=a")), broken(None), CertificateReport::default()],
            ..KeyServerReport::default()
        };
        assert_eq!(
            problems(&report).collect::<Vec<_>>(),
            [
                "NTS key exchange at 0.0.0.0:4461: there is no certificate to serve with",
                "NTS certificate: a.pem: no certificate in PEM format; the one before stays in force",
                "NTS certificate: a.pem: no certificate in PEM format",
            ]
        );
    }
}
