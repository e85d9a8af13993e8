//! Files of sources that other programs leave, while the daemon runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod daemon;

use std::fs;

use daemon::{Daemon, namespaces_can_be_made};

/// Name and origin of every source, and the requests that each has had.
fn sources(daemon: &Daemon) -> Vec<(String, String, u64)> {
    let json = daemon.json("sources");
    let text = |source: &serde_json::Value, key: &str| source[key].as_str().unwrap().to_owned();
    let all = json["sources"].as_array().unwrap().iter();
    all.map(|s| (text(s, "name"), text(s, "origin"), s["requests"].as_u64().unwrap())).collect()
}

fn names(daemon: &Daemon) -> Vec<String> {
    sources(daemon).into_iter().map(|(name, ..)| name).collect()
}

#[test]
fn a_reload_brings_what_is_new_and_spares_what_is_not() {
    if !namespaces_can_be_made() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dhcp.sources");
    fs::write(&file, "server 127.0.0.1 minpoll 0 maxpoll 0\nserver 127.0.0.2\n").unwrap();
    let config = format!(
        "enabled = true\n[sources]\nsourcedir = [{:?}]\n[[sources.servers]]\naddress = '127.0.0.9'",
        folder.path()
    );
    let daemon = Daemon::start("sources", &config);
    daemon.wait_for("the sources of the file", |d| names(d) == ["127.0.0.9", "127.0.0.1", "127.0.0.2"]);
    daemon.wait_for("a second request", |d| sources(d)[1].2 > 1);
    let before = sources(&daemon);
    assert_eq!(before[0].1, "configuration");
    assert_eq!(before[1].1, file.display().to_string());

    fs::write(&file, "server 127.0.0.1 minpoll 0 maxpoll 0\nserver x key 1\nserver 127.0.0.3").unwrap();
    let reload = daemon.ntpctl(&["reload", "sources"]);
    assert_eq!(reload.status.code(), Some(0), "{reload:?}");
    let told = format!("{}: line 2: this version does not carry out key", file.display());
    assert!(String::from_utf8_lossy(&reload.stderr).contains(&told), "{reload:?}");
    assert!(daemon.about().contains(&told), "{}", daemon.about());
    assert_eq!(names(&daemon), ["127.0.0.9", "127.0.0.1", "127.0.0.3"]);
    assert!(sources(&daemon)[1].2 >= before[1].2, "it is the same source as before");

    fs::remove_file(&file).unwrap();
    assert_eq!(daemon.ntpctl(&["reload", "sources"]).status.code(), Some(0));
    assert_eq!(names(&daemon), ["127.0.0.9"]);
}

#[test]
fn without_directories_there_is_nothing_to_reload() {
    if !namespaces_can_be_made() {
        return;
    }
    let daemon = Daemon::start("no directories", "enabled = true");
    let reload = daemon.ntpctl(&["reload", "sources"]);
    assert_eq!(reload.status.code(), Some(1), "{reload:?}");
    assert!(String::from_utf8_lossy(&reload.stderr).contains("sources.sourcedir"), "{reload:?}");
}
