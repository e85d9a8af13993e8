//! NMEA 0183 sentences as a receiver with eight satellites makes them, by hand from the standard.
//!
//! On purpose not with the crate that the daemon reads them with: who judges a parser must not write with it.

/// Which sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Recommended minimum: time, date, validity, position.
    Rmc,
    /// Fix: time, quality, satellites used, position.
    Gga,
    /// Satellites used and dilution of precision.
    Gsa,
    /// Satellites in view.
    Gsv,
    /// Time and date with the century.
    Zda,
}

/// The sentence about a second (Unix seconds of UTC), whole with checksum and line end. `leap`: about the inserted second
/// after it, which has number 60. `void`: without a fix.
#[must_use]
pub fn sentence(kind: Kind, utc: i64, leap: bool, void: bool) -> String {
    let (days, second) = (utc.div_euclid(86_400), utc.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let seconds = second % 60 + i64::from(leap);
    let clock = format!("{:02}{:02}{seconds:02}.00", second / 3_600, second / 60 % 60);
    let place = "4807.0380,N,01131.0000,E";
    let body = match (kind, void) {
        (Kind::Rmc, false) => {
            format!("GPRMC,{clock},A,{place},0.01,,{day:02}{month:02}{:02},,,A", year % 100)
        }
        (Kind::Rmc, true) => format!("GPRMC,{clock},V,,,,,,,{day:02}{month:02}{:02},,,N", year % 100),
        (Kind::Gga, false) => format!("GPGGA,{clock},{place},1,08,0.90,545.4,M,46.9,M,,"),
        (Kind::Gga, true) => format!("GPGGA,{clock},,,,,0,00,99.99,,,,,,"),
        (Kind::Gsa, false) => "GPGSA,A,3,04,05,09,12,24,25,29,31,,,,,1.80,0.90,1.50".to_owned(),
        (Kind::Gsa, true) => "GPGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99".to_owned(),
        (Kind::Gsv, false) => "GPGSV,1,1,04,04,52,071,44,05,33,141,40,09,17,215,37,12,61,290,45".to_owned(),
        (Kind::Gsv, true) => "GPGSV,1,1,00".to_owned(),
        (Kind::Zda, _) => format!("GPZDA,{clock},{day:02},{month:02},{year},00,00"),
    };
    let checksum = body.bytes().fold(0, |sum, byte| sum ^ byte);
    format!("${body}*{checksum:02X}\r\n")
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.
fn date(days: i64) -> (i64, i64, i64) {
    // Years that begin in March have their odd day at the end. 719468 days lie between 0000-03-01 and 1970-01-01.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_based = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 { march_based + 3 } else { march_based - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(11_017), (2000, 3, 1));
        assert_eq!(date(-1), (1969, 12, 31));
        assert_eq!(date(24_855), (2038, 1, 19));
    }

    #[test]
    fn sentences_tell_the_second_and_end_with_their_checksum() {
        // 2016-12-31T23:59:59Z
        let last = 1_483_228_799;
        assert_eq!(sentence(Kind::Zda, last, false, false), "$GPZDA,235959.00,31,12,2016,00,00*63\r\n");
        assert_eq!(sentence(Kind::Zda, last, true, false), "$GPZDA,235960.00,31,12,2016,00,00*69\r\n");
        assert!(sentence(Kind::Rmc, last, true, true).starts_with("$GPRMC,235960.00,V,,,,,,,311216,,,N*"));
    }

    #[test]
    fn no_sentence_is_longer_than_the_standard_allows() {
        for kind in [Kind::Rmc, Kind::Gga, Kind::Gsa, Kind::Gsv, Kind::Zda] {
            for void in [false, true] {
                assert!(sentence(kind, 1_767_225_600, false, void).len() <= 82, "{kind:?}");
            }
        }
    }
}
