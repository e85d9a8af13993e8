//! NTS between hosts: a certificate, and what both sides are told of it.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::ground::program;
use crate::host::Host;

/// The name of the server's host, for programs that believe certificates by names only.
pub const NAME: &str = "time.lab";

/// A folder for nobody else, with a certificate for both hosts and its key.
#[derive(Debug)]
pub struct Certificate(TempDir);

impl Certificate {
    /// Signed by itself, without an end; made by `ntpctl nts selfsign`.
    #[must_use]
    pub fn new() -> Self {
        let made = Self::none();
        made.replace();
        made
    }

    /// The folder alone: the files are to be written yet.
    #[must_use]
    pub fn none() -> Self {
        let folder = tempfile::tempdir().expect("there is room for temporary files");
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o750);
        fs::set_permissions(folder.path(), owner_only).expect("the folder is ours");
        Self(folder)
    }

    /// Makes another one in its place.
    pub fn replace(&self) {
        let mut make = std::process::Command::new(program("ntpctl"));
        let (certificate, key) = (self.path("new.pem"), self.path("new-key.pem"));
        make.args(["nts", "selfsign", "--certificate", &certificate, "--key", &key]);
        make.args([NAME, "10.99.0.1", "10.99.0.2"].iter().flat_map(|name| ["--name", name]));
        let made = make.output().expect("ntpctl can be run");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs::rename(certificate, self.certificate()).expect("the folder is ours");
        fs::rename(key, self.key()).expect("the folder is ours");
    }

    /// A file in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// The file of the certificate.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.path("certificate.pem")
    }

    /// The file of its key.
    #[must_use]
    pub fn key(&self) -> String {
        self.path("key.pem")
    }

    /// ntpd-rs gives time, which it has from 10.99.0.9, and keys at 10.99.0.2.
    #[must_use]
    pub fn ntpd_rs_server(&self) -> String {
        format!(
            "[[source]]\nmode = \"server\"\naddress = \"10.99.0.9\"\n\
             [[server]]\nlisten = \"10.99.0.2:123\"\n\
             [[nts-ke-server]]\nlisten = \"10.99.0.2:4460\"\ncertificate-chain-path = \"{}\"\n\
             private-key-path = \"{}\"\n[synchronization]\nminimum-agreeing-sources = 1\n",
            self.certificate(),
            self.key()
        )
    }

    /// Programs that start on this host know 10.99.0.`number` as [`NAME`]. Some look names up only, so that they have
    /// to ask by one.
    pub fn name_on(host: &Host, number: u8) {
        host.name_address(NAME, [10, 99, 0, number].into()).expect("root may write there");
    }

    /// Our daemon asks 10.99.0.2 with NTS, every second, and believes this certificate only.
    #[must_use]
    pub fn our_client(&self) -> String {
        format!(
            "[[sources.servers]]\naddress = \"10.99.0.2\"\nnts = true\nminpoll = 0\nmaxpoll = 0\n\
             [sources.nts]\nsystemcerts = false\ntrusted = [{{ path = \"{}\" }}]\n",
            self.certificate()
        )
    }

    /// Our daemon gives time and keys to both hosts; it is a clock by itself. The last table is `[security.nts]`.
    #[must_use]
    pub fn our_server(&self) -> String {
        format!(
            "[server.local]\nenabled = true\nstratum = 5\n\
             [[security.access]]\nnetwork = \"10.99.0.0/16\"\npermission = \"allow\"\n\
             [security.nts]\nenabled = true\ncertificate = \"{}\"\nkey = \"{}\"\n",
            self.certificate(),
            self.key()
        )
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

/// What `ntpctl authdata` says of the source of this number.
#[must_use]
pub fn authdata(daemon: &Daemon<'_>, source: usize) -> Value {
    daemon.json("authdata")[source]["nts"].clone()
}

/// Waits until that holds.
pub fn wait_for_authdata(
    daemon: &Daemon<'_>,
    what: &str,
    patience: Duration,
    holds: impl Fn(&Value) -> bool,
) {
    daemon.wait_for(what, patience, |d| holds(&authdata(d, 0)));
}
