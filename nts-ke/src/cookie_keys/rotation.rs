//! The keys of one server.

use ntp_proto::nts::CookieKeys;
use ntp_proto::time::{Monotonic, NtpDuration};
use rand_core::RngCore;

use super::{KeyInfo, Role, SealingKey};

/// How many keys are kept after they have sealed.
pub(super) const PREVIOUS: usize = 2;
/// So many changes replace every key, however many are due.
const CHANGES_MAX: usize = PREVIOUS + 2;

/// The keys by what they do, and their age: what is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// How long `current` has been sealing.
    pub age: NtpDuration,
    /// Seals after the next change.
    pub next: SealingKey,
    /// Seals.
    pub current: SealingKey,
    /// At most two, the youngest first.
    pub previous: Vec<SealingKey>,
}

impl Slots {
    /// All keys, the one that seals first.
    pub(super) fn all(&self) -> impl Iterator<Item = &SealingKey> + Clone {
        [&self.current, &self.next].into_iter().chain(&self.previous)
    }

    /// Whether no two have the same number.
    pub(super) fn are_distinct(&self) -> bool {
        let all = self.all().enumerate();
        !all.clone().any(|(i, key)| all.clone().any(|(j, other)| i < j && key.id() == other.id()))
    }
}

/// Keys that change at intervals. The time is that of a clock that nobody steps; while the machine is off the
/// keys do not age, as with chrony.
#[derive(Clone, Debug)]
pub struct Rotation {
    interval: NtpDuration,
    /// When `current` began to seal; `slots.age` counts from then to this reading.
    read: Monotonic,
    slots: Slots,
}

impl Rotation {
    /// Two new keys. Intervals below a minute count as one.
    #[must_use]
    pub fn new(interval: NtpDuration, now: Monotonic, rng: &mut impl RngCore) -> Self {
        let current = SealingKey::random(rng, core::iter::empty());
        let next = SealingKey::random(rng, core::iter::once(&current));
        Self::restored(Slots { age: NtpDuration::ZERO, next, current, previous: Vec::new() }, interval, now)
    }

    /// Goes on with keys that were written down.
    #[must_use]
    pub fn restored(mut slots: Slots, interval: NtpDuration, now: Monotonic) -> Self {
        slots.previous.truncate(PREVIOUS);
        slots.age = slots.age.max(NtpDuration::ZERO);
        Self { interval: interval.max(NtpDuration::from_secs(60)), read: now, slots }
    }

    /// Makes the changes that are due, and says whether there were any: then the keys are to be published and
    /// written down.
    pub fn advance(&mut self, now: Monotonic, rng: &mut impl RngCore) -> bool {
        let mut age = self.age(now);
        let mut changes = 0;
        while age >= self.interval && changes < CHANGES_MAX {
            age -= self.interval;
            changes += 1;
            self.change(rng);
        }
        // What is left after so many changes is of no use to anybody.
        self.slots.age = if age >= self.interval { NtpDuration::ZERO } else { age };
        self.read = now;
        changes > 0
    }

    fn change(&mut self, rng: &mut impl RngCore) {
        let fresh = SealingKey::random(rng, self.slots.all());
        let current = core::mem::replace(&mut self.slots.next, fresh);
        let previous = core::mem::replace(&mut self.slots.current, current);
        self.slots.previous.insert(0, previous);
        self.slots.previous.truncate(PREVIOUS);
    }

    /// When [`Self::advance`] has something to do.
    #[must_use]
    pub fn due(&self) -> Monotonic {
        self.read + (self.interval - self.slots.age)
    }

    fn age(&self, now: Monotonic) -> NtpDuration {
        self.slots.age + (now - self.read).max(NtpDuration::ZERO)
    }

    /// What is to be written down.
    #[must_use]
    pub fn slots(&self, now: Monotonic) -> Slots {
        Slots { age: self.age(now), ..self.slots.clone() }
    }

