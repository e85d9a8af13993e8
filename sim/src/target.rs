//! What is asked of a line of the table.

use crate::case::{Case, Polling};
use crate::summary::Summary;

/// The stated standard deviation is between half and twice the real one.
const HONEST: std::ops::RangeInclusive<f64> = 0.5..=2.0;
/// The stated bound holds for this share of all seconds.
const HELD: f64 = 0.999;
/// Fewer than this times the reference's packets may be sent at default polling.
const PACKETS: f64 = 2.0;
/// Who is as fast as this is fast enough, whatever the reference, in seconds.
const QUICK: f64 = 11.0;
/// Errors are looked at once a second, so that a second more says nothing.
const SAMPLING: f64 = 1.0;

/// The targets that a line misses, in one word each.
#[must_use]
pub fn missed(case: &Case, polling: Polling, summary: &Summary) -> Vec<&'static str> {
    let mut missed = Vec::new();
    if case.unknowable {
        return missed;
    }
    let mut ask = |met: bool, word| {
        if !met {
            missed.push(word);
        }
    };
    if let Some(quotient) = quotient(case, polling, summary) {
        ask(quotient <= share(case, polling), "error");
    }
    if let Some(reference) = case.reference(polling) {
        let within = |value: f64, limit: Option<f64>| limit.is_none_or(|limit| value <= limit);
        if polling == Polling::Default {
            ask(within(summary.packets, reference.packets.map(|p| p * PACKETS)), "packets");
        }
        ask(within(summary.frequency.rms(), reference.ppm), "frequency");
        let after = |reached: Option<u64>| reached.map_or(f64::INFINITY, |s| s as f64);
        let soon = |limit: Option<f64>| limit.map(|limit| limit.max(QUICK) + SAMPLING);
        let start = within(after(summary.below_1ms.after), soon(reference.below_1ms_s))
            && within(after(summary.below_100us.after), soon(reference.below_100us_s));
        ask(start, "start");
    }
    ask(!case.is_stationary() || HONEST.contains(&summary.ratio), "sigma");
    ask(summary.held >= HELD, "bound");
    missed
}

/// Our error as a share of the reference's.
#[must_use]
pub fn quotient(case: &Case, polling: Polling, summary: &Summary) -> Option<f64> {
    case.reference(polling).map(|reference| summary.errors.rms() * 1e6 / reference.rms_us)
}

const fn share(case: &Case, polling: Polling) -> f64 {
    match polling {
        Polling::Default => case.target,
        Polling::Equal => case.target_equal,
    }
}
