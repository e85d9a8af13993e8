//! What receivers of some makers say, composed sentence by sentence: which ones, in which order, with which talkers,
//! digits and empty fields. The maker's manuals say so much; nothing is recorded, and the place is made up.

use crate::line::sentence;

/// A stream, as it is kept in `streams/`.
pub(crate) struct Stream {
    pub(crate) name: &'static str,
    pub(crate) baud: u32,
    /// From the beginning of one burst to that of the next.
    pub(crate) period_ms: u64,
    /// Bursts of sentences.
    bursts: Vec<Vec<String>>,
    about: &'static str,
}

impl Stream {
    /// A comment, then the bursts, with an empty line between.
    pub(crate) fn text(&self) -> String {
        let head =
            format!("# {}\r\n# {} baud, a burst every {} ms.\r\n", self.about, self.baud, self.period_ms);
        self.bursts.iter().fold(head, |text, burst| text + "\r\n" + &burst.concat())
    }

    /// Of a text like that.
    pub(crate) fn bursts(text: &str) -> Vec<String> {
        let bursts = text.split("\r\n\r\n").skip(1);
        bursts.map(|burst| format!("{}\r\n", burst.trim_end_matches("\r\n"))).collect()
    }
}

pub(crate) fn all() -> Vec<Stream> {
    vec![ublox_6(), ublox_8(), mediatek(), sirf_3(), garmin(), trimble(), quectel(), navspark()]
}

fn burst(bodies: &[String]) -> Vec<String> {
    bodies.iter().map(|body| sentence(body)).collect()
}

/// Sentences as given, but without a checksum.
fn bare(body: &str) -> String {
    format!("${body}\r\n")
}

const PLACE: &str = "5000.0000,N,00800.0000,E";

/// GPS alone, NMEA 2.3. Starts cold: first no time, then that of its own clock with status V, then a fix.
fn ublox_6() -> Stream {
    let cold = burst(&[
        "GPRMC,,V,,,,,,,,,,N".to_owned(),
        "GPVTG,,,,,,,,,N".to_owned(),
        "GPGGA,,,,,,0,00,99.99,,,,,,".to_owned(),
        "GPGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99".to_owned(),
        "GPGSV,1,1,02,04,,,31,17,,,28".to_owned(),
        "GPGLL,,,,,,V,N".to_owned(),
    ]);
    let start = burst(&["GPTXT,01,01,02,ANTSTATUS=OK".to_owned()]);
    let own_clock = |time: &str| {
        burst(&[
            format!("GPRMC,{time},V,,,,,,,211126,,,N"),
            "GPVTG,,,,,,,,,N".to_owned(),
            format!("GPGGA,{time},,,,,0,03,7.81,,,,,,"),
            "GPGSA,A,1,04,17,28,,,,,,,,,,8.20,7.81,2.50".to_owned(),
            "GPGSV,2,1,05,04,61,120,38,09,15,040,,17,33,201,35,28,40,290,37".to_owned(),
            "GPGSV,2,2,05,31,05,330,".to_owned(),
            format!("GPGLL,,,,,{time},V,N"),
        ])
    };
    let fixed = |time: &str| {
        burst(&[
            format!("GPRMC,{time},A,{PLACE},0.012,,211126,,,A"),
            "GPVTG,,T,,M,0.012,N,0.022,K,A".to_owned(),
            format!("GPGGA,{time},{PLACE},1,05,1.85,100.1,M,47.6,M,,"),
            "GPGSA,A,3,04,09,17,28,31,,,,,,,,3.10,1.85,2.49".to_owned(),
            "GPGSV,2,1,05,04,61,120,38,09,15,040,30,17,33,201,35,28,40,290,37".to_owned(),
            "GPGSV,2,2,05,31,05,330,27".to_owned(),
            format!("GPGLL,{PLACE},{time},A,A"),
        ])
    };
    let mut bursts = vec![[start, cold.clone()].concat(), cold];
    bursts.extend(["115958.00", "115959.00"].map(own_clock));
    bursts.extend(["120000.00", "120001.00", "120002.00", "120003.00"].map(fixed));
    let about = "Like a u-blox 6: GPS alone; cold start, own clock, fix.";
    Stream { name: "ublox6", baud: 9600, period_ms: 1000, bursts, about }
}

