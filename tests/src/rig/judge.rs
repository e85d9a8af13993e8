//! Watches the system clock's error against true time, and says whether it is small enough.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, bail};

use super::truth::{SECOND, Truth, raw};

/// How long an error must stay small to count as settled: a clock that only crosses zero is not right.
const SETTLED: i64 = 5 * SECOND;

/// How often [`until`] looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What a set of errors amounts to, in µs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// How many errors.
    pub count: usize,
    /// Root of the mean square.
    pub rms: f64,
    /// Nineteen of twenty errors are at most this large, signs aside.
    pub p95: f64,
    /// The largest, signs aside.
    pub max: f64,
    /// The mean, with its sign: positive if the clock was ahead.
    pub mean: f64,
}

impl Figures {
    /// From errors in ns. Of nothing, all figures are zero.
    #[must_use]
    pub fn of(errors: &[i64]) -> Self {
        Self::around(0.0, errors)
    }

    /// The same of what is left of the errors without a `constant`, µs.
    #[must_use]
    pub fn around(constant: f64, errors: &[i64]) -> Self {
        if errors.is_empty() {
            return Self::default();
        }
        let count = errors.len() as f64;
        let micros = |nanos: i64| nanos as f64 * 1e-3 - constant;
        let mut sizes: Vec<f64> = errors.iter().map(|&error| micros(error).abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let rank = (errors.len() * 19).div_ceil(20) - 1;
        Self {
            count: errors.len(),
            rms: (sizes.iter().map(|size| size * size).sum::<f64>() / count).sqrt(),
            p95: sizes[rank],
            max: sizes[sizes.len() - 1],
            mean: errors.iter().map(|&error| micros(error)).sum::<f64>() / count,
        }
    }
}

/// The constant error that is not the clock's but its reference's, and so is taken out of every error.
#[derive(Clone, Copy, Debug)]
pub enum Around {
    /// This, µs.
    Known(f64),
    /// The mean of the errors.
    Mean,
}

/// What [`judge`] has to do.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// How long to watch, s of RAW.
    pub seconds: u32,
    /// How much of that to leave out at the start, s.
    pub from: u32,
    /// How long to wait between two looks, s.
    pub interval: f64,
    /// Around what to judge.
    pub around: Around,
    /// Fail if that is not below this, µs, sign aside.
    pub constant_below: Option<f64>,
    /// Fail if the RMS error is not below this, µs.
    pub rms_below: Option<f64>,
    /// Fail if an error is not below this, µs.
    pub max_below: Option<f64>,
}

/// Watches, prints one line of figures, and fails if a limit was passed.
///
/// `drift_ppm` is the slope from the first look to the last, positive if the clock gained on true time.
///
/// # Errors
/// When a limit is passed, or a clock cannot be read.
pub fn judge(truth: Truth, watch: Watch) -> Result<()> {
    let start = raw()?;
    let (from, end) = (start + i64::from(watch.from) * SECOND, start + i64::from(watch.seconds) * SECOND);
    let interval = Duration::try_from_secs_f64(watch.interval)?;
    let (mut errors, mut first, mut last) = (Vec::new(), None, (0, 0));
    loop {
        let now = raw()?;
        if now >= from {
            let error = truth.look()?.error();
            errors.push(error);
            last = (now, error);
            first.get_or_insert(last);
        }
        if now >= end {
            break;
        }
        sleep(interval);
    }
    let constant = match watch.around {
        Around::Known(constant) => constant,
        Around::Mean => Figures::of(&errors).mean,
    };
    let figures = Figures::around(constant, &errors);
    let first = first.unwrap_or(last);
    let drift =
        if last.0 > first.0 { (last.1 - first.1) as f64 / (last.0 - first.0) as f64 * 1e6 } else { 0.0 };
    println!(
        "looks={} rms_us={:.3} p95_us={:.3} max_us={:.3} mean_us={:.3} constant_us={constant:.3} drift_ppm={:.6}",
        figures.count, figures.rms, figures.p95, figures.max, figures.mean, drift,
    );
    for (name, figure, limit) in [
        ("RMS", figures.rms, watch.rms_below),
        ("largest", figures.max, watch.max_below),
        ("constant", constant.abs(), watch.constant_below),
    ] {
        if let Some(limit) = limit.filter(|&limit| figure >= limit) {
            bail!("{name} error {figure:.3} us, expected below {limit} us");
        }
    }
    Ok(())
}

/// Prints the error as it is now, µs.
///
/// # Errors
/// When a clock cannot be read.
pub fn error(truth: Truth) -> Result<()> {
    println!("error_us={:.3}", truth.look()?.error() as f64 * 1e-3);
    Ok(())
}

/// Waits until the error without a `constant` stays below `below` µs, and prints after how many seconds that began to
/// hold.
///
/// # Errors
/// When `within` seconds pass before it begins to hold, or a clock cannot be read.
pub fn until(truth: Truth, constant: f64, below: f64, within: f64) -> Result<()> {
    let start = raw()?;
    let limit = start + (within * SECOND as f64) as i64;
    let mut since = None;
    loop {
        let (now, error) = (raw()?, truth.look()?.error() as f64 * 1e-3 - constant);
        if error.abs() < below {
            let began = *since.get_or_insert(now);
            if now - began >= SETTLED {
                println!("seconds={:.1} error_us={error:.3}", (began - start) as f64 * 1e-9);
                return Ok(());
            }
        } else {
            since = None;
        }
        if since.unwrap_or(now) > limit {
            bail!("error still {error:.3} us after {within} s, expected below {below} us");
        }
        sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_the_sign_in_the_mean_only() {
        let figures = Figures::of(&[3_000, -4_000]);
        assert_eq!((figures.count, figures.max, figures.p95, figures.mean), (2, 4.0, 4.0, -0.5));
        assert!((figures.rms - 12.5_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn one_outlier_in_twenty_is_not_in_the_p95() {
        let mut errors = vec![1_000; 19];
        errors.push(50_000);
        assert_eq!(Figures::of(&errors).p95, 1.0);
    }

    #[test]
    fn a_constant_is_taken_out_of_every_error() {
        let figures = Figures::around(-10.0, &[-9_000, -11_000]);
        assert_eq!((figures.rms, figures.max, figures.mean), (1.0, 1.0, 0.0));
    }

    #[test]
    fn nothing_has_no_figures() {
        assert_eq!(Figures::of(&[]).count, 0);
    }

    #[test]
    fn limits_are_enforced() {
        let truth = Truth::new(0, 0.0).unwrap();
        let watch = Watch {
            seconds: 0,
            from: 0,
            interval: 1.0,
            around: Around::Known(0.0),
            constant_below: None,
            rms_below: Some(1.0),
            max_below: None,
        };
        let words = judge(truth, watch).unwrap_err().to_string();
        assert!(words.contains("RMS") && words.contains("expected below 1 us"), "{words}");
        // One error alone is its own mean: nothing is left of it, but the constant is as large as it was.
        let around = Watch { around: Around::Mean, constant_below: Some(1.0), ..watch };
        let words = judge(truth, around).unwrap_err().to_string();
        assert!(words.contains("constant") && words.contains("expected below 1 us"), "{words}");
    }
}