    /// The keys, ready for use; there are always some.
    #[must_use]
    pub fn cookie_keys(&self) -> Option<CookieKeys> {
        let mut keys = self.slots.all().filter_map(SealingKey::ready);
        Some(CookieKeys::new(keys.next()?, keys))
    }

    /// What is told of the keys, the youngest first.
    #[must_use]
    pub fn infos(&self, now: Monotonic) -> Vec<KeyInfo> {
        let (age, interval) = (self.age(now).to_seconds() as i64, self.interval.to_seconds() as i64);
        let info = |key: &SealingKey, role, age_s| KeyInfo { id: key.id(), aead: key.aead(), role, age_s };
        let mut infos = vec![
            info(&self.slots.next, Role::Next, age - interval),
            info(&self.slots.current, Role::Current, age),
        ];
        let previous = self.slots.previous.iter().zip(1..);
        infos.extend(previous.map(|(key, turns)| info(key, Role::Previous, age + turns * interval)));
        infos
    }
}

#[cfg(test)]
mod tests {
    use ntp_proto::nts::{Aead, Cookie, SessionKeys};
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::*;

    const WEEK: NtpDuration = NtpDuration::from_secs(604_800);

    fn after(weeks: f64) -> Monotonic {
        Monotonic::from_nanos((weeks * 604_800e9) as u64)
    }

    fn seal(rotation: &Rotation, rng: &mut ChaCha8Rng) -> Cookie {
        let session = SessionKeys::new(Aead::Aes128GcmSiv, &[1; 16], &[2; 16]).unwrap();
        rotation.cookie_keys().unwrap().seal(&session, rng)
    }

    fn opens(rotation: &Rotation, cookie: &Cookie) -> bool {
        rotation.cookie_keys().unwrap().open(cookie.as_ref()).is_ok()
    }

    #[test]
    fn a_cookie_is_good_for_two_to_three_intervals() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut rotation = Rotation::new(WEEK, after(0.0), &mut rng);
        assert!(!rotation.advance(after(0.5), &mut rng));
        let cookie = seal(&rotation, &mut rng);
        for weeks in [1.5, 2.9] {
            assert!(rotation.advance(after(weeks), &mut rng));
            assert!(opens(&rotation, &cookie));
        }
        assert!(rotation.advance(after(3.0), &mut rng));
        assert!(!opens(&rotation, &cookie));
    }

    #[test]
    fn a_key_opens_before_it_seals() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let slow = Rotation::new(WEEK, after(0.0), &mut rng);
        let mut fast = slow.clone();
        fast.advance(after(1.0), &mut rng);
        let cookie = seal(&fast, &mut rng);
        assert!(opens(&slow, &cookie));
        assert_ne!(fast.slots(after(1.0)).current, slow.slots(after(1.0)).current);
    }

    #[test]
    fn age_goes_on_where_it_was() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let old = Rotation::new(WEEK, after(0.0), &mut rng);
        // Another start of the machine, whose clock begins elsewhere.
        let mut new = Rotation::restored(old.slots(after(0.75)), WEEK, after(40.0));
        assert_eq!(new.due(), after(40.25));
        assert!(!new.advance(after(40.2), &mut rng));
        assert!(new.advance(after(40.25), &mut rng));
        assert_eq!(new.due(), after(41.25));
        let ages: Vec<_> = new.infos(after(40.5)).iter().map(|info| (info.role, info.age_s)).collect();
        let week = 604_800;
        assert_eq!(
            ages,
            [(Role::Next, -week * 3 / 4), (Role::Current, week / 4), (Role::Previous, week * 5 / 4)]
        );
    }

    #[test]
    fn after_a_year_all_keys_are_new_at_once() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut rotation = Rotation::new(WEEK, after(0.0), &mut rng);
        let before = rotation.slots(after(0.0));
        assert!(rotation.advance(after(52.5), &mut rng));
        let slots = rotation.slots(after(52.5));
        assert_eq!((slots.previous.len(), slots.age), (2, NtpDuration::ZERO));
        assert!(before.all().all(|old| slots.all().all(|new| new != old)));
        assert!(slots.are_distinct());
    }
}