/// GPS and GLONASS, ZDA switched on; a leap second at the end of 2026.
fn ublox_8() -> Stream {
    let fixed = |(time, short, long): (&str, &str, &str)| {
        burst(&[
            format!("GNRMC,{time},A,{PLACE},0.004,,{short},,,D"),
            "GNVTG,,T,,M,0.004,N,0.008,K,D".to_owned(),
            format!("GNGGA,{time},{PLACE},2,12,0.71,100.1,M,47.6,M,,0000"),
            "GNGSA,A,3,04,09,17,28,31,03,06,19,,,,,1.35,0.71,1.15".to_owned(),
            "GNGSA,A,3,65,66,72,81,88,,,,,,,,1.35,0.71,1.15".to_owned(),
            "GPGSV,3,1,09,03,20,110,33,04,61,120,38,06,11,060,29,09,15,040,30".to_owned(),
            "GPGSV,3,2,09,17,33,201,35,19,44,250,36,28,40,290,37,31,05,330,27".to_owned(),
            "GPGSV,3,3,09,33,30,210,34".to_owned(),
            "GLGSV,2,1,06,65,50,090,36,66,30,180,33,72,20,020,30,81,40,300,35".to_owned(),
            "GLGSV,2,2,06,82,06,350,,88,25,250,31".to_owned(),
            format!("GNGLL,{PLACE},{time},A,D"),
            format!("GNZDA,{time},{long},00,00"),
        ])
    };
    let (old, new) = (("311226", "31,12,2026"), ("010127", "01,01,2027"));
    let bursts = [
        ("235957.00", old.0, old.1),
        ("235958.00", old.0, old.1),
        ("235959.00", old.0, old.1),
        ("235960.00", old.0, old.1),
        ("000000.00", new.0, new.1),
        ("000001.00", new.0, new.1),
    ]
    .map(fixed)
    .into();
    let about = "Like a u-blox 8: GPS and GLONASS as GN, SBAS; a leap second.";
    Stream { name: "ublox8", baud: 9600, period_ms: 1000, bursts, about }
}

/// RMC after the others, three digits; counts from 1980 until it knows better.
fn mediatek() -> Stream {
    let begin = burst(&["PMTK011,MTKGPS".to_owned(), "PMTK010,001".to_owned()]);
    let no_fix = |time: &str| {
        burst(&[
            format!("GPGGA,{time},,,,,0,0,,,M,,M,,"),
            "GPGSA,A,1,,,,,,,,,,,,,,,".to_owned(),
            "GPGSV,1,1,00".to_owned(),
            format!("GPRMC,{time},V,,,,,0.00,0.00,060180,,,N"),
            "GPVTG,0.00,T,,M,0.00,N,0.00,K,N".to_owned(),
        ])
    };
    let fixed = |(time, quality, mode): (&str, u8, char)| {
        burst(&[
            format!("GPGGA,{time},{PLACE},{quality},7,1.21,100.1,M,47.6,M,,"),
            "GPGSA,A,3,04,09,17,28,31,03,06,,,,,,1.48,1.21,0.86".to_owned(),
            "GPGSV,2,1,08,04,61,120,38,28,40,290,37,17,33,201,35,03,20,110,33".to_owned(),
            "GPGSV,2,2,08,09,15,040,30,06,11,060,29,31,05,330,27,193,,,".to_owned(),
            format!("GPRMC,{time},A,{PLACE},0.02,87.10,211126,,,{mode}"),
            format!("GPVTG,87.10,T,,M,0.02,N,0.03,K,{mode}"),
        ])
    };
    let mut bursts: Vec<_> = ["000012.800", "000013.800"].map(no_fix).into();
    if let Some(first) = bursts.first_mut() {
        first.splice(0..0, begin);
    }
    let times =
        [("120000.000", 1, 'A'), ("120001.000", 1, 'A'), ("120002.000", 2, 'D'), ("120003.000", 2, 'D')];
    bursts.extend(times.map(fixed));
    let about =
        "Like a MediaTek MT3339: RMC after the rest, three digits, 1980 until there is a fix, then SBAS.";
    Stream { name: "mediatek", baud: 9600, period_ms: 1000, bursts, about }
}

