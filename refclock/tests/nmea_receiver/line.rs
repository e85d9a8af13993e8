//! A serial line in simulated time, and who listens to it.

use std::time::Duration;

use ntp_clock::{Reading, Shows};
use ntp_proto::time::{Monotonic, NtpDuration, RawTime};
use ntp_refclock::Wait;
use ntp_refclock::nmea::{Receiver, Stamp};

/// What the system clock shows when the line is opened, in Unix seconds. It need not be right.
pub(crate) const CLOCK_AT_OPENING: i64 = 1_000_000_000;

/// How long a port holds bytes back: until so many are there.
const TRIGGER: usize = 8;

/// From a chunk to whoever waits for it.
const WAKING: Duration = Duration::from_micros(100);

/// Bytes on their way, and a receiver at the end.
pub(crate) struct Line {
    baud: u32,
    /// When chunks come, from the opening on, and what they hold.
    chunks: Vec<(Duration, Vec<u8>)>,
    pub(crate) receiver: Receiver,
    pub(crate) now: Duration,
    pub(crate) looks: u32,
    pub(crate) readings: Vec<Reading>,
    /// The system clock is set by so much at that time.
    pub(crate) step: Option<(Duration, i64)>,
}

impl Line {
    pub(crate) fn new(baud: u32) -> Self {
        let receiver = Receiver::new(baud, true);
        let (chunks, readings) = (Vec::new(), Vec::new());
        Self { baud, chunks, receiver, now: Duration::ZERO, looks: 0, readings, step: None }
    }

    /// Sends `bytes` from `at` on, as fast as the line goes, after what is already on it.
    pub(crate) fn send(&mut self, at: Duration, bytes: &[u8]) {
        let free = self.chunks.last().map_or(Duration::ZERO, |(last, _)| *last);
        let at = at.max(free);
        let mut sent = 0;
        for chunk in bytes.chunks(TRIGGER) {
            sent += chunk.len() as u32;
            let comes = at + Duration::from_secs(10) * sent / self.baud;
            self.chunks.push((comes, chunk.to_vec()));
        }
    }

    /// Sends `bytes` at once, as a pseudo-terminal or a port on USB does.
    pub(crate) fn send_at_once(&mut self, at: Duration, bytes: &[u8]) {
        self.chunks.push((at, bytes.to_vec()));
    }

    /// Looks at the line until `end` as the receiver asks for.
    pub(crate) fn listen(&mut self, end: Duration) {
        loop {
            let next = self.chunks.first().map(|(at, _)| *at);
            let looks = match (self.receiver.wait(), next) {
                (Wait::For(span), _) => self.now + span,
                (Wait::Readable, Some(at)) => self.now.max(at + WAKING),
                (Wait::Readable, None) => end + WAKING,
                (Wait::ReadableOr(_), _) => panic!("it never asks for that"),
            };
            if looks > end {
                self.now = end;
                return;
            }
            self.now = looks;
            self.looks += 1;
            self.look();
        }
    }

    fn look(&mut self) {
        let here = self.chunks.iter().take_while(|(at, _)| *at <= self.now).count();
        let bytes: Vec<u8> = self.chunks.drain(..here).flat_map(|(_, bytes)| bytes).collect();
        let stamp = self.stamp(self.now);
        if !bytes.is_empty() {
            self.receiver.chunk(stamp, &bytes, &mut self.readings);
        }
        self.receiver.drained(stamp, &mut self.readings);
    }

    /// Both clocks at a time since the opening.
    pub(crate) fn stamp(&self, at: Duration) -> Stamp {
        let step = self.step.filter(|(when, _)| at >= *when).map_or(0, |(_, nanos)| nanos);
        let since = NtpDuration::from_nanos(at.as_nanos() as i64);
        let raw = RawTime::from_unix(CLOCK_AT_OPENING, 0) + since + NtpDuration::from_nanos(step);
        Stamp { raw, mono: Monotonic::from_nanos(at.as_nanos() as u64) }
    }

    /// What was read: Unix time with its fraction in milliseconds, and how long after the opening, in milliseconds.
    pub(crate) fn seen(&self) -> Vec<(i64, u32, f64)> {
        let opened = RawTime::from_unix(CLOCK_AT_OPENING, 0);
        let seen = |reading: &Reading| {
            let Shows::Time(time) = reading.shows else { panic!("{reading:?}") };
            let (seconds, nanos) = time.to_unix();
            (seconds, nanos / 1_000_000, (reading.at - opened).to_seconds() * 1e3)
        };
        self.readings.iter().map(seen).collect()
    }
}

/// A sentence with its checksum and end of line.
pub(crate) fn sentence(body: &str) -> String {
    format!("${body}*{:02X}\r\n", body.bytes().fold(0, |sum, byte| sum ^ byte))
}

pub(crate) const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
