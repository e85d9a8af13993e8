//! A daemon in a network namespace that has nothing but a loopback interface, and with shared memory of its own: nothing
//! leaves it.

#![allow(dead_code, reason = "each file of tests needs its part")]

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// More than a busy machine needs for any single step.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether this machine lets us; where it does not, only CI insists.
pub(crate) fn namespaces_can_be_made() -> bool {
    let tried = Command::new("unshare").args(["--net", "--ipc", "true"]).stderr(Stdio::null()).status();
    let can = tried.is_ok_and(|status| status.success());
    let insists = env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(can || !insists, "network namespaces are needed, and root to make them");
    if !can {
        eprintln!("skipped, since network namespaces cannot be made (root is needed)");
    }
    can
}

/// It leaves the clock alone. Killed when dropped.
pub(crate) struct Daemon {
    name: String,
    child: Child,
    folder: TempDir,
}

impl Daemon {
    /// In a namespace of its own, with this configuration; answers `ntpctl` when this returns.
    pub(crate) fn start(name: &str, config: &str) -> Self {
        Self::start_with(name, config, &[])
    }

    /// The same, with more arguments.
    pub(crate) fn start_with(name: &str, config: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new("unshare");
        // The shell becomes the daemon, so the process that we hold is the daemon itself.
        command.args(["--net", "--ipc", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
        Self::start_by(command, name, config, arguments)
    }

    /// In the namespace of another one.
    pub(crate) fn start_beside(other: &Self, name: &str, config: &str) -> Self {
        Self::start_by(other.enter(), name, config, &[])
    }

    fn start_by(mut command: Command, name: &str, text: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("ntpd.toml");
        fs::write(&config, text).unwrap();
        command.arg(env!("CARGO_BIN_EXE_ntpd")).arg("--config").arg(config).arg("-x");
        command.arg("--socket").arg(folder.path().join("socket")).args(arguments);
        command.env_remove("NOTIFY_SOCKET").env("STATE_DIRECTORY", folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::create(folder.path().join("log")).unwrap());
        let daemon = Self { name: name.to_owned(), child: command.spawn().unwrap(), folder };
        daemon.wait_for("its control socket", |daemon| daemon.socket().exists());
        daemon
    }

    /// The beginning of a command in its namespace.
    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.child.id()));
        command
    }

    /// `ip` in its namespace.
    pub(crate) fn ip(&self, arguments: &str) {
        let done = self.enter().arg("ip").args(arguments.split(' ')).status();
        assert!(done.unwrap().success(), "ip {arguments}");
    }

    /// For messages: which one it is, and what it said.
    pub(crate) fn about(&self) -> String {
        format!("{}\n{}", self.name, self.log())
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Its control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub(crate) fn wait_for(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < end, "waited in vain for {what}: {}", self.about());
            sleep(Duration::from_millis(10));
        }
    }

    /// `ntpctl` in its namespace.
    pub(crate) fn ntpctl(&self, arguments: &[&str]) -> Output {
        let mut command = self.enter();
        command.arg(env!("CARGO_BIN_EXE_ntpctl")).arg("--socket").arg(self.socket());
        command.args(arguments).output().unwrap()
    }

    pub(crate) fn json(&self, command: &str) -> Value {
        let output = self.ntpctl(&[command, "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.about()))
    }

    /// What it says of itself. A clock that is not synchronised is told with a 1.
    pub(crate) fn status(&self) -> Value {
        let text = self.ntpctl(&["status"]);
        assert!(matches!(text.status.code(), Some(0 | 1)) && !text.stdout.is_empty(), "{}", self.about());
        self.json("status")
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends it as an operator would; returns its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.signal("TERM");
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "does not end: {}", self.about());
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
