//! `[[sources.hwtimestamp]]`: network cards that stamp packets themselves.
//!
//! Which interfaces there are and what they offer is found out while the daemon runs; where there is nothing, the kernel
//! stamps packets as ever.

use ntp_proto::packet::PollExp;
use ntp_proto::time::NtpDuration;

use crate::InterfaceName;
use crate::error::Complaint;
use crate::schema::{Boolean, Choice, Integer, Interval, Optional, Seconds, Section, Text, Textual, Visitor};

/// One `[[sources.hwtimestamp]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct HardwareTimestamps {
    /// Whose packets. Has no default and must be written.
    pub interface: StampedInterfaces,
    /// The shortest time between two readings of the card's clock, as a power of two seconds, −6 … 20, at most
    /// `maxpoll`. Default: 0 (1 s).
    pub minpoll: PollExp,
    /// The longest time between two of them, −6 … 20; `None`: twice the shortest. Default: `None`.
    pub maxpoll: Option<PollExp>,
    /// How exactly the card's clock can be read, above 0 s and at most 1 s. Default: 100 ns.
    pub precision: NtpDuration,
    /// Time from the card's stamp of a packet that is sent until it is on the wire, −1 … 1 s. Default: 0 s.
    pub txcomp: NtpDuration,
    /// Time from a packet's arrival on the wire until the card's stamp, −1 … 1 s. Default: 0 s.
    pub rxcomp: NtpDuration,
    /// Whether reading both clocks at once is left out where the card could do it. Default: false.
    pub nocrossts: bool,
    /// Which arriving packets are stamped; `None`: as few as the card can restrict itself to, with those of NTP among
    /// them. Default: `None`.
    pub rxfilter: Option<RxFilter>,
}

impl HardwareTimestamps {
    /// Everything at its default for these interfaces.
    #[must_use]
    pub const fn of(interface: StampedInterfaces) -> Self {
        Self {
            interface,
            minpoll: PollExp::new(0),
            maxpoll: None,
            precision: NtpDuration::from_nanos(100),
            txcomp: NtpDuration::ZERO,
            rxcomp: NtpDuration::ZERO,
            nocrossts: false,
            rxfilter: None,
        }
    }

    /// `maxpoll` with its default.
    #[must_use]
    pub fn maxpoll(&self) -> PollExp {
        self.maxpoll.unwrap_or_else(|| self.minpoll.longer().min(PollExp::new(20)))
    }

    fn check_polls<V: Visitor>(&self, v: &mut V) {
        let (min, max) = (self.minpoll, self.maxpoll());
        if min > max {
            let (min, max) = (min.get(), max.get());
            let complaint = Complaint::new(format!("minpoll is {min}, which is above maxpoll, {max}"))
                .help(format!("set maxpoll to {min} or more, or minpoll to {max} or less"));
            v.reject(&["minpoll", "maxpoll"], complaint);
        }
    }
}

/// Whose packets are stamped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StampedInterfaces {
    /// `"*"`: those of all interfaces that can do it and have no entry of their own.
    All,
    /// Those of one.
    One(InterfaceName),
}

impl Textual for StampedInterfaces {
    const EXPECTED: &str = "the name of a network interface, at most 15 bytes long, or \"*\" for all of them";

    fn from_text(text: &str) -> Result<Self, Complaint> {
        if text == "*" { Ok(Self::All) } else { Textual::from_text(text).map(Self::One) }
    }

    fn to_text(&self) -> String {
        match self {
            Self::All => "*".to_owned(),
            Self::One(name) => name.to_text(),
        }
    }
}

/// Which arriving packets a card stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RxFilter {
    /// `"all"`
    All,
    /// `"ntp"`: those to and from the port of NTP.
    Ntp,
    /// `"ptp"`: those of PTP, for NTP that is carried in them.
    Ptp,
    /// `"none"`: only what is sent is stamped.
    None,
}

/// The words of `rxfilter`.
const RX_FILTER: Choice<RxFilter> = Choice(&[
    ("all", RxFilter::All),
    ("ntp", RxFilter::Ntp),
    ("ptp", RxFilter::Ptp),
    ("none", RxFilter::None),
]);

const POLL: Integer<PollExp> = Integer::within(-6, 20);
const COMPENSATION: Seconds = Seconds(Interval::within(-1.0, 1.0));

impl Section for HardwareTimestamps {
    fn blank() -> Self {
        Self::of(StampedInterfaces::All)
    }

    fn visit<V: Visitor>(&mut self, v: &mut V) {
        v.required("interface", Text::new(), &mut self.interface);
        v.optional("minpoll", POLL, &mut self.minpoll);
        v.optional("maxpoll", Optional(POLL), &mut self.maxpoll);
        v.optional("precision", Seconds(Interval::above(0.0, 1.0)), &mut self.precision);
        v.optional("txcomp", COMPENSATION, &mut self.txcomp);
        v.optional("rxcomp", COMPENSATION, &mut self.rxcomp);
        v.optional("nocrossts", Boolean, &mut self.nocrossts);
        v.optional("rxfilter", Optional(RX_FILTER), &mut self.rxfilter);
        self.check_polls(v);
    }
}
