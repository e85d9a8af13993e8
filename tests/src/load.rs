//! Requests of our own making, at a steady pace: who answers, and how long it takes.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::host::Host;
use crate::rig::packet::{LENGTH, Packet};

/// An answer that took longer did not come.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks one server. The socket is connected, so it hears nobody but the address that it asks.
#[derive(Debug)]
pub struct Asker {
    socket: UdpSocket,
    asked: u64,
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// From sending to receiving.
    pub took: Duration,
    /// As on the wire.
    pub stratum: u8,
    /// As on the wire.
    pub leap: u8,
}

impl Asker {
    /// Asks `server`, port 123, from `host`.
    ///
    /// # Errors
    /// When there is no way from here to there.
    pub fn new(host: &Host, server: &str) -> Result<Self> {
        let any = if server.contains(':') { "::" } else { "0.0.0.0" };
        Self::from(host, any, server)
    }

    /// The same, from an address of its own.
    ///
    /// # Errors
    /// When there is no way from here to there.
    pub fn from(host: &Host, own: &str, server: &str) -> Result<Self> {
        let socket = host.socket(SocketAddr::new(own.parse()?, 0))?;
        socket.connect(SocketAddr::new(server.parse::<IpAddr>()?, 123))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { socket, asked: 0 })
    }

    /// Asks once; `None` if nothing came or the way is closed.
    pub fn ask(&mut self) -> Option<Answer> {
        self.asked += 1;
        let request = Packet::request(0x5452_5545_0000_0000 | self.asked);
        let start = Instant::now();
        self.socket.send(request.as_bytes()).ok()?;
        let mut buffer = [0; 2 * LENGTH];
        while start.elapsed() < PATIENCE {
            match self.socket.recv(&mut buffer) {
                Ok(length) => match Packet::parse(&buffer[..length]) {
                    Some(reply) if reply.answers(&request) => {
                        let took = start.elapsed();
                        return Some(Answer { took, stratum: reply.stratum(), leap: reply.leap() });
                    }
                    // The late answer to an earlier request.
                    _ => {}
                },
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        None
    }
}

/// Asks again and again until it is told to end.
#[derive(Debug)]
pub struct Load {
    end: Arc<AtomicBool>,
    asking: JoinHandle<Vec<Option<Duration>>>,
}

impl Load {
    /// Asks at this pace, or as fast as answers come if that is slower.
    #[must_use]
    pub fn start(mut asker: Asker, pace: Duration) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&end);
        let work = move || {
            let mut answers = Vec::new();
            while !told.load(Ordering::Relaxed) {
                let next = Instant::now() + pace;
                answers.push(asker.ask().map(|answer| answer.took));
                sleep(next.saturating_duration_since(Instant::now()));
            }
            answers
        };
        Self { end, asking: thread::spawn(work) }
    }

    /// Ends it.
    #[must_use]
    pub fn end(self) -> Outcome {
        self.end.store(true, Ordering::Relaxed);
        let answers = self.asking.join().expect("asking does not panic");
        let mut took: Vec<Duration> = answers.iter().copied().flatten().collect();
        took.sort_unstable();
        Outcome { asked: answers.len(), took }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Requests.
    pub asked: usize,
    /// How long each answer took, the fastest first.
    pub took: Vec<Duration>,
}

impl Outcome {
    /// Answers.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.took.len()
    }

    /// What this share of the answers did not exceed.
    #[must_use]
    pub fn within(&self, share: f64) -> Duration {
        let last = self.took.len().saturating_sub(1);
        self.took.get((last as f64 * share) as usize).copied().unwrap_or_default()
    }
}
