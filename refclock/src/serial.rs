//! A serial line that is only listened to. Drivers of receivers that talk over one open it here.
//!
//! The crate `serialport` opens and sets the line: any speed, raw, eight bits without parity, exclusive (TIOCEXCL and a
//! lock), never the controlling terminal, modem lines ignored. It is made for programs that wait: it takes away
//! `O_NONBLOCK` again, and each of its reads polls first. So reading is done here, on its descriptor.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use serialport::{ClearBuffer, ErrorKind, SerialPort, TTYPort};

use crate::sys;

/// An open line.
#[derive(Debug)]
pub(crate) struct Line {
    port: TTYPort,
    path: PathBuf,
}

impl Line {
    /// Opens `path` at `baud` bits a second. What had arrived before is thrown away: nobody knows when.
    ///
    /// # Errors
    /// Whatever makes the line unusable, with its path and what can be done about it.
    pub(crate) fn open(path: &Path, baud: u32) -> io::Result<Self> {
        // Zero would mean "hang up".
        if baud == 0 {
            return Err(explained(path, io::ErrorKind::InvalidInput, "a line has no speed of 0 baud"));
        }
        let builder = serialport::new(path.to_string_lossy(), baud);
        let port = TTYPort::open(&builder).map_err(|error| refusal(path, &error))?;
        let set = port.baud_rate().map_err(|error| refusal(path, &error))?;
        if !near(set, baud) {
            let text = format!("the line cannot do {baud} baud, but {set}");
            return Err(explained(path, io::ErrorKind::InvalidInput, &text));
        }
        port.clear(ClearBuffer::Input).map_err(|error| refusal(path, &error))?;
        fcntl(sys::serial::descriptor(&port), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self { port, path: path.to_owned() })
    }

    /// What becomes readable when something arrives.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        sys::serial::descriptor(&self.port)
    }

    /// Takes what has arrived; `None`: nothing. Never waits.
    ///
    /// # Errors
    /// When the device is gone or its other end is closed.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match nix::unistd::read(self.descriptor(), buffer) {
            Ok(0) => Err(explained(&self.path, io::ErrorKind::UnexpectedEof, "hung up; was it unplugged?")),
            Ok(count) => Ok(Some(count)),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(Errno::EIO | Errno::ENXIO | Errno::ENODEV) => {
                Err(explained(&self.path, io::ErrorKind::NotConnected, "gone; was it unplugged?"))
            }
            Err(error) => Err(explained(&self.path, io::Error::from(error).kind(), error.desc())),
        }
    }
}

/// Whether a speed that the hardware made of another is one that bytes still come through at.
fn near(set: u32, wanted: u32) -> bool {
    u64::from(set.abs_diff(wanted)) * 50 <= u64::from(wanted)
}

fn refusal(path: &Path, error: &serialport::Error) -> io::Error {
    let (kind, text) = match error.kind() {
        // The crate's word for TIOCEXCL or the lock in another's hands.
        ErrorKind::NoDevice => {
            (io::ErrorKind::ResourceBusy, "used by another program; gpsd, a login prompt or ModemManager?")
        }
        ErrorKind::Io(kind @ io::ErrorKind::NotFound) => (kind, "no such device; is it plugged in?"),
        ErrorKind::Io(kind @ io::ErrorKind::PermissionDenied) => {
            (kind, "not permitted; the daemon's user must be in the group that owns it, often dialout")
        }
        ErrorKind::Io(kind) => (kind, error.description.as_str()),
        ErrorKind::InvalidInput | ErrorKind::Unknown => {
            let text = format!("not usable as a serial line: {}", error.description);
            return explained(path, io::ErrorKind::InvalidInput, &text);
        }
    };
    explained(path, kind, text)
}

fn explained(path: &Path, kind: io::ErrorKind, text: &str) -> io::Error {
    io::Error::new(kind, format!("{}: {text}", path.display()))
}
