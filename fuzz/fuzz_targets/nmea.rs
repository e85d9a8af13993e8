//! Anything that comes over a receiver's line, at any times, with the system clock set now and then.
//!
//! Oracle: what is read is not before the program was made, was there before it is told but not long before, is told once
//! for each burst, and is no more exact than serial lines are; nobody is asked to look again at once, nor never while something is coming.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use ntp_clock::{Reading, Shows};
use ntp_proto::time::{EstimatedTime, Monotonic, NtpDuration, RawTime};
use ntp_refclock::Wait;
use ntp_refclock::nmea::{Receiver, Stamp};

/// 2026-01-01.
const MADE: i64 = 1_767_225_600;

const LONGEST_BURST: i64 = 10;

/// The longest time between two looks.
const LONGEST_BREAK: i64 = 66;

#[derive(Debug)]
enum Op {
    /// A look after so many milliseconds, or when it was asked for, which brings this.
    Look { after: Option<u16>, brings: Vec<Piece> },
    /// A look that does not end.
    Flood,
    /// The system clock is set by so many milliseconds.
    Set(i32),
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    /// With its checksum.
    Sentence(String),
}

impl Arbitrary<'_> for Op {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        Ok(match u.int_in_range(0..=15)? {
            0 => Self::Flood,
            1 => Self::Set(u.arbitrary()?),
            _ => Self::Look { after: u.arbitrary()?, brings: u.arbitrary()? },
        })
    }
}

impl Arbitrary<'_> for Piece {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        if u.ratio(1, 4)? {
            return Ok(Self::Bytes(u.arbitrary()?));
        }
        let talker = *u.choose(&["GP", "GN", "GL", "BD", "PQ", "PU"])?;
        let time = time(u)?;
        let (day, month) = (u.int_in_range(1..=31)?, u.int_in_range(1..=12)?);
        let body = match u.int_in_range(0..=6)? {
            0 | 1 => {
                let (status, mode) =
                    (*u.choose(&["A", "A", "A", "V", ""])?, *u.choose(&["", "A", "D", "N", "E", "x"])?);
                format!("RMC,{time},{status},,,,,,,{day:02}{month:02}{:02},,,{mode}", u.int_in_range(0..=99)?)
            }
            2 => format!("ZDA,{time},{day:02},{month:02},{:04},00,00", u.int_in_range(1970..=2210)?),
            3 => {
                let (quality, rest) = (u.int_in_range(0..=9)?, fields(u)?);
                format!("GGA,{time},5000.0,N,00800.0,E,{quality},08,1.0,100,M,47,M,{rest}")
            }
            4 => format!("GSA,A,{},{}", u.int_in_range(1..=3)?, fields(u)?),
            5 => format!("GSV,{},{},{}", u.int_in_range(1..=3)?, u.int_in_range(1..=3)?, fields(u)?),
            _ => fields(u)?,
        };
        Ok(Self::Sentence(format!("{talker}{body}")))
    }
}

/// Mostly near each other.
fn time(u: &mut Unstructured<'_>) -> Result<String> {
    let tenth = u.int_in_range(0..=9)?;
    Ok(match u.int_in_range(0..=5)? {
        0 => String::new(),
        1 => format!("2359{:02}.{tenth}", u.int_in_range(55..=60)?),
        2 => format!("0000{:02}.{tenth}0", u.int_in_range(0..=4)?),
        3 => fields(u)?,
        _ => format!("12000{}.{tenth}00", u.int_in_range(0..=9)?),
    })
}

fn fields(u: &mut Unstructured<'_>) -> Result<String> {
    let letters: Vec<u8> = u.arbitrary()?;
    Ok(letters
        .iter()
        .map(|letter| char::from(b"0123456789,,,,..-NaEinf "[usize::from(*letter) % 24]))
        .collect())
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Sentence(body) => {
                let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
                format!("${body}*{sum:02x}\r\n").into_bytes()
            }
        }
    }
}

struct Line {
    receiver: Receiver,
    now: Duration,
    set: i64,
    readings: Vec<Reading>,
    /// The latest that the system clock has shown.
    latest: RawTime,
}

impl Line {
    fn stamp(&mut self) -> Stamp {
        let nanos = i64::try_from(self.now.as_nanos()).expect("not that long");
        let raw =
            RawTime::from_unix(MADE, 0) + NtpDuration::from_nanos(nanos) + NtpDuration::from_millis(self.set);
        self.latest = self.latest.max(raw);
        Stamp { raw, mono: Monotonic::from_nanos(nanos as u64) }
    }

    fn look(&mut self, brings: &[Piece]) {
        let stamp = self.stamp();
        let (before, mut begun) = (self.readings.len(), 1);
        for piece in brings {
            let bytes = piece.bytes();
            if !bytes.is_empty() {
                begun += bytes.iter().filter(|byte| **byte == b'$').count();
                self.receiver.chunk(stamp, &bytes, &mut self.readings);
            }
        }
        self.receiver.drained(stamp, &mut self.readings);
        assert!(self.readings.len() <= before + begun);
        let oldest = stamp.raw - NtpDuration::from_secs(LONGEST_BURST + LONGEST_BREAK);
        assert!(self.set != 0 || self.readings[before..].iter().all(|reading| reading.at >= oldest));
        match self.receiver.wait() {
            Wait::For(span) => assert!(span >= Duration::from_millis(25) && span <= Duration::from_secs(1)),
            Wait::Readable => assert!(brings.iter().all(|piece| piece.bytes().is_empty())),
            Wait::ReadableOr(_) => panic!(),
        }
    }
}

fuzz_target!(|case: (u32, bool, Vec<Op>)| {
    let (baud, show_position, ops) = case;
    let receiver = Receiver::new(baud, show_position);
    let start = RawTime::from_unix(MADE, 0);
    let mut line = Line { receiver, now: Duration::ZERO, set: 0, readings: Vec::new(), latest: start };
    for op in &ops {
        match op {
            Op::Look { after, brings } => {
                line.now += match (after, line.receiver.wait()) {
                    (Some(millis), _) => Duration::from_millis((*millis).into()),
                    (None, Wait::For(span)) => span,
                    (None, Wait::Readable | Wait::ReadableOr(_)) => Duration::from_millis(300),
                };
                line.look(brings);
            }
            Op::Flood => {
                let stamp = line.stamp();
                line.receiver.flooded(stamp);
            }
            Op::Set(millis) => line.set += i64::from(*millis),
        }
        let stamp = line.stamp();
        let status = line.receiver.status(stamp.mono);
        assert_eq!(status.readings, line.readings.len() as u64);
        assert!(status.position.is_none() || show_position);
        assert!(status.talkers.len() <= 8);
    }
    for reading in &line.readings {
        let Shows::Time(time) = reading.shows else { panic!() };
        assert!(time >= EstimatedTime::from_unix(MADE, 0) && reading.at <= line.latest);
        assert!(reading.resolution >= NtpDuration::from_millis(10) && reading.leap.is_none());
    }
});
