//! What an offset tells whose error lies within an interval, uniformly, with soft edges.
//!
//! The posterior of the error has no closed form; its first moments are found by quadrature and matched.

use std::f64::consts::PI;

use super::belief::Verdict;

/// Points of the quadrature.
const POINTS: u32 = 48;
/// So many scales of the blur beyond the edge nothing is left …
const EDGE: f64 = 8.0;
/// … and so many deviations from the expectation.
const TAIL: f64 = 7.0;
/// The share of samples that keep to no interval.
const OUTLIERS: f64 = 1e-3;

/// The offset is `ahead` of an expectation with `variance`; its error is within ±`half_width`, with edges as soft as a
/// logistic curve of scale `blur`, or, rarely, normal with the deviation `outlier`.
pub(super) fn judge(ahead: f64, variance: f64, half_width: f64, blur: f64, outlier: f64) -> Verdict {
    let within = within(ahead, variance, half_width, blur);
    let total = variance + outlier * outlier;
    let beyond = Moments {
        mass: OUTLIERS * density(ahead, total),
        mean: ahead * outlier * outlier / total,
        variance: variance * outlier * outlier / total,
    };
    let mass = within.mass + beyond.mass;
    if mass < f64::MIN_POSITIVE {
        // As good as impossible either way: the logarithm of the outlier's density is all that does not vanish.
        let evidence = -0.5 * (ahead * ahead / total + libm::log(2.0 * PI * total)) + libm::log(OUTLIERS);
        return Verdict { shift: ahead - beyond.mean, variance: beyond.variance, evidence };
    }
    let (a, b) = (within.mass / mass, beyond.mass / mass);
    let apart = within.mean - beyond.mean;
    Verdict {
        // What of the surprise is not the sample's error is the expectation's.
        shift: ahead - (a * within.mean + b * beyond.mean),
        variance: a * within.variance + b * beyond.variance + a * b * apart * apart,
        evidence: libm::log(mass),
    }
}

/// How likely something was, and mean and variance of the sample's error if it was so.
struct Moments {
    mass: f64,
    mean: f64,
    variance: f64,
}

/// The error was within the interval.
fn within(ahead: f64, variance: f64, half_width: f64, blur: f64) -> Moments {
    let deviation = variance.sqrt();
    let reach = half_width + EDGE * blur;
    let low = (-reach).max(ahead - TAIL * deviation);
    let high = reach.min(ahead + TAIL * deviation);
    if low >= high {
        return Moments { mass: 0.0, mean: ahead, variance };
    }
    let step = (high - low) / f64::from(POINTS);
    let (mut m0, mut m1, mut m2) = (0.0, 0.0, 0.0);
    // Relative to the middle, so that squares of small widths at large offsets keep their digits.
    let middle = f64::midpoint(low, high);
    for point in 0..POINTS {
        let error = low + (f64::from(point) + 0.5) * step;
        let from_prior = (error - ahead) / deviation;
        let edges =
            (1.0 + libm::exp(-(error + half_width) / blur)) * (1.0 + libm::exp(-(half_width - error) / blur));
        let mass = libm::exp(-0.5 * from_prior * from_prior) / edges;
        let at = error - middle;
        m0 += mass;
        m1 += mass * at;
        m2 += mass * at * at;
    }
    if m0 < f64::MIN_POSITIVE {
        return Moments { mass: 0.0, mean: ahead, variance };
    }
    let mean = m1 / m0;
    Moments {
        mass: (1.0 - OUTLIERS) * m0 * step / (width(half_width, blur) * (2.0 * PI).sqrt() * deviation),
        mean: middle + mean,
        // A quadrature that met a single point has no width of its own.
        variance: (m2 / m0 - mean * mean).max(step * step / 12.0),
    }
}

/// What is under the curve with the two soft edges.
fn width(half_width: f64, blur: f64) -> f64 {
    let edges = 2.0 * half_width / blur;
    if edges < 1e-9 { blur } else { blur * edges / -libm::expm1(-edges) }
}

fn density(at: f64, variance: f64) -> f64 {
    libm::exp(-0.5 * at * at / variance) / (2.0 * PI * variance).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_interval_teaches_nothing_and_a_narrow_one_nearly_all() {
        let wide = judge(0.3, 1.0, 1e3, 1.0, 1e4);
        assert!(wide.shift.abs() < 1e-3 && (wide.variance - 1.0).abs() < 1e-2, "{wide:?}");
        let narrow = judge(0.3, 1.0, 1e-3, 1e-6, 1e-2);
        assert!((narrow.shift - 0.3).abs() < 1e-3, "{narrow:?}");
        assert!((3.3e-7..5e-7).contains(&narrow.variance), "{narrow:?}");
    }

    #[test]
    fn intervals_that_hardly_overlap_pin_the_truth_down() {
        // The expectation is at 0 ± 1, the interval reaches from 2 to 4.
        let verdict = judge(3.0, 1.0, 1.0, 1e-3, 10.0);
        assert!(verdict.shift > 2.0 && verdict.shift < 2.6, "{verdict:?}");
        assert!(verdict.variance < 0.2, "{verdict:?}");
    }

    #[test]
    fn what_is_impossible_is_an_outlier() {
        let verdict = judge(1e6, 1.0, 1.0, 1e-3, 10.0);
        assert!(verdict.evidence.is_finite() && verdict.variance > 0.0, "{verdict:?}");
        assert!(verdict.evidence < judge(1e3, 1.0, 1.0, 1e-3, 10.0).evidence);
    }

    #[test]
    fn an_interval_without_width_is_its_blur() {
        let verdict = judge(0.0, 1e6, 0.0, 1.0, 10.0);
        assert!((verdict.variance - PI * PI / 3.0).abs() < 0.2, "{verdict:?}");
        assert!(verdict.evidence.is_finite());
    }
}
