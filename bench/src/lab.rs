//! Two namespaces and the cable between them. Receive steering puts the server's half of the work on one core
//! and the clients' half on the other, as two machines would.

use std::fs::{self, File};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, setns};

use crate::frames::Mac;

/// The server's address.
pub(crate) const SERVER: [u8; 4] = [10, 99, 0, 1];
/// The core of the server, and that of the clients.
pub(crate) const CORES: [usize; 2] = [0, 1];

/// Gone when dropped.
#[derive(Debug)]
pub(crate) struct Lab {
    server: String,
    client: String,
    /// The clients' end of the cable, and the server's.
    pub(crate) macs: [Mac; 2],
    /// The index of the clients' end.
    pub(crate) index: u32,
    /// What has to be as it was afterwards.
    _settings: Vec<Setting>,
}

/// One of the kernel's settings, put back when dropped.
#[derive(Debug)]
struct Setting {
    path: &'static str,
    before: String,
}

impl Setting {
    fn change(path: &'static str, to: &str) -> Option<Self> {
        let before = fs::read_to_string(path).ok()?;
        fs::write(path, to).ok()?;
        Some(Self { path, before })
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        // What could be written can be written back.
        let _ = fs::write(self.path, &self.before);
    }
}

/// The frames that may wait for each core, so that a pause of a shared machine is not counted as loss; and whether
/// every session gets the same share of a core, whatever its priority.
const SETTINGS: [(&str, &str); 2] =
    [("/proc/sys/net/core/netdev_max_backlog", "8192"), ("/proc/sys/kernel/sched_autogroup_enabled", "0")];

impl Lab {
    pub(crate) fn new() -> Result<Self> {
        let name = |end: &str| format!("ntp-bench-{}-{end}", std::process::id());
        let settings = SETTINGS.iter().filter_map(|(path, to)| Setting::change(path, to)).collect();
        let (server, client) = (name("server"), name("client"));
        let mut lab = Self { server, client, macs: [[0; 6]; 2], index: 0, _settings: settings };
        for host in [&lab.server, &lab.client] {
            ip(&format!("netns add {host}"))?;
            ip(&format!("-n {host} link set lo up"))?;
        }
        let (server, client) = (&lab.server, &lab.client);
        ip(&format!("link add cable netns {client} type veth peer name cable netns {server}"))?;
        for (host, number) in [(server, 1), (client, 2)] {
            ip(&format!("-n {host} addr add 10.99.0.{number}/24 dev cable"))?;
            ip(&format!("-n {host} link set cable up"))?;
        }
        let [(client_mac, index), (server_mac, _)] = [link(client)?, link(server)?];
        ip(&format!("-n {server} neigh replace 10.99.0.2 lladdr {client_mac} dev cable nud permanent"))?;
        ip(&format!("-n {client} neigh replace 10.99.0.1 lladdr {server_mac} dev cable nud permanent"))?;
        ip(&format!("-n {server} route add 10.0.0.0/8 via 10.99.0.2"))?;
        for (host, core) in [(server, CORES[0]), (client, CORES[1])] {
            let steer = format!("echo {} > /sys/class/net/cable/queues/rx-0/rps_cpus", 1 << core);
            run(Command::new("ip").args(["netns", "exec", host, "sh", "-c", &steer]))?;
            let paths = "net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.cable.rp_filter=0";
            run(Command::new("ip").args(["netns", "exec", host, "sysctl", "-qw"]).args(paths.split(' ')))?;
        }
        lab.macs = [mac(&client_mac)?, mac(&server_mac)?];
        lab.index = index;
        Ok(lab)
    }

    /// The beginning of a command on the server's core.
    pub(crate) fn on_server(&self) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.server, "nice", "-n", "-20", "taskset", "-c"]);
        command.arg(CORES[0].to_string());
        command
    }

    /// Does something where the clients are, such as opening a socket, which then belongs there.
    pub(crate) fn at_client<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let there = File::open(format!("/run/netns/{}", self.client))?;
        let go = move || {
            setns(there, CloneFlags::CLONE_NEWNET)?;
            work()
        };
        // The thread goes there and does not come back.
        thread::scope(|scope| scope.spawn(go).join().expect("the thread does not panic"))
    }

    /// How many frames have come back to the clients.
    pub(crate) fn replies(&self) -> Result<u64> {
        self.came_back("packets")
    }

    /// How many bytes have come back to the clients.
    pub(crate) fn reply_bytes(&self) -> Result<u64> {
        self.came_back("bytes")
    }

    fn came_back(&self, what: &str) -> Result<u64> {
        let text = ip(&format!("-n {} -j -s link show cable", self.client))?;
        let links: serde_json::Value = serde_json::from_str(&text)?;
        links[0]["stats64"]["rx"][what].as_u64().context("the interface counts")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for host in [&self.server, &self.client] {
            // It may never have been made.
            let _ = ip(&format!("netns del {host}"));
        }
    }
}

fn link(host: &str) -> Result<(String, u32)> {
    let links: serde_json::Value = serde_json::from_str(&ip(&format!("-n {host} -j link show cable"))?)?;
    let address = links[0]["address"].as_str().context("the cable has an address")?;
    let index = links[0]["ifindex"].as_u64().context("the cable has an index")?;
    Ok((address.to_owned(), index.try_into()?))
}

fn mac(text: &str) -> Result<Mac> {
    let bytes: Result<Vec<u8>, _> = text.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect();
    bytes?.try_into().ok().context("six bytes")
}

fn ip(arguments: &str) -> Result<String> {
    run(Command::new("ip").args(arguments.split(' ')))
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
