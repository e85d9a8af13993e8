//! The server under test.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::generator::{Clients, Generator};
use crate::lab::Lab;

/// How long a server may take to answer for the first time, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server; ended when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Keeps a virtual core from halting, which would cost a trip to its host each time.
    spinner: Option<Child>,
}

impl Server {
    /// Starts `command`, whose words are separated by spaces, and waits until it answers.
    pub(crate) fn start(lab: &Lab, command: &str, generator: &Generator) -> Result<Self> {
        let mut clients = Clients::new(lab, 1, 0);
        Self::start_until(lab, command, || {
            let before = lab.replies()?;
            generator.send(100.0, Duration::from_millis(100), |burst| clients.fill(burst));
            Ok(lab.replies()? > before + 5)
        })
    }

    /// Starts `command` and waits until `answers` says so.
    pub(crate) fn start_until(
        lab: &Lab,
        command: &str,
        mut answers: impl FnMut() -> Result<bool>,
    ) -> Result<Self> {
        let quietly = |mut command: Command| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
        };
        let mut server = lab.on_server();
        server.args(command.split_whitespace());
        let mut spinner = Command::new("chrt");
        spinner.args(["-i", "0", "taskset", "-c", "0", "timeout", "300", "sh", "-c", "while :; do :; done"]);
        let mut server = Self { child: quietly(server)?, spinner: quietly(spinner).ok() };
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = server.child.try_wait()? {
                bail!("it ended by itself: {status}");
            }
            if answers()? {
                return Ok(server);
            }
        }
        bail!("it does not answer")
    }

    /// Seconds of the processor that it has used, in all its processes.
    pub(crate) fn cpu_s(&self) -> f64 {
        // Ticks of 10 ms on all common machines.
        processes_below(self.child.id()).iter().filter_map(|pid| ticks(*pid)).sum::<u64>() as f64 / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let spinner = self.spinner.as_ref().map_or_else(Vec::new, |child| processes_below(child.id()));
        for pid in processes_below(self.child.id()) {
            signal(pid, "TERM");
        }
        for pid in spinner {
            signal(pid, "KILL");
        }
        let end = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            sleep(Duration::from_millis(20));
        }
        for child in [Some(&mut self.child), self.spinner.as_mut()].into_iter().flatten() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// A process and all that it has started.
fn processes_below(root: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(parent) = stat(pid).and_then(|fields| fields.get(1)?.parse().ok()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let (mut found, mut next) = (vec![root], 0);
    while let Some(pid) = found.get(next).copied() {
        found.extend(children.remove(&pid).unwrap_or_default());
        next += 1;
    }
    found
}

fn ticks(pid: u32) -> Option<u64> {
    let fields = stat(pid)?;
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

/// `/proc/PID/stat` from the third field on; the second may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}
