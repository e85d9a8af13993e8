//! Sentences as receivers write them, and what is none.

use proptest::prelude::*;

use super::*;

fn framed(body: &str) -> String {
    format!("{body}*{:02X}", body.bytes().fold(0, |sum, byte| sum ^ byte))
}

fn parsed(body: &str) -> Result<Sentence, Refused> {
    Sentence::parse(framed(body).as_bytes())
}

fn body(text: &str) -> Body {
    parsed(text).unwrap_or_else(|why| panic!("{text}: {why:?}")).body
}

fn rmc(text: &str) -> Rmc {
    match body(text) {
        Body::Rmc(rmc) => rmc,
        other => panic!("{other:?}"),
    }
}

fn gga(text: &str) -> Gga {
    match body(text) {
        Body::Gga(gga) => gga,
        other => panic!("{other:?}"),
    }
}

fn gsa(text: &str) -> Gsa {
    match body(text) {
        Body::Gsa(gsa) => gsa,
        other => panic!("{other:?}"),
    }
}

fn gsv(text: &str) -> Gsv {
    match body(text) {
        Body::Gsv(gsv) => gsv,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_checksum_is_needed_and_may_have_small_letters() {
    assert_eq!(framed("GPTXT,H"), "GPTXT,H*2B");
    assert!(Sentence::parse(b"GPTXT,H*2B").is_ok());
    assert!(Sentence::parse(b"GPTXT,H*2b").is_ok());
    for refused in ["GPRMC,1", "GPRMC,1*", "GPRMC,1*4", "GPRMC,1*4G", "", "*"] {
        assert_eq!(Sentence::parse(refused.as_bytes()), Err(Refused::NoChecksum), "{refused}");
    }
    assert_eq!(Sentence::parse(b"GPTXT,H*00"), Err(Refused::BadChecksum));
}

#[test]
fn rmc_of_all_ages() {
    let full = rmc("GPRMC,123519.25,A,5000.000,N,00800.000,E,0.0,0.0,211126,,,A,V");
    assert_eq!(full.time, TimeOfDay::parse("123519.25"));
    assert_eq!(full.date, Date::from_full(21, 11, 2026));
    assert_eq!((full.valid, full.mode), (true, Some(b'A')));
    let old = rmc("GPRMC,123519,A,5000.000,N,00800.000,E,0.0,0.0,211126,003.1,W");
    assert_eq!((old.date, old.mode), (full.date, None));
    let cold = rmc("GNRMC,,V,,,,,,,,,,N");
    assert_eq!(cold, Rmc { time: None, date: None, valid: false, mode: Some(b'N') });
}

#[test]
fn zda_whatever_its_zone() {
    for zone in ["00,00", "14,00", "-12,00", ",", "99,99"] {
        let expected = Zda { time: TimeOfDay::parse("235960"), date: Date::from_full(31, 12, 2026) };
        assert_eq!(body(&format!("GPZDA,235960,31,12,2026,{zone}")), Body::Zda(expected));
    }
    assert_eq!(body("GPZDA,,,,,,"), Body::Zda(Zda { time: None, date: None }));
}

#[test]
fn gga_of_any_second_and_fraction() {
    for time in ["235960.00", "123519", "123519.9999999999", "123519.123"] {
        let fix = gga(&format!("GNGGA,{time},5000.0000,N,00800.0000,W,2,09,1.0,100.5,M,47.0,M,,0000"));
        assert_eq!(fix.time, TimeOfDay::parse(time));
        assert_eq!((fix.quality, fix.satellites, fix.hdop), (FixType::DGps, Some(9), Some(1.0)));
        assert_eq!(fix.position, Some((50.0, -8.0, Some(100.5))));
    }
    let cold = gga("GPGGA,,,,,,0,00,99.99,,,,,,");
    assert_eq!(
        cold,
        Gga { time: None, quality: FixType::Invalid, satellites: Some(0), hdop: None, position: None }
    );
}

#[test]
fn positions_and_dops_that_are_no_numbers_are_left_out() {
    for place in ["9900.0,N,00800.0,E", "50nan,N,00800.0,E", "50inf,N,00800.0,E", "5000.0,N,99900.0,E"] {
        if let Ok(Sentence { body: Body::Gga(gga), .. }) =
            parsed(&format!("GPGGA,123519,{place},1,08,nan,inf,M,0,M,,"))
        {
            assert_eq!((gga.position, gga.hdop), (None, None), "{place}");
        }
    }
}

#[test]
fn gsa_of_one_system_and_of_several() {
    let of = |dimensions, satellites, hdop| Gsa { dimensions, satellites, hdop };
    assert_eq!(gsa("GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1"), of(3, 5, Some(1.3)));
    assert_eq!(gsa("GNGSA,A,2,65,66,,,,,,,,,,,2.5,1.3,2.1,2"), of(2, 2, Some(1.3)));
    assert_eq!(gsa("GPGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99"), of(1, 0, None));
    assert_eq!(gsa("GPGSA,A,1,,,,,,,,,,,,,,,"), of(1, 0, None));
    // The talker says GPS, the end QZSS: the crate would refuse that.
    assert_eq!(gsa("GPGSA,A,3,193,,,,,,,,,,,,2.5,1.3,2.1,4"), of(3, 1, Some(1.3)));
}

#[test]
fn gsv_with_and_without_a_signal() {
    let full = gsv("GPGSV,3,1,11,03,03,111,00,04,15,270,,06,01,010,00,13,06,292,00");
    assert_eq!(full.satellites, [3, 4, 6, 13].map(Some));
    assert_eq!((full.first, full.last, full.signal), (true, false, None));
    let signal = gsv("GAGSV,1,1,02,07,03,111,00,08,15,270,31,7");
    assert_eq!(signal.satellites, [Some(7), Some(8), None, None]);
    assert_eq!((signal.first, signal.last, signal.signal), (true, true, Some(b'7')));
    assert_eq!(gsv("GPGSV,1,1,00").satellites, [None; 4]);
    assert_eq!(gsv("GBGSV,1,1,00,0").signal, Some(b'0'));
    assert_eq!(gsv("GPGSV,1,1,01,17,,,,,,,,,,,,,,,").satellites, [Some(17), None, None, None]);
}

#[test]
fn makers_own_sentences_are_not_taken_for_others() {
    for own in ["PUBX,00,1", "PMTK010,001", "PSRF151,1", "PGRMC,A,1,2", "PGRME,1,M", "PTNLRXX,1", "P"] {
        assert_eq!(body(own), Body::Vendor, "{own}");
    }
    assert!(matches!(body("PQGSA,A,3,01,,,,,,,,,,,,2.5,1.3,2.1"), Body::Gsa(_)));
    assert_eq!(body("GPVTG,,T,,M,0.0,N,0.0,K"), Body::Other);
}

#[test]
fn what_the_standard_does_not_know_is_refused() {
    for wrong in [
        "GPRMC,126000,A,,,,,,,211126,,,A",
        "GPRMC,120000,A,,,,,,,311126,,,A",
        "GPRMC,120000,A,,,,,,,2111266,,,A",
        "GPRMC,120000,A,,,,,,,21112é,,,A",
        "GPZDA,120000,21,11,26,00,00",
        "GPZDA,120000,21,,2026,00,00",
        "GPZDA,120000,21,11,2226,00,00",
        "GPGGA,120000",
        "GPGSA,A,4,,,,,,,,,,,,,,,",
        "GPGSV,1,1",
        "GPGSV",
        "gprmc,120000",
        "GP1MC,120000",
        "GPRMCX,120000",
        "GP",
        "G*PRMC,1",
        "",
    ] {
        assert_eq!(parsed(wrong), Err(Refused::Malformed), "{wrong}");
    }
}

fn fraction() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "\\.[0-9]{0,12}"]
}

