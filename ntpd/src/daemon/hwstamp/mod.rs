//! Stamps of network cards: switching them on, and what they mean on the system clock.
//!
//! ```text
//!  stamp of the card ─▶ its clock, tracked ─▶ compensated ─▶ plausible beside the kernel's stamp? ─▶ used instead
//! ```
//!
//! The clock of a card runs by itself. It is read on the main loop every `2^maxpoll` seconds, and again before a stamp
//! is used if the latest reading is older than `2^minpoll`. Whatever is missing, the kernel's stamps are used and the
//! problem is shown; cards that come back are switched on again.
//!
//! They are for our own requests. A reply that we serve says when it leaves before it does; a better stamp of the request
//! alone would not make the two more alike, see `offer.rs`.
//!
//! | file | holds |
//! |---|---|
//! | `offer.rs` | what an interface offers of that |
//! | `nic.rs` | one interface |
//! | `meaning.rs` | from the beginning of a frame by its clock to what NTP calls the time of a packet |

mod meaning;
mod nic;
mod offer;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ntp_clock::ClockEpoch;
use ntp_config::{HardwareTimestamps, StampedInterfaces};
use ntp_proto::packet::PollExp;
use ntp_proto::time::{Monotonic, NtpDuration, RawTime};

use self::nic::Nic;
use super::problems::Problems;
use crate::control::HardwareStampReport;
use crate::sys::interface;
use crate::sys::udp::HardwareStamp;

/// A stamp of departure that is this late is not waited for: the answer has been there for as long.
const PATIENCE: Duration = Duration::from_millis(1);

/// The interfaces that stamp. Shared by the main loop, which looks after them, and those who wait for answers.
#[derive(Clone, Debug, Default)]
pub(super) struct HwStamps(Rc<RefCell<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    wanted: Vec<HardwareTimestamps>,
    nics: Vec<Nic>,
    /// By which the system clock is known to the clocks of the interfaces.
    epoch: Option<ClockEpoch>,
}

impl HwStamps {
    /// Nothing is switched on yet: see [`open`](Self::open).
    pub(super) fn new(wanted: Vec<HardwareTimestamps>) -> Self {
        Self(Rc::new(RefCell::new(Inner { wanted, ..Inner::default() })))
    }

    /// Whether there is anything to ask for.
    pub(super) fn are_wanted(&self) -> bool {
        !self.0.borrow().wanted.is_empty()
    }

    /// Switches on what is off, as far as it can be had. To be called now and then.
    pub(super) fn open(&self, now: Monotonic, problems: &mut Problems) {
        self.0.borrow_mut().open(now, problems);
    }

    /// Whether every interface that was named is switched on.
    pub(super) fn are_all_open(&self) -> bool {
        let inner = self.0.borrow();
        inner.wanted.iter().filter_map(name).all(|name| inner.has(name))
    }

    /// When a clock has to be read; `None`: there is none.
    pub(super) fn next_look(&self) -> Option<Monotonic> {
        self.0.borrow().nics.iter().map(Nic::next_look).min()
    }

    /// Reads the clocks whose time has come. Those that are gone are closed, to be opened again later.
    pub(super) fn look(&self, now: Monotonic, problems: &mut Problems) {
        let mut inner = self.0.borrow_mut();
        inner.nics.retain_mut(|nic| {
            if nic.next_look() > now {
                return true;
            }
            let looked = nic.look(now);
            let is_there = looked.is_ok();
            let trouble =
                looked.map_err(|error| error.to_string()).and_then(|()| nic.trouble().map_or(Ok(()), Err));
            problems.note(&topic(nic.name()), trouble, KERNEL_INSTEAD);
            is_there
        });
    }

    /// When a datagram had arrived, by the system clock in its present `epoch`. `beside`: by the kernel's stamp, or
    /// the moment at which it was fetched.
    pub(super) fn arrival(
        &self,
        stamp: &HardwareStamp,
        beside: RawTime,
        epoch: ClockEpoch,
    ) -> Option<RawTime> {
        self.0.borrow_mut().nic(stamp.interface, epoch)?.arrival(stamp, beside)
    }

    /// When a datagram left. `beside`: by the kernel's stamp, or the moment just before it was sent.
    pub(super) fn departure(
        &self,
        stamp: &HardwareStamp,
        beside: RawTime,
        epoch: ClockEpoch,
    ) -> Option<RawTime> {
        self.0.borrow_mut().nic(stamp.interface, epoch)?.departure(stamp, beside)
    }

    /// How long a stamp of departure by the interface is worth waiting for once the answer is there.
    pub(super) fn patience(&self, interface: u32) -> Option<Duration> {
        let inner = self.0.borrow();
        let nic = inner.nics.iter().find(|nic| nic.index() == interface)?;
        nic.is_worth_waiting_for().then_some(PATIENCE)
    }

    /// Whether the interface stamps both ways, so that its stamps count in pairs.
    pub(super) fn is_two_way(&self, interface: u32) -> bool {
        let inner = self.0.borrow();
        inner.nics.iter().any(|nic| nic.index() == interface && nic.is_two_way())
    }

