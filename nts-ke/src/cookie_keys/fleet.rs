//! The keys of a fleet of servers, which never talk about them: each derives the same ones from a secret and the
//! number of the period, so that any server opens every other's cookies (anycast, DNS round robin, fail-over).
//!
//! Keys of the next, the current and two previous periods open cookies, and those of every secret; the current
//! one of the first secret seals. Clocks may differ by nearly a period. To change the secret: add the new one as
//! the second line everywhere, then make it the first everywhere, then remove the old one two periods later.
//! Servers may be in different steps of this at the same time, as long as they are neighbours.

use core::fmt;
use std::num::NonZeroU32;

use ntp_proto::nts::{Aead, CookieKeys};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use zeroize::Zeroizing;

use super::rotation::PREVIOUS;
use super::{KeyInfo, Role, SealingKey};
use crate::unix_time::UnixTime;

/// The shortest secret, in bytes: as many hexadecimal digits hold 128 bits.
const SECRET_MIN: usize = 32;
/// The longest, in bytes.
const SECRET_MAX: usize = 1_024;
/// More than a change of secrets needs; each costs every unknown cookie a few comparisons.
const SECRETS_MAX: usize = 4;

/// Why a file holds no secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FleetError {
    /// There is none in it.
    Empty,
    /// The secret in this line, counted from 1, is too short or too long.
    Length(usize),
    /// There are too many.
    TooMany,
    /// This line is the same as an earlier one.
    Repeated(usize),
    /// The file is no text.
    NoText,
}

impl fmt::Display for FleetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no secret"),
            Self::Length(line) => {
                write!(f, "line {line}: a secret has {SECRET_MIN} to {SECRET_MAX} characters")
            }
            Self::TooMany => write!(f, "more than {SECRETS_MAX} secrets"),
            Self::Repeated(line) => write!(f, "line {line}: the same secret again"),
            Self::NoText => f.write_str("not a text file"),
        }
    }
}

impl std::error::Error for FleetError {}

/// The secrets of a fleet, and the length of its periods, which has to be the same on all its servers.
pub struct Fleet {
    /// What is derived from; ring wipes nothing, so the secrets themselves are not kept.
    secrets: Vec<Prk>,
    interval_s: i64,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secrets, interval_s) = (self.secrets.len(), self.interval_s);
        f.debug_struct("Fleet").field("secrets", &secrets).field("interval_s", &interval_s).finish()
    }
}

impl Fleet {
    /// Reads a file of secrets: each line is one, taken as it stands without the spaces around it, whether it is
    /// hexadecimal, base64 or a long sentence. Empty lines and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// [`FleetError`].
    pub fn read(file: &[u8], interval_s: NonZeroU32) -> Result<Self, FleetError> {
        let text = core::str::from_utf8(file).map_err(|_| FleetError::NoText)?;
        let mut lines: Vec<&str> = Vec::new();
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if !(SECRET_MIN..=SECRET_MAX).contains(&line.len()) {
                return Err(FleetError::Length(number + 1));
            }
            if lines.contains(&line) {
                return Err(FleetError::Repeated(number + 1));
            }
            lines.push(line);
        }
        if lines.len() > SECRETS_MAX {
            return Err(FleetError::TooMany);
        }
        if lines.is_empty() {
            return Err(FleetError::Empty);
        }
        let salt = Salt::new(HKDF_SHA256, b"Truechimer NTS cookie keys 1");
        let secrets = lines.into_iter().map(|line| salt.extract(line.as_bytes())).collect();
        Ok(Self { secrets, interval_s: interval_s.get().into() })
    }

    /// The number of the period that `now` is in.
    #[must_use]
    pub const fn period(&self, now: UnixTime) -> i64 {
        now.0.div_euclid(self.interval_s)
    }

    /// When the keys change next.
    #[must_use]
    pub const fn due(&self, now: UnixTime) -> UnixTime {
        UnixTime(self.period(now).saturating_add(1).saturating_mul(self.interval_s))
    }

    /// The keys of this time, ready for use. `None` only if the library of ciphers does not work.
    #[must_use]
    pub fn cookie_keys(&self, now: UnixTime) -> Option<CookieKeys> {
        let mut keys = self.keys(now).into_iter().filter_map(|(key, ..)| key.ready());
        Some(CookieKeys::new(keys.next()?, keys))
    }

    /// What is told of the keys. Those of the second and further secrets only open, even where they are current.
    #[must_use]
    pub fn infos(&self, now: UnixTime) -> Vec<KeyInfo> {
        let info = |(key, role, begin): (SealingKey, Role, i64)| KeyInfo {
            id: key.id(),
            aead: key.aead(),
            role,
            age_s: now.0.saturating_sub(begin),
        };
        self.keys(now).into_iter().map(info).collect()
    }

    /// The key that seals comes first. With each, when its period begins.
    fn keys(&self, now: UnixTime) -> Vec<(SealingKey, Role, i64)> {
        let period = self.period(now);
        let previous = (1..=PREVIOUS as i64).map(|back| (-back, Role::Previous));
        let steps: Vec<_> = [(0, Role::Current), (1, Role::Next)].into_iter().chain(previous).collect();
        let mut keys = Vec::with_capacity(self.secrets.len() * steps.len());
        for secret in &self.secrets {
            for (step, role) in &steps {
                let period = period.saturating_add(*step);
                let begin = period.saturating_mul(self.interval_s);
                keys.extend(derive(secret, period).map(|key| (key, *role, begin)));
            }
        }
        keys
    }
}

