//! Filters that compete: an interacting multiple model.
//!
//! Each cell believes in one wander and one kind of noise. Before a sample the cells' states mix a little,
//! as if the world changed its habits now and then; after it their weights follow the evidence. The estimate
//! is the mean of the mixture.

use ntp_proto::time::{FreeTime, Frequency, NtpDuration, Offset, Uncertainty};

use super::belief::{Beliefs, KINDS, UNIFORM, Verdict};
use super::path::{PathId, Turn};
use super::state::{MAX_BIASES, State, mixture};
use super::strain::{JUMP, Strain};
use crate::estimate::{Covariance, Estimate};

/// Wanders per √s, half a decade apart. The two largest mean "something happened" and are no habit.
const WANDERS: [f64; 7] = [1e-10, 3.16e-10, 1e-9, 3.16e-9, 1e-8, 3.16e-8, 1e-7];
const CELLS: usize = WANDERS.len() * KINDS.len();
/// No cell dies: the world may yet turn its way.
const MIN_WEIGHT: f64 = 1e-12;
/// The chance, at each sample, that the wander moves to a neighbour.
const TO_NEIGHBOUR: f64 = 0.005;
/// Upwards from here on moves are ten times rarer.
const CALM_BELOW: f64 = 0.99e-8;
/// Above this wander calm returns quickly.
const UPHEAVAL: f64 = 2e-8;
const CALM_RETURNS: f64 = 0.3;
/// Two jumps whose rates differ by less than this share are one wrong frequency.
const SAME_JUMP: f64 = 0.3;
/// The chance that something happens out of the blue.
const SUDDEN: f64 = 3e-4;
/// A reading may be so many seconds older than the latest: what the frequency is in doubt by makes little of it.
const LATE: f64 = 64.0;
/// The chance that the jitter changes its kind.
const TO_OTHER_NOISE: f64 = 0.0025;

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Cell {
    state: State,
    weight: f64,
}

/// Names a path of one of many sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Via {
    /// Number of the source.
    pub(super) source: u32,
    /// Its path.
    pub(super) path: PathId,
}

/// How fast the bias of a path is expected to drift: this share of half of its round trip in a day.
const DRIFT: f64 = 0.005;
const DAY: f64 = 86_400.0;

/// A path with a bias of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Biased {
    via: Via,
    /// Variance per second.
    drift: f64,
    /// Share of the bias in what the bank says.
    weight: f64,
}

/// One offset, and what is believed of its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading<'a> {
    pub(super) at: FreeTime,
    pub(super) offset: Offset,
    pub(super) beliefs: &'a Beliefs,
    pub(super) via: Via,
}

/// What one offset taught.
#[derive(Clone, Copy, Debug)]
pub struct Learnt {
    /// Of the phase, without the sample.
    pub(crate) variance_before: f64,
    /// Of the phase, with the sample.
    pub(crate) variance_after: f64,
    /// Measured minus expected, in seconds.
    pub(crate) innovation: f64,
    /// Measured minus estimated afterwards, in seconds.
    pub(crate) residual: f64,
    /// Whether it was beyond all expectation.
    pub(crate) is_surprise: bool,
}

impl Learnt {
    /// The share of the new estimate that is the sample's.
    pub(crate) fn gain(&self) -> f64 {
        (1.0 - self.variance_after / self.variance_before).clamp(0.0, 1.0)
    }
}

/// The competing filters of one source, or of several together.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Bank {
    at: FreeTime,
    /// Phases are kept relative to this, so that a clock that is decades off loses no digits.
    anchor: NtpDuration,
    /// The latest offset was a jump: at this rate, had it come gradually.
    jumped_at: Option<f64>,
    /// By how much the latest offsets surprised even the cell that they surprised least.
    strain: Strain,
    /// The paths that have a bias of their own, in the order of the biases of each state.
    biased: Vec<Biased>,
    /// The source whose first path has none.
    reference: u32,
    cells: Vec<Cell>,
}

impl Bank {
    pub(super) fn new(at: FreeTime, offset: Offset, frequency: Frequency, p: Covariance) -> Self {
        let cell = Cell { state: State::new(frequency.as_ratio(), p), weight: 1.0 / CELLS as f64 };
        Self {
            at,
            anchor: offset.as_duration(),
            jumped_at: None,
            strain: Strain::default(),
            biased: Vec::new(),
            reference: 0,
            cells: vec![cell; CELLS],
        }
    }