/// NMEA 2.2, without mode indicators; satellites in view every fifth second; 1024 weeks behind.
fn sirf_3() -> Stream {
    let version = burst(&["PSRFTXT,Version: composed".to_owned(), "PSRFTXT,TOW: 518400".to_owned()]);
    let fixed = |(second, dimensions): (u32, u8)| {
        let time = format!("12000{second}.000");
        let mut bodies = vec![
            format!("GPGGA,{time},{PLACE},1,06,1.4,100.1,M,47.6,M,0.0,0000"),
            format!("GPGSA,A,{dimensions},04,17,28,31,03,06,,,,,,,2.4,1.4,1.9"),
        ];
        if second % 5 == 0 {
            bodies.push("GPGSV,2,1,07,04,61,120,38,28,40,290,37,17,33,201,35,03,20,110,33".to_owned());
            bodies.push("GPGSV,2,2,07,06,11,060,29,31,05,330,27,22,03,010,".to_owned());
        }
        bodies.push(format!("GPRMC,{time},A,{PLACE},0.13,309.62,070407,,"));
        burst(&bodies)
    };
    let mut bursts: Vec<_> = [(4, 2), (5, 2), (6, 3), (7, 3), (8, 3)].map(fixed).into();
    if let Some(first) = bursts.first_mut() {
        first.splice(0..0, version);
    }
    let about =
        "Like a SiRF III: no mode indicators; a GPS week too old by 1024, so that it shows 2007 for 2026.";
    Stream { name: "sirf3", baud: 4800, period_ms: 1000, bursts, about }
}

/// Whole seconds, a magnetic variation, and sentences of its maker whose address ends like others.
fn garmin() -> Stream {
    let said = |(time, status, quality, mode): (&str, char, u8, char)| {
        let gsa = if quality == 0 { "A,1,,,,,,,,,,,,,,," } else { "A,3,04,,,17,,28,,31,,03,,,2.2,1.3,1.8" };
        burst(&[
            format!("GPRMC,{time},{status},{PLACE},000.0,000.0,211126,002.1,E,{mode}"),
            format!("GPGGA,{time},{PLACE},{quality},05,1.3,100.1,M,47.6,M,,"),
            format!("GPGSA,{gsa}"),
            "GPGSV,2,1,06,03,20,110,33,04,61,120,38,17,33,201,35,22,03,010,00".to_owned(),
            "GPGSV,2,2,06,28,40,290,37,31,05,330,27".to_owned(),
            "PGRME,4.2,M,5.6,M,7.0,M".to_owned(),
            "PGRMC,A,100.1,100,6378137.000,298.257223563,0.0,0.0,0.0,A,3,1,1,4,30".to_owned(),
        ])
    };
    // The fix is lost for two seconds, while the time goes on.
    let bursts = [
        ("115959", 'A', 1, 'A'),
        ("120000", 'A', 1, 'A'),
        ("120001", 'V', 0, 'N'),
        ("120002", 'A', 6, 'E'),
        ("120003", 'A', 1, 'A'),
    ]
    .map(said)
    .into();
    let about = "Like a Garmin 18x: whole seconds, sentences of its own; the fix is lost and found again.";
    Stream { name: "garmin", baud: 4800, period_ms: 1000, bursts, about }
}

/// ZDA and GGA only, the year in four digits but 1024 weeks behind.
fn trimble() -> Stream {
    let said = |(time, quality, satellites): (&str, u8, u8)| {
        burst(&[
            format!("GPZDA,{time},07,04,2007,00,00"),
            format!("GPGGA,{time},{PLACE},{quality},{satellites:02},1.10,00100,M,047,M,,"),
            "PTNLRPT,A,12,34".to_owned(),
        ])
    };
    let bursts = [
        ("120000.00", 0, 0),
        ("120001.00", 1, 8),
        ("120002.00", 1, 8),
        ("120003.00", 1, 9),
        ("120004.00", 1, 9),
    ]
    .map(said)
    .into();
    let about =
        "Like an old Trimble Resolution T: ZDA and GGA; a GPS week too old by 1024 in a year of four digits.";
    Stream { name: "trimble", baud: 9600, period_ms: 1000, bursts, about }
}

