//! Who has been heard lately. [`super::receiver`] keeps it.

use ntp_proto::time::{Monotonic, NtpDuration};

/// The talkers heard last, each once.
#[derive(Debug, Default)]
pub(super) struct Talkers {
    heard: [Option<([u8; 2], Monotonic)>; PLACES],
}

/// More talkers than any receiver has.
const PLACES: usize = 8;

/// Who was heard longer ago is not shown.
const LATELY: NtpDuration = NtpDuration::from_secs(20);

impl Talkers {
    /// Notes it, in the place of the one who was heard longest ago if there is no other.
    pub(super) fn heard(&mut self, talker: [u8; 2], now: Monotonic) {
        let is_known =
            |place: &&mut Option<([u8; 2], Monotonic)>| place.is_some_and(|(known, _)| known == talker);
        let place = if let Some(place) = self.heard.iter_mut().find(is_known) {
            Some(place)
        } else {
            self.heard.iter_mut().min_by_key(|place| place.map(|(_, when)| when))
        };
        if let Some(place) = place {
            *place = Some((talker, now));
        }
    }

    /// In alphabetical order.
    pub(super) fn names(&self, now: Monotonic) -> Vec<String> {
        let lately = self.heard.iter().flatten().filter(|(_, when)| now - *when <= LATELY);
        let mut names =
            lately.map(|(talker, _)| String::from_utf8_lossy(talker).into_owned()).collect::<Vec<_>>();
        names.sort();
        names
    }
}
