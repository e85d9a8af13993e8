//! Datagrams in portions, counted by what became of them.

use std::io;

use ntp_clock::Reading;
use ntp_proto::time::RawTime;

use super::sample::{Refusal, decode};

/// So many datagrams are read at most in one look.
pub const BATCH: usize = 64;
/// More than the longest sample, so that what is longer shows.
const ROOM: usize = 64;

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Whether the last portion was a full one, so that there may be more.
    pub(super) flooded: bool,
    pub(super) last_at: Option<RawTime>,
    pub(super) counts: Counts,
}

/// How many datagrams came to what end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) taken: u64,
    pub(super) size: u64,
    pub(super) magic: u64,
    pub(super) nonsense: u64,
    pub(super) stale: u64,
    pub(super) floods: u64,
}

impl Inbox {
    /// Takes what `receive` has until it would have to wait, but no more than a portion.
    pub(super) fn take_portion(
        &mut self,
        mut receive: impl FnMut(&mut [u8]) -> io::Result<usize>,
        clock: fn() -> RawTime,
        readings: &mut Vec<Reading>,
    ) -> io::Result<()> {
        let mut room = [0; ROOM];
        self.flooded = false;
        for _ in 0..BATCH {
            match receive(&mut room) {
                Ok(length) => readings.extend(self.take(&room[..length], clock())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.flooded = true;
        self.counts.floods += 1;
        Ok(())
    }

    fn take(&mut self, datagram: &[u8], now: RawTime) -> Option<Reading> {
        let count = match decode(datagram, now) {
            Ok(reading) => {
                self.counts.taken += 1;
                self.last_at = Some(reading.at);
                return Some(reading);
            }
            Err(Refusal::Size) => &mut self.counts.size,
            Err(Refusal::Magic) => &mut self.counts.magic,
            Err(Refusal::Nonsense) => &mut self.counts.nonsense,
            Err(Refusal::Stale) => &mut self.counts.stale,
        };
        *count += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> RawTime {
        RawTime::from_unix(1_800_000_000, 0)
    }

    /// As many datagrams as there are lengths, then nothing.
    fn portion(inbox: &mut Inbox, lengths: &mut impl Iterator<Item = usize>) -> io::Result<()> {
        let mut readings = Vec::new();
        let receive = |_: &mut [u8]| lengths.next().ok_or_else(|| io::ErrorKind::WouldBlock.into());
        let result = inbox.take_portion(receive, now, &mut readings);
        assert_eq!(readings, []);
        result
    }

    #[test]
    fn a_flood_is_taken_in_portions() {
        let mut inbox = Inbox::default();
        let mut flood = std::iter::repeat_n(40, BATCH + 3);
        portion(&mut inbox, &mut flood).unwrap();
        assert!(inbox.flooded);
        assert_eq!(flood.len(), 3);
        portion(&mut inbox, &mut flood).unwrap();
        assert!(!inbox.flooded);
        assert_eq!(inbox.counts, Counts { magic: BATCH as u64 + 3, floods: 1, ..Counts::default() });
    }

    #[test]
    fn signals_do_not_end_a_portion_and_failures_do() {
        let mut inbox = Inbox::default();
        let mut results =
            [Err(io::ErrorKind::Interrupted.into()), Ok(3), Err(io::ErrorKind::NotConnected.into())]
                .into_iter();
        let receive = |_: &mut [u8]| results.next().unwrap();
        let error = inbox.take_portion(receive, now, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        assert_eq!(inbox.counts, Counts { size: 1, ..Counts::default() });
    }
}
