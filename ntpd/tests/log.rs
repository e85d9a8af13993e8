//! The log as programs read it.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod daemon;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use daemon::{Daemon, namespaces_can_be_made};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The words of the documentation that are set as code.
fn documented() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/log-events.md")).unwrap();
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The quoted word after each `before` in a text.
fn quoted_after<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next())
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn whatever_is_told_has_a_name_that_is_documented() {
    let documented = documented();
    let mut told = Vec::new();
    sources(&root().join("ntpd/src"), &mut told);
    let mut names = BTreeSet::new();
    for text in &told {
        for level in ["error", "warn", "info", "debug"] {
            for call in text.split(&format!("tracing::{level}!(")).skip(1) {
                let call = call.trim_start();
                assert!(call.starts_with("event = "), "without a name: {}", call.lines().next().unwrap());
            }
        }
        names.extend(quoted_after(text, "event = \""));
    }
    let fields = fs::read_to_string(root().join("engine/src/event/fields.rs")).unwrap();
    names.extend(quoted_after(&fields, "=> \""));
    assert!(names.len() > 30, "{names:?}");
    let missing: Vec<_> = names.into_iter().filter(|name| !documented.contains(*name)).collect();
    assert!(missing.is_empty(), "not in docs/log-events.md: {missing:?}");
}

#[test]
fn every_line_is_json_if_that_is_wanted() {
    if !namespaces_can_be_made() {
        return;
    }
    let config = "enabled = true\n[[sources.servers]]\naddress = '127.0.0.1'\n[[sources.pools]]\nname = 'a.invalid'\n\
        [server.local]\nenabled = true\n[[security.access]]\nnetwork = '127.0.0.0/8'\npermission = 'allow'";
    let daemon = Daemon::start_with("json", config, &["--log-format", "json"]);
    daemon.wait_for("the failed look-up", |daemon| daemon.log().contains("\"lookup_failed\""));
    let documented = documented();
    let lines: Vec<Value> = daemon
        .log()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    for line in &lines {
        assert!(
            line["time"].is_string() && line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
        assert!(documented.contains(line["event"].as_str().unwrap()), "{line}");
    }
    let find = |name: &str| lines.iter().find(|line| line["event"] == name).unwrap();
    assert_eq!(find("source_added")["address"], "127.0.0.1:123");
    assert_eq!(find("lookup_failed")["name"], "a.invalid");
    assert!(find("lookup_failed")["retry_s"].as_f64().unwrap() >= 1.0);
    assert_eq!(find("starting")["version"], env!("CARGO_PKG_VERSION"));
}

/// The first line that a daemon writes which does nothing, if `JOURNAL_STREAM` names what `stream` makes of its log.
fn first_line(stream: impl Fn(&fs::Metadata) -> String) -> String {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    fs::write(place("ntpd.toml"), "enabled = false").unwrap();
    let log = fs::File::create(place("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ntpd"));
    command.arg("--config").arg(place("ntpd.toml")).arg("--socket").arg(place("socket")).arg("-x");
    command.env("JOURNAL_STREAM", stream(&log.metadata().unwrap())).env("STATE_DIRECTORY", folder.path());
    let mut child = command.env_remove("NOTIFY_SOCKET").stderr(log).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    let text = loop {
        let text = fs::read_to_string(place("log")).unwrap();
        if text.contains('\n') || Instant::now() > end {
            break text;
        }
        sleep(Duration::from_millis(10));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    text.lines().next().unwrap().to_owned()
}

#[test]
fn the_journal_is_told_priorities_and_a_file_is_not() {
    let journal = first_line(|log| format!("{}:{}", log.dev(), log.ino()));
    assert!(journal.starts_with("<6>ntpd "), "{journal}");
    let redirected = first_line(|log| format!("{}:{}", log.dev(), log.ino() + 1));
    assert!(redirected.contains("Z  INFO ntpd "), "{redirected}");
}
