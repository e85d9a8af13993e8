//! What is said of reference clocks, and which of them are read.

use ntp_config::{
    ActiveRefclock, Config, Driver, Edge, FileMode, Gives, GpsFeed, NmeaLine, PhcDevice, PhcName, PhcReads,
    PpsDevice, Pulses, RtcDevice, RxFilter, ShmSegment, SockPath, StampedInterfaces,
};
use ntp_proto::packet::{PollExp, Stratum};
use ntp_proto::time::NtpDuration;

const EVERYTHING: &str = include_str!("everything.toml");

#[track_caller]
fn good(text: &str) -> Config {
    ntp_config::parse("ntpd.toml", text).unwrap_or_else(|errors| panic!("{errors}"))
}

#[track_caller]
fn in_effect(text: &str) -> Vec<ActiveRefclock> {
    let config = good(&format!("enabled = true\n{text}"));
    assert_eq!(good(&config.to_toml()), config);
    config.sources.refclocks_in_effect()
}

fn lock(clock: &ActiveRefclock) -> Option<String> {
    clock.driver.pulses().expect("it gives pulses").lock.map(|lock| lock.to_string())
}

const GPS: &str = "[sources.hardware.gps]\nenabled = true\n";
const PPS: &str = "[sources.hardware.pps]\nenabled = true\n";

#[test]
fn every_key_of_a_receiver_and_its_pulses_arrives() {
    let hardware = good(EVERYTHING).sources.hardware;
    let (gps, pps) = (&hardware.gps, &hardware.pps);
    let line = NmeaLine { device: "/dev/ttyUSB1".into(), baud: 115_200, position: true };
    assert_eq!((gps.enabled, gps.refclock, &gps.feed), (true, false, &GpsFeed::Nmea(line)));
    let options = &gps.options;
    assert_eq!((options.noselect, options.refid.unwrap().to_string()), (true, "NMEA".to_owned()));
    assert_eq!((options.stratum, options.poll), (Stratum::new(2), PollExp::new(6)));
    assert_eq!(options.offset, NtpDuration::from_millis(135));
    assert_eq!(options.delay, NtpDuration::from_millis(10));
    assert_eq!(options.precision, Some(NtpDuration::from_millis(1)));
    assert_eq!(options.maxdispersion, Some(NtpDuration::from_millis(500)));
    assert_eq!((options.filter, options.minsamples, options.maxunreach), (32, Some(4), 10));
    let pulses = Pulses { rate: 5, lock: "NMEA".parse().ok(), maxlockage: 3 };
    let width = Some(NtpDuration::from_millis(100));
    assert_eq!(pps.device, PpsDevice { device: "/dev/pps1".into(), edge: Edge::Clear, width, pulses });
    assert!(pps.enabled && pps.options.prefer && pps.options.trust && pps.options.require);
}

#[test]
fn every_key_of_every_kind_arrives() {
    let config = good(EVERYTHING);
    let drivers: Vec<_> = config.sources.refclocks.iter().map(|clock| clock.driver.clone()).collect();
    let pulses = |rate, lock: &str, maxlockage| Pulses { rate, lock: lock.parse().ok(), maxlockage };
    let mode = |text: &str| text.parse::<FileMode>().unwrap();
    let expected = [
        Driver::Nmea(NmeaLine { device: "/dev/ttyACM0".into(), baud: 4800, position: true }),
        Driver::Pps(PpsDevice {
            device: "/dev/pps2".into(),
            edge: Edge::Clear,
            width: Some(NtpDuration::from_millis(50)),
            pulses: pulses(2, "NME0", 4),
        }),
        Driver::Shm(ShmSegment {
            unit: 255,
            permissions: mode("0666"),
            dpoll: PollExp::new(-1),
            gives: Gives::Time { tai: true },
        }),
        Driver::Sock(SockPath {
            device: "/run/clock.sock".into(),
            permissions: mode("0660"),
            gives: Gives::Pulses(pulses(10, "SHM2", 5)),
        }),
        Driver::Phc(PhcDevice {
            device: PhcName::Interface("eth0".parse().unwrap()),
            nocrossts: true,
            dpoll: PollExp::new(2),
            reads: PhcReads::Clock(Gives::Time { tai: true }),
        }),
        Driver::Phc(PhcDevice {
            device: PhcName::Path("/dev/ptp1".into()),
            nocrossts: false,
            dpoll: PollExp::new(0),
            reads: PhcReads::ExternalPulses {
                pin: 1,
                channel: 2,
                edge: Edge::Clear,
                pulses: pulses(1000, "PHC4", 1_000_000),
            },
        }),
        Driver::Rtc(RtcDevice { device: "/dev/rtc0".into(), utc: false, dpoll: PollExp::new(3) }),
    ];
    assert_eq!(drivers, expected);
    let tai: Vec<_> = drivers.iter().map(Driver::tai).collect();
    assert_eq!(tai, [false, false, true, false, true, false, false]);
    assert!(config.sources.refclocks[6].options.noselect);
}

