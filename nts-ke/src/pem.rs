//! Certificates and keys from files (RFC 7468).

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// The largest file that is read, in bytes: bundles of all the world's authorities have a tenth of it.
const FILE_MAX: u64 = 4 << 20;

/// Why a file gave nothing.
#[derive(Debug)]
pub enum FileError {
    /// The system's word.
    Io(io::Error),
    /// It is too large to be what it should be.
    TooLarge,
    /// It holds no certificate, or something that looks like one and is not.
    NoCertificate,
    /// It holds no private key.
    NoKey,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::TooLarge => write!(f, "file is larger than {FILE_MAX} bytes"),
            Self::NoCertificate => f.write_str("no certificate in PEM format"),
            Self::NoKey => f.write_str("no private key in PEM format"),
        }
    }
}

impl std::error::Error for FileError {}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A whole file; wiped from memory when dropped, since it may hold secrets.
pub(crate) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > FILE_MAX {
        return Err(FileError::TooLarge);
    }
    // Room for all of it at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1));
    file.take(FILE_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// All certificates of a file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let bytes = read_file(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or(FileError::NoCertificate)
}

/// The first private key of a file.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    PrivateKeyDer::from_pem_slice(&read_file(path)?).map_err(|_| FileError::NoKey)
}
