//! From the configuration to what the engine and the drivers need.

use std::time::Duration;

use ntp_clock::select::Flags;
use ntp_config::{ActiveRefclock, Driver, Gives, PhcName, PhcReads, Sources};
use ntp_engine::{PulseOptions, RefclockOptions};
use ntp_proto::packet::{PollExp, RefId};
use ntp_proto::time::{NtpDuration, Offset};
use ntp_refclock::{nmea, phc, pps, rtc, shm, sock};

/// TAI is ahead of UTC by so much since 2017.
const TAI: i64 = 37;

/// One reference clock of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Where it stands in the file.
    pub(super) table: String,
    /// How the engine treats it.
    pub(crate) options: RefclockOptions,
    /// What reads it.
    pub(super) device: DeviceOptions,
}

/// What is opened.
#[derive(Clone, Debug)]
pub(super) enum DeviceOptions {
    Nmea(nmea::Options),
    Pps(pps::Options),
    Shm(shm::Options),
    Sock(sock::Options),
    Phc(phc::Options),
    Rtc(rtc::Options),
}

/// All reference clocks that are switched on. `ahead`: by how many seconds the kernel says that TAI is ahead of UTC.
pub(crate) fn wanted(sources: &Sources, ahead: Option<i64>) -> Vec<Wanted> {
    let clocks = sources.refclocks_in_effect().into_iter();
    clocks.map(|clock| one(clock, ahead.unwrap_or(TAI))).collect()
}

fn one(clock: ActiveRefclock, ahead: i64) -> Wanted {
    let o = &clock.options;
    let pulses = clock.driver.pulses();
    let ref_id = |id: ntp_config::RefclockId| RefId::from_ascii(id.bytes());
    let options = RefclockOptions {
        ref_id: ref_id(clock.refid),
        flags: Flags { prefer: o.prefer, noselect: !clock.steer, trust: o.trust, require: o.require },
        offset: Offset::reference_ahead_by(o.offset),
        delay: o.delay,
        precision: o.precision.unwrap_or(NtpDuration::ZERO),
        max_dispersion: o.maxdispersion,
        stratum: o.stratum,
        poll: o.poll,
        filter: usize::from(o.filter),
        ahead: if clock.driver.tai() { ahead } else { 0 },
        only_pulses: pulses.is_some(),
        pulses: pulses.map_or_else(PulseOptions::default, |pulses| PulseOptions {
            rate: u32::from(pulses.rate),
            lock: pulses.lock.map(ref_id),
            max_lock_age: pulses.maxlockage,
        }),
        min_samples: o.minsamples.map(u64::from),
        max_unreach: o.maxunreach,
    };
    Wanted { table: clock.table, options, device: device(clock.driver) }
}

fn device(driver: Driver) -> DeviceOptions {
    match driver {
        Driver::Nmea(line) => DeviceOptions::Nmea(nmea::Options {
            device: line.device,
            baud: line.baud,
            show_position: line.position,
        }),
        Driver::Pps(pps) => DeviceOptions::Pps(pps::Options {
            device: pps.device,
            edge: match pps.edge {
                ntp_config::Edge::Assert => pps::Edge::Assert,
                ntp_config::Edge::Clear => pps::Edge::Clear,
            },
            width: pps.width,
        }),
        Driver::Shm(segment) => DeviceOptions::Shm(shm::Options {
            unit: segment.unit,
            permissions: segment.permissions.bits().into(),
            interval: interval(segment.dpoll),
        }),
        Driver::Sock(sock) => DeviceOptions::Sock(sock::Options {
            path: sock.device,
            permissions: sock.permissions.bits().into(),
        }),
        Driver::Phc(card) => DeviceOptions::Phc(phc::Options {
            device: match card.device {
                PhcName::Path(path) => path.display().to_string(),
                PhcName::Interface(name) => name.to_string(),
            },
            nocrossts: card.nocrossts,
            extpps: external(&card.reads),
            interval: interval(card.dpoll),
        }),
        Driver::Rtc(rtc) => DeviceOptions::Rtc(rtc::Options {
            device: rtc.device,
            utc: rtc.utc,
            interval: interval(rtc.dpoll),
        }),
    }
}

fn external(reads: &PhcReads) -> Option<phc::ExternalPulses> {
    match reads {
        PhcReads::Clock(Gives::Time { .. } | Gives::Pulses(_)) => None,
        PhcReads::ExternalPulses { pin, channel, edge, .. } => Some(phc::ExternalPulses {
            pin: u32::from(*pin),
            channel: u32::from(*channel),
            edge: match edge {
                ntp_config::Edge::Assert => phc::Edge::Rising,
                ntp_config::Edge::Clear => phc::Edge::Falling,
            },
        }),
    }
}

fn interval(poll: PollExp) -> Duration {
    Duration::from_nanos(poll.interval().to_nanos().unsigned_abs())
}
