//! Requests at a steady rate, whatever becomes of them.

use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::frames::{self, Frame};
use crate::lab::{CORES, Lab, SERVER};
use crate::sys::{self, BURST};

/// Sends from the clients' end of the cable.
#[derive(Debug)]
pub(crate) struct Generator {
    socket: OwnedFd,
    /// Follows every frame.
    tail: Vec<u8>,
}

impl Generator {
    /// Moves the calling thread to the clients' core.
    pub(crate) fn new(lab: &Lab) -> Result<Self> {
        let socket = lab.at_client(|| Ok(sys::packet_socket(lab.index)?))?;
        sys::listen_to(&socket, None)?;
        let mut core = CpuSet::new();
        core.set(CORES[1])?;
        sched_setaffinity(Pid::from_raw(0), &core)?;
        Ok(Self { socket, tail: Vec::new() })
    }

    /// From now on `tail` follows every frame, which has to have room for it.
    pub(crate) fn append(&mut self, tail: Vec<u8>) {
        self.tail = tail;
    }

    /// Sends `rate` frames a second for `length`, of which `next` fills in a burst at a time. Returns how many were
    /// sent.
    pub(crate) fn send(&self, rate: f64, length: Duration, mut next: impl FnMut(&mut [Frame])) -> u64 {
        let mut frames = [[0; frames::FRAME]; BURST];
        let (begin, mut sent) = (Instant::now(), 0);
        loop {
            let elapsed = begin.elapsed();
            if elapsed >= length {
                return sent;
            }
            let due = (elapsed.as_secs_f64() * rate) as u64;
            let burst = (due.saturating_sub(sent) as usize).min(BURST);
            if burst > 0 {
                next(&mut frames[..burst]);
                sent += sys::send(&self.socket, &frames[..burst], &self.tail) as u64;
            }
        }
    }
}

/// Requests of `count` clients in turn, from 10.100.0.0 on.
#[derive(Debug)]
pub(crate) struct Clients {
    frames: Vec<Frame>,
    next: usize,
}

impl Clients {
    /// With room for `more` bytes after each request.
    pub(crate) fn new(lab: &Lab, count: u16, more: usize) -> Self {
        let frame = |i: u16| {
            let client = Ipv4Addr::from_bits(0x0a64_0000 + u32::from(i));
            let port = 32_768 + (u32::from(i) * 7_919 % 28_000) as u16;
            let mut frame = frames::request(lab.macs[0], lab.macs[1], client, SERVER.into(), port);
            frames::lengthen(&mut frame, client, more as u16);
            frame
        };
        Self { frames: (0..count.max(1)).map(frame).collect(), next: 0 }
    }

    pub(crate) fn fill(&mut self, burst: &mut [Frame]) {
        for frame in burst {
            *frame = self.frames[self.next];
            self.next = (self.next + 1) % self.frames.len();
        }
    }
}
