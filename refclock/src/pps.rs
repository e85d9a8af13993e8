//! Pulses of `/dev/pps0`, stamped by the kernel when the interrupt came (RFC 2783).
//!
//! The calls are made here on a descriptor of our own. The crate pps-time would make them too, but it has the numbers of
//! 64-bit machines as constants, so that every call fails on 32-bit ARM, and it keeps its descriptor to itself, so that
//! a pulse could only be waited for by a thread that is blocked.
//!
//! `pulses` decides what is a pulse. Which second it begins is the engine's to find out.

mod pulses;

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ntp_clock::{Reading, Shows};
use ntp_proto::time::{NtpDuration, RawTime};
use serde::{Deserialize, Serialize};

use crate::context::explained;
use crate::sys::pps::{CAPTURE_ASSERT, CAPTURE_CLEAR, capabilities, fetch, parameters, set_parameters};
use crate::{Driver, Wait};
use pulses::Pulses;

/// After so long without a pulse it is asked whether the device is still there: one that is unplugged says nothing.
const SILENCE: Duration = Duration::from_secs(10);
/// The kernel's stamps count these.
const RESOLUTION: NtpDuration = NtpDuration::from_nanos(1);

/// Which change of the line begins a pulse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// The rising one.
    #[default]
    Assert,
    /// The falling one.
    Clear,
}

/// Which pulses to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `/dev/pps0` or the like.
    pub device: PathBuf,
    /// What begins a pulse.
    pub edge: Edge,
    /// How long a pulse lasts. Both edges are captured then, and pulses that last a quarter more or less are dropped.
    pub width: Option<NtpDuration>,
}

/// An open device that gives pulses.
#[derive(Debug)]
pub struct Pps {
    options: Options,
    device: File,
    identity: Identity,
    captured: u32,
    pulses: Pulses,
}

/// How the pulses are, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The path of the device.
    pub device: String,
    /// What begins a pulse.
    pub edge: Edge,
    /// Whether the device tells of rising edges.
    pub captures_assert: bool,
    /// Whether the device tells of falling edges.
    pub captures_clear: bool,
    /// How many pulses the kernel has counted since the device came to be; wraps around.
    pub sequence: Option<u32>,
    /// Pulses taken.
    pub pulses: u64,
    /// Pulses that came between two looks, so that only the last of them was seen.
    pub missed: u64,
    /// Pulses of another width than was asked for, or without an end.
    pub wrong_width: u64,
    /// Stamps that no clock can show.
    pub nonsense: u64,
    /// How long ago the last pulse was that was taken.
    pub age_s: Option<f64>,
    /// How long the last pulse lasted, if both edges are captured.
    pub width_s: Option<f64>,
}

/// What tells a device from one that took its name later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    file: (u64, u64),
    device: u64,
}

impl From<Metadata> for Identity {
    fn from(metadata: Metadata) -> Self {
        Self { file: (metadata.dev(), metadata.ino()), device: metadata.rdev() }
    }
}

impl Pps {
    /// Opens the device and has it capture what is needed. Other users of the device keep what they have.
    ///
    /// # Errors
    /// If there is no such device, it cannot see the edge, or it would have to be changed and may not be.
    pub fn open(options: &Options) -> io::Result<Self> {
        let path = options.device.display();
        let device = File::open(&options.device).map_err(|error| explained(&error, &path, advice(&error)))?;
        let metadata = device.metadata().map_err(|error| explained(&error, &path, "is it a device?"))?;
        let captured = capture(&device, options)?;
        let pulses = Pulses::new(options.edge, options.width);
        Ok(Self { options: options.clone(), device, identity: metadata.into(), captured, pulses })
    }

    /// How the pulses are at `now`.
    #[must_use]
    pub fn status(&self, now: RawTime) -> Status {
        let pulses = &self.pulses;
        Status {
            device: self.options.device.display().to_string(),
            edge: self.options.edge,
            captures_assert: self.captured & CAPTURE_ASSERT != 0,
            captures_clear: self.captured & CAPTURE_CLEAR != 0,
            sequence: pulses.sequence(),
            pulses: pulses.counts.taken,
            missed: pulses.counts.missed,
            wrong_width: pulses.counts.wrong_width,
            nonsense: pulses.counts.nonsense,
            age_s: pulses.last_pulse.map(|at| (now - at).to_seconds()),
            width_s: pulses.last_width.map(NtpDuration::to_seconds),
        }
    }

