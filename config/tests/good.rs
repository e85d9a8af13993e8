//! What good files mean, and that what is printed means the same again.

use ntp_config::{
    Access, AeadAlgorithm, AuthSelect, ClockControl, Config, Family, Host, InterfaceName, NtsOptions,
    Permission, SourceOptions, StepLimit,
};
use ntp_proto::packet::{PollExp, Stratum};
use ntp_proto::time::{Frequency, NtpDuration};

/// Every key, none at its default.
const EVERYTHING: &str = include_str!("everything.toml");

#[track_caller]
fn good(text: &str) -> Config {
    ntp_config::parse("ntpd.toml", text).unwrap_or_else(|errors| panic!("{errors}"))
}

#[track_caller]
fn survives_printing(config: &Config) {
    let printed = config.to_toml();
    let again = good(&printed);
    assert_eq!(again, *config, "{printed}");
    assert_eq!(without_origins(&again.to_toml()), without_origins(&printed));
}

/// Each line of what is printed, without the remark at its end.
fn without_origins(printed: &str) -> Vec<&str> {
    printed.lines().map(|line| line.rsplit_once(" # ").map_or(line, |(setting, _)| setting)).collect()
}

#[test]
fn one_line_is_enough_and_serves_nobody() {
    let config = good("enabled = true");
    assert!(config.enabled && config.sources.servers.is_empty() && config.security.access.is_empty());
    assert_eq!((config.server.port, config.server.stratum), (123, Stratum::PRIMARY));
    assert_eq!(config.server.makestep.limit, StepLimit::First(3));
    assert_eq!(config.server.control, ClockControl::Adjust);
    assert_eq!(config.sources.reselectdist, NtpDuration::from_seconds(1e-4));
    survives_printing(&config);
}

#[test]
fn options_left_out_have_their_defaults() {
    let config = good("enabled = true\n[[sources.servers]]\naddress = 'ntp.example.org'");
    let expected = SourceOptions::default();
    assert_eq!(config.sources.servers[0].options, expected);
    assert_eq!((expected.minpoll, expected.maxpoll), (PollExp::new(6), PollExp::new(10)));
    assert_eq!(expected.maxdelay, NtpDuration::from_secs(3));
    survives_printing(&config);
}

#[test]
fn the_platforms_example_is_understood() {
    let config = good(include_str!("platform.toml"));
    let [server] = &config.sources.servers[..] else { panic!("one server") };
    assert_eq!(server.address, Host::Address([192, 168, 1, 100].into()));
    assert!(server.options.iburst && server.options.prefer);
    assert_eq!((server.options.minpoll.get(), server.options.maxpoll.get()), (4, 10));
    assert_eq!(config.sources.pools.iter().map(|pool| pool.servers).collect::<Vec<_>>(), [4, 2]);
    let clocks: Vec<_> = config.sources.refclocks_in_effect().iter().map(|clock| clock.steer).collect();
    assert_eq!((clocks, config.sources.hardware.pps.options.prefer), (vec![true, true], true));
    assert!(config.server.local.enabled);
    let Access { network, permission } = config.security.access[2];
    assert_eq!((network.to_string().as_str(), permission), ("0.0.0.0/0", Permission::Deny));
    survives_printing(&config);
}

#[test]
fn everything_that_is_written_arrives() {
    let config = good(EVERYTHING);
    let options = &config.sources.servers[0].options;
    assert_eq!((options.offline, options.require, options.noselect), (true, true, false));
    assert_eq!(config.sources.servers[1].options.nts, Some(NtsOptions { port: 4461, certset: 3 }));
    assert!(config.sources.servers[2].options.noselect);
    assert_eq!(config.sources.authselectmode, AuthSelect::Require);
    let nts = &config.sources.nts;
    assert_eq!((&nts.aeads[..], nts.systemcerts), (&[AeadAlgorithm::AesSivCmac256][..], false));
    assert_eq!((nts.nocerttimecheck, nts.refresh, nts.trusted[0].set), (1, 86_400, 3));
    let nts = &config.security.nts;
    assert_eq!((nts.enabled, nts.port, nts.aeads.len(), nts.pairs().count()), (true, 4461, 2, 2));
    assert_eq!((nts.rotate, nts.connections, nts.connections_per_client), (86_400, 1_000, 10));
    assert_eq!((nts.ntpport, nts.timeout), (Some(124), NtpDuration::from_secs(5)));
    assert_eq!(config.sources.bindaddress.len(), 2);
    assert_eq!(config.sources.binddevice.as_ref().map(InterfaceName::as_str), Some("eth0.10"));
    assert_eq!((config.sources.dscp, config.sources.acquisitionport), (46, Some(0)));
    assert_eq!(config.sources.sourcedir[1].as_path(), "/etc/ntpd/sources.d");
    assert_eq!((config.sources.minsamples, config.sources.refresh), (6, 0));
    assert_eq!((config.sources.minstratum, config.sources.maxstratum), (Stratum::new(1), Stratum::new(12)));
    assert_eq!((options.minsamples, options.maxunreach, options.copy), (Some(10), 8, true));
    assert_eq!(options.presend, Some(PollExp::new(9)));
    assert_eq!(options.offset, NtpDuration::from_seconds(-0.000_25));
    assert_eq!((options.maxdelayratio, options.maxdelaydevratio), (Some(2.5), None));
    assert_eq!((options.family, options.minstratum), (Some(Family::V6), Stratum::new(3)));
    assert_eq!(config.server.listen, ["192.0.2.1".parse::<std::net::IpAddr>().unwrap(), [0; 16].into()]);
    assert_eq!(config.server.driftfile.as_deref(), Some("/srv/ntp/\"drift\"".as_ref()));
    assert_eq!((config.server.workers, config.server.clients.memory), (Some(3), 1 << 20));
    let limit = &config.security.ratelimit;
    assert_eq!((limit.enabled, limit.interval), (true, NtpDuration::from_millis(250)));
    assert_eq!((limit.burst, limit.leak, limit.kod, limit.ipv6_prefix), (16, 3, 1, 56));
    assert_eq!(config.server.makestep.limit, StepLimit::Always);
    assert_eq!(config.server.maxslewrate, Frequency::from_ppm(500.0));
    survives_printing(&config);
}

