//! Two hosts with a cable between them, made of network namespaces. Nothing leaves them.

use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, setns};

/// Client and server, and the cable between them. Gone when dropped.
#[derive(Debug)]
pub struct Network {
    /// 10.99.0.1 and fd99::1.
    pub client: Host,
    /// 10.99.0.2 and fd99::2.
    pub server: Host,
}

/// A network namespace.
#[derive(Debug)]
pub struct Host {
    name: String,
}

impl Network {
    /// Both hosts, up and with addresses.
    ///
    /// # Errors
    /// When namespaces cannot be made here.
    pub fn new() -> Result<Self> {
        let network = Self { client: Host::new()?, server: Host::new()? };
        let (client, server) = (&network.client.name, &network.server.name);
        ip(&[
            "link", "add", "cable", "netns", client, "type", "veth", "peer", "name", "cable", "netns", server,
        ])?;
        for (host, number) in [(client, 1), (server, 2)] {
            ip(&["-n", host, "link", "set", "lo", "up"])?;
            ip(&["-n", host, "addr", "add", &format!("10.99.0.{number}/24"), "dev", "cable"])?;
            // Without duplicate address detection, which takes seconds, the address can be used at once.
            ip(&["-n", host, "addr", "add", &format!("fd99::{number}/64"), "dev", "cable", "nodad"])?;
            ip(&["-n", host, "link", "set", "cable", "up"])?;
        }
        Ok(network)
    }
}

impl Host {
    fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("truechimer-{}-{number}", std::process::id());
        ip(&["netns", "add", &name])?;
        Ok(Self { name })
    }

    /// A command that will run on this host.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program).stdin(Stdio::null());
        command
    }

    /// One more address on the cable.
    ///
    /// # Errors
    /// When the kernel does not want it.
    pub fn add_address(&self, address: &str) -> Result<()> {
        ip(&["-n", &self.name, "addr", "add", address, "dev", "cable", "nodad"])
    }

    /// One address less.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove_address(&self, address: &str) -> Result<()> {
        ip(&["-n", &self.name, "addr", "del", address, "dev", "cable"])
    }

    /// Programs that start on this host from now on ask this name server and nobody else, for one second.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn ask_names_of(&self, server: IpAddr) -> Result<()> {
        let folder = self.etc();
        fs::create_dir_all(&folder)?;
        let resolver = format!("nameserver {server}\noptions timeout:1 attempts:1\n");
        fs::write(folder.join("resolv.conf"), resolver)?;
        fs::write(folder.join("nsswitch.conf"), "hosts: files dns\n")?;
        Ok(())
    }

    /// A socket of ours on this host.
    ///
    /// # Errors
    /// When the address is not there or taken.
    pub fn socket(&self, address: SocketAddr) -> Result<UdpSocket> {
        // A socket belongs where it was made.
        let made = self.run(|| Ok(UdpSocket::bind(address)?));
        made.with_context(|| format!("a socket for {address} on {}", self.name))
    }

    /// Does some work on this host, in a thread that goes there and does not come back.
    ///
    /// # Errors
    /// Those of the work, or when there is no such host any more.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let there = || {
            setns(File::open(Path::new("/run/netns").join(&self.name))?, CloneFlags::CLONE_NEWNET)?;
            work()
        };
        thread::scope(|scope| scope.spawn(there).join().expect("the thread does not panic"))
    }

    /// Programs that start on this host from now on know this address by a name. They ask no name server.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn name_address(&self, name: &str, address: IpAddr) -> Result<()> {
        self.ask_names_of(IpAddr::from([127, 0, 0, 1]))?;
        fs::write(self.etc().join("hosts"), format!("{address} {name}\n"))?;
        Ok(())
    }

    /// What lies here, `ip netns exec` puts over the files in `/etc`.
    fn etc(&self) -> PathBuf {
        Path::new("/etc/netns").join(&self.name)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "del", &self.name]) {
            eprintln!("{error:#}");
        }
        if self.etc().exists()
            && let Err(error) = fs::remove_dir_all(self.etc())
        {
            eprintln!("{}: {error}", self.etc().display());
        }
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("ip cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), said.trim());
    Ok(())
}
