//! What the scenarios are told in.

use std::net::SocketAddr;

use ntp_engine::{Action, ClockCommand, Entry, Host, Options, SourceKind, SourceOptions};
use ntp_proto::packet::PollExp;
use ntp_proto::time::{EstimatedTime, Frequency, NtpDuration};
use ntp_sim::network::Path;
use ntp_sim::oscillator::Quartz;
use ntp_sim::server::Server;
use ntp_sim::stamps::Stamps;
use ntp_sim::{Scenario, World};

pub(crate) const MILLISECOND: f64 = 1e-3;

pub(crate) fn secs(seconds: f64) -> NtpDuration {
    NtpDuration::from_seconds(seconds)
}

pub(crate) fn hours(hours: f64) -> NtpDuration {
    secs(hours * 3_600.0)
}

/// 100 µs each way, with 10 µs of jitter.
pub(crate) fn lan() -> Path {
    Path::symmetric(secs(100e-6), secs(10e-6))
}

/// 10 ms each way, with 1 ms of jitter.
pub(crate) fn internet() -> Path {
    Path::symmetric(secs(10e-3), secs(1e-3))
}

/// The address of the server at this place in the scenario.
pub(crate) fn address(index: usize) -> SocketAddr {
    ([192, 0, 2, 1 + index as u8], 123).into()
}

/// A client of these servers, asked by `iburst` at first, on a LAN's usual poll intervals. Its clock is a
/// tenth of a second ahead and 10 ppm fast.
pub(crate) fn client_of(servers: &[Server]) -> Scenario {
    let mut options = SourceOptions::default();
    options.association.iburst = true;
    options.association.max_poll = PollExp::new(8);
    let entry = |index| {
        let address: SocketAddr = address(index);
        Entry { host: Host::Address(address.ip()), port: address.port(), kind: SourceKind::Server, options }
    };
    Scenario {
        seed: 1,
        start: EstimatedTime::from_unix(1_800_000_000, 0),
        quartz: Quartz::wandering(Frequency::from_ppm(10.0), Frequency::new(1e-9)),
        ahead: secs(0.1),
        stamps: Stamps::default(),
        changes: Vec::new(),
        servers: servers.iter().enumerate().map(|(i, server)| (address(i), *server)).collect(),
        refclocks: Vec::new(),
        names: std::collections::BTreeMap::new(),
        options: Options { entries: (0..servers.len()).map(entry).collect(), ..Options::default() },
    }
}

/// A client of one good server on a LAN.
pub(crate) fn lan_client() -> Scenario {
    client_of(&[Server::perfect(lan())])
}

/// A client that has followed a good server for an hour.
pub(crate) fn settled() -> World {
    let mut world = World::recorded(&lan_client());
    world.run_for(hours(1.0));
    assert!(clock_error(&world) < MILLISECOND, "not even settled: {}", clock_error(&world));
    world
}

/// The size of the system clock's error in seconds.
pub(crate) fn clock_error(world: &World) -> f64 {
    world.clock().error().to_seconds().abs()
}

/// The size of the served time's error in seconds.
pub(crate) fn served_error(world: &World) -> f64 {
    world.served_error().to_seconds().abs()
}

/// Runs on second by second and hands the world to `check` after each.
pub(crate) fn each_second(world: &mut World, seconds: u32, mut check: impl FnMut(u32, &World)) {
    for second in 1..=seconds {
        world.run_for(NtpDuration::from_secs(1));
        check(second, world);
    }
}

/// The steps of the clock that were asked for in a recorded run.
pub(crate) fn steps(world: &World) -> Vec<NtpDuration> {
    let step = |action: &Action| match action {
        Action::Clock(ClockCommand::Step(by)) => Some(*by),
        _ => None,
    };
    world.actions().iter().filter_map(step).collect()
}

pub(crate) fn tracking(world: &World) -> ntp_engine::report::TrackingReport {
    world.engine().report(world.client_now()).tracking
}

pub(crate) fn source(world: &World, index: usize) -> ntp_engine::report::SourceReport {
    world.engine().report(world.client_now()).sources.swap_remove(index)
}

/// Asserts that a figure stays below its limit, and says both if not.
macro_rules! assert_below {
    ($value:expr, $limit:expr) => { assert_below!($value, $limit, "") };
    ($value:expr, $limit:expr, $($context:tt)+) => {{
        let (value, limit): (f64, f64) = ($value, $limit);
        assert!(value < limit, "{} is {value}, limit {limit}; {}", stringify!($value), format_args!($($context)+));
    }};
}