    /// The kernel keeps an open device alive after it was unplugged; it is just silent. Its name goes at once.
    fn still_there(&self) -> io::Result<()> {
        if still_named(&self.options.device, self.identity) {
            return Ok(());
        }
        let gone = io::Error::from_raw_os_error(libc::ENODEV);
        Err(explained(&gone, self.options.device.display(), "it was unplugged, or its driver unloaded"))
    }
}

impl Driver for Pps {
    // poll() calls such a device readable at any time on kernels before 6.16, so only a wait for *changes* (EPOLLET)
    // sleeps between pulses.
    fn wait(&self) -> Wait {
        Wait::ReadableOr(SILENCE)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.device.as_fd())
    }

    fn look(&mut self, _clock: fn() -> RawTime, readings: &mut Vec<Reading>) -> io::Result<()> {
        let before = self.pulses.sequence();
        let edges = fetch(self.device.as_fd()).map_err(|error| {
            explained(&error, self.options.device.display(), "the device gives no pulses any more")
        })?;
        let pulse = self.pulses.take(&edges);
        readings.extend(pulse.map(|at| Reading {
            at,
            shows: Shows::Pulse,
            leap: None,
            resolution: RESOLUTION,
        }));
        if self.pulses.sequence() == before { self.still_there() } else { Ok(()) }
    }
}

/// Whether `path` still leads to what it did. What cannot be asked is taken to be so.
fn still_named(path: &Path, identity: Identity) -> bool {
    match path.metadata() {
        Ok(metadata) => Identity::from(metadata) == identity,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Has the needed edges captured and says which are.
fn capture(device: &File, options: &Options) -> io::Result<u32> {
    let path = options.device.display();
    let refuse = |advice: &str| io::Error::new(io::ErrorKind::Unsupported, format!("{path}: {advice}"));
    let able = capabilities(device.as_fd()).map_err(|error| {
        explained(&error, &path, "this is not a device that stamps pulses, such as /dev/pps0")
    })?;
    let begin = bit(options.edge);
    let needed = if options.width.is_some() { CAPTURE_ASSERT | CAPTURE_CLEAR } else { begin };
    if able & begin == 0 {
        return Err(refuse("it cannot see the edge that was asked for; take the other one"));
    }
    if able & needed != needed {
        return Err(refuse("it sees only one edge, so the width of pulses cannot be checked; leave it out"));
    }
    let now =
        parameters(device.as_fd()).map_err(|error| explained(&error, &path, "its mode cannot be read"))?;
    if now.mode() & needed == needed {
        return Ok(now.mode());
    }
    let wanted = now.with(needed);
    set_parameters(device.as_fd(), &wanted).map_err(|error| {
        explained(&error, &path, "it does not capture the edge yet, and to change that takes CAP_SYS_TIME")
    })?;
    Ok(wanted.mode())
}

const fn bit(edge: Edge) -> u32 {
    match edge {
        Edge::Assert => CAPTURE_ASSERT,
        Edge::Clear => CAPTURE_CLEAR,
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "is the driver loaded (pps-gpio, pps-ldisc with ldattach 18, pps_parport)?"
        }
        io::ErrorKind::PermissionDenied => "let the user of the daemon read it, by a rule of udev for pps*",
        _ => "is something else using it?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(device: &Path) -> Options {
        Options { device: device.into(), edge: Edge::Assert, width: None }
    }

    #[test]
    fn an_error_names_the_device_and_what_to_do() {
        let missing = Pps::open(&options(Path::new("/dev/no-such-pps"))).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert!(missing.to_string().starts_with("/dev/no-such-pps: "), "{missing}");
        assert!(missing.to_string().contains("pps-gpio"), "{missing}");
        let wrong = Pps::open(&options(Path::new("/dev/null"))).unwrap_err();
        assert!(wrong.to_string().contains("not a device that stamps pulses"), "{wrong}");
    }

    #[test]
    fn a_device_that_gave_its_name_away_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("pps0"), folder.path().join("pps1"));
        let file = File::create(&path).unwrap();
        let identity = Identity::from(file.metadata().unwrap());
        assert!(still_named(&path, identity));
        std::fs::remove_file(&path).unwrap();
        assert!(!still_named(&path, identity));
        File::create(&other).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(!still_named(&path, identity));
    }
}