    /// A stamp of departure by the interface did not come in time.
    pub(super) fn waited_in_vain(&self, interface: u32) {
        if let Some(nic) = self.0.borrow_mut().nics.iter_mut().find(|nic| nic.index() == interface) {
            nic.waited_in_vain();
        }
    }

    /// How they are, for people.
    pub(super) fn report(&self) -> Vec<HardwareStampReport> {
        self.0.borrow().nics.iter().map(Nic::report).collect()
    }
}

impl Inner {
    fn open(&mut self, now: Monotonic, problems: &mut Problems) {
        for nic in &mut self.nics {
            nic.refresh();
        }
        for options in self.wanted.clone() {
            match name(&options) {
                Some(name) => self.open_one(name, &options, now, problems),
                None => self.open_others(&options, now, problems),
            }
        }
    }

    fn open_one(
        &mut self,
        name: &str,
        options: &HardwareTimestamps,
        now: Monotonic,
        problems: &mut Problems,
    ) {
        if !self.has(name) {
            let opened = Nic::open(name, options, now);
            self.nics.extend(problems.note(&topic(name), opened, KERNEL_INSTEAD));
        }
    }

    /// Interfaces that offer nothing were not meant.
    fn open_others(&mut self, options: &HardwareTimestamps, now: Monotonic, problems: &mut Problems) {
        let names = problems.note("interfaces", interface::names(), KERNEL_INSTEAD).unwrap_or_default();
        let have_own = |other: &String| self.wanted.iter().filter_map(name).any(|name| name == other);
        let others: Vec<String> = names
            .into_iter()
            .filter(|name| !have_own(name) && offer::stamps(name, options.rxfilter))
            .collect();
        for name in others {
            self.open_one(&name, options, now, problems);
        }
        let some = if self.nics.is_empty() { Err("no interface offers them") } else { Ok(()) };
        problems.note("hardware timestamps", some, KERNEL_INSTEAD);
    }

    fn has(&self, name: &str) -> bool {
        self.nics.iter().any(|nic| nic.name() == name)
    }

    fn nic(&mut self, index: u32, epoch: ClockEpoch) -> Option<&mut Nic> {
        if self.epoch.replace(epoch) != Some(epoch) {
            self.nics.iter_mut().for_each(Nic::forget);
        }
        self.nics.iter_mut().find(|nic| nic.index() == index)
    }
}

const KERNEL_INSTEAD: &str = "stamps of the kernel are used; tried again";

fn topic(interface: &str) -> String {
    format!("hardware timestamps of {interface}")
}

/// Which interface is meant; `None`: all that stamp and have no entry of their own.
fn name(options: &HardwareTimestamps) -> Option<&str> {
    match &options.interface {
        StampedInterfaces::All => None,
        StampedInterfaces::One(name) => Some(name.as_str()),
    }
}

/// So many seconds as a power of two; those of less than a second as well.
fn seconds(exponent: PollExp) -> NtpDuration {
    NtpDuration::from_seconds(f64::from(exponent.get()).exp2())
}

#[cfg(test)]
pub(super) mod tests {
    use ntp_config::InterfaceName;

    use super::*;
    use crate::sys::clock;

    /// As configured for an interface, or for all.
    pub(in crate::daemon) fn wanted(interface: &str) -> HardwareTimestamps {
        HardwareTimestamps::of(match interface {
            "*" => StampedInterfaces::All,
            name => StampedInterfaces::One(name.parse::<InterfaceName>().unwrap()),
        })
    }

    #[test]
    fn an_interface_without_stamps_is_a_problem() {
        let stamps = HwStamps::new(vec![wanted("lo"), wanted("no-such-device")]);
        let mut problems = Problems::default();
        stamps.open(clock::monotonic(), &mut problems);
        let expected = "hardware timestamps of lo: not offered; stamps of the kernel are used; tried again";
        assert_eq!(problems.sentences()[0], expected);
        assert_eq!(problems.sentences().len(), 2);
        assert!(stamps.are_wanted() && !stamps.are_all_open());
        assert_eq!((stamps.next_look(), stamps.report().len()), (None, 0));
    }

    #[test]
    fn of_all_interfaces_only_those_are_meant_that_stamp() {
        let stamps = HwStamps::new(vec![wanted("*")]);
        let mut problems = Problems::default();
        stamps.open(clock::monotonic(), &mut problems);
        assert!(!problems.sentences().iter().any(|sentence| sentence.contains(" lo:")));
        let none =
            "hardware timestamps: no interface offers them; stamps of the kernel are used; tried again";
        assert_eq!(problems.sentences().iter().any(|sentence| sentence == none), stamps.report().is_empty());
        assert!(stamps.are_all_open());
    }

    #[test]
    fn nothing_is_asked_for_that_nobody_configured() {
        let stamps = HwStamps::default();
        assert!(!stamps.are_wanted() && stamps.are_all_open() && stamps.patience(1).is_none());
    }

    #[test]
    fn intervals_are_powers_of_two() {
        assert_eq!(seconds(PollExp::new(1)), NtpDuration::from_secs(2));
        assert_eq!(seconds(PollExp::new(-2)), NtpDuration::from_millis(250));
    }
}
