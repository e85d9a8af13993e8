//! A receiver without its line: chunks of bytes and when they came go in, readings come out. [`super::Nmea`] brings
//! them; tests and a fuzz target do so as well.

use ntp_clock::Reading;
use ntp_proto::time::{Monotonic, NtpDuration};

use super::Stamp;
use super::assembly::Assembly;
use super::burst::Start;
use super::framer::{Frame, Framer};
use super::pace::{Pace, transmission};
use super::sentence::{Body, Refused, Sentence};
use super::signal::Bytes;
use super::sky::Sky;
use super::status::{RefusedCounts, SentenceCounts, Status};
use super::talkers::Talkers;
use crate::Wait;

/// All that is known of a receiver and what it is saying. Of fixed size.
///
/// A look at the line is any number of [`chunk`](Self::chunk)s and then one [`drained`](Self::drained), or
/// [`flooded`](Self::flooded) if there was no end.
#[derive(Debug)]
pub struct Receiver {
    baud: u32,
    pace: Pace,
    framer: Framer,
    /// When the sentence in the framer began.
    begun: Start,
    /// How many bytes were there when the line last woke us.
    woken_by: usize,
    /// When the line was looked at before.
    looked: Monotonic,
    assembly: Assembly,
    sky: Sky,
    bytes: Bytes,
    talkers: Talkers,
    sentences: SentenceCounts,
    refused: RefusedCounts,
}

/// The most bytes that ports wait for before they report; if there are more, we were late.
const TRIGGER: usize = 16;

impl Receiver {
    /// On a line with `baud` bits a second that has just been opened; its monotonic clock starts at zero then. The
    /// position is kept and shown only if `show_position`.
    #[must_use]
    pub fn new(baud: u32, show_position: bool) -> Self {
        Self {
            baud,
            pace: Pace::new(baud),
            framer: Framer::new(),
            begun: Start { at: Stamp::default(), doubt: NtpDuration::ZERO },
            woken_by: 0,
            looked: Monotonic::default(),
            assembly: Assembly::default(),
            sky: Sky::new(show_position),
            bytes: Bytes::default(),
            talkers: Talkers::default(),
            sentences: SentenceCounts::default(),
            refused: RefusedCounts::default(),
        }
    }

    /// What to wait for before the next look.
    #[must_use]
    pub fn wait(&self) -> Wait {
        self.pace.wait()
    }

    /// Takes what was there at `stamp`, and adds the readings of bursts that it ends.
    pub fn chunk(&mut self, stamp: Stamp, bytes: &[u8], readings: &mut Vec<Reading>) {
        let woken = self.pace.chunk(stamp.mono);
        if woken {
            self.woken_by = bytes.len().min(TRIGGER);
            let start = Start { at: stamp, doubt: NtpDuration::ZERO };
            self.assembly.begin(start, &mut self.sky, readings);
        }
        self.bytes.count(stamp.mono, bytes);
        for (index, &byte) in bytes.iter().enumerate() {
            if let Some(frame) = self.framer.ended_by(byte) {
                let sentence = parse(frame, &mut self.refused);
                if let Some(sentence) = sentence {
                    self.sentence(&sentence, readings);
                }
            }
            if self.framer.push(byte) {
                self.begun = self.reckoned(stamp, bytes.len() - index, woken);
            }
        }
        self.looked = stamp.mono;
    }

    /// There is nothing more at the moment.
    pub fn drained(&mut self, stamp: Stamp, readings: &mut Vec<Reading>) {
        if self.pace.drained(stamp.mono) {
            self.assembly.end(stamp, &mut self.sky, readings);
        }
        self.looked = stamp.mono;
    }

    /// There is more than a look takes, so nobody knows when any of it came.
    pub fn flooded(&mut self, stamp: Stamp) {
        self.pace.flooded();
        self.assembly.abandon();
        self.bytes.flood(stamp.mono);
        self.looked = stamp.mono;
    }

    /// When a sentence woke us whose beginning is so many bytes before the end of a chunk. If the line was quiet, just
    /// now; else when as many of its bytes were there as usual, by the time that those after them took, but after the
    /// last look.
    fn reckoned(&self, stamp: Stamp, from_end: usize, woken: bool) -> Start {
        if woken {
            return Start { at: stamp, doubt: NtpDuration::ZERO };
        }
        let since_look = (stamp.mono - self.looked).max(NtpDuration::ZERO);
        let back = transmission(from_end.saturating_sub(self.woken_by), self.baud).min(since_look);
        Start { at: stamp.earlier(back), doubt: since_look }
    }

    fn sentence(&mut self, sentence: &Sentence, readings: &mut Vec<Reading>) {
        let now = self.begun.at.mono;
        self.count(&sentence.body);
        self.bytes.sentence(now);
        if sentence.body != Body::Vendor {
            self.talkers.heard(sentence.talker, now);
        }
        if let Body::Gsv(gsv) = &sentence.body {
            self.sky.list(sentence.talker, gsv, now);
        }
        if self.assembly.add(sentence, self.begun, &mut self.sky, readings) {
            self.pace.crowded();
        }
    }

    fn count(&mut self, body: &Body) {
        let counts = &mut self.sentences;
        *match body {
            Body::Rmc(_) => &mut counts.rmc,
            Body::Zda(_) => &mut counts.zda,
            Body::Gga(_) => &mut counts.gga,
            Body::Gsa(_) => &mut counts.gsa,
            Body::Gsv(_) => &mut counts.gsv,
            Body::Vendor => &mut counts.vendor,
            Body::Other => &mut counts.other,
        } += 1;
    }

    /// For people.
    #[must_use]
    pub fn status(&self, now: Monotonic) -> Status {
        let last = self.assembly.last_time;
        Status {
            baud: self.baud,
            signal: self.bytes.signal(now),
            silent_s: self.bytes.silent(now).map(NtpDuration::to_seconds),
            advice: self.bytes.advice(now, self.baud),
            fix: self.sky.fix(now),
            satellites_used: self.sky.used(now),
            satellites_in_view: self.sky.in_view(now),
            hdop: self.sky.hdop(now),
            position: self.sky.position(now),
            talkers: self.talkers.names(now),
            last_time: last.map(|(time, _)| time),
            last_time_age_s: last.map(|(_, began)| (now - began).to_seconds()),
            weeks_repaired: self.assembly.weeks_repaired,
            readings: self.assembly.readings,
            withheld: self.assembly.withheld,
            sentences: self.sentences,
            refused: self.refused,
        }
    }
}

fn parse(frame: Frame<'_>, refused: &mut RefusedCounts) -> Option<Sentence> {
    let why = match frame {
        Frame::Overlong => &mut refused.too_long,
        Frame::Line(line) => match Sentence::parse(line) {
            Ok(sentence) => return Some(sentence),
            Err(Refused::NoChecksum) => &mut refused.no_checksum,
            Err(Refused::BadChecksum) => &mut refused.bad_checksum,
            Err(Refused::Malformed) => &mut refused.malformed,
        },
    };
    *why += 1;
    None
}
