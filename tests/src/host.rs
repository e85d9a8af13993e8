//! Two hosts with a cable between them, made of network namespaces. Nothing leaves them.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};

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
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "del", &self.name]) {
            eprintln!("{error:#}");
        }
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("ip cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), said.trim());
    Ok(())
}
