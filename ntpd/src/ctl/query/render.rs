//! Findings as text: a heading, a line for each request as it ends, and a conclusion.

use std::net::SocketAddr;

use super::super::sources::maker;
use super::super::{date, table, units, words};
use super::exchange::Attempt;
use super::findings::{Findings, Measured, ServerVars};
use super::target::Target;

/// Whom we are about to ask.
pub(super) fn heading(target: &Target, server: SocketAddr) -> String {
    format!("asking {}\n", words::host(&target.to_string(), server.into()))
}

/// What came of request `number`.
pub(super) fn attempt(number: u8, attempt: &Attempt) -> String {
    let text = match attempt {
        Attempt::Measured(m) => measured(m),
        Attempt::Unusable { reason, .. } | Attempt::Silent { reason } => reason.clone(),
    };
    format!("{number:>2}  {text}\n")
}

/// Wide enough for the longest offset and delay of three digits, for these lines are not known together.
fn measured(m: &Measured) -> String {
    let stamps = format!("{}/{}", maker(m.stamps.0), maker(m.stamps.1));
    format!("clock {:<13} delay {:<9} stamps {stamps}", units::offset(m.offset_s), units::span(m.delay_s))
}

/// The best measurement and what the server says of itself, after an empty line. Nothing if it said nothing.
pub(super) fn conclusion(findings: &Findings) -> String {
    let mut rows = findings.best().map_or_else(Vec::new, |best| summary(best, findings.attempts.len()));
    rows.extend(findings.about_server().map_or_else(Vec::new, server));
    if rows.is_empty() { String::new() } else { format!("\n{}", table::pairs(&rows)) }
}

/// The bound is half of the delay and the root distance, which are on the second line.
fn summary(best: &Measured, attempts: usize) -> Vec<(&'static str, String)> {
    let offset = units::offset(best.offset_s);
    let bound = units::bound(best.error_bound_s);
    let delay = units::span(best.delay_s);
    let distance = units::bound(best.about.root_distance_s());
    vec![
        ("our clock", format!("{offset}, within {bound} if the server is right about itself")),
        ("best of", format!("{attempts}, by its delay of {delay}; server's root distance {distance}")),
    ]
}

fn server(about: &ServerVars) -> Vec<(&'static str, String)> {
    let set = about.reference_time_unix.map_or_else(|| "not known".to_owned(), date::utc_of_seconds);
    vec![
        ("stratum", about.stratum.to_string()),
        ("leap second", words::leap(about.leap).to_owned()),
        ("reference", words::ref_id(&about.ref_id)),
        ("root delay", units::span(about.root_delay_s)),
        ("root dispersion", units::span(about.root_dispersion_s)),
        ("precision", units::span(about.precision_s)),
        ("clock last set", set),
    ]
}

#[cfg(test)]
mod tests {
    use ntp_engine::StampQuality;
    use ntp_proto::packet::Leap;

    use super::*;

    fn about() -> ServerVars {
        ServerVars {
            stratum: 1,
            leap: Leap::Insert,
            ref_id: "GPS".to_owned(),
            root_delay_s: 0.0,
            root_dispersion_s: 100e-6,
            precision_s: 2f64.powi(-20),
            reference_time_unix: Some(1_795_237_200.123),
        }
    }

    fn measured(offset_s: f64, delay_s: f64) -> Attempt {
        Attempt::Measured(Measured {
            offset_s,
            delay_s,
            error_bound_s: delay_s / 2.0 + 100e-6,
            stamps: (StampQuality::Kernel, StampQuality::User),
            about: about(),
        })
    }

    fn silent() -> Attempt {
        Attempt::Silent { reason: "no answer within 2 s".to_owned() }
    }

    fn findings(attempts: Vec<Attempt>) -> Findings {
        Findings::new("192.0.2.1:123".parse().unwrap(), attempts)
    }

    #[test]
    fn every_request_has_a_line() {
        let target = "ntp.example:11123".parse().unwrap();
        let address = "192.0.2.1:11123".parse().unwrap();
        assert_eq!(heading(&target, address), "asking ntp.example (192.0.2.1:11123)\n");
        let expected = " 1  clock 3.20 us slow  delay 300 us    stamps kernel/user\n";
        assert_eq!(attempt(1, &measured(3.2e-6, 300e-6)), expected);
        assert_eq!(attempt(12, &silent()), "12  no answer within 2 s\n");
    }

    #[test]
    fn the_shortest_round_trip_is_the_best() {
        let findings = findings(vec![measured(1.0, 300e-6), silent(), measured(-2e-3, 228e-6)]);
        let expected = "
our clock        2.00 ms fast, within 214 us if the server is right about itself
best of          3, by its delay of 228 us; server's root distance 100 us
stratum          1
leap second      a second is inserted at the end of the UTC day (23:59:60)
reference        GPS
root delay       0 ns
root dispersion  100 us
precision        954 ns
clock last set   2026-11-21 05:00:00.123 UTC
";
        assert_eq!(conclusion(&findings), expected);
    }

    #[test]
    fn a_server_that_cannot_be_used_still_says_what_it_is() {
        let about = ServerVars {
            stratum: 0,
            leap: Leap::Unsynchronised,
            ref_id: "00000000".to_owned(),
            reference_time_unix: None,
            ..about()
        };
        let reason = "server is not synchronised".to_owned();
        let text =
            conclusion(&findings(vec![Attempt::Unusable { reason, refusal: false, about: Some(about) }]));
        assert!(text.starts_with("\nstratum          0\n"), "{text}");
        assert!(text.contains("reference        none\n") && text.ends_with("clock last set   not known\n"));
        assert_eq!(conclusion(&findings(vec![silent()])), "");
    }

    #[test]
    fn json_has_figures_in_seconds() {
        let json = serde_json::to_value(findings(vec![silent(), measured(0.5, 1e-3)])).unwrap();
        assert_eq!(json["best"], 2);
        assert_eq!(json["attempts"][0]["outcome"], "silent");
        assert_eq!(json["attempts"][1]["offset_s"], 0.5);
        assert_eq!(json["attempts"][1]["about"]["ref_id"], "GPS");
    }
}
