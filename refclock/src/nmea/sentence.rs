//! One sentence of NMEA 0183: its checksum, and what those say that matter for time. [`super::receiver`] asks.
//!
//! The crate `nmea` reads what there is about the fix, but none of the times: it refuses second 60 and long fractions, has
//! fixed centuries, and knows no lost weeks. GSV is read here as well: the crate drops the signal, and refuses the
//! talker GN. It is handed the fields alone, as it has its own mind about lengths and what may come before `$`.

use ::nmea::sentences::gsa::GsaMode2;
use ::nmea::sentences::{FixType, parse_gga, parse_gsa};
use ::nmea::{NmeaSentence, SentenceType};

use super::date::Date;
use super::time_of_day::{TimeOfDay, digits};

/// A sentence that was received whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sentence {
    /// Who says it: GP, GN, GL …
    pub(super) talker: [u8; 2],
    pub(super) body: Body,
}

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Body {
    Rmc(Rmc),
    Zda(Zda),
    Gga(Gga),
    Gsa(Gsa),
    Gsv(Gsv),
    /// Of a maker's own: `$P…`.
    Vendor,
    Other,
}

/// Recommended minimum: time, date, and whether they can be relied on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rmc {
    pub(super) time: Option<TimeOfDay>,
    pub(super) date: Option<Date>,
    /// Status A.
    pub(super) valid: bool,
    /// A, D, E, F, M, N, P, R, S; those before NMEA 2.3 have none.
    pub(super) mode: Option<u8>,
}

/// Time and date with a year of four digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Zda {
    pub(super) time: Option<TimeOfDay>,
    pub(super) date: Option<Date>,
}

/// Fix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gga {
    pub(super) time: Option<TimeOfDay>,
    pub(super) quality: FixType,
    pub(super) satellites: Option<u32>,
    pub(super) hdop: Option<f32>,
    /// Degrees, north and east positive, and metres above the sea.
    pub(super) position: Option<(f64, f64, Option<f32>)>,
}

/// Satellites used; of several systems one sentence each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gsa {
    /// 1 none, 2 without height, 3 with.
    pub(super) dimensions: u8,
    pub(super) satellites: usize,
    pub(super) hdop: Option<f32>,
}

/// Satellites in view; of each talker, and each of its signals, as many sentences as it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gsv {
    pub(super) first: bool,
    pub(super) last: bool,
    /// Since NMEA 4.1.
    pub(super) signal: Option<u8>,
    /// The numbers of the satellites.
    pub(super) satellites: [Option<u32>; 4],
}

/// Why a line is no sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    NoChecksum,
    BadChecksum,
    /// The checksum is right, but not what stands there.
    Malformed,
}

impl Sentence {
    /// Of what stands between `$` and the end of the line.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Refused> {
        let text = proven(line)?;
        let (address, data) = text.split_once(',').unwrap_or((text, ""));
        // QZSS has a talker that begins like makers do.
        if address.starts_with('P') && !matches!(address, "PQGSA" | "PQGSV") {
            return Ok(Self { talker: *b"P ", body: Body::Vendor });
        }
        let (talker, kind) = titles(address).ok_or(Refused::Malformed)?;
        let body = match kind {
            "RMC" => Rmc::parse(data).map(Body::Rmc),
            "ZDA" => Zda::parse(data).map(Body::Zda),
            "GGA" => Gga::parse(data).map(Body::Gga),
            "GSA" => Gsa::parse(data).map(Body::Gsa),
            "GSV" => Gsv::parse(data).map(Body::Gsv),
            _ => Some(Body::Other),
        };
        Ok(Self { talker, body: body.ok_or(Refused::Malformed)? })
    }

    /// The time that it says, if it is one of those that the time is taken from.
    pub(super) const fn time(&self) -> Option<TimeOfDay> {
        match self.body {
            Body::Rmc(Rmc { time, .. }) | Body::Zda(Zda { time, .. }) | Body::Gga(Gga { time, .. }) => time,
            Body::Gsa(_) | Body::Gsv(_) | Body::Vendor | Body::Other => None,
        }
    }
}

/// What the checksum proves, without it: printable ASCII.
fn proven(line: &[u8]) -> Result<&str, Refused> {
    let [text @ .., b'*', high, low] = line.trim_ascii_end() else { return Err(Refused::NoChecksum) };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (Some(high), Some(low)) = (digit(*high), digit(*low)) else { return Err(Refused::NoChecksum) };
    let sum = text.iter().fold(0, |sum, byte| sum ^ byte);
    if u32::from(sum) != high << 4 | low {
        return Err(Refused::BadChecksum);
    }
    let printable = text.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'*');
    std::str::from_utf8(text).ok().filter(|_| printable).ok_or(Refused::Malformed)
}

