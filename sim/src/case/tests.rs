//! Of options, changes and worlds that files of scenarios describe.

use super::*;
use crate::change::{Change, ServerChange};
use crate::refclock::DeviceChange;
use ntp_proto::packet::RefId;
use ntp_proto::time::NtpDuration;

fn table(text: &str) -> toml::Table {
    toml::from_str(text).expect("TOML")
}

const SHORT: &str = r#"
    name = "x"
    title = "short"
    seconds = 1000
    settle = 100
    servers = [{ way = { base_us = 1000.0, jitter_us = 5 }, back = { base_us = 3000 } }]
"#;

#[test]
fn a_direction_takes_over_what_it_does_not_say() {
    let case = Case::from_table(table(SHORT)).expect("a case");
    let (_, server) = case.scenario(Polling::Default, 1).servers[0];
    let (out, back) = (server.path.out, server.path.back);
    assert!((out.base.to_seconds() - 1e-3).abs() < 1e-9 && (back.base.to_seconds() - 3e-3).abs() < 1e-9);
    assert_eq!(out.jitter.scale, back.jitter.scale);
}

#[test]
fn an_event_is_repeated_and_taken_back() {
    let text = format!("{SHORT}\nevents = [{{ at_s = 300, for_s = 50, every_s = 500, cut = true }}]");
    let case = Case::from_table(table(&text)).expect("a case");
    let at = NtpDuration::from_secs;
    let (cut, mend) = (Change::Server(0, ServerChange::Cut), Change::Server(0, ServerChange::Mend));
    let expected = vec![(at(300), cut), (at(350), mend), (at(800), cut), (at(850), mend)];
    assert_eq!(case.scenario(Polling::Default, 1).changes, expected);
}

#[test]
fn reference_clocks_are_in_the_world_and_in_the_options() {
    let text = r#"
        name = "x"
        title = "a receiver"
        seconds = 1000
        settle = 100
        refclocks = [{ refid = "PPS", pulse = true, rate = 5, lock = "NMEA" }, { refid = "NMEA", poll = 3 }]
        events = [{ at_s = 300, refclocks = [1], silent = true, displaced_us = 10 }]
    "#;
    let scenario = Case::from_table(table(text)).expect("a case").scenario(Polling::Default, 1);
    assert_eq!(scenario.refclocks[0].rate, 5);
    let options = scenario.options.refclocks;
    assert_eq!(options[0].pulses.lock, Some(RefId::from_ascii(*b"NMEA")));
    assert_eq!((options[1].ref_id, options[1].poll.get()), (RefId::from_ascii(*b"NMEA"), 3));
    let by = NtpDuration::from_seconds(10e-6);
    let expected =
        [DeviceChange::Silence, DeviceChange::Displace(by)].map(|change| Change::Refclock(1, change));
    assert_eq!(scenario.changes.iter().map(|(_, change)| *change).collect::<Vec<_>>(), expected);
}

#[test]
fn keys_are_set_at_any_depth() {
    let mut table = table(SHORT);
    for assignment in ["maxpoll=6", "servers.0.way.jitter_us=77", "stamps.user=true"] {
        set(&mut table, assignment).expect(assignment);
    }
    let case = Case::from_table(table.clone()).expect("a case");
    assert_eq!((case.maxpoll, case.servers[0].way.jitter_us, case.stamps.user), (6, Some(77.0), true));
    for wrong in ["maxpoll", "maxpoll=six seven", "servers.3.count=1"] {
        assert!(set(&mut table, wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, word) in [
        ("maxpool = 3", "maxpool"),
        ("maxpoll = 3", "minpoll"),
        ("events = [{ at_s = 3, servers = [1] }]", "server"),
        ("events = [{ at_s = 3, every_s = 0 }]", "every_s"),
        ("events = [{ at_s = 3, refclocks = [0] }]", "reference clock"),
        ("refclocks = [{ refid = \"PULSE\" }]", "refid"),
        ("refclocks = [{}, {}]", "refid"),
        ("refclocks = [{ rate = 0 }]", "rate"),
    ] {
        let error = Case::from_table(table(&format!("{SHORT}\n{line}"))).expect_err(line);
        assert!(format!("{error:#}").contains(word), "{error:#}");
    }
}