proptest! {
    #[test]
    fn any_bytes(line in proptest::collection::vec(any::<u8>(), 0..128)) {
        let _ = Sentence::parse(&line);
    }

    #[test]
    fn any_fields(kind in "(RMC|ZDA|GGA|GSA|GSV)", data in "[0-9A-Za-z.,\\-+ ]{0,120}") {
        let _ = parsed(&format!("GP{kind},{data}"));
    }

    #[test]
    fn what_is_composed_is_read_back(
        (h, m, s) in (0..24u32, 0..60u32, 0..60u32),
        (day, month, year) in (1..=28i64, 1..=12i64, 2026..=2075i64),
        fraction in fraction(),
        valid: bool,
        mode in "[ADEFMNPRS]?",
    ) {
        let time = format!("{h:02}{m:02}{s:02}{fraction}");
        let status = if valid { 'A' } else { 'V' };
        let short = year - 2000;
        let said = rmc(&format!("GLRMC,{time},{status},,,,,,,{day:02}{month:02}{short:02},,,{mode}"));
        let expected = Rmc {
            time: TimeOfDay::parse(&time),
            date: Date::from_full(day, month, year),
            valid,
            mode: mode.bytes().next(),
        };
        prop_assert!(said.time.is_some() && said.date.is_some());
        prop_assert_eq!(said, expected);
        let zda = body(&format!("GLZDA,{time},{day:02},{month:02},{year},00,00"));
        prop_assert_eq!(zda, Body::Zda(Zda { time: expected.time, date: expected.date }));
    }

    #[test]
    fn satellites_are_read_back(numbers in proptest::collection::vec(1..=437u32, 0..=4), signal in "[0-9A-F]?") {
        let list: String = numbers.iter().map(|number| format!(",{number:02},40,083,")).collect();
        let end = if signal.is_empty() { String::new() } else { format!(",{signal}") };
        let said = gsv(&format!("GAGSV,1,1,{:02}{list}{end}", numbers.len()));
        let read: Vec<_> = said.satellites.into_iter().flatten().collect();
        prop_assert_eq!(read, numbers);
        prop_assert_eq!(said.signal, signal.bytes().next());
    }

    #[test]
    fn a_position_is_read_back(
        (degrees, minutes) in (0..90u32, 0..600_000u32),
        satellites in 0..40u32,
        dop in 5..990u32,
    ) {
        let (place, dop) = (f64::from(minutes) / 1e4, f64::from(dop) / 10.0);
        let said = gga(&format!(
            "GAGGA,120000,{degrees:02}{place:07.4},S,{degrees:03}{place:07.4},E,1,{satellites:02},{dop:.1},1.5,M,47.0,M,,"
        ));
        let should = f64::from(degrees) + place / 60.0;
        let (latitude, longitude, altitude) = said.position.unwrap();
        prop_assert!((latitude + should).abs() < 1e-9 && (longitude - should).abs() < 1e-9);
        prop_assert_eq!((altitude, said.satellites, said.hdop), (Some(1.5), Some(satellites), Some(dop as f32)));
    }

    #[test]
    fn one_changed_byte_is_refused(at in 0..80usize, to: u8) {
        let line = framed("GPRMC,120000.00,A,5000.0000,N,00800.0000,E,0.004,77.52,211126,,,A");
        let mut changed = line.clone().into_bytes();
        let at = at % changed.len();
        let before = std::mem::replace(&mut changed[at], to);
        // The same digit of the checksum in another case is the same.
        prop_assume!(!before.eq_ignore_ascii_case(&to));
        prop_assert!(Sentence::parse(&changed).is_err(), "{}", String::from_utf8_lossy(&changed));
    }
}
