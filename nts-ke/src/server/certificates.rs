//! The server's certificates: read, chosen by the name that a client asks for, and read again when their files
//! change.
//!
//! New files that cannot be used leave the old certificates in force. That is told once for each change.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::CertificateFiles;
use crate::certificate::{Certificate, Validity};
use crate::pem;
use crate::unix_time::UnixTime;

/// Before its end a certificate is warned of, in seconds: two weeks, well after it should have been renewed.
const WARN_S: i64 = 14 * 86_400;

/// What is known of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateState {
    /// Its files.
    pub files: CertificateFiles,
    /// What is in force; `None`: nothing yet.
    pub loaded: Option<Certificate>,
    /// Why the files, as they are now, cannot be used.
    pub error: Option<String>,
}

/// All certificates. Belongs to the server's thread.
#[derive(Debug)]
pub(super) struct Certificates {
    provider: Arc<CryptoProvider>,
    entries: Vec<Entry>,
    resolver: Arc<Resolver>,
}

#[derive(Debug)]
struct Entry {
    state: CertificateState,
    key: Option<Arc<CertifiedKey>>,
    seen: Option<[Seen; 2]>,
    told: Age,
}

/// By what a change of a file is noticed; `None`: it cannot be looked at.
type Seen = Option<(u64, u64, i64, i64)>;

/// How near its end a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Good,
    Ending,
    Ended,
}

impl Certificates {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider, entries: Vec::new(), resolver: Arc::new(Resolver::default()) }
    }

    pub(super) fn resolver(&self) -> Arc<Resolver> {
        Arc::clone(&self.resolver)
    }

    /// Which files there are from now on. What was read of the same ones stays.
    pub(super) fn configure(&mut self, files: &[CertificateFiles]) {
        let mut old = std::mem::take(&mut self.entries);
        self.entries = files.iter().map(|files| Entry::taken_from(&mut old, files)).collect();
    }

    /// Reads what has changed; all of it, if `anew`. Says whether there is a certificate to serve with.
    pub(super) fn refresh(&mut self, now: UnixTime, anew: bool) -> bool {
        for entry in &mut self.entries {
            entry.refresh(&self.provider, anew);
            entry.tell_age(now);
        }
        let usable = |entry: &Entry| Some((entry.state.loaded.clone()?, Arc::clone(entry.key.as_ref()?)));
        let usable: Vec<_> = self.entries.iter().filter_map(usable).collect();
        let some = !usable.is_empty();
        self.resolver.replace(usable);
        some
    }

    pub(super) fn states(&self) -> Vec<CertificateState> {
        self.entries.iter().map(|entry| entry.state.clone()).collect()
    }
}

impl Entry {
    fn taken_from(old: &mut Vec<Self>, files: &CertificateFiles) -> Self {
        match old.iter().position(|entry| entry.state.files == *files) {
            Some(place) => old.swap_remove(place),
            None => {
                let state = CertificateState { files: files.clone(), loaded: None, error: None };
                Self { state, key: None, seen: None, told: Age::Good }
            }
        }
    }

    fn refresh(&mut self, provider: &CryptoProvider, anew: bool) {
        let files = &self.state.files;
        let seen = Some([seen(&files.certificate), seen(&files.key)]);
        if seen == self.seen && !anew {
            return;
        }
        self.seen = seen;
        let file = files.certificate.display();
        match load(provider, files) {
            Ok((certificate, key)) => {
                let (subject, not_after) = (&certificate.subject, certificate.valid.not_after);
                tracing::info!(
                    event = "nts_certificate_loaded",
                    %file, subject, %not_after,
                    "NTS certificate {file} is in force until {not_after}"
                );
                (self.state.loaded, self.state.error, self.key) = (Some(certificate), None, Some(key));
                self.told = Age::Good;
            }
            Err(why) => {
                tracing::warn!(
                    event = "nts_certificate_unusable",
                    %file, why,
                    "NTS certificate {file} cannot be used: {why}"
                );
                self.state.error = Some(why);
            }
        }
    }

    fn tell_age(&mut self, now: UnixTime) {
        let Some(valid) = self.state.loaded.as_ref().map(|loaded| loaded.valid) else { return };
        let age = age(valid, now);
        if age == self.told {
            return;
        }
        self.told = age;
        let (file, not_after) = (self.state.files.certificate.display(), valid.not_after);
        match age {
            Age::Good => {}
            Age::Ending => tracing::warn!(
                event = "nts_certificate_ending",
                %file, %not_after,
                "NTS certificate {file} ends at {not_after}"
            ),
            Age::Ended => tracing::error!(
                event = "nts_certificate_ended",
                %file, %not_after,
                "NTS certificate {file} ended at {not_after}; clients refuse it"
            ),
        }
    }
}

const fn age(valid: Validity, now: UnixTime) -> Age {
    let left = valid.not_after.0.saturating_sub(now.0);
    if left < 0 {
        Age::Ended
    } else if left < WARN_S {
        Age::Ending
    } else {
        Age::Good
    }
}

fn seen(path: &Path) -> Seen {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}

