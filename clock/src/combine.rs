//! How well sources agree that set the clock together.

use ntp_proto::time::Uncertainty;

use crate::estimate::Estimate;

/// What the sources' different ways contribute to the uncertainty of `joint`, of which each of `sources` taught a part.
///
/// A path that is lop-sided shifts all samples of its source alike, which no filter can see; several sources show it by
/// being further apart than their own uncertainties explain. Zero for fewer than two.
#[must_use]
pub fn disagreement(joint: &Estimate, sources: &[Estimate]) -> Uncertainty {
    let n = sources.len() as f64;
    if sources.len() < 2 {
        return Uncertainty::from_seconds(0.0);
    }
    let apart = |e: &Estimate| (e.offset.as_duration() - joint.offset.as_duration()).to_seconds();
    let unexplained: f64 = sources.iter().map(|e| apart(e) * apart(e) - e.covariance.xx).sum();
    Uncertainty::from_seconds((unexplained / (n - 1.0) / n).max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use ntp_proto::time::{FreeTime, Frequency, Offset};

    use super::*;

    fn estimate(offset: f64, deviation: f64) -> Estimate {
        let mut e = Estimate::of_frequency(FreeTime::from_unix(0, 0), Frequency::ZERO, Frequency::ZERO);
        e.offset = Offset::from_seconds(offset);
        e.covariance.xx = deviation * deviation;
        e
    }

    #[test]
    fn what_uncertainty_explains_is_no_disagreement() {
        let joint = estimate(0.0, 1e-4);
        let close = [estimate(1e-4, 2e-4), estimate(-1e-4, 2e-4)];
        assert!(disagreement(&joint, &close).to_seconds() < 1e-12);
        let apart = [estimate(1e-3, 1e-5), estimate(-1e-3, 1e-5)];
        assert!((disagreement(&joint, &apart).to_seconds() - 1e-3).abs() < 1e-5);
        assert!(disagreement(&joint, &apart[..1]).to_seconds() < 1e-12);
    }
}
