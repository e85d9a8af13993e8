//! Every configuration that is shown to people starts a daemon, and none that is wrong does.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod daemon;
#[path = "../../config/tests/shared/mod.rs"]
mod shared;

use std::path::Path;
use std::process::Command;

use daemon::{Daemon, namespaces_can_be_made};
use serde_json::Value;
use shared::{examples, files};

const EX_CONFIG: i32 = 78;

#[test]
fn every_example_starts_and_ends_in_good_order() {
    if !namespaces_can_be_made() {
        return;
    }
    for example in examples() {
        let config = ntp_config::parse(&example.name, &example.text).unwrap();
        let daemon = Daemon::start(&example.name, &example.text);
        let status = daemon.status();
        assert_eq!(status["enabled"], config.enabled, "{}", daemon.about());
        serves_all_of(&daemon, &status);
        let about = daemon.about();
        assert_eq!(daemon.terminate(), Some(0), "{about}");
    }
}

/// Every address is served, whether an interface has it or not.
fn serves_all_of(daemon: &Daemon, status: &Value) {
    let has_ipv6 = Path::new("/proc/net/if_inet6").exists();
    for socket in status["serving"]["sockets"].as_array().unwrap() {
        let is_ipv6 = socket["address"].as_str().unwrap().starts_with('[');
        assert!(socket["open"] == true || (is_ipv6 && !has_ipv6), "{socket}: {}", daemon.about());
    }
}

#[test]
fn no_wrong_configuration_passes_the_check() {
    let files = files("config/tests/bad", "toml");
    assert!(files.len() >= 40, "only {} wrong configurations", files.len());
    for file in files {
        let mut check = Command::new(env!("CARGO_BIN_EXE_ntpd"));
        let output = check.arg("--check").arg("--config").arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(EX_CONFIG), "{}", file.display());
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains(&format!("{}:", file.display())), "{words}");
    }
}
