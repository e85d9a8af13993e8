//! How the daemon starts, ends, and what it does without.

use std::fs;
use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::{network, program};

const LOCAL: &str = "[server.local]\nenabled = true\n\
    [[security.access]]\nnetwork = \"127.0.0.0/8\"\npermission = \"allow\"\n";

#[test]
fn sigterm_ends_it_in_good_order() {
    let Some(network) = network() else { return };
    let daemon = Daemon::start(&network.client, LOCAL);
    let (code, log) = daemon.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("SIGTERM received") && log.contains("ntpd ended"), "{log}");
}

#[test]
fn systemd_is_told_when_it_is_ready() {
    let Some(network) = network() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let _daemon = Daemon::start_as(&network.client, LOCAL, |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    let mut said = String::new();
    while !said.contains("READY=1") {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).expect("the daemon says READY=1");
        said.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}

/// The names of its threads, in order.
fn threads(daemon: &Daemon<'_>) -> Vec<String> {
    // `ip netns exec` becomes the program that it starts.
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).expect("it runs");
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).expect("no thread ends");
    let mut names: Vec<String> = tasks.flatten().map(|task| name(task).trim().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn at_rest_it_has_the_threads_that_were_asked_for() {
    let Some(network) = network() else { return };
    for (workers, expected) in [(0, &["ntpd"][..]), (2, &["ntpd", "serve-0", "serve-1"])] {
        let daemon = Daemon::start(&network.client, &format!("[server]\nworkers = {workers}\n{LOCAL}"));
        assert_eq!(threads(&daemon), expected);
        let (code, log) = daemon.terminate();
        assert_eq!(code, Some(0), "{log}");
    }
}

#[test]
fn threads_wait_for_nobody_who_may_not_ask() {
    let Some(network) = network() else { return };
    let daemon = Daemon::start(&network.client, "[server]\nworkers = 2\n");
    assert_eq!(threads(&daemon), ["ntpd"]);
}

#[test]
fn a_port_that_is_taken_and_names_without_dns_are_visible_states() {
    let Some(network) = network() else { return };
    let _first = Daemon::start(&network.client, LOCAL);
    let pool = format!("[[sources.pools]]\nname = \"pool.example\"\n{LOCAL}");
    let second = Daemon::start(&network.client, &pool);
    let status = second.json("status");
    let problems = status["problems"].to_string();
    assert!(problems.contains("serving on 0.0.0.0:123") && problems.contains("tried again"), "{problems}");
    assert_eq!(status["unresolved"][0], "pool.example");
    let told = |d: &Daemon<'_>| d.log().contains("no address for pool.example");
    second.wait_for("the failed look-up", Duration::from_secs(20), told);
}

#[test]
fn the_built_in_default_needs_no_privileges_and_says_what_it_does() {
    let Some(network) = network() else { return };
    let folder = tempfile::tempdir().unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(folder.path(), everybody).unwrap();
    let binary = folder.path().join("program");
    fs::copy(program("ntpd"), &binary).unwrap();
    let mut child = network
        .client
        .command("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"])
        .arg(&binary)
        .env("XDG_RUNTIME_DIR", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let socket = folder.path().join("ntpd/ntpd.sock");
    let answered =
        network.client.command(program("ntpctl")).arg("--socket").arg(&socket).arg("status").output();
    truechimer_tests::daemon::signal(child.id(), "TERM");
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{log}");
    for words in ["built-in default", "the clock is left alone", "run it as root", "0.0.0.0:11123"] {
        assert!(log.contains(words), "{words}: {log}");
    }
    let said = String::from_utf8_lossy(&answered.unwrap().stdout).into_owned();
    assert!(said.contains("not synchronised"), "{said}");
}

#[test]
fn a_wrong_configuration_ends_with_78_and_a_missing_one_with_66() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("wrong.toml");
    fs::write(&config, "enabled = true\n[server]\nprot = 123\n").unwrap();
    let run = |file: &std::path::Path| {
        Command::new(program("ntpd")).arg("--check").arg("--config").arg(file).output().unwrap()
    };
    let wrong = run(&config);
    assert_eq!(wrong.status.code(), Some(78));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.contains(":3:1:") && said.contains("port"), "{said}");
    assert_eq!(run(&folder.path().join("none.toml")).status.code(), Some(66));
}
