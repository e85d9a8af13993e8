//! Which edges are pulses: each once, none invented, and none of the wrong width.
//!
//! The kernel remembers the latest edge of either kind and how many there were. What the driver fetches goes through
//! [`Pulses::take`], which gives a pulse when there is a new one. Where a width is asked for, a pulse is known only
//! when its second edge has come:
//!
//! ```text
//!  ──┐pending┌───────────┐pending┌──
//!    └───────┘  judged   └───────┘      (edge = clear; width from each fall to the next rise)
//! ```

use ntp_proto::time::{NtpDuration, RawTime};

use super::Edge;
use crate::stamp::unix;
use crate::sys::pps::{Edge as Captured, Edges};

/// An interrupt that waits for another one comes so late; edges that are closer have no width worth a judgement.
const LATENESS: NtpDuration = NtpDuration::from_nanos(20_000);

/// What is remembered between two looks.
#[derive(Debug)]
pub(super) struct Pulses {
    edge: Edge,
    width: Option<NtpDuration>,
    last: Option<Edges>,
    /// A pulse that began and whose end is to judge it.
    pending: Option<RawTime>,
    pub(super) counts: Counts,
    pub(super) last_pulse: Option<RawTime>,
    pub(super) last_width: Option<NtpDuration>,
}

/// How many pulses came to what end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) taken: u64,
    pub(super) missed: u64,
    pub(super) wrong_width: u64,
    pub(super) nonsense: u64,
}

impl Pulses {
    pub(super) const fn new(edge: Edge, width: Option<NtpDuration>) -> Self {
        let counts = Counts { taken: 0, missed: 0, wrong_width: 0, nonsense: 0 };
        Self { edge, width, last: None, pending: None, counts, last_pulse: None, last_width: None }
    }

    /// How many pulses the kernel has counted.
    pub(super) fn sequence(&self) -> Option<u32> {
        self.last.map(|edges| self.begin(&edges).sequence)
    }

    /// When the pulse began that is new in `edges`, if there is one.
    pub(super) fn take(&mut self, edges: &Edges) -> Option<RawTime> {
        // Nobody knows how old the first one is, nor whether the clock was the same then.
        let last = self.last.replace(*edges)?;
        let begun = advance(self.begin(&last), self.begin(edges));
        let ended = advance(self.end(&last), self.end(edges));
        let (Some(begun), Some(ended)) = (begun, ended) else {
            self.pending = None;
            return None;
        };
        let pulse = match self.width {
            None => {
                self.measure(edges, ended);
                self.begun(begun, edges)
            }
            Some(width) => self.judged(width, begun, ended, edges),
        }?;
        self.counts.taken += 1;
        self.last_pulse = Some(pulse);
        Some(pulse)
    }

    const fn begin<'e>(&self, edges: &'e Edges) -> &'e Captured {
        match self.edge {
            Edge::Assert => &edges.assert,
            Edge::Clear => &edges.clear,
        }
    }

    const fn end<'e>(&self, edges: &'e Edges) -> &'e Captured {
        match self.edge {
            Edge::Assert => &edges.clear,
            Edge::Clear => &edges.assert,
        }
    }

    /// The latest beginning, after `count` of them.
    fn begun(&mut self, count: u32, edges: &Edges) -> Option<RawTime> {
        self.counts.missed += u64::from(count.checked_sub(1)?);
        let stamp = stamp(self.begin(edges));
        if stamp.is_none() {
            self.counts.nonsense += 1;
        }
        stamp
    }

    fn measure(&mut self, edges: &Edges, ended: u32) {
        if ended > 0
            && let (Some(begin), Some(end)) = (stamp(self.begin(edges)), stamp(self.end(edges)))
        {
            self.last_width =
                Some(end - begin).filter(|width| *width > NtpDuration::ZERO).or(self.last_width);
        }
    }

    /// The pulse that has its end now, if its width is right.
    fn judged(&mut self, width: NtpDuration, begun: u32, ended: u32, edges: &Edges) -> Option<RawTime> {
        let end = stamp(self.end(edges)).filter(|_| ended > 0);
        if begun == 0 {
            return self.fits(width, end?);
        }
        let begin = self.begun(begun, edges);
        let own = end.filter(|end| begin.is_none_or(|begin| *end > begin));
        // One that lies before is that of the pulse before, if no other was missed.
        let foreign = end.filter(|_| own.is_none() && begun == 1);
        let before = foreign.and_then(|end| self.fits(width, end));
        self.counts.wrong_width += u64::from(self.pending.is_some());
        self.pending = begin;
        own.and_then(|end| self.fits(width, end)).or(before)
    }

    /// The pulse that waits for its end, if that is neither early nor late. A quarter of the width is granted, for
    /// receivers do not make it exactly.
    fn fits(&mut self, width: NtpDuration, end: RawTime) -> Option<RawTime> {
        let begin = self.pending.take()?;
        let measured = end - begin;
        self.last_width = Some(measured);
        let granted = width.half().half().max(LATENESS);
        let fits = (measured - width).abs() <= granted;
        self.counts.wrong_width += u64::from(!fits);
        fits.then_some(begin)
    }
}

/// How many edges came; `None` if the numbers went backwards, so that nothing is known.
fn advance(last: &Captured, now: &Captured) -> Option<u32> {
    let steps = now.sequence.wrapping_sub(last.sequence);
    (steps <= u32::MAX / 2).then_some(steps)
}

fn stamp(edge: &Captured) -> Option<RawTime> {
    unix(edge.seconds, edge.nanos.into())
}

#[cfg(test)]
mod tests;