#[test]
fn every_value_tells_the_line_that_it_comes_from() {
    let printed = good(EVERYTHING).to_toml();
    let mut told = 0;
    for line in printed.lines() {
        let Some((setting, number)) = line.rsplit_once(" # line ") else { continue };
        let key = setting.split(' ').next().unwrap();
        let source = EVERYTHING.lines().nth(number.parse::<usize>().unwrap() - 1).unwrap();
        assert!(source.starts_with(&format!("{key} = ")), "{line}: {source}");
        told += 1;
    }
    assert_eq!(told, EVERYTHING.lines().filter(|line| line.contains(" = ")).count());
}

#[test]
fn only_what_is_not_written_is_a_default() {
    let printed = good("enabled = true\nserver.port = 123\nserver.listen = [\n  '::',\n]").to_toml();
    for line in [
        "enabled = true # line 1",
        "port = 123 # line 2",
        "listen = [\"::\"] # line 3",
        "# driftfile is not set # default",
        "stratum = 1 # default",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}\n{printed}");
    }
    assert!(printed.lines().filter(|line| line.contains(" = ")).all(|line| line.contains(" # ")));
}

#[test]
fn what_was_changed_since_has_no_origin() {
    let mut config = good("enabled = true");
    config.server.stratum = Stratum::new(3);
    assert!(config.to_toml().contains("\nstratum = 3\n"));
}

#[test]
fn origins_can_be_asked_for_and_do_not_count() {
    let text = "enabled = true\n[[security.access]]\nnetwork = '::/0'\npermission = 'deny'\n";
    let config = good(text);
    assert_eq!(config.file(), "ntpd.toml");
    assert_eq!(config.line_of("security.access[0].network"), Some(3));
    assert_eq!(config.line_of("server.port"), None);
    assert_eq!(ntp_config::parse("other.toml", &format!("# moved\n{text}")).unwrap(), config);
}

#[test]
fn entries_that_only_look_alike_are_accepted() {
    let config = good(
        "enabled = true
        [server]
        listen = ['0.0.0.0', '::']
        [sources]
        bindaddress = ['2001:db8::1', '192.0.2.1']
        servers = [
            { address = 'ntp.example.org', ipv4 = true },
            { address = 'ntp.example.org', ipv6 = true },
            { address = '192.0.2.7' },
            { address = '192.0.2.7', port = 1123 },
        ]
        pools = [{ name = 'ntp.example.org' }]",
    );
    assert_eq!((config.sources.servers.len(), config.server.listen.len()), (4, 2));
}

#[test]
fn what_is_switched_off_needs_no_support() {
    good(
        "enabled = true\nmonitoring.enabled = false\nsecurity.nts.enabled = false\n[sources.hardware.pps]\nenabled = false\nlock = 'NONE'",
    );
}

#[test]
fn step_limit_has_three_meanings() {
    let limit = |n: i64| good(&format!("enabled = true\nserver.makestep.limit = {n}")).server.makestep.limit;
    assert_eq!([limit(-1), limit(0), limit(1)], [StepLimit::Always, StepLimit::Never, StepLimit::First(1)]);
}

#[test]
fn without_a_file_the_clock_is_left_alone() {
    let config = Config::built_in();
    assert!(config.enabled && config.server.local.enabled);
    assert_eq!(config.server.control, ClockControl::None);
    assert_eq!((config.server.port, config.server.local.stratum), (11123, Stratum::new(10)));
    assert!(config.sources.pools[0].options.iburst);
    let permission = |address: &str| {
        let address = address.parse().unwrap();
        let access = &config.security.access;
        access.iter().find(|access| access.network.contains(address)).map(|access| access.permission)
    };
    assert_eq!(permission("127.0.0.1"), Some(Permission::Query));
    assert_eq!(permission("::1"), Some(Permission::Query));
    for private in ["10.1.2.3", "172.31.0.1", "192.168.1.1", "fd00::1", "fe80::1"] {
        assert_eq!(permission(private), Some(Permission::Allow), "{private}");
    }
    assert_eq!(permission("192.0.2.1"), None);
    survives_printing(&config);
}