    /// Learns from an offset; says how much was learnt. One that is a little older than what is known already, as of a
    /// source whose samples take time to make, counts as what it has grown to meanwhile; older ones are left alone.
    ///
    /// Of several sources, one that surprises is doubted itself, by the strain between it and the others.
    pub(super) fn update(&mut self, reading: &Reading<'_>, among: Option<&mut Strain>) -> Option<Learnt> {
        let since = (reading.at - self.at).to_seconds();
        if since < -LATE {
            return None;
        }
        let (h, late) = (since.max(0.0), (-since).max(0.0));
        let bias = self.place(reading.via);
        self.mix();
        self.at = self.at + NtpDuration::from_seconds(h);
        let grown = late * self.mean(|c| c.state.frequency());
        let z = (reading.offset.as_duration() - self.anchor).to_seconds() + grown;
        for (i, cell) in self.cells.iter_mut().enumerate() {
            cell.state.predict(h, wander_of(i), self.biased.iter().map(|b| b.drift));
        }
        let least = self.least_surprise(z, bias, reading.beliefs);
        let is_surprise = least > JUMP;
        if let Some(strain) = among {
            if strain.feel(least).is_some() || is_surprise {
                self.doubt(z, bias);
            }
        } else {
            self.allow_jump(h, z, least);
            self.relax(least);
        }
        let variance_before = self.said().1.xx;
        let innovation = z - self.expected(bias);
        let mut evidence = [0.0; CELLS];
        for (i, cell) in self.cells.iter_mut().enumerate() {
            let verdict = judge(&cell.state, z, bias, &reading.beliefs[kind_of(i)]);
            cell.state.learn(bias, &verdict);
            evidence[i] = verdict.evidence;
        }
        self.weigh(&evidence);
        let residual = z - self.expected(bias);
        Some(Learnt { variance_before, variance_after: self.said().1.xx, innovation, residual, is_surprise })
    }

    /// The packets of a source take another way from now on; `via` is the new one.
    pub(super) fn turn(&mut self, via: Via, turn: Turn, delay: f64) {
        let Turn::New { from, by, forgotten } = turn else { return };
        if let Some(path) = forgotten {
            self.close(Via { path, ..via });
        }
        self.open(via, self.place(Via { path: from, ..via }), by / 2.0, delay);
    }

    /// The bias of the path is unknown but for its deviation; it is likely to be about as large as another's. `delay`
    /// is the round trip. All in seconds.
    pub(super) fn open(&mut self, via: Via, like: Option<usize>, deviation: f64, delay: f64) {
        let like = like.map(|like| self.biased[like].via);
        if self.biased.len() == MAX_BIASES {
            // Nobody listens to a bias without weight.
            let idle = self.biased.iter().position(|biased| biased.weight.abs() < f64::EPSILON);
            self.close(self.biased[idle.unwrap_or(0)].via);
        }
        let like = like.and_then(|like| self.place(like));
        for cell in &mut self.cells {
            cell.state.open_bias(like, deviation);
        }
        let per_day = DRIFT * delay / 2.0;
        self.biased.push(Biased { via, drift: per_day * per_day / DAY, weight: 0.0 });
    }

    /// The share of each path's bias in what the bank says.
    pub(super) fn set_weights(&mut self, weight: impl Fn(Via) -> f64) {
        self.biased.iter_mut().for_each(|biased| biased.weight = weight(biased.via));
    }

    fn place(&self, via: Via) -> Option<usize> {
        self.biased.iter().position(|biased| biased.via == via)
    }

    /// Whether the path has a bias here.
    pub(super) fn knows(&self, via: Via) -> bool {
        self.place(via).is_some()
    }

    /// What it knows was learnt from this source.
    pub(super) fn belongs_to(&mut self, source: u32) {
        self.biased.iter_mut().for_each(|biased| biased.via.source = source);
        self.reference = source;
    }

    /// The source that biases are relative to.
    pub(super) const fn reference(&self) -> u32 {
        self.reference
    }

    /// The mixture as one estimate.
    pub(super) fn estimate(&self) -> Estimate {
        let (x, covariance) = self.said();
        Estimate {
            at: self.at,
            offset: Offset::reference_ahead_by(self.anchor + NtpDuration::from_seconds(x)),
            frequency: Frequency::new(self.mean(|c| c.state.frequency())),
            covariance,
            wander: self.wander(),
        }
    }

    /// The wander believed in, per √s.
    pub(super) fn wander(&self) -> f64 {
        let mean: f64 = (0..CELLS).map(|i| self.cells[i].weight * libm::log(wander_of(i))).sum();
        libm::exp(mean)
    }

    /// How far each of the kinds of noise is believed in, as shares of one.
    pub(super) fn kind_shares(&self) -> [f64; KINDS.len()] {
        let mut shares = [0.0; KINDS.len()];
        self.cells.iter().enumerate().for_each(|(i, cell)| shares[kind_of(i)] += cell.weight);
        shares
    }