/// Talker and kind of an address of five characters.
fn titles(address: &str) -> Option<([u8; 2], &str)> {
    let (talker, kind) = address.split_at_checked(2)?;
    let kind_has_letters = kind.len() == 3 && kind.bytes().all(|byte| byte.is_ascii_uppercase());
    let talker: [u8; 2] = talker.as_bytes().try_into().ok()?;
    let is_talker = talker.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (kind_has_letters && is_talker).then_some((talker, kind))
}

fn field(data: &str, index: usize) -> &str {
    data.split(',').nth(index).unwrap_or("").trim_ascii()
}

/// A field that may be empty, but not wrong: that would make all of the sentence doubtful.
fn optional<T>(field: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if field.is_empty() { Some(None) } else { parse(field).map(Some) }
}

impl Rmc {
    fn parse(data: &str) -> Option<Self> {
        Some(Self {
            time: optional(field(data, 0), TimeOfDay::parse)?,
            date: optional(field(data, 8), short_date)?,
            valid: field(data, 1) == "A",
            mode: field(data, 11).bytes().next(),
        })
    }
}

/// `ddmmyy`.
fn short_date(field: &str) -> Option<Date> {
    let part = |from: usize| field.get(from..from + 2).and_then(digits).map(i64::from);
    if field.len() != 6 {
        return None;
    }
    Date::from_short(part(0)?, part(2)?, part(4)?)
}

impl Zda {
    /// The zone is passed over: the time before it is UTC whatever it says.
    fn parse(data: &str) -> Option<Self> {
        let number = |index| digits(field(data, index)).map(i64::from);
        let date = (1..=3).any(|index| !field(data, index).is_empty());
        Some(Self {
            time: optional(field(data, 0), TimeOfDay::parse)?,
            date: if date { Some(Date::from_full(number(1)?, number(2)?, number(3)?)?) } else { None },
        })
    }
}

impl Gga {
    fn parse(data: &str) -> Option<Self> {
        let time = data.split(',').next()?;
        let rest = data.get(time.len()..)?;
        let said = parse_gga(fields_of(SentenceType::GGA, rest)).ok()?;
        let place = said.latitude.zip(said.longitude);
        Some(Self {
            time: optional(time.trim_ascii(), TimeOfDay::parse)?,
            quality: said.fix_type?,
            satellites: said.fix_satellites,
            hdop: said.hdop.filter(dilutes),
            position: place
                .filter(|(latitude, longitude)| latitude.abs() <= 90.0 && longitude.abs() <= 180.0)
                .map(|(latitude, longitude)| {
                    (latitude, longitude, said.altitude.filter(|it| it.is_finite()))
                }),
        })
    }
}

/// Receivers without a fix say 99.99 or 100.
fn dilutes(dop: &f32) -> bool {
    (0.0..99.0).contains(dop)
}

impl Gsa {
    fn parse(data: &str) -> Option<Self> {
        let said = parse_gsa(fields_of(SentenceType::GSA, data)).ok()?;
        Some(Self {
            dimensions: match said.mode2 {
                GsaMode2::NoFix => 1,
                GsaMode2::Fix2D => 2,
                GsaMode2::Fix3D => 3,
            },
            satellites: said.fix_sats_prn.len(),
            hdop: said.hdop.filter(dilutes),
        })
    }
}

/// For the crate. Its check of the talker against the system said at the end is not wanted: makers disagree there.
fn fields_of(kind: SentenceType, data: &str) -> NmeaSentence<'_> {
    NmeaSentence { talker_id: "GN", message_id: kind, data, checksum: 0 }
}

impl Gsv {
    fn parse(data: &str) -> Option<Self> {
        let total = digits(field(data, 0))?;
        let number = digits(field(data, 1))?;
        digits(field(data, 2))?;
        // Four fields for each satellite; one more is the signal.
        let fields = data.split(',').count() - 3;
        let signal = field(data, 2 + fields).bytes().next().filter(|_| fields % 4 == 1);
        let satellites = [0, 1, 2, 3]
            .map(|index| index * 4)
            .map(|before| if before + 4 <= fields { digits(field(data, 3 + before)) } else { None });
        Some(Self { first: number == 1, last: number == total, signal, satellites })
    }
}

#[cfg(test)]
mod tests;