/// HKDF (RFC 5869) with the number of the period in its info.
fn derive(secret: &Prk, period: i64) -> Option<SealingKey> {
    let aead = Aead::AesSivCmac256;
    let mut key = Zeroizing::new(vec![0; aead.key_len()]);
    expand(secret, b"key", period, &mut key)?;
    let mut id = [0; 4];
    expand(secret, b"id", period, &mut id)?;
    SealingKey::new(u32::from_be_bytes(id), aead, key).ok()
}

fn expand(secret: &Prk, what: &[u8], period: i64, out: &mut [u8]) -> Option<()> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let period = period.to_be_bytes();
    secret.expand(&[what, &period], Length(out.len())).ok()?.fill(out).ok()
}

#[cfg(test)]
mod tests {
    use ntp_proto::nts::SessionKeys;
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "correct horse battery staple, and more of these";
    const WEEK: i64 = 604_800;

    fn fleet(secrets: &[&str]) -> Fleet {
        Fleet::read(secrets.join("\n").as_bytes(), NonZeroU32::new(604_800).unwrap()).unwrap()
    }

    /// Whether `to` opens at `then` what `from` seals at `now`.
    fn passes(from: &Fleet, now: i64, to: &Fleet, then: i64) -> bool {
        let session = SessionKeys::new(Aead::AesSivCmac256, &[1; 32], &[2; 32]).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let cookie = from.cookie_keys(UnixTime(now)).unwrap().seal(&session, &mut rng);
        to.cookie_keys(UnixTime(then)).unwrap().open(cookie.as_ref()).is_ok()
    }

    #[test]
    fn servers_with_the_same_secret_open_each_others_cookies() {
        let (a, b) = (fleet(&[OLD]), fleet(&[OLD]));
        let change = 3_000 * WEEK;
        // Clocks that are minutes apart around a change of period, and cookies of two weeks.
        for (now, then) in
            [(change - 1, change + 600), (change + 600, change - 1), (change, change + 3 * WEEK - 1)]
        {
            assert!(passes(&a, now, &b, then), "{now} {then}");
        }
        assert!(!passes(&a, change, &b, change + 3 * WEEK));
        assert!(!passes(&a, change, &fleet(&[NEW]), change));
        assert_eq!(a.due(UnixTime(change + 5)), UnixTime(change + WEEK));
    }

    #[test]
    fn a_secret_changes_while_neighbours_are_one_step_apart() {
        let steps = [fleet(&[OLD]), fleet(&[OLD, NEW]), fleet(&[NEW, OLD]), fleet(&[NEW])];
        let now = 3_000 * WEEK + 1_000;
        for (one, other) in steps.iter().zip(&steps[1..]).take(2) {
            assert!(passes(one, now, other, now) && passes(other, now, one, now));
        }
        // The last step waits for old cookies to run out; new ones pass at once.
        assert!(passes(&steps[2], now, &steps[3], now) && passes(&steps[3], now, &steps[2], now));
        assert!(!passes(&steps[1], now, &steps[3], now));
    }

    #[test]
    fn keys_are_those_of_every_other_version() {
        // Computed with Python's hmac from RFC 5869; servers of a fleet are not upgraded at the same moment.
        let infos = fleet(&[OLD]).infos(UnixTime(3_000 * WEEK));
        let ids: Vec<_> = infos.iter().map(|info| (info.id, info.role, info.age_s)).collect();
        assert_eq!(
            ids,
            [
                (0x39bc2c6e, Role::Current, 0),
                (0x0e567529, Role::Next, -WEEK),
                (0x22de96e7, Role::Previous, WEEK),
                (0xbb2ff5e7, Role::Previous, 2 * WEEK)
            ]
        );
    }

    #[test]
    fn files_of_secrets_are_read_with_care() {
        let interval = NonZeroU32::new(60).unwrap();
        let read = |text: &str| Fleet::read(text.as_bytes(), interval).map(|fleet| fleet.secrets.len());
        assert_eq!(read(&format!("# ours\n\n  {OLD}  \r\n{NEW}\n")), Ok(2));
        assert_eq!(read("# nothing\n"), Err(FleetError::Empty));
        assert_eq!(read(&format!("{OLD}\nshort\n")), Err(FleetError::Length(2)));
        assert_eq!(read(&"x".repeat(2_000)), Err(FleetError::Length(1)));
        assert_eq!(read(&format!("{OLD}\n{NEW}\n{OLD}\n")), Err(FleetError::Repeated(3)));
        let many: Vec<String> = (0..5).map(|i| format!("{OLD}{i}")).collect();
        assert_eq!(read(&many.join("\n")), Err(FleetError::TooMany));
        assert_eq!(Fleet::read(&[0xff; 40], interval).unwrap_err(), FleetError::NoText);
    }

    #[test]
    fn any_time_has_keys() {
        let fleet = fleet(&[OLD]);
        for time in [i64::MIN, -1, 0, i64::MAX] {
            assert!(fleet.cookie_keys(UnixTime(time)).is_some());
            assert_eq!(fleet.infos(UnixTime(time)).len(), 4);
        }
    }
}
