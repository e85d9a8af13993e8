//! All there is to know of a reference clock: a paragraph for `--verbose`.

use ntp_refclock::nmea::{self, Position};
use ntp_refclock::{phc, pps, rtc, shm, sock};

use super::super::{date, table, words};
use super::counts::{Counted, counts};
use super::troubles::place;
use super::{Clock, age, signal, units};
use crate::control::{DeviceReport, DeviceStatus};

type Rows = Vec<(&'static str, String)>;

/// Its name and what selection says of it, then a row for each thing.
pub(super) fn paragraph(clock: &Clock<'_>) -> String {
    let mut rows = of_engine(clock);
    if let Some(device) = clock.device {
        rows.extend(of_device(device));
    }
    let rows: String = table::pairs(&rows).lines().map(|line| format!("  {line}\n")).collect();
    format!("{}: {}, {}\n{rows}", clock.name, clock.source.state, clock.source.reason)
}

fn of_engine(clock: &Clock<'_>) -> Rows {
    let Clock { source, engine, .. } = clock;
    let refused: Vec<Counted<'_>> =
        source.discards.iter().map(|(name, count)| (*count, name.as_str())).collect();
    let mut rows = vec![
        (
            "readings",
            format!(
                "{}, {} of them in samples; refused: {}",
                engine.readings,
                engine.counted,
                counts(&refused)
            ),
        ),
        (
            "samples",
            format!("{}, one every {}, reach {}", source.samples, units::span(source.poll_s), source.reach),
        ),
        ("offset", offset(clock)),
    ];
    rows.extend(
        source
            .error_bound_s
            .map(|bound| ("bound", format!("the truth is within {} of it", units::bound(bound)))),
    );
    rows
}

fn offset(clock: &Clock<'_>) -> String {
    let engine = clock.engine;
    let configured = format!("{} s configured", engine.offset_s);
    match engine.suggested_offset_s.zip(engine.suggested_offset_stddev_s) {
        Some((suggested, stddev)) => {
            format!("{configured}; {suggested:.9} s would agree with the clock, +- {}", units::span(stddev))
        }
        None => configured,
    }
}

fn of_device(device: &DeviceReport) -> Rows {
    let mut rows = vec![("device", format!("{} {}, {}", device.driver, device.device, place(&device.table)))];
    rows.extend(match &device.status {
        None => Vec::new(),
        Some(DeviceStatus::Nmea(status)) => receiver(status),
        Some(DeviceStatus::Pps(status)) => pulses(status),
        Some(DeviceStatus::Shm(status)) => segment(status),
        Some(DeviceStatus::Sock(status)) => socket(status),
        Some(DeviceStatus::Phc(status)) => card(status),
        Some(DeviceStatus::Rtc(status)) => board(status),
    });
    rows
}

fn receiver(status: &nmea::Status) -> Rows {
    let mut rows = vec![("line", line(status)), ("fix", fix(status))];
    rows.extend(status.position.map(|position| ("position", place_on_earth(position))));
    if let Some((time, ago)) = status.last_time.zip(status.last_time_age_s) {
        rows.push(("showed", format!("{}, {} ago", date::utc_of_seconds(time.to_unix_seconds()), age(ago))));
    }
    if status.weeks_repaired > 0 {
        rows.push(("date", format!("{} weeks added to what it says", status.weeks_repaired)));
    }
    let (sentences, refused, withheld) = (status.sentences, status.refused, status.withheld);
    rows.push((
        "sentences",
        counts(&[
            (sentences.rmc, "RMC"),
            (sentences.zda, "ZDA"),
            (sentences.gga, "GGA"),
            (sentences.gsa, "GSA"),
            (sentences.gsv, "GSV"),
            (sentences.vendor, "of the maker"),
            (sentences.other, "others"),
        ]),
    ));
    rows.push((
        "damaged",
        counts(&[
            (refused.bad_checksum, "with a wrong checksum"),
            (refused.no_checksum, "without a checksum"),
            (refused.too_long, "too long"),
            (refused.malformed, "malformed"),
        ]),
    ));
    rows.push((
        "withheld",
        counts(&[
            (withheld.no_fix, "without a fix"),
            (withheld.contradictory, "contradictory"),
            (withheld.undated, "without a date"),
            (withheld.repeated, "repeated"),
            (withheld.unstarted, "whose beginning was missed"),
            (withheld.clock_set, "while the clock was set"),
        ]),
    ));
    rows
}

fn line(status: &nmea::Status) -> String {
    let talkers = if status.talkers.is_empty() {
        String::new()
    } else {
        format!(", {} speak", status.talkers.join(" "))
    };
    format!("{} baud{talkers}", status.baud)
}

fn fix(status: &nmea::Status) -> String {
    let satellites =
        signal::satellites(status).map_or_else(String::new, |satellites| format!(", {satellites}"));
    let hdop = status.hdop.map_or_else(String::new, |hdop| format!(", HDOP {hdop:.1}"));
    format!("{}{satellites}{hdop}", signal::fix(status.fix))
}

fn place_on_earth(position: Position) -> String {
    let Position { latitude_deg, longitude_deg, altitude_m } = position;
    let above = altitude_m.map_or_else(String::new, |m| format!(", {m:.0} m above the sea"));
    let (north, east) =
        (if latitude_deg < 0.0 { 'S' } else { 'N' }, if longitude_deg < 0.0 { 'W' } else { 'E' });
    format!("{:.5} {north} {:.5} {east}{above}", latitude_deg.abs(), longitude_deg.abs())
}

fn pulses(status: &pps::Status) -> Rows {
    let captured = match (status.captures_assert, status.captures_clear) {
        (true, true) => "both edges are stamped",
        (true, false) => "rising edges are stamped",
        (false, true) => "falling edges are stamped",
        (false, false) => "no edge is stamped",
    };
    let begin = match status.edge {
        pps::Edge::Assert => "rising",
        pps::Edge::Clear => "falling",
    };
    let width = status
        .width_s
        .map_or_else(String::new, |width| format!("; the latest lasted {}", units::span(width)));
    let sequence = status.sequence.map_or_else(|| "not known".to_owned(), |sequence| sequence.to_string());
    vec![
        ("edge", format!("{begin}; {captured}{width}")),
        ("pulses", format!("{} taken, the kernel's count is {sequence}", status.pulses)),
        (
            "not taken",
            counts(&[
                (status.missed, "missed between two looks"),
                (status.wrong_width, "of another width"),
                (status.nonsense, "without sense"),
            ]),
        ),
    ]
}

fn segment(status: &shm::Status) -> Rows {
    let known = |value: Option<String>| value.unwrap_or_else(|| "not known".to_owned());
    let owner = known(status.owner_uid.map(|uid| format!("user {uid}")));
    let attached = known(status.attached.map(|count| count.to_string()));
    let permissions = known(status.permissions.clone());
    vec![
        (
            "segment",
            format!(
                "{} bytes, owner {owner}, permissions {permissions}, attached {attached}, replaced {}",
                status.size_bytes, status.replaced
            ),
        ),
        ("taken", words::count(usize::try_from(status.samples).unwrap_or(usize::MAX), "sample")),
        (
            "not taken",
            counts(&[
                (status.repeated, "offered again"),
                (status.torn, "torn"),
                (status.stale, "not of now"),
                (status.nonsense, "without sense"),
            ]),
        ),
    ]
}

fn socket(status: &sock::Status) -> Rows {
    vec![
        ("taken", words::count(usize::try_from(status.samples).unwrap_or(usize::MAX), "sample")),
        (
            "not taken",
            counts(&[
                (status.wrong_size, "of another length"),
                (status.wrong_magic, "that are no samples"),
                (status.stale, "not of now"),
                (status.nonsense, "without sense"),
            ]),
        ),
        ("floods", status.floods.to_string()),
    ]
}

fn card(status: &phc::Status) -> Rows {
    let interface = status.interface.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    let window = status
        .window_s
        .map_or_else(String::new, |window| format!(", the latest took {}", units::span(window)));
    let fallback = status.fallback.as_ref().map_or_else(String::new, |why| format!("; {why}"));
    let rate = status
        .rate_ppm
        .map_or_else(String::new, |rate| format!(", {} against the system clock", units::ppm(rate)));
    let abilities = status.abilities;
    let mut rows = vec![
        ("card", format!("{}{interface}", status.device)),
        ("method", format!("{}{window}{fallback}", status.method)),
        ("gait", format!("{}{rate}", status.gait)),
        (
            "looks",
            format!(
                "{}; {}",
                status.looks,
                counts(&[
                    (status.faults, "at which it did not go as clocks do"),
                    (status.failures, "at which it could not be read"),
                ])
            ),
        ),
        (
            "abilities",
            format!(
                "{} channels for pulses, {} pins, {}",
                abilities.external_channels,
                abilities.pins,
                if abilities.cross_timestamps { "cross timestamps" } else { "no cross timestamps" }
            ),
        ),
    ];
    if let Some(pulses) = &status.pulses {
        let edge = if pulses.edge_is_sure { "" } else { "; the card may stamp both edges" };
        rows.push((
            "pulses",
            format!(
                "{} on channel {}, {} of them without a place on the system clock{edge}",
                pulses.pulses, pulses.channel, pulses.not_placed
            ),
        ));
    }
    rows
}

fn board(status: &rtc::Status) -> Rows {
    let zone = if status.utc { "UTC" } else { "local time" };
    let how = if status.interrupts { "interrupts when a second begins" } else { "is read now and then" };
    vec![
        ("keeps", format!("{zone}; {how}")),
        ("taken", words::count(usize::try_from(status.readings).unwrap_or(usize::MAX), "reading")),
        ("not taken", counts(&[(status.late, "seen too late"), (status.nonsense, "without a date")])),
    ]
}
