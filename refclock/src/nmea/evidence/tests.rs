//! What sentences say of the fix, told as small stories.

use super::*;
use crate::nmea::sentence::Sentence;

fn evidence(bodies: &[&str]) -> Evidence {
    let mut evidence = Evidence::default();
    for body in bodies {
        let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
        let sentence = Sentence::parse(format!("{body}*{sum:02X}").as_bytes()).unwrap();
        evidence.add(&sentence.body);
    }
    evidence
}

fn rmc(status: &str, mode: &str) -> String {
    format!("GPRMC,120000,{status},,,,,,,211126,,,{mode}")
}

fn gga(quality: u8) -> String {
    format!("GPGGA,120000,5000.0,N,00800.0,E,{quality},08,1.0,100,M,47,M,,")
}

#[test]
fn each_mode_of_rmc() {
    for (mode, fix, gives_time) in [
        ("", Fix::Autonomous, true),
        ("A", Fix::Autonomous, true),
        ("D", Fix::Differential, true),
        ("P", Fix::Precise, true),
        ("R", Fix::Rtk, true),
        ("F", Fix::RtkFloat, true),
        ("E", Fix::Estimated, false),
        ("M", Fix::Manual, false),
        ("S", Fix::Simulated, false),
        ("N", Fix::None, false),
        // Of a standard to come.
        ("Z", Fix::Autonomous, true),
    ] {
        let said = evidence(&[&rmc("A", mode)]);
        assert_eq!((said.fix(), said.has_fix()), (Some(fix), Some(gives_time)), "{mode}");
        let void = evidence(&[&rmc("V", mode)]);
        let expected = if gives_time { Fix::None } else { fix };
        assert_eq!((void.fix(), void.has_fix()), (Some(expected), Some(false)), "{mode}");
    }
}

#[test]
fn each_quality_of_gga() {
    let fixes = [
        Fix::None,
        Fix::Autonomous,
        Fix::Differential,
        Fix::Precise,
        Fix::Rtk,
        Fix::RtkFloat,
        Fix::Estimated,
        Fix::Manual,
        Fix::Simulated,
    ];
    for (quality, fix) in (0..).zip(fixes) {
        let said = evidence(&[&gga(quality)]);
        assert_eq!((said.fix(), said.has_fix()), (Some(fix), Some(fix.gives_time())), "{quality}");
    }
}

#[test]
fn one_denial_is_enough() {
    let (good, none) = (rmc("A", "A"), "GPGSA,A,1,,,,,,,,,,,,,,,");
    for bodies in
        [[good.as_str(), &gga(0)], [&rmc("V", "A"), &gga(1)], [&good, none], [&rmc("A", "N"), &gga(1)]]
    {
        assert_eq!(evidence(&bodies).has_fix(), Some(false), "{bodies:?}");
    }
    assert_eq!(evidence(&[&good, &gga(1)]).has_fix(), Some(true));
    assert_eq!(evidence(&["GPVTG,,T,,M,,N,,K", "GPGSV,1,1,00"]).has_fix(), None);
}

#[test]
fn what_is_known_best_is_shown() {
    let (two, three) =
        ("GPGSA,A,2,04,17,28,,,,,,,,,,2.5,1.3,2.1", "GPGSA,A,3,04,17,28,31,,,,,,,,,2.5,1.3,2.1");
    assert_eq!(evidence(&[&gga(1), two]).fix(), Some(Fix::TwoD));
    assert_eq!(evidence(&[&gga(1), two, three]).fix(), Some(Fix::ThreeD));
    assert_eq!(evidence(&[&gga(2), three]).fix(), Some(Fix::Differential));
    assert_eq!(evidence(&[&rmc("A", "D"), &gga(1), three]).fix(), Some(Fix::Differential));
    assert_eq!(evidence(&[&gga(0), two]).fix(), Some(Fix::None));
    assert_eq!(evidence(&[&rmc("A", "E"), &gga(1)]).fix(), Some(Fix::Estimated));
}

#[test]
fn satellites_used_are_the_larger_count() {
    let gsa = "GPGSA,A,3,04,17,28,31,,,,,,,,,2.5,1.3,2.1";
    assert_eq!(evidence(&[&gga(1)]).used(), Some(8));
    assert_eq!(evidence(&[gsa]).used(), Some(4));
    assert_eq!(evidence(&[&gga(1), gsa, gsa, gsa]).used(), Some(12));
    assert_eq!(evidence(&[&rmc("A", "A")]).used(), None);
    assert_eq!(evidence(&[&rmc("A", "A"), gsa]).hdop, Some(1.3));
}

#[test]
fn the_place_is_not_in_debug_output() {
    let debug = format!("{:?}", evidence(&[&gga(1)]));
    assert!(!debug.contains("50"), "{debug}");
}
