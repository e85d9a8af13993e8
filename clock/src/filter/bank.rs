//! Filters that compete: an interacting multiple model.
//!
//! Each cell believes in one wander and one noise model. Before a sample the cells' states mix a little,
//! as if the world changed its habits now and then ([`transition`]); after it their weights follow the
//! evidence. The estimate is the mean of the mixture.

use ntp_proto::time::{FreeTime, Frequency, NtpDuration, Offset, Uncertainty};

use super::kalman::Kalman;
use super::noise::MODELS;
use crate::estimate::{Covariance, Estimate};
use crate::poll::Learnt;

/// Wanders per √s, half a decade apart. The two largest mean "something happened" and are no habit.
const WANDERS: [f64; 7] = [1e-10, 3.16e-10, 1e-9, 3.16e-9, 1e-8, 3.16e-8, 1e-7];
const CELLS: usize = WANDERS.len() * MODELS.len();
/// No cell dies: the world may yet turn its way.
const MIN_WEIGHT: f64 = 1e-12;
/// The chance, at each sample, that the wander moves to a neighbour.
const TO_NEIGHBOUR: f64 = 0.005;
/// Upwards from here on moves are ten times rarer.
const CALM_BELOW: f64 = 0.99e-8;
/// Above this wander calm returns quickly.
const UPHEAVAL: f64 = 2e-8;
const CALM_RETURNS: f64 = 0.3;
/// A squared innovation of so many variances is no wander: ten standard deviations.
const JUMP: f64 = 100.0;
/// How many offsets the strain remembers, as a share, and from where on it is too much.
const STRAIN_MEMORY: f64 = 0.3;
const STRAINED: f64 = 6.0;
/// Two jumps whose rates differ by less than this share are one wrong frequency.
const SAME_JUMP: f64 = 0.3;
/// The chance that something happens out of the blue.
const SUDDEN: f64 = 3e-4;
/// The chance that the jitter changes its kind.
const TO_OTHER_NOISE: f64 = 0.0025;

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Cell {
    state: Kalman,
    weight: f64,
}

/// The competing filters of one source.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Bank {
    at: FreeTime,
    /// Phases are kept relative to this, so that a clock that is decades off loses no digits.
    anchor: NtpDuration,
    /// The latest offset was a jump: at this rate, had it come gradually.
    jumped_at: Option<f64>,
    /// How much the latest offsets surprised even the cell that they surprised least; 1 or less is right.
    strain: f64,
    cells: [Cell; CELLS],
}

impl Bank {
    pub(super) fn new(at: FreeTime, offset: Offset, frequency: Frequency, p: Covariance) -> Self {
        let state = Kalman { x: 0.0, f: frequency.as_ratio(), p };
        let cell = Cell { state, weight: 1.0 / CELLS as f64 };
        Self { at, anchor: offset.as_duration(), jumped_at: None, strain: 0.0, cells: [cell; CELLS] }
    }

    pub(super) const fn at(&self) -> FreeTime {
        self.at
    }

    /// Learns from an offset whose variance is `noise` under each noise model; says how much was learnt.
    /// Samples out of order are left alone.
    pub(super) fn update(
        &mut self,
        at: FreeTime,
        offset: Offset,
        noise: &[f64; MODELS.len()],
    ) -> Option<Learnt> {
        let h = (at - self.at).to_seconds();
        if h <= 0.0 {
            return None;
        }
        self.mix();
        self.at = at;
        let z = (offset.as_duration() - self.anchor).to_seconds();
        let mut evidence = [0.0; CELLS];
        for (i, cell) in self.cells.iter_mut().enumerate() {
            cell.state.predict(h, wander_of(i));
        }
        let least = self.least_surprise(z, noise);
        self.allow_jump(h, z, least);
        self.relax(least);
        let before = self.covariance().xx;
        for (i, cell) in self.cells.iter_mut().enumerate() {
            evidence[i] = cell.state.update(z, noise[i / WANDERS.len()]);
        }
        self.weigh(&evidence);
        Some(Learnt { variance_before: before, variance_after: self.covariance().xx })
    }

    /// The mixture as one estimate.
    pub(super) fn estimate(&self) -> Estimate {
        let x = self.mean(|c| c.state.x);
        Estimate {
            at: self.at,
            offset: Offset::reference_ahead_by(self.anchor + NtpDuration::from_seconds(x)),
            frequency: Frequency::new(self.mean(|c| c.state.f)),
            covariance: self.covariance(),
            wander: self.wander(),
        }
    }

    /// The wander believed in, per √s.
    pub(super) fn wander(&self) -> f64 {
        let mean: f64 = (0..CELLS).map(|i| self.cells[i].weight * libm::log(wander_of(i))).sum();
        libm::exp(mean)
    }

    /// The same knowledge on a free-running clock that shows `later` more.
    pub(super) fn shift(&mut self, later: NtpDuration) {
        self.at = self.at + later;
        self.anchor -= later;
    }

    /// Whether every figure is one. What came from a file need not be.
    pub(super) fn is_sound(&self) -> bool {
        let figures = |c: &Cell| [c.state.x, c.state.f, c.state.p.xx, c.state.p.xf, c.state.p.ff, c.weight];
        let finite = self.cells.iter().flat_map(figures).all(f64::is_finite);
        let total: f64 = self.cells.iter().map(|c| c.weight).sum();
        let positive =
            self.cells.iter().all(|c| c.weight > 0.0 && c.state.p.xx >= 0.0 && c.state.p.ff >= 0.0);
        finite && positive && (total - 1.0).abs() < 1e-6
    }

    pub(super) fn disturb(&mut self, by: Uncertainty) {
        for cell in &mut self.cells {
            cell.state.p.xx += by.to_seconds() * by.to_seconds();
        }
    }

