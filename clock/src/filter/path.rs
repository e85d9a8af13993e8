//! Which way the packets take: a lasting change of the round trip is a change of the route.
//!
//! A new route may be more, or less, lop-sided than the old one, so that its offsets are wrong by another constant,
//! up to half of the change. A clock that was known well before the change tells that constant; it becomes a bias
//! of the new path (`state`) instead of an error of the clock.

use std::collections::VecDeque;

use ntp_proto::time::{FreeTime, NtpDuration};

use super::delays::Delays;
use super::lesson::Lesson;

/// A longer way is believed in after so many round trips in a row …
const RUN: usize = 10;
/// … within this time.
const RUN_WITHIN: NtpDuration = NtpDuration::from_secs(2_000);
/// A path is known well enough to tell another one from it after so many round trips.
const KNOWN_AFTER: u64 = 16;
/// So many paths of a source are remembered.
const PATHS: usize = 4;
/// No source has more paths in its life than this; beyond it a number is damaged.
const MAX_NUMBER: u32 = 1 << 31;
/// A longer way exceeds the known one by this many typical excesses and uncertainties of its shortest round trip.
const LONGER_EXCESSES: f64 = 5.0;
const LONGER_BIASES: f64 = 3.0;
/// A way that was taken before is known by a round trip this close to its shortest, in typical excesses.
const SAME_EXCESSES: f64 = 1.5;
/// A shorter way undercuts the known one by so much.
const SHORTER_EXCESSES: f64 = 0.5;
const SHORTER_BIASES: f64 = 6.0;
/// The round trips of a route are closer together than those of a congested one: in typical excesses …
const STEADY_EXCESSES: f64 = 3.0;
/// … and as a share of how much longer they are.
const STEADY_SHARE: f64 = 0.5;

/// Names a path of a source for as long as the source lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub(crate) struct PathId(u32);

impl PathId {
    /// The first path of a source: what it measures is what the source is believed for.
    pub(crate) const FIRST: Self = Self(0);
}

/// What is known of one path.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Path {
    pub(super) id: PathId,
    pub(super) delays: Delays,
    pub(super) lesson: Lesson,
}

/// What a round trip told about the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Turn {
    /// As ever.
    None,
    /// A way that was taken before, or the same as ever under another name.
    Back,
    /// A way that is new.
    New {
        /// The way before.
        from: PathId,
        /// By how much the round trips differ, in seconds.
        by: f64,
        /// A way that is forgotten instead.
        forgotten: Option<PathId>,
    },
}

/// The paths of one source.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Paths {
    known: Vec<Path>,
    /// Place of the one that is taken now.
    current: usize,
    next: u32,
    /// The latest round trips that were all longer than the path explains.
    run: VecDeque<(FreeTime, f64)>,
}

impl Default for Paths {
    fn default() -> Self {
        Self { known: vec![Path::default()], current: 0, next: 1, run: VecDeque::new() }
    }
}

impl Paths {
    pub(super) fn current(&self) -> &Path {
        &self.known[self.current]
    }

    pub(super) fn current_mut(&mut self) -> &mut Path {
        &mut self.known[self.current]
    }

    /// How many are remembered.
    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    /// A packet went there and back in `delay` seconds. Says whether it took another way.
    pub(super) fn travelled(&mut self, at: FreeTime, delay: f64) -> Turn {
        let turn = self.turn(at, delay);
        self.current_mut().delays.add(delay);
        turn
    }

    /// A packet that was not believed took `delay` seconds. Enough of them are a new way.
    pub(super) fn suspected(&mut self, at: FreeTime, delay: f64) {
        self.is_longer(at, delay);
    }

    /// Whether the figures make sense. What came from a file need not.
    pub(super) fn is_sound(&self) -> bool {
        let path = |p: &Path| p.delays.is_sound() && p.lesson.is_sound() && p.id.0 < self.next;
        let distinct =
            self.known.iter().enumerate().all(|(i, p)| self.known[..i].iter().all(|q| q.id != p.id));
        let run = self.run.len() <= RUN && self.run.iter().all(|(_, d)| d.is_finite() && *d >= 0.0);
        self.current < self.known.len()
            && self.next <= MAX_NUMBER
            && self.known.len() <= PATHS
            && self.known.iter().all(path)
            && distinct
            && run
    }

    fn turn(&mut self, at: FreeTime, delay: f64) -> Turn {
        if self.is_longer(at, delay) {
            let shortest = self.run.iter().map(|(_, d)| *d).fold(f64::INFINITY, f64::min);
            return self.take(shortest);
        }
        let delays = &self.current().delays;
        let step = SHORTER_BIASES * delays.minimum_bias() + SHORTER_EXCESSES * delays.mean_excess();
        if delays.count() >= KNOWN_AFTER && delay < delays.min() - step {
            return self.take(delay);
        }
        Turn::None
    }

    /// Whether this round trip completes a run of longer ones that are steady.
    fn is_longer(&mut self, at: FreeTime, delay: f64) -> bool {
        let delays = &self.current().delays;
        let (min, excess) = (delays.min(), delays.mean_excess());
        let longer = LONGER_EXCESSES * excess + LONGER_BIASES * delays.minimum_bias();
        if delays.count() < KNOWN_AFTER || delay - min <= longer {
            self.run.clear();
            return false;
        }
        if self.run.len() == RUN {
            self.run.pop_front();
        }
        self.run.push_back((at, delay));
        let Some((first, _)) = self.run.front() else { return false };
        if self.run.len() < RUN || at - *first > RUN_WITHIN {
            return false;
        }
        let mut sorted: Vec<f64> = self.run.iter().map(|(_, d)| *d).collect();
        sorted.sort_by(f64::total_cmp);
        let spread = sorted[RUN / 2] - sorted[0];
        spread < STEADY_EXCESSES * excess && spread < STEADY_SHARE * (sorted[0] - min)
    }

    /// The way whose shortest round trip is about `shortest` is taken now.
    fn take(&mut self, shortest: f64) -> Turn {
        let from = self.current();
        let (from_id, before) = (from.id, from.delays.min());
        let run = std::mem::take(&mut self.run);
        let fits = |path: &Path| {
            let room = SAME_EXCESSES * path.delays.mean_excess() + LONGER_BIASES * path.delays.minimum_bias();
            path.id != from_id && (shortest - path.delays.min()).abs() <= room
        };
        if let Some(known) = self.known.iter().position(fits) {
            self.current = known;
            return Turn::Back;
        }
        let forgotten = (self.known.len() == PATHS).then(|| self.forget_one());
        let mut path = Path { id: PathId(self.next), ..Path::default() };
        self.next += 1;
        // The latest is added when it is travelled.
        run.iter().rev().skip(1).for_each(|(_, delay)| path.delays.add(*delay));
        self.known.push(path);
        self.current = self.known.len() - 1;
        Turn::New { from: from_id, by: (shortest - before).abs(), forgotten }
    }

    /// Makes room: neither the first path nor the current one is given up.
    fn forget_one(&mut self) -> PathId {
        let current = self.current().id;
        let at = self.known.iter().position(|p| p.id != PathId::FIRST && p.id != current).unwrap_or(0);
        self.known.remove(at).id
    }
}
