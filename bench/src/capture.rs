//! A sample of the replies: how long the server took by its own word, and how late they left.

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;

use crate::frames;
use crate::lab::Lab;
use crate::sys;

/// A reply that was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Whom it was for.
    pub(crate) client: Ipv4Addr,
    /// From receive to transmit timestamp, microseconds.
    pub(crate) response_us: f64,
    /// From transmit timestamp to the moment at which the kernel put the frame on the cable, microseconds.
    pub(crate) stamp_error_us: f64,
}

/// Looks until it is told to end.
#[derive(Debug)]
pub(crate) struct Capture {
    end: Arc<AtomicBool>,
    looking: JoinHandle<Vec<Seen>>,
}

impl Capture {
    /// At one of 2^`sample` replies.
    pub(crate) fn start(lab: &Lab, sample: u32) -> Result<Self> {
        let socket = lab.at_client(|| Ok(sys::packet_socket(lab.index)?))?;
        sys::listen_to(&socket, Some(sample))?;
        let end = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&end);
        Ok(Self { end, looking: thread::spawn(move || look(&socket, &told)) })
    }

    /// What it saw.
    pub(crate) fn end(self) -> Vec<Seen> {
        self.end.store(true, Ordering::Relaxed);
        self.looking.join().expect("looking does not panic")
    }
}

fn look(socket: &OwnedFd, told: &AtomicBool) -> Vec<Seen> {
    let (mut seen, mut buffer) = (Vec::new(), [0; 256]);
    loop {
        match sys::receive(socket, &mut buffer) {
            Some((length, at)) => seen.extend(judge(&buffer[..length.min(256)], at)),
            None if told.load(Ordering::Relaxed) => return seen,
            // The socket has room for what comes meanwhile.
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn judge(frame: &[u8], at_nanos: i128) -> Option<Seen> {
    let (client, receive, transmit) = frames::reply(frame)?;
    let at = ntp(at_nanos);
    Some(Seen {
        client,
        response_us: micros(transmit.wrapping_sub(receive)),
        stamp_error_us: micros(at.wrapping_sub(transmit)),
    })
}

/// Unix time as an NTP timestamp.
fn ntp(nanos: i128) -> u64 {
    const UNIX_EPOCH: i128 = 2_208_988_800;
    ((nanos << 32) / 1_000_000_000 + (UNIX_EPOCH << 32)) as u64
}

/// A difference of timestamps, which may be negative.
fn micros(difference: u64) -> f64 {
    difference as i64 as f64 / (1u64 << 32) as f64 * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_unix_time_plus_seventy_years() {
        assert_eq!(ntp(0) >> 32, 2_208_988_800);
        assert_eq!(micros(ntp(1_500_000_000).wrapping_sub(ntp(0))), 1.5e6);
        assert_eq!(micros(ntp(0).wrapping_sub(ntp(1_000_000_000))), -1e6);
    }
}
