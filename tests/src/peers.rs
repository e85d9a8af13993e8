//! Other people's programs on a host. Their starters drop the right to set the clock.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::daemon::signal;
use crate::ground::peer;
use crate::host::Host;

/// A program that runs until it is dropped.
#[derive(Debug)]
pub struct Peer<'h> {
    host: &'h Host,
    child: Child,
    folder: TempDir,
}

/// A program to be started. Where an argument says `CONFIG`, its configuration file is meant.
#[derive(Debug)]
pub struct Starter<'h> {
    host: &'h Host,
    name: String,
    folder: TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    still_clock: bool,
}

impl<'h> Starter<'h> {
    /// The starter `name` of the peers, on `host`.
    #[must_use]
    pub fn new(host: &'h Host, name: &str) -> Self {
        let folder = private_folder();
        let (arguments, variables) = (Vec::new(), Vec::new());
        Self { host, name: name.to_owned(), folder, arguments, variables, still_clock: false }
    }

    /// Its configuration. The word `FOLDER` in it becomes a folder for nobody else.
    #[must_use]
    pub fn config(self, text: &str) -> Self {
        let text = text.replace("FOLDER", &self.folder.path().display().to_string());
        fs::write(self.folder.path().join("config"), text).expect("the configuration can be written");
        self
    }

    /// Its arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        let config = self.folder.path().join("config").display().to_string();
        self.arguments.extend(arguments.iter().map(|a| a.replace("CONFIG", &config)));
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// For a program that ends, or serves nothing, when it may not set the clock: it is made to believe that it
    /// does. The clock of the machine is left alone all the same.
    #[must_use]
    pub const fn with_still_clock(mut self) -> Self {
        self.still_clock = true;
        self
    }

    /// Starts it.
    #[must_use]
    pub fn start(self) -> Peer<'h> {
        let Self { host, name, folder, arguments, variables, still_clock } = self;
        let mut command = if still_clock {
            let mut command = host.command(peer("still-clock"));
            command.arg(&name);
            command
        } else {
            host.command(peer(&name))
        };
        let log = fs::File::create(folder.path().join("log")).expect("the log can be made");
        command
            .args(arguments)
            .envs(variables)
            .stderr(log.try_clone().expect("a log can be shared"))
            .stdout(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} cannot be run: {error}"));
        Peer { host, child, folder }
    }
}

impl Peer<'_> {
    /// What it said so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits for a line that holds all these words, and returns the first such line.
    #[must_use]
    pub fn wait_for_line(&mut self, words: &[&str], patience: Duration) -> String {
        let end = Instant::now() + patience;
        loop {
            // Its end is noticed before its last words are read.
            let ended = !matches!(self.child.try_wait(), Ok(None));
            let log = self.log();
            if let Some(line) = log.lines().find(|line| words.iter().all(|w| line.contains(w))) {
                return line.trim().to_owned();
            }
            assert!(!ended, "it ended without {words:?}:\n{log}");
            assert!(Instant::now() < end, "waited {patience:?} for {words:?}:\n{log}");
            sleep(Duration::from_millis(50));
        }
    }

    /// Waits until another of the peers' programs, which asks this one, prints a line that holds; returns it.
    /// `CONFIG` is this one's configuration.
    #[must_use]
    pub fn wait_for_answer(
        &self,
        name: &str,
        arguments: &[&str],
        patience: Duration,
        holds: impl Fn(&str) -> bool,
    ) -> String {
        let config = self.folder.path().join("config").display().to_string();
        let end = Instant::now() + patience;
        loop {
            let mut command = self.host.command(peer(name));
            command.args(arguments.iter().map(|a| a.replace("CONFIG", &config)));
            let output = command.output().unwrap_or_else(|error| panic!("{name} cannot be run: {error}"));
            let said = words_of(&output);
            if let Some(line) = said.lines().find(|line| holds(line)) {
                return line.trim().to_owned();
            }
            assert!(Instant::now() < end, "after {patience:?} {name} says:\n{said}\n{}", self.log());
            sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Peer<'_> {
    /// Asks it to end, since it may have children to end, and then does not ask.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            signal(self.child.id(), "TERM");
        }
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            sleep(Duration::from_millis(20));
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One of the peers' programs that measures, says what it found and ends.
#[must_use]
pub fn run_once(host: &Host, name: &str, arguments: &[&str]) -> Output {
    host.command(peer(name)).args(arguments).output().unwrap_or_else(|e| panic!("{name} cannot be run: {e}"))
}

/// All that a program printed.
#[must_use]
pub fn words_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The number that stands right after `before`, as in `offset:-0.000004 delay:…`.
#[must_use]
pub fn number_after(text: &str, before: &str) -> Option<f64> {
    let rest = text.split(before).nth(1)?.trim_start();
    let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e')).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Which chrony.
#[derive(Clone, Copy, Debug)]
pub enum Chrony {
    /// 4.3 of Debian 12.
    V4_3,
    /// 4.6.1 of Debian 13.
    V4_6,
}

impl Chrony {
    const fn daemon(self) -> &'static str {
        match self {
            Self::V4_3 => "chronyd",
            Self::V4_6 => "trixie-chronyd",
        }
    }

    const fn control(self) -> &'static str {
        match self {
            Self::V4_3 => "chronyc",
            Self::V4_6 => "trixie-chronyc",
        }
    }
}

