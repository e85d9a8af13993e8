//! Other people's programs on a host. Their starters drop the right to set the clock.

use std::fs;
use std::process::{Child, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ground::peer;
use crate::host::Host;

/// A running chronyd. Ended when dropped.
#[derive(Debug)]
pub struct Chronyd<'h> {
    host: &'h Host,
    child: Child,
    folder: TempDir,
}

impl<'h> Chronyd<'h> {
    /// Starts with these lines of configuration and `-x`.
    #[must_use]
    pub fn start(host: &'h Host, lines: &str) -> Self {
        let folder = private_folder();
        let config = write_config(&folder, lines);
        let log = fs::File::create(folder.path().join("log")).expect("the log can be made");
        let mut command = host.command(peer("chronyd"));
        command.args(["-x", "-d", "-u", "root", "-f"]).arg(config).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("chronyd can be run");
        let chronyd = Self { host, child, folder };
        let end = Instant::now() + Duration::from_secs(5);
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
            .command(peer("chronyc"))
            .arg("-h")
            .arg(self.folder.path().join("socket"))
            .args(["-c", command])
            .output()
            .expect("chronyc can be run");
        String::from_utf8_lossy(&output.stdout).into_owned()
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
    let folder = private_folder();
    let config = write_config(&folder, lines);
    let mut command = host.command(peer("chronyd"));
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

fn write_config(folder: &TempDir, lines: &str) -> std::path::PathBuf {
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