#[test]
fn every_key_of_stamping_cards_arrives() {
    let config = good(EVERYTHING);
    let [eth0, all] = &config.sources.hwtimestamp[..] else { panic!("two entries") };
    assert_eq!(eth0.interface, StampedInterfaces::One("eth0".parse().unwrap()));
    assert_eq!((eth0.minpoll, eth0.maxpoll()), (PollExp::new(-6), PollExp::new(20)));
    let nanos = NtpDuration::from_nanos;
    assert_eq!((eth0.precision, eth0.txcomp, eth0.rxcomp), (nanos(10), nanos(300), nanos(-600)));
    assert_eq!((eth0.nocrossts, eth0.rxfilter), (true, Some(RxFilter::Ptp)));
    assert_eq!((&all.interface, all.rxfilter), (&StampedInterfaces::All, Some(RxFilter::None)));
    assert_eq!((all.minpoll, all.maxpoll(), all.precision), (PollExp::new(0), PollExp::new(1), nanos(100)));
    let slowest = good("enabled = true\n[[sources.hwtimestamp]]\ninterface = '*'\nminpoll = 20");
    assert_eq!(slowest.sources.hwtimestamp[0].maxpoll(), PollExp::new(20));
}

#[test]
fn nothing_is_read_that_is_not_switched_on() {
    assert_eq!(in_effect(""), []);
    assert_eq!(
        in_effect("[sources.hardware.gps]\ndevice = '/dev/ttyUSB0'\n[sources.hardware.pps]\nlock = 'X'"),
        []
    );
}

#[test]
fn two_lines_are_enough_for_a_receiver_with_pulses() {
    let clocks = in_effect(&format!("{GPS}{PPS}"));
    let [gps, pps] = &clocks[..] else { panic!("{clocks:?}") };
    assert_eq!((gps.refid.bytes(), pps.refid.bytes()), (*b"GPS\0", *b"PPS\0"));
    assert_eq!((gps.table.as_str(), gps.steer, pps.steer), ("sources.hardware.gps", true, true));
    let line = NmeaLine { device: "/dev/ttyS0".into(), baud: 9600, position: false };
    assert_eq!(gps.driver, Driver::Nmea(line));
    assert_eq!((gps.options.delay, gps.options.refid), (NtpDuration::from_millis(400), Some(gps.refid)));
    let pulses = Pulses { rate: 1, lock: Some(gps.refid), maxlockage: 2 };
    let device = PpsDevice { device: "/dev/pps0".into(), edge: Edge::Assert, width: None, pulses };
    assert_eq!(pps.driver, Driver::Pps(device));
    assert_eq!((pps.options.delay, pps.options.poll), (NtpDuration::from_nanos(40_000), PollExp::new(4)));
    assert_eq!((pps.options.filter, pps.options.stratum), (64, Stratum::new(0)));
}

#[test]
fn pulses_lock_to_the_receiver_that_is_used_unless_they_say_otherwise() {
    assert_eq!(lock(&in_effect(PPS)[0]), None);
    assert_eq!(lock(&in_effect(&format!("{GPS}refid = 'G'\n{PPS}"))[1]), Some("G".to_owned()));
    assert_eq!(lock(&in_effect(&format!("{GPS}noselect = true\n{PPS}"))[1]), Some("GPS".to_owned()));
    let shown = format!("{GPS}refclock = false\n{PPS}");
    let clocks = in_effect(&shown);
    assert_eq!((lock(&clocks[1]), clocks[0].steer, clocks[0].options.noselect), (None, false, true));
    assert_eq!(lock(&in_effect(&format!("{shown}lock = 'GPS'"))[1]), Some("GPS".to_owned()));
    let other = "lock = 'SHM0'\n[[sources.refclocks]]\ndriver = 'shm'\nunit = 0";
    assert_eq!(lock(&in_effect(&format!("{GPS}{PPS}{other}"))[1]), Some("SHM0".to_owned()));
}