/// A running chronyd. Ended when dropped.
#[derive(Debug)]
pub struct Chronyd<'h> {
    version: Chrony,
    host: &'h Host,
    child: Child,
    folder: TempDir,
}

impl<'h> Chronyd<'h> {
    /// Starts Debian 12's with these lines of configuration and `-x`.
    #[must_use]
    pub fn start(host: &'h Host, lines: &str) -> Self {
        Self::start_version(Chrony::V4_3, host, lines)
    }

    /// Starts this one with these lines of configuration and `-x`.
    #[must_use]
    pub fn start_version(version: Chrony, host: &'h Host, lines: &str) -> Self {
        let folder = private_folder();
        let config = write_config(&folder, lines);
        let log = fs::File::create(folder.path().join("log")).expect("the log can be made");
        let mut command = host.command(peer(version.daemon()));
        command.args(["-x", "-d", "-u", "root", "-f"]).arg(config).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("chronyd can be run");
        let chronyd = Self { version, host, child, folder };
        let end = Instant::now() + Duration::from_secs(15);
        while !chronyd.folder.path().join("socket").exists() {
            assert!(Instant::now() < end, "chronyd does not start:\n{}", chronyd.log());
            sleep(Duration::from_millis(50));
        }
        chronyd
    }

    /// A server with a clock of stratum 1 for everybody.
    #[must_use]
    pub fn serving(host: &'h Host) -> Self {
        Self::start(host, "local stratum 1\nallow all\n")
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// What `chronyc -c` prints.
    #[must_use]
    pub fn chronyc(&self, command: &str) -> String {
        let output = self
            .host
            .command(peer(self.version.control()))
            .arg("-h")
            .arg(self.folder.path().join("socket"))
            .args(["-c", command])
            .output()
            .expect("chronyc can be run");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Chronyd<'_> {
    /// Waits until the fields of its `authdata` hold: source, mode, key, type, bits, last, attempts, NAKs, cookies and
    /// their length.
    pub fn wait_for_authdata(&self, patience: Duration, holds: impl Fn(&[&str]) -> bool) {
        let end = Instant::now() + patience;
        loop {
            let said = self.chronyc("authdata");
            if holds(&said.trim().split(',').collect::<Vec<_>>()) {
                return println!("authdata: {}", said.trim());
            }
            assert!(Instant::now() < end, "{said}\n{}", self.log());
            sleep(Duration::from_millis(100));
        }
    }

    /// Asks it to end, so that it writes down what it keeps for its next start.
    pub fn end(mut self) {
        // `ip netns exec` has become it.
        signal(self.child.id(), "TERM");
        let end = Instant::now() + Duration::from_secs(10);
        while matches!(self.child.try_wait(), Ok(None)) {
            assert!(Instant::now() < end, "it does not end:\n{}", self.log());
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Chronyd<'_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `chronyd -Q`: measures, prints the offset and ends.
#[must_use]
pub fn chronyd_once(host: &Host, lines: &str) -> Output {
    chronyd_version_once(Chrony::V4_3, host, lines)
}

/// The same with this chronyd.
#[must_use]
pub fn chronyd_version_once(version: Chrony, host: &Host, lines: &str) -> Output {
    let folder = private_folder();
    let config = write_config(&folder, lines);
    let mut command = host.command(peer(version.daemon()));
    command.args(["-Q", "-t", "20", "-u", "root", "-f"]).arg(config);
    command.output().expect("chronyd can be run")
}

/// chronyd opens its command socket only where nobody else can get at it.
fn private_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o750);
    fs::set_permissions(folder.path(), owner_only).expect("the folder is ours");
    folder
}

fn write_config(folder: &TempDir, lines: &str) -> PathBuf {
    let path = folder.path();
    let places = format!(
        "pidfile {}\nbindcmdaddress {}\ncmdport 0\n",
        path.join("pid").display(),
        path.join("socket").display()
    );
    let config = path.join("chrony.conf");
    fs::write(&config, format!("{lines}\n{places}")).expect("the configuration can be written");
    config
}
