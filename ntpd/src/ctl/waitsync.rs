//! `ntpctl waitsync`: waits until the clock is synchronised, for scripts that run at boot.
//!
//! The daemon may not be there yet or may be restarted meanwhile; both are waited out, as is anything else
//! that it may answer.

use std::path::Path;
use std::thread;

use super::args::WaitsyncArgs;
use super::exit::{Exit, Failure, Outcome};
use super::output::Output;
use super::{daemon, units, words};
use crate::control::DaemonReport;

/// Looks again and again, and prints a line when something has changed. A reader that leaves does not end it:
/// the exit code is what is waited for.
pub(super) fn run(socket: &Path, args: &WaitsyncArgs, out: &mut Output) -> Outcome {
    let mut last = None;
    let mut looks = 0;
    loop {
        let (verdict, line) = judge(&daemon::report(socket), args.max_error);
        looks += 1;
        if last.as_ref() != Some(&verdict) {
            out.print(&format!("{line}\n"))?;
        }
        if verdict == Verdict::Synchronised {
            return Ok(Exit::OK);
        }
        if looks == args.tries {
            return Err(Failure::new(Exit::NO, format!("gave up after {looks} looks")));
        }
        last = Some(verdict);
        thread::sleep(args.interval);
    }
}

/// What a look finds, as far as a difference is worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// There is no report, for this reason.
    NoReport(String),
    Unsynchronised,
    /// Synchronised, but the error bound is too large or not known.
    TooUncertain,
    Synchronised,
}

/// The verdict, and the line for it.
fn judge(report: &Result<DaemonReport, Failure>, max_error: Option<f64>) -> (Verdict, String) {
    let tracking = match report {
        Ok(report) => &report.time.tracking,
        Err(failure) => return (Verdict::NoReport(failure.message.clone()), failure.message.clone()),
    };
    if !tracking.synchronised {
        return (Verdict::Unsynchronised, "not synchronised".to_owned());
    }
    let to = match (&tracking.source, tracking.address) {
        (Some(name), Some(address)) => format!(" to {}", words::host(name, address)),
        _ => String::new(),
    };
    let error = tracking.error_bound_s.map_or_else(|| "not known".to_owned(), units::bound);
    let line = format!("synchronised{to}, error bound {error}");
    match max_error {
        Some(limit) if tracking.error_bound_s.is_none_or(|bound| bound > limit) => {
            (Verdict::TooUncertain, format!("{line}, waiting for {}", units::span(limit)))
        }
        _ => (Verdict::Synchronised, line),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::status::tests::daemon;
    use super::super::tracking::tests::unset;
    use super::*;

    #[test]
    fn a_synchronised_clock_is_what_is_waited_for() {
        let line = "synchronised to ntp.example (192.0.2.1), error bound 214 us";
        assert_eq!(judge(&Ok(daemon()), None), (Verdict::Synchronised, line.to_owned()));
        assert_eq!(judge(&Ok(daemon()), Some(0.001)).0, Verdict::Synchronised);
    }

    #[test]
    fn an_error_bound_that_is_too_large_is_waited_out() {
        let line = "synchronised to ntp.example (192.0.2.1), error bound 214 us, waiting for 100 us";
        assert_eq!(judge(&Ok(daemon()), Some(1e-4)), (Verdict::TooUncertain, line.to_owned()));
    }

    #[test]
    fn no_daemon_and_no_time_are_waited_out() {
        let mut report = daemon();
        report.time.tracking = unset();
        assert_eq!(judge(&Ok(report), None).0, Verdict::Unsynchronised);
        let failure = Failure::new(Exit::UNAVAILABLE, "gone");
        assert_eq!(judge(&Err(failure), None), (Verdict::NoReport("gone".to_owned()), "gone".to_owned()));
    }

    #[test]
    fn tries_are_counted() {
        let args = WaitsyncArgs { tries: 3, interval: Duration::from_millis(1), max_error: None };
        let failure = run(Path::new("/nonexistent/ntpd.sock"), &args, &mut Output::to(std::io::sink()));
        let failure = failure.unwrap_err();
        assert_eq!(failure.exit, Exit::NO);
        assert_eq!(failure.message, "gave up after 3 looks");
    }
}
