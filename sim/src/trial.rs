//! One run of a case, watched second by second.

use std::time::{Duration, Instant};

use ntp_engine::report::TrackingReport;
use ntp_proto::time::NtpDuration;

use crate::case::{Case, Polling};
use crate::statistics::Errors;
use crate::world::World;

/// An error counts as being below a limit when it stays there for so many seconds.
const HELD: u64 = 100;

/// What came of a run. Errors are those of the system clock after settling, in seconds and ppm.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Time error.
    pub errors: Errors,
    /// Frequency error in ppm.
    pub frequency: Errors,
    /// Error of the estimate in stated standard deviations.
    pub sigmas: Errors,
    /// The largest time error since it was first below 1 ms for a while, settled or not.
    pub worst: f64,
    /// The stated error bound.
    pub bounds: Errors,
    /// Seconds of the whole run in which a bound was stated.
    pub stated: u64,
    /// Those of them in which it held.
    pub held: u64,
    /// The first in which it did not.
    pub broken: Option<u64>,
    /// The second after which the error stayed below 1 ms for a while.
    pub below_1ms: Option<u64>,
    /// The same for 100 µs.
    pub below_100us: Option<u64>,
    /// Packets that the client sent in the whole run.
    pub packets: u64,
    /// Steps of the clock, others' included.
    pub steps: u64,
    /// How long it took to compute.
    pub took: Duration,
}

/// A run after one more second.
#[derive(Debug)]
pub struct Moment<'a> {
    /// Seconds since the start.
    pub second: u64,
    /// How far the system clock is ahead of true time, in seconds.
    pub error: f64,
    /// How far the served time is ahead of true time, in seconds.
    pub served: f64,
    /// What the engine says of it.
    pub tracking: &'a TrackingReport,
    /// All there is.
    pub world: &'a World,
}

/// Runs a case with this seed.
#[must_use]
pub fn run(case: &Case, polling: Polling, seed: u64) -> Outcome {
    watch(case, World::new(&case.scenario(polling, seed)), |_| {})
}

/// Runs a case in its world and shows each second.
pub fn watch(case: &Case, mut world: World, mut show: impl FnMut(&Moment<'_>)) -> Outcome {
    let began = Instant::now();
    let mut outcome = Outcome::default();
    let (mut below_1ms, mut below_100us) = (Threshold::new(1e-3), Threshold::new(1e-4));
    for second in 1..=case.seconds {
        world.run_for(NtpDuration::from_secs(1));
        let tracking = world.engine().tracking_report(world.client_now());
        let moment = Moment {
            second,
            error: world.clock().error().to_seconds(),
            served: world.served_error().to_seconds(),
            tracking: &tracking,
            world: &world,
        };
        below_1ms.look(second, moment.error);
        below_100us.look(second, moment.error);
        outcome.add(&moment, second > case.settle);
        if below_1ms.certain {
            outcome.worst = outcome.worst.max(moment.error.abs());
        }
        show(&moment);
    }
    outcome.below_1ms = below_1ms.since();
    outcome.below_100us = below_100us.since();
    outcome.packets = world.packets();
    outcome.steps = world.engine().tracking_report(world.client_now()).steps;
    outcome.took = began.elapsed();
    outcome
}

impl Outcome {
    fn add(&mut self, moment: &Moment<'_>, settled: bool) {
        if let Some(bound) = moment.tracking.error_bound_s {
            let holds = moment.error.abs() <= bound;
            self.stated += 1;
            self.held += u64::from(holds);
            if !holds {
                self.broken.get_or_insert(moment.second);
            }
            if settled {
                self.bounds.add(bound);
            }
        }
        if !settled {
            return;
        }
        self.errors.add(moment.error);
        self.frequency.add(moment.world.clock().frequency_error().to_ppm());
        if let Some(sigma) = moment.tracking.stddev_s {
            self.sigmas.add(moment.served / sigma);
        }
    }
}

/// Looks for the first time that an error is small and stays so.
struct Threshold {
    limit: f64,
    since: Option<u64>,
    certain: bool,
}

impl Threshold {
    const fn new(limit: f64) -> Self {
        Self { limit, since: None, certain: false }
    }

    fn look(&mut self, second: u64, error: f64) {
        if self.certain {
            return;
        }
        if error.abs() >= self.limit {
            self.since = None;
            return;
        }
        let since = *self.since.get_or_insert(second);
        self.certain = second - since >= HELD;
    }

    fn since(&self) -> Option<u64> {
        self.since.filter(|_| self.certain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_visit_below_a_limit_does_not_count() {
        let mut threshold = Threshold::new(1e-3);
        for second in 1..=500 {
            let error = if (10..20).contains(&second) || second >= 300 { 0.5e-3 } else { -2e-3 };
            threshold.look(second, error);
        }
        assert_eq!(threshold.since(), Some(300));
        (501..600).for_each(|second| threshold.look(second, 1.0));
        assert_eq!(threshold.since(), Some(300), "what came first counts");
    }
}
