//! What the bytes of a line look like: whether they are sentences, and if not, what could be wrong.
//! [`super::receiver`] counts them here.

use ntp_proto::time::{Monotonic, NtpDuration};

use super::status::Signal;

/// Counts of bytes.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    last: Option<Monotonic>,
    last_sentence: Option<Monotonic>,
    last_flood: Option<Monotonic>,
    /// Since the last sentence.
    since_sentence: u32,
    /// Of these, those that no text has.
    odd: u32,
    /// Of these, pairs that begin messages of u-blox's own protocol.
    ubx: u32,
    before: u8,
}

/// A receiver speaks at least this often.
const SOON: NtpDuration = NtpDuration::from_secs(5);

/// So many bytes without a sentence are too many: several of the longest.
const TOO_MANY: u32 = 400;

/// What receivers are delivered with, the most frequent first.
const USUAL_SPEEDS: [u32; 5] = [9600, 4800, 38_400, 115_200, 57_600];

impl Bytes {
    pub(super) fn count(&mut self, now: Monotonic, bytes: &[u8]) {
        self.last = Some(now);
        for &byte in bytes {
            self.since_sentence = self.since_sentence.saturating_add(1);
            let is_text = matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t');
            self.odd = self.odd.saturating_add(u32::from(!is_text));
            self.ubx = self.ubx.saturating_add(u32::from([self.before, byte] == UBX));
            self.before = byte;
        }
    }

    pub(super) fn sentence(&mut self, now: Monotonic) {
        self.last_sentence = Some(now);
        (self.since_sentence, self.odd, self.ubx) = (0, 0, 0);
    }

    pub(super) fn flood(&mut self, now: Monotonic) {
        self.last_flood = Some(now);
    }

    pub(super) fn silent(&self, now: Monotonic) -> Option<NtpDuration> {
        self.last.map(|last| now - last)
    }

    /// What comes, `now`.
    pub(super) fn signal(&self, now: Monotonic) -> Signal {
        let recently = |when: Option<Monotonic>| when.is_some_and(|when| now - when <= SOON);
        if recently(self.last_flood) {
            Signal::Flood
        } else if !recently(self.last) {
            // A line that was opened a moment ago is not called silent.
            if self.last.is_none() && now - Monotonic::default() <= SOON {
                Signal::Starting
            } else {
                Signal::Silent
            }
        } else if recently(self.last_sentence) && self.since_sentence < 10 * TOO_MANY {
            Signal::Sentences
        } else if self.since_sentence >= TOO_MANY {
            Signal::Garbage
        } else {
            Signal::Starting
        }
    }

    /// What to do about it, if something is wrong.
    pub(super) fn advice(&self, now: Monotonic, baud: u32) -> Option<String> {
        match self.signal(now) {
            Signal::Silent if self.last.is_none() => Some(
                "nothing has come: is this the receiver's port, has it power, is its output on?".to_owned(),
            ),
            Signal::Silent => Some("the receiver has stopped: has it power, is the cable in?".to_owned()),
            Signal::Flood => Some("more comes than the line can carry: is this a receiver?".to_owned()),
            Signal::Garbage => Some(self.why_garbage(baud)),
            Signal::Starting | Signal::Sentences => None,
        }
    }

    fn why_garbage(&self, baud: u32) -> String {
        if self.ubx > 1 {
            return "it speaks UBX, u-blox's own protocol: switch NMEA on in the receiver".to_owned();
        }
        // Of random bytes three in five are no text; of a sentence none.
        if self.odd < self.since_sentence / 8 {
            return "text, but no valid sentences of NMEA 0183: is this a receiver?".to_owned();
        }
        let others =
            USUAL_SPEEDS.iter().filter(|speed| **speed != baud).map(u32::to_string).collect::<Vec<_>>();
        format!("wrong speed? It is set to {baud} baud; receivers often use {}", others.join(", "))
    }
}

/// How messages of u-blox's own protocol begin.
const UBX: [u8; 2] = [0xb5, 0x62];
