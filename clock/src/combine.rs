//! Several truechimers become one estimate.

use ntp_proto::time::{Frequency, NtpDuration, Offset};

use crate::estimate::{Covariance, Estimate};

/// What one source brings to the combination.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contribution {
    /// What it knows, at the moment common to all.
    pub estimate: Estimate,
    /// How far the truth may be from it.
    pub root_distance: NtpDuration,
}

/// The weighted mean of the contributions, and how far the truth may be from it; `None` if there are none.
///
/// Weights go with 1/distance², so that a source counts by what is *possible* on its path and not by how
/// quiet it seems. The stated variance is that of the best contributor: errors of sources are correlated,
/// since they share the oscillator, and dividing by their number would promise too much.
#[must_use]
pub fn combine(contributions: &[Contribution]) -> Option<Contribution> {
    let first = contributions.first()?.estimate;
    let weights: Vec<f64> = contributions.iter().map(weight).collect();
    let total: f64 = weights.iter().sum();
    let mean = |of: &dyn Fn(&Estimate) -> f64| -> f64 {
        contributions.iter().zip(&weights).map(|(c, w)| w / total * of(&c.estimate)).sum()
    };
    // Relative to the first, so that decades of offset cost no digits.
    let base = first.offset.as_duration();
    let phase = mean(&|e| (e.offset.as_duration() - base).to_seconds());
    let frequency = mean(&|e| e.frequency.as_ratio());
    let least = contributions.iter().map(|c| c.estimate.covariance).min_by(|a, b| a.xx.total_cmp(&b.xx));
    // Each may be wrong by its own distance, and all in the same direction.
    let distances = contributions.iter().zip(&weights).map(|(c, w)| w / total * c.root_distance.to_seconds());
    let estimate = Estimate {
        at: first.at,
        offset: Offset::reference_ahead_by(base + NtpDuration::from_seconds(phase)),
        frequency: Frequency::new(frequency),
        covariance: least.unwrap_or(Covariance::default()),
        wander: mean(&|e| e.wander),
    };
    Some(Contribution { estimate, root_distance: NtpDuration::from_seconds(distances.sum()) })
}

fn weight(contribution: &Contribution) -> f64 {
    let distance = contribution.root_distance.to_seconds().max(1e-9);
    1.0 / (distance * distance)
}