    /// Mean, in seconds, and variance of the bias of a path; `None` if it has none.
    pub(super) fn bias(&self, via: Via) -> Option<(f64, f64)> {
        let bias = self.place(via)?;
        let mean = self.mean(|c| c.state.bias(bias).0);
        let variance = self.mean(|c| {
            let (own, variance) = c.state.bias(bias);
            variance + (own - mean) * (own - mean)
        });
        Some((mean, variance))
    }

    /// The same knowledge on a free-running clock that shows `later` more.
    pub(super) fn shift(&mut self, later: NtpDuration) {
        self.at = self.at + later;
        self.anchor -= later;
    }

    /// All offsets are more by this from now on: the reference's count of seconds changed.
    pub(super) fn renumber(&mut self, by: NtpDuration) {
        self.anchor += by;
    }

    /// Whether every figure is one. What came from a file need not be.
    pub(super) fn is_sound(&self) -> bool {
        let biases = self.biased.len();
        let weights = || self.cells.iter().map(|c| c.weight);
        biases <= MAX_BIASES
            && self.cells.len() == CELLS
            && self.cells.iter().all(|c| c.state.is_sound(biases))
            && weights().all(|weight| weight > 0.0)
            && (weights().sum::<f64>() - 1.0).abs() < 1e-6
            && self.strain.is_sound()
            && self.biased.iter().all(|b| b.drift.is_finite() && b.drift >= 0.0 && b.weight.is_finite())
            && self.jumped_at.is_none_or(f64::is_finite)
    }

    /// The shortest way is shorter than thought, so all samples so far took a detour of at least `shorter` seconds and
    /// may be wrong by half of that.
    pub(super) fn doubt_detours(&mut self, via: Via, shorter: f64) {
        let variance = UNIFORM * shorter * shorter;
        let bias = self.place(via);
        for cell in &mut self.cells {
            match bias {
                Some(bias) => cell.state.doubt(Some(bias), variance),
                None => cell.state.add_phase_variance(variance),
            }
        }
    }

    pub(super) fn disturb(&mut self, by: Uncertainty) {
        for cell in &mut self.cells {
            cell.state.add_phase_variance(by.to_seconds() * by.to_seconds());
        }
    }

    fn close(&mut self, via: Via) {
        if let Some(bias) = self.place(via) {
            self.biased.remove(bias);
            self.cells.iter_mut().for_each(|cell| cell.state.close_bias(bias));
        }
    }

    fn mean(&self, of: impl Fn(&Cell) -> f64) -> f64 {
        self.cells.iter().map(|c| c.weight * of(c)).sum()
    }

    /// What an offset with `bias` is expected to be.
    fn expected(&self, bias: Option<usize>) -> f64 {
        self.mean(|c| c.state.expect(bias).0)
    }

    /// The phase with its weighted biases, and what is uncertain about it.
    fn said(&self) -> (f64, Covariance) {
        let weights: Vec<f64> = self.biased.iter().map(|b| b.weight).collect();
        let each: Vec<(f64, Covariance)> = self.cells.iter().map(|c| c.state.weighted(&weights)).collect();
        let x = self.cells.iter().zip(&each).map(|(c, (x, _))| c.weight * x).sum();
        let f = self.mean(|c| c.state.frequency());
        let covariance = self.cells.iter().zip(&each).fold(Covariance::default(), |sum, (c, (own, p))| {
            let (dx, df) = (own - x, c.state.frequency() - f);
            Covariance {
                xx: sum.xx + c.weight * (p.xx + dx * dx),
                xf: sum.xf + c.weight * (p.xf + dx * df),
                ff: sum.ff + c.weight * (p.ff + df * df),
            }
        });
        (x, covariance)
    }

    /// How unlikely the offset is to the cell that it surprises least, in squared standard deviations.
    fn least_surprise(&self, z: f64, bias: Option<usize>, beliefs: &Beliefs) -> f64 {
        let surprise = |(i, cell): (usize, &Cell)| {
            let (expected, variance) = cell.state.expect(bias);
            (z - expected) * (z - expected) / (variance + beliefs[kind_of(i)].variance())
        };
        self.cells.iter().enumerate().map(surprise).fold(f64::INFINITY, f64::min)
    }

    /// One source of several contradicts what was expected of it: it moved, and not the clock.
    fn doubt(&mut self, z: f64, bias: Option<usize>) {
        for cell in &mut self.cells {
            let apart = z - cell.state.expect(bias).0;
            cell.state.doubt(bias, apart * apart);
        }
    }