fn load(
    provider: &CryptoProvider,
    files: &CertificateFiles,
) -> Result<(Certificate, Arc<CertifiedKey>), String> {
    let about = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let chain = pem::certificates(&files.certificate).map_err(|error| about(&files.certificate, &error))?;
    let key = pem::private_key(&files.key).map_err(|error| about(&files.key, &error))?;
    let certificate = chain.first().and_then(Certificate::read);
    let certificate = certificate.ok_or_else(|| about(&files.certificate, &"cannot be read"))?;
    // Fails too if the key belongs to another certificate.
    let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| about(&files.key, &error))?;
    Ok((certificate, Arc::new(key)))
}

/// A certificate that is served with, and its chain and key.
type Usable = (Certificate, Arc<CertifiedKey>);

/// Which certificate a client is shown.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    usable: RwLock<Arc<Vec<Usable>>>,
}

impl Resolver {
    fn replace(&self, usable: Vec<Usable>) {
        // Nothing can panic while it is locked, so it is never poisoned.
        *self.usable.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(usable);
    }

    fn choose(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let usable = Arc::clone(&self.usable.read().unwrap_or_else(PoisonError::into_inner));
        let name = name.map(str::to_ascii_lowercase);
        let by_name = name.and_then(|name| {
            let exact = usable.iter().find(|(certificate, _)| certificate.dns_names.contains(&name));
            exact.or_else(|| usable.iter().find(|(certificate, _)| certificate.is_for(&name)))
        });
        by_name.or_else(|| usable.first()).map(|(_, key)| Arc::clone(key))
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selfsign;

    struct Lab {
        folder: tempfile::TempDir,
        certificates: Certificates,
    }

    impl Lab {
        fn new() -> Self {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            Self { folder: tempfile::tempdir().unwrap(), certificates: Certificates::new(provider) }
        }

        fn files(&self, name: &str) -> CertificateFiles {
            let place = |end: &str| self.folder.path().join(format!("{name}.{end}"));
            CertificateFiles { certificate: place("crt"), key: place("key") }
        }

        fn write(&self, file: &str, names: &[&str]) -> CertificateFiles {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let made = selfsign::make(&names).unwrap();
            let files = self.files(file);
            fs::write(&files.certificate, &made.certificate).unwrap();
            fs::write(&files.key, made.key.as_bytes()).unwrap();
            files
        }

        fn refresh(&mut self) -> bool {
            self.certificates.refresh(UnixTime(1_800_000_000), false)
        }

        /// The first name of the certificate that is shown to who asks for `name`.
        fn shown(&self, name: Option<&str>) -> Option<String> {
            let key = self.certificates.resolver.choose(name)?;
            Some(Certificate::read(&key.cert[0]).unwrap().dns_names[0].clone())
        }
    }

    #[test]
    fn the_name_decides_and_the_first_is_for_all_others() {
        let mut lab = Lab::new();
        assert_eq!(lab.shown(None), None);
        let files = [
            lab.write("a", &["a.example"]),
            lab.write("wild", &["*.b.example"]),
            lab.write("exact", &["x.b.example"]),
        ];
        lab.certificates.configure(&files);
        assert!(lab.refresh());
        let shown = [None, Some("A.Example"), Some("y.B.example"), Some("x.b.example"), Some("other")]
            .map(|name| lab.shown(name).unwrap());
        assert_eq!(shown, ["a.example", "a.example", "*.b.example", "x.b.example", "a.example"]);
    }

    #[test]
    fn broken_files_leave_the_old_certificate_in_force() {
        let mut lab = Lab::new();
        let files = lab.write("a", &["old.example"]);
        lab.certificates.configure(std::slice::from_ref(&files));
        assert!(lab.refresh());
        fs::write(&files.key, "nothing").unwrap();
        assert!(lab.refresh());
        assert_eq!(lab.shown(None).as_deref(), Some("old.example"));
        assert!(lab.certificates.states()[0].error.as_ref().unwrap().contains("no private key"));
        // A key that belongs to another certificate.
        lab.write("b", &["b.example"]);
        fs::copy(lab.files("b").key, &files.key).unwrap();
        lab.refresh();
        assert_eq!(lab.shown(None).as_deref(), Some("old.example"));
        assert!(lab.certificates.states()[0].error.is_some());
        lab.write("a", &["new.example"]);
        lab.refresh();
        assert_eq!(lab.shown(None).as_deref(), Some("new.example"));
        assert_eq!(lab.certificates.states()[0].error, None);
        // What is configured again is not read again, and what is not is gone.
        lab.certificates.configure(&[]);
        assert!(!lab.refresh());
        assert_eq!(lab.shown(None), None);
    }

    #[test]
    fn a_certificate_is_warned_of_before_it_ends() {
        let valid = Validity { not_before: UnixTime(0), not_after: UnixTime(100 * 86_400) };
        let at = |day: i64| age(valid, UnixTime(day * 86_400));
        assert_eq!(
            [at(1), at(85), at(87), at(100), at(101)],
            [Age::Good, Age::Good, Age::Ending, Age::Ending, Age::Ended]
        );
    }
}
