//! Medians and percentiles.

use std::fmt;

use serde::Serialize;

/// The middle of some figures, and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Self {
        let sorted = sorted(figures.collect());
        let ends = (sorted.first(), sorted.last());
        let (least, most) = (ends.0.copied().unwrap_or(f64::NAN), ends.1.copied().unwrap_or(f64::NAN));
        Self { median: at(&sorted, 0.5), least, most }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.median.abs() < 10.0 { 2 } else { 0 };
        let Self { median, least, most } = self;
        write!(f, "{median:.digits$}  ({least:.digits$} … {most:.digits$})")
    }
}

/// Many measurements of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Distribution {
    pub(crate) count: usize,
    pub(crate) mean: f64,
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

impl Distribution {
    pub(crate) fn of(figures: Vec<f64>) -> Self {
        let sorted = sorted(figures);
        let count = sorted.len();
        let mean = sorted.iter().sum::<f64>() / count as f64;
        Self { count, mean, median: at(&sorted, 0.5), p99: at(&sorted, 0.99), p999: at(&sorted, 0.999) }
    }
}

fn sorted(mut figures: Vec<f64>) -> Vec<f64> {
    figures.sort_by(f64::total_cmp);
    figures
}

/// What this share does not exceed; not a number if there is nothing.
fn at(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends_are_found_whatever_the_order() {
        let spread = Spread::of([3.0, 1.0, 2.0].into_iter());
        assert_eq!(spread.to_string(), "2.00  (1.00 … 3.00)");
        let distribution = Distribution::of((0..=1000).rev().map(f64::from).collect());
        assert_eq!((distribution.median, distribution.p99, distribution.p999), (500.0, 990.0, 999.0));
    }
}