#[test]
fn gpsd_may_read_the_receiver() {
    let receiver = |device: &str, more: &str| {
        let clocks = in_effect(&format!("{GPS}device = '{device}'\n{more}"));
        (clocks[0].driver.clone(), clocks[0].options.delay)
    };
    let (driver, delay) = receiver("shm:3", "");
    let Driver::Shm(segment) = &driver else { panic!("{driver:?}") };
    assert_eq!((segment.unit, segment.permissions.bits(), driver.pulses()), (3, 0o600, None));
    assert_eq!((delay, driver.dpoll()), (NtpDuration::from_millis(400), Some(PollExp::new(0))));
    assert_eq!(receiver("shm:0", "poll = -3").0.dpoll(), Some(PollExp::new(-3)));
    let (driver, delay) = receiver("sock:/run/chrony.ttyS0.sock", "");
    let Driver::Sock(socket) = &driver else { panic!("{driver:?}") };
    assert_eq!(socket.device.as_os_str(), "/run/chrony.ttyS0.sock");
    assert_eq!((delay, driver.dpoll(), driver.tai()), (NtpDuration::from_nanos(40_000), None, false));
    assert_eq!(receiver("sock:/run/chrony.ttyS0.sock", "delay = 0.2").1, NtpDuration::from_millis(200));
}

#[test]
fn clocks_without_a_name_get_their_number() {
    let shm = |unit: i32| format!("[[sources.refclocks]]\ndriver = 'shm'\nunit = {unit}\n");
    let list: String = (0..11).map(shm).collect();
    let more = "[[sources.refclocks]]\ndriver = 'sock'\ndevice = '/run/s'\n\
                [[sources.refclocks]]\ndriver = 'rtc'\ndevice = '/dev/rtc'\nrefid = 'CMOS'\n";
    let names: Vec<_> =
        in_effect(&format!("{list}{more}")).iter().map(|clock| clock.refid.to_string()).collect();
    assert_eq!(
        [&names[0], &names[9], &names[10], &names[11], &names[12]],
        ["SHM0", "SHM9", "SH10", "SO11", "CMOS"]
    );
}

#[test]
fn more_clocks_than_names_are_refused() {
    let list: String =
        (0..101).map(|unit| format!("[[sources.refclocks]]\ndriver = 'shm'\nunit = {unit}\n")).collect();
    let errors = ntp_config::parse("ntpd.toml", &format!("enabled = true\n{list}")).unwrap_err();
    let told: Vec<_> = errors.iter().map(|error| (error.key.as_str(), error.problem.as_str())).collect();
    assert_eq!(told, [("sources.refclocks", "has 101 clocks")]);
}

#[test]
fn what_is_printed_shows_the_keys_of_its_kind_and_their_defaults() {
    let printed =
        good("enabled = true\n[[sources.refclocks]]\ndriver = 'sock'\ndevice = '/run/s'\npps = true")
            .to_toml();
    for line in [
        "rate = 1 # default",
        "# lock is not set # default",
        "delay = 0.00004 # default",
        "pps = true # line 5",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}\n{printed}");
    }
    let clock = printed.split("[[sources.refclocks]]").nth(1).unwrap();
    assert!(!clock.contains("baud") && !clock.contains("\ntai") && !clock.contains("unit"), "{printed}");
    let printed =
        good("enabled = true\n[[sources.refclocks]]\ndriver = 'nmea'\ndevice = '/dev/ttyS1'").to_toml();
    assert!(
        printed.contains("\ndelay = 0.4 # default\n") && printed.contains("\nbaud = 9600 # default\n"),
        "{printed}"
    );
}

#[test]
fn another_driver_is_a_change_of_all_keys_that_differ() {
    let config = |clock: &str| good(&format!("enabled = true\n[[sources.refclocks]]\n{clock}"));
    let pps = config("driver = 'pps'\ndevice = '/dev/pps0'");
    let rtc = config("driver = 'rtc'\ndevice = '/dev/pps0'");
    let keys = ["delay", "dpoll", "driver", "edge", "lock", "maxlockage", "rate", "utc", "width"];
    assert_eq!(pps.changes(&rtc), keys.map(|key| format!("sources.refclocks[0].{key}")));
}