/// Five systems and their signals, NMEA 4.1, five times a second.
fn quectel() -> Stream {
    let fixed = |time: &str| {
        burst(&[
            format!("GNRMC,{time},A,{PLACE},0.01,,211126,,,R,V"),
            format!("GNGGA,{time},{PLACE},4,18,0.52,100.1,M,47.6,M,1.0,0101"),
            "GNGSA,A,3,03,04,06,09,17,,,,,,,,1.01,0.52,0.87,1".to_owned(),
            "GNGSA,A,3,65,66,72,81,,,,,,,,,1.01,0.52,0.87,2".to_owned(),
            "GNGSA,A,3,02,08,15,27,,,,,,,,,1.01,0.52,0.87,3".to_owned(),
            "GNGSA,A,3,11,19,22,34,36,,,,,,,,1.01,0.52,0.87,4".to_owned(),
            "GPGSV,2,1,05,03,20,110,33,04,61,120,38,06,11,060,29,09,15,040,30,1".to_owned(),
            "GPGSV,2,2,05,17,33,201,35,1".to_owned(),
            "GPGSV,1,1,03,03,20,110,36,04,61,120,41,09,15,040,33,8".to_owned(),
            "GLGSV,1,1,04,65,50,090,36,66,30,180,33,72,20,020,30,81,40,300,35,1".to_owned(),
            "GAGSV,1,1,04,02,44,070,37,08,55,160,38,15,21,240,33,27,12,310,30,7".to_owned(),
            "GAGSV,1,1,02,02,44,070,39,08,55,160,40,1".to_owned(),
            "GBGSV,2,1,06,11,40,100,35,19,35,170,36,22,50,220,38,34,15,280,31,1".to_owned(),
            "GBGSV,2,2,06,36,25,330,33,40,04,020,,1".to_owned(),
            "GQGSV,1,1,01,03,05,050,28,1".to_owned(),
            "PQTMVERNO,composed".to_owned(),
        ])
    };
    let bursts =
        ["115959.60", "115959.80", "120000.00", "120000.20", "120000.40", "120000.60"].map(fixed).into();
    let about = "Like a Quectel LC29: five systems with system and signal numbers, RTK, five times a second.";
    Stream { name: "quectel", baud: 115_200, period_ms: 200, bursts, about }
}

/// A talker for each system, three digits, and a line without a checksum.
fn navspark() -> Stream {
    let said = |(time, mode): (&str, char)| {
        let quality = if mode == 'E' { 6 } else { 1 };
        burst(&[
            format!("GNGGA,{time},{PLACE},{quality},11,0.8,100.1,M,47.6,M,,0000"),
            "GPGSA,A,3,03,04,06,09,17,28,,,,,,,1.4,0.8,1.2".to_owned(),
            "BDGSA,A,3,201,206,209,211,216,,,,,,,,1.4,0.8,1.2".to_owned(),
            "GPGSV,2,1,07,03,20,110,33,04,61,120,38,06,11,060,29,09,15,040,30".to_owned(),
            "GPGSV,2,2,07,17,33,201,35,28,40,290,37,31,05,330,".to_owned(),
            "BDGSV,2,1,05,201,32,140,34,206,60,090,38,209,45,200,36,211,40,100,35".to_owned(),
            "BDGSV,2,2,05,216,58,080,38".to_owned(),
            format!("GNRMC,{time},A,{PLACE},000.0,000.0,211126,,,{mode}"),
            "GNVTG,000.0,T,,M,000.0,N,000.0,K,A".to_owned(),
            "PSTI,00,2,0,0.0".to_owned(),
        ])
    };
    let mut bursts: Vec<_> = [
        ("115959.000", 'A'),
        ("120000.000", 'A'),
        ("120001.000", 'E'),
        ("120002.000", 'A'),
        ("120003.000", 'A'),
    ]
    .map(said)
    .into();
    if let Some(second) = bursts.get_mut(1) {
        second.push(bare("GNZDA,120000.000,21,11,2026,00,00"));
    }
    let about = "Like a NavSpark: GPS and BeiDou with talkers of their own; dead reckoning for a second; no checksum.";
    Stream { name: "navspark", baud: 115_200, period_ms: 1000, bursts, about }
}
