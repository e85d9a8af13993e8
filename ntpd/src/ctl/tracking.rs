//! `ntpctl tracking`: the clock in figures, each with its unit, and what the three measures of error mean.

use std::path::Path;

use ntp_engine::report::TrackingReport;

use super::exit::{Exit, Outcome};
use super::output::Output;
use super::{daemon, date, table, units, words};

/// What is under the table.
const EXPLANATION: &str = "
Three figures say how good the clock is:
  standard deviation  one sigma of the remaining offset, which is an estimate
  error bound         the clock is not further from the truth than this:
                      |remaining offset| + root dispersion, grown to now, + root delay / 2
  chrony clock error  the figure that dashboards made for chrony show:
                      |last offset| + root dispersion + root delay / 2
";

/// Asks and prints.
pub(super) fn run(socket: &Path, json: bool, out: &mut Output) -> Outcome {
    let tracking = daemon::report(socket)?.time.tracking;
    if json {
        out.print_json(&tracking)?;
    } else {
        out.print(&render(&tracking))?;
    }
    Ok(Exit::OK)
}

/// The table with its explanation.
fn render(t: &TrackingReport) -> String {
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "not known yet".to_owned());
    let rows = [
        ("synchronised", standing(t)),
        ("stratum", t.stratum.to_string()),
        ("reference", words::ref_id(&t.ref_id)),
        ("leap second", words::leap(t.leap).to_owned()),
        ("control", words::control(t.control).to_owned()),
        ("latest update", latest_update(t)),
        ("updates, steps", format!("{}, {}", t.updates, t.steps)),
        ("remaining offset", units::offset(t.remaining_offset_s)),
        ("last offset", units::offset(t.last_offset_s)),
        ("rms offset", units::span(t.rms_offset_s)),
        ("frequency", frequency(t.frequency_ppm)),
        ("skew", format!("{:.3} ppm, one sigma of the frequency", t.skew_ppm)),
        ("rate now", rate(t)),
        ("root delay", units::span(t.root_delay_s)),
        ("root dispersion", units::span(t.root_dispersion_s)),
        ("standard deviation", or_unknown(t.stddev_s.map(units::span))),
        ("error bound", or_unknown(t.error_bound_s.map(units::bound))),
        ("chrony clock error", or_unknown(t.chrony_clock_error_ms.map(|ms| units::bound(ms / 1e3)))),
    ];
    table::pairs(&rows) + EXPLANATION
}

fn standing(t: &TrackingReport) -> String {
    match (&t.source, t.address) {
        _ if t.local => "no, serving the local clock".to_owned(),
        _ if !t.synchronised => "no".to_owned(),
        (Some(name), Some(address)) => format!("yes, to {}", words::host(name, address)),
        _ => "yes".to_owned(),
    }
}

fn latest_update(t: &TrackingReport) -> String {
    let Some(at) = t.reference_time_unix else { return "none yet".to_owned() };
    let age = t.age_s.map_or(String::new(), |age| format!(", {} ago", units::elapsed(age)));
    let interval = match t.update_interval_s {
        s if s > 0.0 => format!(", {} after the one before", units::span(s)),
        _ => String::new(),
    };
    format!("{}{age}{interval}", date::utc_of_seconds(at))
}

/// The correction, and what it says about the clock.
fn frequency(ppm: f64) -> String {
    const SECONDS_PER_DAY_AT_1_PPM: f64 = 0.0864;
    let verb = if ppm < 0.0 { "gains" } else { "loses" };
    let daily = units::span(ppm * SECONDS_PER_DAY_AT_1_PPM);
    format!("{} correction: by itself the clock {verb} {daily} a day", units::ppm(ppm))
}

fn rate(t: &TrackingReport) -> String {
    let slew = if t.slewing { "correcting an offset" } else { "no offset is being corrected" };
    format!("{}, {slew}", units::ppm(t.rate_ppm))
}

#[cfg(test)]
pub(super) mod tests {
    use ntp_engine::report::Control;
    use ntp_proto::packet::Leap;

    use super::*;

    /// A clock that is well.
    pub(in crate::ctl) fn well() -> TrackingReport {
        TrackingReport {
            synchronised: true,
            local: false,
            control: Control::Adjusting,
            leap: Leap::None,
            stratum: 2,
            ref_id: "C0000201".to_owned(),
            source: Some("ntp.example".to_owned()),
            address: Some("192.0.2.1:123".parse().unwrap()),
            reference_time_unix: Some(1_795_237_200.123),
            age_s: Some(12.4),
            remaining_offset_s: 3.2e-6,
            last_offset_s: -5.1e-6,
            rms_offset_s: 4e-6,
            frequency_ppm: 12.3456,
            skew_ppm: 0.0101,
            rate_ppm: 12.4,
            slewing: true,
            root_delay_s: 400e-6,
            root_dispersion_s: 10.8e-6,
            stddev_s: Some(0.9e-6),
            error_bound_s: Some(214e-6),
            chrony_clock_error_ms: Some(0.2159),
            update_interval_s: 64.2,
            updates: 17,
            steps: 1,
        }
    }

    /// A clock that nobody has heard of yet.
    pub(in crate::ctl) fn unset() -> TrackingReport {
        TrackingReport {
            synchronised: false,
            leap: Leap::Unsynchronised,
            stratum: 16,
            ref_id: "00000000".to_owned(),
            source: None,
            address: None,
            reference_time_unix: None,
            age_s: None,
            remaining_offset_s: 0.0,
            last_offset_s: 0.0,
            rms_offset_s: 0.0,
            frequency_ppm: -1.0,
            slewing: false,
            stddev_s: None,
            error_bound_s: None,
            chrony_clock_error_ms: None,
            updates: 0,
            steps: 0,
            control: Control::Denied,
            ..well()
        }
    }

    #[test]
    fn every_figure_has_its_unit_and_offsets_their_sign() {
        let expected = "\
synchronised        yes, to ntp.example (192.0.2.1)
stratum             2
reference           C0000201 (IPv4 192.0.2.1, or the hash of an IPv6 address)
leap second         none announced
control             adjusting the clock
latest update       2026-11-21 05:00:00.123 UTC, 12 s ago, 64.2 s after the one before
updates, steps      17, 1
remaining offset    3.20 us slow
last offset         5.10 us fast
rms offset          4.00 us
frequency           +12.346 ppm correction: by itself the clock loses 1.07 s a day
skew                0.010 ppm, one sigma of the frequency
rate now            +12.400 ppm, correcting an offset
root delay          400 us
root dispersion     10.8 us
standard deviation  900 ns
error bound         214 us
chrony clock error  216 us
";
        assert_eq!(render(&well()), expected.to_owned() + EXPLANATION);
    }

    #[test]
    fn what_is_not_known_is_not_shown_as_zero() {
        let text = render(&unset());
        for line in [
            "synchronised        no\n",
            "reference           none\n",
            "latest update       none yet\n",
            "frequency           -1.000 ppm correction: by itself the clock gains 86.4 ms a day\n",
            "error bound         not known yet\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
