//! The authorities that are believed.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;

use crate::pem::{self, FileError};

/// Where the system keeps its authorities: the first of these that can be read is taken.
const SYSTEM_BUNDLES: [&str; 6] = [
    // Debian, Ubuntu, Alpine, Arch, Gentoo, OpenWrt
    "/etc/ssl/certs/ca-certificates.crt",
    // Fedora, Red Hat
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    // openSUSE
    "/etc/ssl/ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
    // Alpine, Void
    "/etc/ssl/cert.pem",
];
/// More files than any folder of authorities has.
const FILES_MAX: usize = 4_096;

/// Where authorities are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The system's are believed.
    pub system: bool,
    /// And those of these files, in PEM format, or of the files in these folders.
    pub extra: Vec<PathBuf>,
}

impl Default for Places {
    fn default() -> Self {
        Self { system: true, extra: Vec::new() }
    }
}

/// A place that gave nothing. The others count all the same.
#[derive(Debug)]
pub struct TrustProblem {
    /// The place; `None`: the system has no authorities where we look for them.
    pub place: Option<PathBuf>,
    /// Why.
    pub error: FileError,
}

impl fmt::Display for TrustProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{}: {}", place.display(), self.error),
            None => f.write_str("this system has no list of authorities where we look for one"),
        }
    }
}

/// Whom to believe; cheap to clone. Without any authority nobody is.
#[derive(Clone, Debug)]
pub struct Trust {
    pub(super) provider: Arc<rustls::crypto::CryptoProvider>,
    /// `None` if there is no authority at all.
    pub(super) verifier: Option<Arc<WebPkiServerVerifier>>,
    authorities: usize,
}

impl Trust {
    /// Reads all places. Takes some milliseconds for the system's bundle, so keep it.
    #[must_use]
    pub fn load(places: &Places) -> (Self, Vec<TrustProblem>) {
        let mut roots = RootCertStore::empty();
        let mut problems = Vec::new();
        if places.system && !SYSTEM_BUNDLES.iter().any(|path| add_file(&mut roots, Path::new(path)).is_ok()) {
            let error = FileError::Io(io::ErrorKind::NotFound.into());
            problems.push(TrustProblem { place: None, error });
        }
        for place in &places.extra {
            if let Err(error) = add_place(&mut roots, place) {
                problems.push(TrustProblem { place: Some(place.clone()), error });
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let authorities = roots.len();
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        // It can fail for want of authorities, and for revocation lists, of which there are none.
        let verifier = verifier.build().ok();
        (Self { provider, verifier, authorities }, problems)
    }

    /// How many authorities are believed.
    #[must_use]
    pub const fn authorities(&self) -> usize {
        self.authorities
    }
}

fn add_place(roots: &mut RootCertStore, place: &Path) -> Result<(), FileError> {
    if !place.is_dir() {
        return add_file(roots, place);
    }
    let mut files: Vec<PathBuf> =
        fs::read_dir(place)?.take(FILES_MAX).filter_map(|entry| Some(entry.ok()?.path())).collect();
    // Their order must not depend on the file system.
    files.sort();
    // A folder may hold other files, and links to what was removed.
    let added = files.iter().filter(|file| file.is_file() && add_file(roots, file).is_ok()).count();
    if added == 0 { Err(FileError::NoCertificate) } else { Ok(()) }
}

/// Certificates that rustls can make nothing of, of which bundles have some, are passed over.
fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), FileError> {
    let (added, _) = roots.add_parsable_certificates(pem::certificates(path)?);
    if added == 0 { Err(FileError::NoCertificate) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selfsign;

    #[test]
    fn files_and_folders_are_read_and_what_fails_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::create_dir(place("many")).unwrap();
        for name in ["many/a.pem", "many/b.crt", "one.pem"] {
            fs::write(place(name), selfsign::make(&[name.replace('/', ".")]).unwrap().certificate).unwrap();
        }
        fs::write(place("many/README"), "no certificate").unwrap();
        fs::write(place("broken.pem"), "-----BEGIN CERTIFICATE-----\n!\n").unwrap();
        let extra = ["many", "one.pem", "broken.pem", "missing"].map(place).to_vec();
        let (trust, problems) = Trust::load(&Places { system: false, extra });
        assert_eq!(trust.authorities(), 3);
        let places: Vec<_> =
            problems.iter().filter_map(|p| p.place.as_ref()?.file_name()?.to_str()).collect();
        assert_eq!(places, ["broken.pem", "missing"]);
        assert!(matches!(problems[0].error, FileError::NoCertificate));
        assert!(matches!(problems[1].error, FileError::Io(_)));
    }

    #[test]
    fn without_authorities_nobody_is_believed() {
        let (trust, problems) = Trust::load(&Places { system: false, extra: Vec::new() });
        assert!(trust.verifier.is_none() && problems.is_empty());
    }
}
