//! The file of cookies: what is left of the keys of our servers, so that a restart need not fetch new ones.

use std::fs;
use std::io;
use std::path::Path;

use ntp_engine::SavedKeys;

use crate::daemon::state;

/// Two kilobytes for each source.
const MAX_LENGTH: u64 = 16 << 20;

/// Reads what the last run left, and removes it: a cookie is used once. Empty if there is none.
///
/// # Errors
/// When the file cannot be read or makes no sense.
pub(in crate::daemon) fn take(path: &Path) -> io::Result<Vec<SavedKeys>> {
    let Some(text) = state::read(path, MAX_LENGTH)? else { return Ok(Vec::new()) };
    fs::remove_file(path)?;
    serde_json::from_str(&text).map_err(io::Error::from)
}

/// Replaces the file, which is for its owner only.
///
/// # Errors
/// As [`state::replace_secret`].
pub(in crate::daemon) fn write(path: &Path, keys: &[SavedKeys]) -> io::Result<()> {
    state::replace_secret(path, &serde_json::to_vec(keys)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use ntp_engine::Host;
    use ntp_proto::nts::{Aead, NtsSession, SessionKeys};

    use super::*;

    #[test]
    fn cookies_are_taken_once_and_shown_to_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cookies");
        let keys = SessionKeys::new(Aead::Aes128GcmSiv, &[1; 16], &[2; 16]).unwrap();
        let saved = vec![SavedKeys {
            host: Host::Name("nts.example".to_owned()),
            address: [192, 0, 2, 1].into(),
            server: ([192, 0, 2, 1], 123).into(),
            session: NtsSession::new(keys, [vec![3; 100]]),
        }];
        assert_eq!(take(&path).unwrap(), []);
        write(&path, &saved).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(take(&path).unwrap(), saved);
        assert_eq!(take(&path).unwrap(), []);
        fs::write(&path, "{").unwrap();
        assert!(take(&path).is_err());
    }
}