    fn mean(&self, of: impl Fn(&Cell) -> f64) -> f64 {
        self.cells.iter().map(|c| c.weight * of(c)).sum()
    }

    fn covariance(&self) -> Covariance {
        let (x, f) = (self.mean(|c| c.state.x), self.mean(|c| c.state.f));
        spread(self.cells.iter().map(|c| (c.weight, c.state)), x, f)
    }

    /// How unlikely the offset is to the cell that it surprises least, in squared standard deviations.
    fn least_surprise(&self, z: f64, noise: &[f64; MODELS.len()]) -> f64 {
        let surprise = |(i, cell): (usize, &Cell)| {
            let innovation = z - cell.state.x;
            innovation * innovation / (cell.state.p.xx + noise[i / WANDERS.len()])
        };
        self.cells.iter().enumerate().map(surprise).fold(f64::INFINITY, f64::min)
    }

    /// When offset after offset surprises every cell, all of them are too sure of themselves, whatever the
    /// reason: they are made less so, until the offsets are no surprise.
    fn relax(&mut self, least: f64) {
        self.strain += STRAIN_MEMORY * (least.min(JUMP) - self.strain);
        if self.strain <= STRAINED {
            return;
        }
        for cell in &mut self.cells {
            let p = &mut cell.state.p;
            *p = Covariance { xx: p.xx * self.strain, xf: p.xf * self.strain, ff: p.ff * self.strain };
        }
        self.strain = 1.0;
    }

    /// An offset that not even the wildest wander explains is a jump of the phase: of the server's clock, or of
    /// ours while nobody looked. The phase is free to follow then, and the frequency is left out of it. But if
    /// the next offset is off at the same rate, the frequency was wrong all the time.
    fn allow_jump(&mut self, h: f64, z: f64, least: f64) {
        if least <= JUMP {
            self.jumped_at = None;
            return;
        }
        let rate = (z - self.mean(|c| c.state.x)) / h;
        let again = self.jumped_at.is_some_and(|before| (before - rate).abs() < SAME_JUMP * rate.abs());
        self.jumped_at = Some(rate);
        for cell in &mut self.cells {
            let size = (z - cell.state.x) * (z - cell.state.x);
            let p = &mut cell.state.p;
            *p = if again {
                Covariance { xx: p.xx + size, xf: p.xf + size / h, ff: p.ff + size / (h * h) }
            } else {
                Covariance { xx: p.xx + size, xf: 0.0, ff: p.ff }
            };
        }
    }

    /// Each cell starts from what the others, as far as they may have turned into it, believe.
    fn mix(&mut self) {
        let old = self.cells;
        for (to, cell) in self.cells.iter_mut().enumerate() {
            let mut shares = [0.0; CELLS];
            for (from, share) in shares.iter_mut().enumerate() {
                *share = old[from].weight * transition(from, to);
            }
            let weight: f64 = shares.iter().sum();
            let from = || shares.iter().zip(&old).map(|(s, c)| (s / weight, c.state));
            let x = from().map(|(s, k)| s * k.x).sum();
            let f = from().map(|(s, k)| s * k.f).sum();
            *cell = Cell { state: Kalman { x, f, p: spread(from(), x, f) }, weight };
        }
    }

    fn weigh(&mut self, evidence: &[f64; CELLS]) {
        let best = evidence.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        for (cell, e) in self.cells.iter_mut().zip(evidence) {
            cell.weight = (cell.weight * libm::exp(e - best)).max(MIN_WEIGHT);
            total += cell.weight;
        }
        for cell in &mut self.cells {
            cell.weight /= total;
        }
    }
}

/// Covariance of a mixture about its mean.
fn spread(parts: impl Iterator<Item = (f64, Kalman)>, x: f64, f: f64) -> Covariance {
    parts.fold(Covariance::default(), |sum, (share, k)| {
        let (dx, df) = (k.x - x, k.f - f);
        Covariance {
            xx: sum.xx + share * (k.p.xx + dx * dx),
            xf: sum.xf + share * (k.p.xf + dx * df),
            ff: sum.ff + share * (k.p.ff + df * df),
        }
    })
}

const fn wander_of(cell: usize) -> f64 {
    WANDERS[cell % WANDERS.len()]
}

/// The chance that the world turns from one cell's habits to another's at a sample. Rows sum to one.
fn transition(from: usize, to: usize) -> f64 {
    let n = WANDERS.len();
    let same_wander = wander_transition(from % n, to % n);
    if from / n == to / n {
        same_wander * (1.0 - TO_OTHER_NOISE)
    } else {
        same_wander * TO_OTHER_NOISE / (MODELS.len() - 1) as f64
    }
}

fn wander_transition(from: usize, to: usize) -> f64 {
    let leaving: f64 = (0..WANDERS.len()).filter(|t| *t != from).map(|t| wander_move(from, t)).sum();
    if from == to { 1.0 - leaving } else { wander_move(from, to) }
}

/// The chance to go from one wander to a different one.
fn wander_move(from: usize, to: usize) -> f64 {
    let sudden = if to == WANDERS.len() - 1 { SUDDEN } else { 0.0 };
    let step = if to == from + 1 {
        if WANDERS[from] >= CALM_BELOW { TO_NEIGHBOUR / 10.0 } else { TO_NEIGHBOUR }
    } else if from == to + 1 {
        if WANDERS[from] > UPHEAVAL { CALM_RETURNS } else { TO_NEIGHBOUR }
    } else {
        0.0
    };
    step + sudden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_turns_into_something_with_certainty() {
        for from in 0..CELLS {
            let sum: f64 = (0..CELLS).map(|to| transition(from, to)).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{from}: {sum}");
        }
    }
}
