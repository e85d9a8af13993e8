//! The file in which the keys of one server outlive a restart.
//!
//! ```text
//! truechimer cookie keys 1
//! age 86400
//! next 8d2887aa 15 b40c…
//! current b513ee3f 15 1ece…
//! previous 372c79a4 15 edcb…
//! ```
//!
//! The age is that of the current key, in seconds. A key has its number, the registered number of its algorithm
//! and its secret. There is one next and one current key, and at most two previous ones, the youngest first.

use core::fmt;
use core::fmt::Write as _;

use ntp_proto::nts::Aead;
use ntp_proto::time::NtpDuration;
use zeroize::Zeroizing;

use super::rotation::PREVIOUS;
use super::{Role, SealingKey, Slots, hex};

const FIRST_LINE: &str = "truechimer cookie keys 1";

/// Why a file holds no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// It is no file of cookie keys, or one of a later version.
    Unknown,
    /// This line, counted from 1, cannot be understood.
    Line(usize),
    /// There are too few or too many keys.
    Number,
    /// Two keys have the same number.
    Repeated,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("not a known format of cookie keys"),
            Self::Line(line) => write!(f, "line {line} makes no sense"),
            Self::Number => f.write_str("too few or too many keys"),
            Self::Repeated => f.write_str("two keys have the same number"),
        }
    }
}

impl std::error::Error for FormatError {}

/// Reads the file.
///
/// # Errors
/// [`FormatError`].
pub fn read(file: &[u8]) -> Result<Slots, FormatError> {
    let text = core::str::from_utf8(file).map_err(|_| FormatError::Unknown)?;
    let mut lines = text.lines().zip(1..);
    if lines.next().map(|(line, _)| line) != Some(FIRST_LINE) {
        return Err(FormatError::Unknown);
    }
    let age =
        lines.next().and_then(|(line, _)| age(line.strip_prefix("age ")?)).ok_or(FormatError::Line(2))?;
    let (mut next, mut current, mut previous) = (None, None, Vec::new());
    for (line, number) in lines {
        let (role, key) = key_line(line).ok_or(FormatError::Line(number))?;
        let replaced = match role {
            Role::Next => next.replace(key),
            Role::Current => current.replace(key),
            Role::Previous => {
                previous.push(key);
                None
            }
        };
        if replaced.is_some() || previous.len() > PREVIOUS {
            return Err(FormatError::Number);
        }
    }
    let (Some(next), Some(current)) = (next, current) else { return Err(FormatError::Number) };
    checked(Slots { age, next, current, previous })
}

/// What all files have to keep to.
pub(super) fn checked(slots: Slots) -> Result<Slots, FormatError> {
    if slots.are_distinct() { Ok(slots) } else { Err(FormatError::Repeated) }
}

/// Whole seconds, as many as 60 years at most.
fn age(text: &str) -> Option<NtpDuration> {
    text.parse::<u32>().ok().filter(|age| *age < 1 << 31).map(|age| NtpDuration::from_secs(age.into()))
}

fn key_line(line: &str) -> Option<(Role, SealingKey)> {
    let fields: Vec<&str> = line.split(' ').collect();
    let [role, id, aead, secret] = fields[..] else { return None };
    let role = [Role::Next, Role::Current, Role::Previous].into_iter().find(|r| r.to_string() == role)?;
    Some((role, key(id, aead, secret)?))
}

/// A key of three words: its number in hexadecimal, that of its algorithm in decimal, its secret in hexadecimal.
pub(super) fn key(id: &str, aead: &str, secret: &str) -> Option<SealingKey> {
    let id = Some(id).filter(|id| id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let id = u32::from_str_radix(id, 16).ok()?;
    SealingKey::new(id, Aead::from_id(aead.parse().ok()?)?, hex::decode(secret)?).ok()
}

/// The text of the file, which is for its owner only.
#[must_use]
pub fn write(slots: &Slots) -> Zeroizing<String> {
    // Room for all of it at once: a string that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(1_024));
    // Writing to a string does not fail.
    let _ = writeln!(text, "{FIRST_LINE}\nage {}", slots.age.to_seconds().clamp(0.0, 2e9) as u32);
    let previous = slots.previous.iter().map(|key| (Role::Previous, key));
    for (role, key) in
        [(Role::Next, &slots.next), (Role::Current, &slots.current)].into_iter().chain(previous)
    {
        let _ = write!(text, "{role} {:08x} {} ", key.id(), key.aead().id());
        hex::encode(key.secret(), &mut text);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use ntp_proto::time::Monotonic;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::cookie_keys::Rotation;

    fn slots(changes: i64, age: u32) -> Slots {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut rotation = Rotation::new(NtpDuration::from_secs(60), Monotonic::default(), &mut rng);
        rotation.advance(Monotonic::default() + NtpDuration::from_secs(60 * changes), &mut rng);
        Slots { age: NtpDuration::from_secs(age.into()), ..rotation.slots(Monotonic::default()) }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(changes in 0..4_i64, age in 0..2_000_000_000_u32) {
            let slots = slots(changes, age);
            prop_assert_eq!(read(write(&slots).as_bytes()), Ok(slots));
        }

        #[test]
        fn what_is_read_is_what_would_be_written(at: prop::sample::Index, byte: u8) {
            let mut bytes = write(&slots(3, 7)).as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(slots) = read(&bytes) {
                prop_assert_eq!(read(write(&slots).as_bytes()), Ok(slots));
            }
        }
    }

    #[test]
    fn each_fault_has_its_reason() {
        let good = write(&slots(3, 7));
        let lines: Vec<&str> = good.lines().collect();
        let of = |lines: &[&str]| read(lines.join("\n").as_bytes()).unwrap_err();
        assert_eq!(of(&lines[1..]), FormatError::Unknown);
        assert_eq!(of(&[lines[0], "age -1", lines[2], lines[3]]), FormatError::Line(2));
        assert_eq!(of(&[lines[0], lines[1], lines[2], "current 1 15 00"]), FormatError::Line(4));
        assert_eq!(of(&lines[..3]), FormatError::Number);
        assert_eq!(of(&[&lines[..], &lines[4..5]].concat()), FormatError::Number);
        assert_eq!(of(&[&lines[..5], &lines[4..5]].concat()), FormatError::Repeated);
        assert_eq!(read(&[0xff]), Err(FormatError::Unknown));
    }

    #[test]
    fn secrets_are_not_shown() {
        let slots = slots(3, 7);
        let shown = format!("{slots:?}");
        let text = write(&slots);
        for secret in text.lines().skip(2).filter_map(|line| line.rsplit(' ').next()) {
            assert!(secret.len() == 64 && !shown.contains(&secret[..8]), "{shown}");
        }
    }
}
