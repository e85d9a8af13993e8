//! What the stamp of a card means: it is of the beginning of a frame, and it may be wrong.

use ntp_proto::time::{NtpDuration, RawTime};
use ntp_refclock::phc::PhcLine;

use crate::sys::udp::HardwareStamp;

/// A card and the kernel do not see the same datagram at moments that are further apart.
const APART: NtpDuration = NtpDuration::from_millis(1);
/// By so much the card may be on the wrong side of the kernel, beyond what is known to be uncertain.
const SLACK: NtpDuration = NtpDuration::from_nanos(10_000);
/// What follows a frame that no length counts: its check sequence.
const CHECK_SEQUENCE: u32 = 4;
/// What precedes the data of UDP in a frame: of Ethernet, IP and UDP.
const HEADERS_V4: u32 = 14 + 20 + 8;

/// How the clock of a card goes with the system clock, and what is known of its stamps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card<'a> {
    pub(super) line: &'a PhcLine,
    /// What leaves does so later than the stamp says.
    pub(super) txcomp: NtpDuration,
    /// What arrives did so earlier than the stamp says.
    pub(super) rxcomp: NtpDuration,
    /// Of the link, in Mbit/s.
    pub(super) speed: Option<u32>,
}

impl Card<'_> {
    /// When a datagram had arrived that the kernel or we had at `then`; `None` if the two cannot both be true.
    pub(super) fn arrival(&self, stamp: &HardwareStamp, then: RawTime) -> Option<RawTime> {
        let (began, unsure) = self.line.system_time(stamp.time)?;
        let arrived = began - self.rxcomp + passage(stamp.length, self.speed);
        can_have_arrived(arrived, unsure, then).then_some(arrived)
    }

    /// When a datagram left that the kernel or we gave away at `then`; `None` if the two cannot both be true.
    pub(super) fn departure(&self, stamp: &HardwareStamp, then: RawTime) -> Option<RawTime> {
        let (began, unsure) = self.line.system_time(stamp.time)?;
        let left = began + self.txcomp;
        can_have_left(left, unsure, then).then_some(left)
    }
}

/// How long a frame takes to arrive, which is stamped when it begins: a datagram has arrived when its end is there, as
/// those know who let the kernel make the stamp. `speed` in Mbit/s; nothing is known without it.
fn passage(length: u32, speed: Option<u32>) -> NtpDuration {
    let Some(speed) = speed.filter(|speed| *speed > 0) else { return NtpDuration::ZERO };
    // A length of zero is not known: then it is the shortest that there is for NTP.
    let length = if length == 0 { HEADERS_V4 + 48 } else { length };
    let bits = f64::from(length.saturating_add(CHECK_SEQUENCE)) * 8.0;
    NtpDuration::from_seconds(bits / (f64::from(speed) * 1e6))
}

/// Whether a datagram can have been on the wire at `card`, within `unsure`, if the kernel or we had it at `then`.
fn can_have_arrived(card: RawTime, unsure: NtpDuration, then: RawTime) -> bool {
    let earlier = then - card;
    earlier >= -(unsure + SLACK) && earlier <= APART + unsure
}

/// Whether a datagram can have been on the wire at `card` if the kernel or we gave it away at `then`.
fn can_have_left(card: RawTime, unsure: NtpDuration, then: RawTime) -> bool {
    let later = card - then;
    later >= -(unsure + SLACK) && later <= APART + unsure
}

#[cfg(test)]
mod tests {
    use ntp_refclock::phc::{Bracket, PhcTime, PhcTrack};

    use super::*;

    fn system(nanos: u32) -> RawTime {
        RawTime::from_unix(1_700_000_000, nanos)
    }

    /// A clock that was switched on when the system clock showed second 1 700 000 000, and loses 10 µs a second.
    fn track() -> PhcTrack {
        let mut track = PhcTrack::new(NtpDuration::from_nanos(100));
        for (shows, nanos) in [(0, 0), (50_000_000, 50_000_500)] {
            let at = system(nanos);
            track.feed(Bracket::between(at, PhcTime::from_unix(0, shows), at).unwrap());
        }
        track
    }

    fn stamp(nanos: u32, length: u32) -> HardwareStamp {
        HardwareStamp { time: PhcTime::from_unix(0, nanos), interface: 2, length }
    }

    fn is_about(time: Option<RawTime>, expected: RawTime) -> bool {
        time.is_some_and(|time| (time - expected).abs() <= NtpDuration::from_nanos(1))
    }

    #[test]
    fn stamps_of_the_card_become_times_of_the_system_clock() {
        let track = track();
        let card = Card {
            line: track.line().unwrap(),
            txcomp: NtpDuration::from_nanos(200),
            rxcomp: NtpDuration::from_nanos(300),
            speed: Some(1_000),
        };
        // At 100 ms the system clock is 1 µs further; the frame takes 752 ns.
        let arrived = system(100_001_000 + 752 - 300);
        let kernel = |later: u32| system(100_001_000 + later);
        assert!(is_about(card.arrival(&stamp(100_000_000, 90), kernel(20_000)), arrived));
        let left = system(100_001_000 + 200);
        assert!(is_about(card.departure(&stamp(100_000_000, 0), system(100_001_000 - 2_000)), left));
    }

    #[test]
    fn stamps_that_cannot_be_meant_are_refused() {
        let track = track();
        let (line, none) = (track.line().unwrap(), NtpDuration::ZERO);
        let card = Card { line, txcomp: none, rxcomp: none, speed: None };
        for elsewhere in [system(60_000_000), system(140_000_000), RawTime::from_unix(0, 0)] {
            assert_eq!(card.arrival(&stamp(100_000_000, 90), elsewhere), None);
            assert_eq!(card.departure(&stamp(100_000_000, 0), elsewhere), None);
        }
        let absurd = HardwareStamp { time: PhcTime::from_unix(1 << 33, 0), ..stamp(0, 0) };
        assert_eq!(card.arrival(&absurd, system(100_000_000)), None);
    }

    #[test]
    fn a_frame_takes_its_time() {
        // 90 bytes and the check sequence.
        assert_eq!(passage(90, Some(1_000)).to_nanos(), 752);
        assert_eq!(passage(0, Some(1_000)).to_nanos(), 752);
        assert_eq!(passage(90, Some(10)).to_nanos(), 75_200);
        assert_eq!(passage(90, None), NtpDuration::ZERO);
        assert_eq!(passage(90, Some(0)), NtpDuration::ZERO);
        assert!(passage(u32::MAX, Some(1)) > NtpDuration::ZERO);
    }

    #[test]
    fn the_card_sees_arrivals_first_and_departures_last() {
        let kernel = RawTime::from_unix(100, 0);
        let micros = |n: i64| NtpDuration::from_nanos(n * 1_000);
        let unsure = micros(1);
        for (apart, arrived, left) in [
            (micros(-1_500), false, false),
            (micros(-900), true, false),
            (micros(-50), true, false),
            (micros(-5), true, true),
            (micros(5), true, true),
            (micros(50), false, true),
            (micros(900), false, true),
            (micros(1_500), false, false),
        ] {
            assert_eq!(can_have_arrived(kernel + apart, unsure, kernel), arrived, "{apart}");
            assert_eq!(can_have_left(kernel + apart, unsure, kernel), left, "{apart}");
        }
    }
}
