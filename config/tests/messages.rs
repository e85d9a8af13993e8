//! Every `tests/bad/*.toml` is refused with exactly the words of the `.expected` beside it.
//!
//! `NTP_CONFIG_REWRITE=1 cargo test -p ntp-config` writes the words down anew; then read the difference.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::fs;
use std::path::{Path, PathBuf};

fn bad_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

fn message(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    match ntp_config::parse("ntpd.toml", &text) {
        Ok(_) => "accepted\n".to_owned(),
        Err(errors) => format!("{errors}\n"),
    }
}

#[test]
fn bad_files_are_refused_in_the_expected_words() {
    let rewrite = std::env::var_os("NTP_CONFIG_REWRITE").is_some();
    let files = bad_files();
    assert!(files.len() >= 40, "only {} bad files", files.len());
    for path in files {
        let (message, beside) = (message(&path), path.with_extension("expected"));
        if rewrite {
            fs::write(beside, message).unwrap();
        } else {
            assert_eq!(message, fs::read_to_string(beside).unwrap_or_default(), "{}", path.display());
        }
    }
}
