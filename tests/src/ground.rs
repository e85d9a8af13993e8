//! What a test needs of the machine.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::host::Network;

/// A fresh network of two hosts, or `None` where that cannot be: then the test has nothing to say, except in
/// CI, where it fails.
#[must_use]
pub fn network() -> Option<Network> {
    match Network::new() {
        Ok(network) => Some(network),
        Err(error) if env::var("CI").is_ok_and(|ci| ci == "true") => {
            panic!("network namespaces are needed: {error:#}")
        }
        Err(error) => {
            eprintln!("skipped, since network namespaces cannot be made (root is needed): {error:#}");
            None
        }
    }
}

/// One of our programs, built if need be.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "-p", "ntpd", "-p", "ntp-sim"])
            .current_dir(repository())
            .status()
            .expect("cargo can be run");
        assert!(built.success(), "our programs do not build");
    });
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    target.join("debug").join(name)
}

/// One of the peers' starters; they are fetched if need be.
#[must_use]
pub fn peer(name: &str) -> PathBuf {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    let cache = FETCHED.get_or_init(|| {
        let cache = cache();
        let fetched = Command::new(repository().join("tests/peers/fetch.sh"))
            .arg(&cache)
            .status()
            .expect("fetch.sh can be run");
        assert!(fetched.success(), "the peers cannot be fetched");
        cache
    });
    cache.join("peers/bin").join(name)
}

/// The top of the working copy.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

fn cache() -> PathBuf {
    let given = env::var_os("TRUECHIMER_CACHE").map(PathBuf::from);
    let xdg = || env::var_os("XDG_CACHE_HOME").map(|c| PathBuf::from(c).join("truechimer"));
    let home = || env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache/truechimer"));
    given.or_else(xdg).or_else(home).expect("there is a home for caches")
}