    /// When offset after offset surprises every cell, all of them are too sure of themselves, whatever the
    /// reason: they are made less so, until the offsets are no surprise.
    fn relax(&mut self, least: f64) {
        if let Some(by) = self.strain.feel(least) {
            self.cells.iter_mut().for_each(|cell| cell.state.scale_covariance(by));
        }
    }

    /// An offset that not even the wildest wander explains is a jump of the phase: of the server's clock, or of
    /// ours while nobody looked. The phase is free to follow then, and the frequency is left out of it. But if
    /// the next offset is off at the same rate, the frequency was wrong all the time.
    fn allow_jump(&mut self, h: f64, z: f64, least: f64) {
        if least <= JUMP || h <= 0.0 {
            self.jumped_at = None;
            return;
        }
        let rate = (z - self.mean(|c| c.state.phase())) / h;
        let again = self.jumped_at.is_some_and(|before| (before - rate).abs() < SAME_JUMP * rate.abs());
        self.jumped_at = Some(rate);
        for cell in &mut self.cells {
            let size = (z - cell.state.phase()) * (z - cell.state.phase());
            let p = cell.state.covariance();
            cell.state.set_covariance(if again {
                Covariance { xx: p.xx + size, xf: p.xf + size / h, ff: p.ff + size / (h * h) }
            } else {
                Covariance { xx: p.xx + size, xf: 0.0, ff: p.ff }
            });
        }
    }

    /// Each cell starts from what the others, as far as they may have turned into it, believe.
    fn mix(&mut self) {
        // Kind of noise and wander change independently, so one can be mixed after the other.
        self.mix_along(
            |from, to| wander_index(from) == wander_index(to),
            |from, to| KIND_MOVES[kind_of(from)][kind_of(to)],
        );
        self.mix_along(
            |from, to| kind_of(from) == kind_of(to),
            |from, to| WANDER_MOVES[wander_index(from)][wander_index(to)],
        );
    }

    fn mix_along(&mut self, related: fn(usize, usize) -> bool, chance: fn(usize, usize) -> f64) {
        let old = std::mem::take(&mut self.cells);
        self.cells = (0..CELLS)
            .map(|to| {
                let from = (0..CELLS).filter(|from| related(*from, to));
                let parts = from.map(|from| (old[from].weight * chance(from, to), &old[from].state));
                let parts: Vec<(f64, &State)> = parts.filter(|(share, _)| *share > 0.0).collect();
                let weight: f64 = parts.iter().map(|(share, _)| share).sum();
                let state = mixture(parts.iter().map(|(share, state)| (share / weight, *state)));
                Cell { state, weight }
            })
            .collect();
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

fn judge(state: &State, z: f64, bias: Option<usize>, belief: &super::belief::Belief) -> Verdict {
    let (expected, variance) = state.expect(bias);
    belief.judge(z - expected, variance)
}

const fn kind_of(cell: usize) -> usize {
    cell / WANDERS.len()
}

const fn wander_index(cell: usize) -> usize {
    cell % WANDERS.len()
}

const fn wander_of(cell: usize) -> f64 {
    WANDERS[wander_index(cell)]
}

/// The chance that one wander turns into another at a sample. Rows sum to one.
const WANDER_MOVES: [[f64; WANDERS.len()]; WANDERS.len()] = {
    let mut moves = [[0.0; WANDERS.len()]; WANDERS.len()];
    let mut from = 0;
    while from < WANDERS.len() {
        let (mut to, mut leaving) = (0, 0.0);
        while to < WANDERS.len() {
            if to != from {
                moves[from][to] = wander_move(from, to);
                leaving += moves[from][to];
            }
            to += 1;
        }
        moves[from][from] = 1.0 - leaving;
        from += 1;
    }
    moves
};

/// The same for the kinds of noise.
const KIND_MOVES: [[f64; KINDS.len()]; KINDS.len()] = {
    let mut moves = [[TO_OTHER_NOISE / (KINDS.len() - 1) as f64; KINDS.len()]; KINDS.len()];
    let mut kind = 0;
    while kind < KINDS.len() {
        moves[kind][kind] = 1.0 - TO_OTHER_NOISE;
        kind += 1;
    }
    moves
};

/// The chance to go from one wander to a different one.
const fn wander_move(from: usize, to: usize) -> f64 {
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
        let rows =
            WANDER_MOVES.iter().map(|row| row.iter().sum()).chain(KIND_MOVES.iter().map(|r| r.iter().sum()));
        for sum in rows {
            let sum: f64 = sum;
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
    }
}
