//! Our daemon on a host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::ground::program;
use crate::host::Host;

/// A running `ntpd`. Ended and cleaned up when dropped.
#[derive(Debug)]
pub struct Daemon<'h> {
    host: &'h Host,
    child: Child,
    folder: TempDir,
    started: Instant,
}

impl<'h> Daemon<'h> {
    /// Starts with the configuration `text`, to which `enabled = true` and `control = "none"` are added: tests
    /// on the host leave its clock alone.
    #[must_use]
    pub fn start(host: &'h Host, text: &str) -> Self {
        Self::start_as(host, text, |_| {})
    }

    /// The same, with the command changed before it runs.
    #[must_use]
    pub fn start_as(host: &'h Host, text: &str, change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        fs::write(folder.path().join("ntpd.toml"), whole(text)).expect("the configuration can be written");
        let mut command = command(host, folder.path());
        change(&mut command);
        let child = command.spawn().expect("the daemon can be run");
        let daemon = Self { host, child, folder, started: Instant::now() };
        daemon.wait_for_socket();
        daemon
    }

    /// Ends it by this signal and returns when it is gone; what it leaves in its [`state`](Self::state) stays.
    pub fn end(&mut self, name: &str) {
        signal(self.child.id(), name);
        self.child.wait().expect("the daemon is ours to wait for");
        // It has removed that itself unless it was killed.
        let _ = fs::remove_file(self.folder.path().join("socket"));
    }

    /// Starts it once more where it has been, after [`end`](Self::end).
    pub fn start_again(&mut self) {
        let mut command = command(self.host, self.folder.path());
        self.child = command.spawn().expect("the daemon can be run");
        self.started = Instant::now();
        self.wait_for_socket();
    }

    fn wait_for_socket(&self) {
        self.wait_for("the control socket", Duration::from_secs(5), |d| {
            d.folder.path().join("socket").exists()
        });
    }

    /// What it keeps for its next start, by the name of the file.
    #[must_use]
    pub fn state(&self, name: &str) -> PathBuf {
        self.folder.path().join("state").join(name)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Changes the file that it was started with, as [`start`](Self::start) wrote it.
    pub fn configure(&self, text: &str) {
        fs::write(self.folder.path().join("ntpd.toml"), whole(text)).expect("the file can be written");
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// `ntpctl` with these arguments, on the daemon's host.
    #[must_use]
    pub fn ntpctl(&self, arguments: &[&str]) -> Output {
        let mut command = self.host.command(program("ntpctl"));
        command.arg("--socket").arg(self.folder.path().join("socket")).args(arguments);
        command.output().expect("ntpctl can be run")
    }

    /// What `ntpctl` prints as JSON.
    #[must_use]
    pub fn json(&self, what: &str) -> Value {
        let words: Vec<&str> = what.split(' ').chain(["--json"]).collect();
        let output = self.ntpctl(&words);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("ntpctl {what} --json: {error}\n{}", String::from_utf8_lossy(&output.stderr))
        })
    }

    /// Waits until `holds`, and says how long after its start that was.
    pub fn wait_for(&self, what: &str, patience: Duration, holds: impl Fn(&Self) -> bool) -> Duration {
        let end = Instant::now() + patience;
        while !holds(self) {
            assert!(
                Instant::now() < end,
                "waited {patience:?} for {what}; the daemon's log:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(50));
        }
        self.started.elapsed()
    }

    /// Waits until the clock is synchronised, and says how long after the start that was.
    pub fn wait_for_sync(&self, patience: Duration) -> Duration {
        self.wait_for("synchronisation", patience, |d| d.json("tracking")["synchronised"] == true)
    }

    /// Ends it with SIGTERM; returns its exit code and what it logged.
    #[must_use]
    pub fn terminate(mut self) -> (Option<i32>, String) {
        signal(self.child.id(), "TERM");
        let code = self.child.wait().expect("the daemon is ours to wait for").code();
        (code, self.log())
    }
}

/// The daemon with this folder, in which it finds its configuration and leaves all else. Its log grows from start to
/// start.
fn command(host: &Host, folder: &Path) -> Command {
    let log = fs::File::options().create(true).append(true).open(folder.join("log"));
    let mut command = host.command(program("ntpd"));
    command.arg("--config").arg(folder.join("ntpd.toml")).arg("-x");
    command.arg("--socket").arg(folder.join("socket")).env("STATE_DIRECTORY", folder.join("state"));
    command.stdout(Stdio::null()).stderr(log.expect("the log can be made"));
    command
}

/// A configuration that says that it is one.
fn whole(text: &str) -> String {
    format!("enabled = true\n{text}")
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that a test started.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.is_ok_and(|s| s.success()), "signal {name} to {pid}");
}
