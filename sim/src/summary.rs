//! Many runs of one case as one line of a table.

use std::time::Duration;

use crate::statistics::Errors;
use crate::trial::Outcome;

/// What runs with different seeds have in common. Sizes are taken over all seconds of all runs.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How many runs.
    pub runs: usize,
    /// Time error after settling in seconds.
    pub errors: Errors,
    /// The largest time error since a run's error was first below 1 ms, in seconds.
    pub worst: f64,
    /// Frequency error after settling in ppm.
    pub frequency: Errors,
    /// RMS of the estimate's error in stated standard deviations: 1 is honest, less is cautious.
    pub ratio: f64,
    /// The share of seconds in which the stated error bound held.
    pub held: f64,
    /// The median of the stated error bound in seconds.
    pub bound: f64,
    /// When the error was below 1 ms.
    pub below_1ms: Reached,
    /// When the error was below 100 µs.
    pub below_100us: Reached,
    /// Packets sent, the mean of the runs.
    pub packets: f64,
    /// How long all runs together took to compute.
    pub took: Duration,
}

/// How soon something was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// In so many runs …
    pub runs: usize,
    /// … and after so many seconds, the median of those.
    pub after: Option<u64>,
}

impl Summary {
    /// Of at least one run.
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let merged = |of: fn(&Outcome) -> &Errors| {
            let mut all = Errors::default();
            outcomes.iter().for_each(|outcome| all.merge(of(outcome)));
            all
        };
        let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>() as f64;
        Self {
            runs: outcomes.len(),
            errors: merged(|o| &o.errors),
            worst: outcomes.iter().map(|o| o.worst).fold(0.0, f64::max),
            frequency: merged(|o| &o.frequency),
            ratio: merged(|o| &o.sigmas).rms(),
            held: sum(|o| o.held) / sum(|o| o.stated).max(1.0),
            bound: merged(|o| &o.bounds).quantile(0.5),
            below_1ms: Reached::of(outcomes.iter().map(|o| o.below_1ms)),
            below_100us: Reached::of(outcomes.iter().map(|o| o.below_100us)),
            packets: sum(|o| o.packets) / outcomes.len().max(1) as f64,
            took: outcomes.iter().map(|o| o.took).sum(),
        }
    }
}

impl Reached {
    fn of(times: impl Iterator<Item = Option<u64>>) -> Self {
        let mut times: Vec<u64> = times.flatten().collect();
        times.sort_unstable();
        Self { runs: times.len(), after: times.get(times.len() / 2).copied() }
    }
}
