//! What an interface offers of what is wanted.

use std::io;

use ntp_config::RxFilter;
use ntp_refclock::phc::{InterfaceStamping, stamping_of_interface};

use crate::sys::hwstamp::{RX_ALL, RX_NONE, RX_NTP, RX_PTP, RX_PTP_UDP, StampConfig, TX_OFF, TX_ON};

/// What there is to switch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// The number of the clock.
    pub(super) clock: u32,
    pub(super) config: StampConfig,
}

/// Whether the interface stamps by a clock of its own what is wanted.
pub(super) fn stamps(interface: &str, filter: Option<RxFilter>) -> bool {
    of(interface, filter).is_ok()
}

/// What the interface offers.
///
/// # Errors
/// If there is no such interface, or it has not to offer what is wanted.
pub(super) fn of(interface: &str, filter: Option<RxFilter>) -> io::Result<Offer> {
    let refused = |why| io::Error::new(io::ErrorKind::Unsupported, why);
    offer(&stamping_of_interface(interface)?, filter).map_err(refused)
}

fn offer(stamping: &InterfaceStamping, wanted: Option<RxFilter>) -> Result<Offer, &'static str> {
    let has = |flags: u32| stamping.flags & flags == flags;
    let clock = stamping.clock.filter(|_| has(libc::SOF_TIMESTAMPING_RAW_HARDWARE)).ok_or("not offered")?;
    let sends = has(libc::SOF_TIMESTAMPING_TX_HARDWARE) && bit(stamping.transmit, TX_ON);
    let receives = has(libc::SOF_TIMESTAMPING_RX_HARDWARE);
    let receive = if receives { filter(stamping.receive, wanted) } else { RX_NONE };
    let config = StampConfig { transmit: if sends { TX_ON } else { TX_OFF }, receive };
    // Whoever does not want NTP that arrives to be stamped knows what that means.
    let is_to_receive = !matches!(wanted, Some(RxFilter::Ptp | RxFilter::None));
    match (sends, receives_ntp(config)) {
        (true, true) => Ok(Offer { clock, config }),
        (true, false) if !is_to_receive => Ok(Offer { clock, config }),
        (true, false) => Err(ONLY_SENDS),
        (false, true) => Err(ONLY_RECEIVES),
        (false, false) => Err("not offered"),
    }
}

// The kernel's stamps are late when something arrives and early when something leaves, which makes up for each other;
// with only one of them replaced the offset is wrong by half of the other.
const ONLY_SENDS: &str = "it stamps what is sent, but not NTP that arrives, which would shift the clock \
    (rxfilter = \"none\" has it all the same)";
const ONLY_RECEIVES: &str = "it stamps what arrives, but not what is sent, which would shift the clock";

/// The filter that stamps what is wanted and as little else as possible.
fn filter(offered: u32, wanted: Option<RxFilter>) -> u32 {
    let choice: &[u32] = match wanted {
        None | Some(RxFilter::Ntp) => &[RX_NTP, RX_ALL],
        Some(RxFilter::All) => &[RX_ALL],
        Some(RxFilter::Ptp) => &[RX_PTP_UDP, RX_PTP],
        Some(RxFilter::None) => &[],
    };
    choice.iter().copied().find(|filter| bit(offered, *filter)).unwrap_or(RX_NONE)
}

/// What to switch on where `now` is on: what others need of that which arrives is left to them if we need nothing of it.
pub(super) fn beside(now: StampConfig, wanted: StampConfig) -> StampConfig {
    let receive =
        if wanted.receive == RX_NONE || now.receive == RX_ALL { now.receive } else { wanted.receive };
    StampConfig { receive, ..wanted }
}

/// Whether NTP that arrives is stamped.
pub(super) const fn receives_ntp(config: StampConfig) -> bool {
    matches!(config.receive, RX_ALL | RX_NTP)
}

const fn bit(bits: u32, number: u32) -> bool {
    bits >> number & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_FLAGS: u32 = libc::SOF_TIMESTAMPING_RAW_HARDWARE
        | libc::SOF_TIMESTAMPING_TX_HARDWARE
        | libc::SOF_TIMESTAMPING_RX_HARDWARE;

    fn stamping(filters: &[u32]) -> InterfaceStamping {
        let receive = filters.iter().fold(1, |bits, filter| bits | 1 << filter);
        InterfaceStamping { flags: ALL_FLAGS, clock: Some(3), transmit: 0b11, receive }
    }

    fn receive(filters: &[u32], wanted: Option<RxFilter>) -> u32 {
        offer(&stamping(filters), wanted).unwrap().config.receive
    }

    #[test]
    fn the_least_that_has_ntp_in_it_is_taken() {
        assert_eq!(receive(&[RX_ALL, RX_NTP], None), RX_NTP);
        assert_eq!(receive(&[RX_ALL, RX_PTP], None), RX_ALL);
    }

    #[test]
    fn a_filter_that_is_wanted_is_taken_if_it_is_there() {
        let all = [RX_ALL, RX_NTP, RX_PTP, RX_PTP_UDP];
        for (wanted, filter) in [
            (RxFilter::All, RX_ALL),
            (RxFilter::Ntp, RX_NTP),
            (RxFilter::Ptp, RX_PTP_UDP),
            (RxFilter::None, RX_NONE),
        ] {
            assert_eq!(receive(&all, Some(wanted)), filter);
        }
        assert_eq!(receive(&[RX_PTP], Some(RxFilter::Ptp)), RX_PTP);
        assert_eq!(receive(&[], Some(RxFilter::Ptp)), RX_NONE);
    }

    #[test]
    fn an_interface_without_clock_or_stamps_offers_nothing() {
        let good = stamping(&[RX_ALL]);
        for without in [
            InterfaceStamping { clock: None, ..good },
            InterfaceStamping { flags: 0, ..good },
            InterfaceStamping { transmit: 1, receive: 1, ..good },
        ] {
            assert_eq!(offer(&without, None), Err("not offered"));
        }
        assert_eq!(of("lo", None).unwrap_err().to_string(), "not offered");
        assert!(!stamps("lo", None) && !stamps("no-such-device", None));
    }

    #[test]
    fn an_interface_that_stamps_one_way_only_is_left_alone_unless_that_is_wanted() {
        for wanted in [None, Some(RxFilter::Ntp), Some(RxFilter::All)] {
            assert_eq!(offer(&stamping(&[RX_PTP]), wanted), Err(ONLY_SENDS));
            let deaf = InterfaceStamping { transmit: 1, ..stamping(&[RX_ALL]) };
            assert_eq!(offer(&deaf, wanted), Err(ONLY_RECEIVES));
        }
        let config = StampConfig { transmit: TX_ON, receive: RX_NONE };
        assert_eq!(offer(&stamping(&[RX_PTP]), Some(RxFilter::None)), Ok(Offer { clock: 3, config }));
    }

    #[test]
    fn what_is_on_already_is_left_alone() {
        let of = |transmit, receive| StampConfig { transmit, receive };
        let wanted = of(TX_ON, RX_NTP);
        assert_eq!(beside(wanted, wanted), wanted);
        assert_eq!(beside(of(TX_ON, RX_ALL), wanted), of(TX_ON, RX_ALL));
        assert_eq!(beside(of(TX_ON, RX_PTP), wanted), wanted);
        assert_eq!(beside(of(TX_OFF, RX_PTP), of(TX_ON, RX_NONE)), of(TX_ON, RX_PTP));
    }
}
