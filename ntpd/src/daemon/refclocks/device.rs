//! One open device, of whatever kind.

use std::io;

use ntp_proto::time::RawTime;
use ntp_refclock::Driver;
use ntp_refclock::nmea::Nmea;
use ntp_refclock::phc::HardwareClock;
use ntp_refclock::pps::Pps;
use ntp_refclock::rtc::Rtc;
use ntp_refclock::shm::Shm;
use ntp_refclock::sock::Sock;

use super::report::DeviceStatus;
use super::wanted::DeviceOptions;

/// An open device.
#[derive(Debug)]
pub(super) enum Device {
    Nmea(Box<Nmea>),
    Pps(Pps),
    Shm(Shm),
    Sock(Sock),
    Phc(Box<HardwareClock>),
    Rtc(Rtc),
}

impl DeviceOptions {
    pub(super) fn open(&self) -> io::Result<Device> {
        Ok(match self {
            Self::Nmea(options) => Device::Nmea(Box::new(Nmea::open(options)?)),
            Self::Pps(options) => Device::Pps(Pps::open(options)?),
            Self::Shm(options) => Device::Shm(Shm::open(options)?),
            Self::Sock(options) => Device::Sock(Sock::open(options)?),
            Self::Phc(options) => Device::Phc(Box::new(HardwareClock::open(options.clone())?)),
            Self::Rtc(options) => Device::Rtc(Rtc::open(options)?),
        })
    }

    /// What kind it is, as in the configuration.
    pub(super) const fn driver(&self) -> &'static str {
        match self {
            Self::Nmea(_) => "nmea",
            Self::Pps(_) => "pps",
            Self::Shm(_) => "shm",
            Self::Sock(_) => "sock",
            Self::Phc(_) => "phc",
            Self::Rtc(_) => "rtc",
        }
    }

    /// Which it is.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Nmea(options) => options.device.display().to_string(),
            Self::Pps(options) => options.device.display().to_string(),
            Self::Shm(options) => options.unit.to_string(),
            Self::Sock(options) => options.path.display().to_string(),
            Self::Phc(options) => options.device.clone(),
            Self::Rtc(options) => options.device.display().to_string(),
        }
    }
}

impl Device {
    pub(super) fn driver(&self) -> &dyn Driver {
        match self {
            Self::Nmea(device) => device.as_ref(),
            Self::Pps(device) => device,
            Self::Shm(device) => device,
            Self::Sock(device) => device,
            Self::Phc(device) => device.as_ref(),
            Self::Rtc(device) => device,
        }
    }

    pub(super) fn driver_mut(&mut self) -> &mut dyn Driver {
        match self {
            Self::Nmea(device) => device.as_mut(),
            Self::Pps(device) => device,
            Self::Shm(device) => device,
            Self::Sock(device) => device,
            Self::Phc(device) => device.as_mut(),
            Self::Rtc(device) => device,
        }
    }

    pub(super) fn status(&self, now: RawTime) -> DeviceStatus {
        match self {
            Self::Nmea(device) => DeviceStatus::Nmea(Box::new(device.status())),
            Self::Pps(device) => DeviceStatus::Pps(device.status(now)),
            Self::Shm(device) => DeviceStatus::Shm(device.status(now)),
            Self::Sock(device) => DeviceStatus::Sock(device.status(now)),
            Self::Phc(device) => DeviceStatus::Phc(Box::new(device.status())),
            Self::Rtc(device) => DeviceStatus::Rtc(device.status(now)),
        }
    }
}
