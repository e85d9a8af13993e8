//! Numbers: counts, times, rates and ratios, each with its range.

use std::fmt;
use std::marker::PhantomData;

use ntp_proto::packet::{PollExp, Stratum};
use ntp_proto::time::{Frequency, NtpDuration};
use toml::de::DeValue;

use super::Kind;
use super::kind::wrong_type;
use crate::error::Complaint;

fn out_of_range(written: impl fmt::Display) -> Complaint {
    Complaint::new(format!("{written} is out of range"))
}

/// What an integer of the file can become.
pub(crate) trait Whole: Sized {
    fn from_whole(number: i64) -> Option<Self>;
    fn to_whole(&self) -> i64;
}

macro_rules! whole {
    ($($integer:ty),*) => {$(
        impl Whole for $integer {
            fn from_whole(number: i64) -> Option<Self> {
                number.try_into().ok()
            }

            fn to_whole(&self) -> i64 {
                i64::from(*self)
            }
        }
    )*};
}

whole!(u8, u16, u32);

impl Whole for PollExp {
    fn from_whole(number: i64) -> Option<Self> {
        number.try_into().ok().map(Self::new)
    }

    fn to_whole(&self) -> i64 {
        i64::from(self.get())
    }
}

impl Whole for Stratum {
    fn from_whole(number: i64) -> Option<Self> {
        number.try_into().ok().map(Self::new)
    }

    fn to_whole(&self) -> i64 {
        i64::from(self.get())
    }
}

/// A whole number within bounds.
pub(crate) struct Integer<T> {
    min: i64,
    max: i64,
    becomes: PhantomData<T>,
}

impl<T> Integer<T> {
    /// From `min` to `max`, both included.
    pub(crate) const fn within(min: i64, max: i64) -> Self {
        Self { min, max, becomes: PhantomData }
    }
}

impl<T: Whole> Kind for Integer<T> {
    type Value = T;

    fn expected(&self) -> String {
        format!("an integer from {} to {}", self.min, self.max)
    }

    fn read(&self, value: &DeValue<'_>) -> Result<T, Complaint> {
        let integer = value.as_integer().ok_or_else(|| wrong_type(value))?;
        i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .filter(|number| (self.min..=self.max).contains(number))
            .and_then(T::from_whole)
            .ok_or_else(|| out_of_range(integer))
    }

    fn write(&self, value: &T) -> Option<String> {
        Some(value.to_whole().to_string())
    }
}

/// Bounds of a number that may have a fraction. Infinite and undefined numbers lie in none.
#[derive(Clone, Copy)]
pub(crate) struct Interval {
    low: f64,
    low_excluded: bool,
    high: f64,
}

impl Interval {
    /// What no sensible setting exceeds; as seconds (31 years) it also stays clear of the end of
    /// [`NtpDuration`].
    pub(crate) const HUGE: f64 = 1e9;

    /// Both bounds belong to it.
    pub(crate) const fn within(low: f64, high: f64) -> Self {
        Self { low, low_excluded: false, high }
    }

    /// The upper bound belongs to it, the lower does not.
    pub(crate) const fn above(low: f64, high: f64) -> Self {
        Self { low, low_excluded: true, high }
    }

    fn contains(self, number: f64) -> bool {
        number <= self.high && if self.low_excluded { number > self.low } else { number >= self.low }
    }

    /// A number of the file, written with or without a fraction. The bounds hold for what `convert` makes
    /// of it.
    fn read(self, value: &DeValue<'_>, convert: impl Fn(f64) -> f64) -> Result<f64, Complaint> {
        let (written, number) = match value {
            DeValue::Integer(integer) => {
                let whole = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
                (integer.to_string(), whole.map(|whole| whole as f64))
            }
            DeValue::Float(float) => (float.to_string(), float.as_str().parse().ok()),
            _ => return Err(wrong_type(value)),
        };
        number
            .filter(|number| number.is_finite())
            .map(convert)
            .filter(|number| self.contains(*number))
            .ok_or_else(|| out_of_range(written))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low_excluded {
            write!(f, "above {} and at most {}", self.low, self.high)
        } else {
            write!(f, "from {} to {}", self.low, self.high)
        }
    }
}

/// The decimal with the fewest digits, at most `most` after the point, that reads back as the same value.
fn shortest(number: f64, most: usize, is_same: impl Fn(f64) -> bool) -> String {
    (1..most)
        .map(|digits| format!("{number:.digits$}"))
        .find(|text| text.parse().is_ok_and(&is_same))
        .unwrap_or_else(|| format!("{number:.most$}"))
}

/// A time in seconds.
pub(crate) struct Seconds(pub(crate) Interval);

impl Kind for Seconds {
    type Value = NtpDuration;

    fn expected(&self) -> String {
        format!("a number of seconds {}", self.0)
    }

    fn read(&self, value: &DeValue<'_>) -> Result<NtpDuration, Complaint> {
        let rounded = |seconds: f64| NtpDuration::from_seconds(seconds).to_seconds();
        self.0.read(value, rounded).map(NtpDuration::from_seconds)
    }

    fn write(&self, value: &NtpDuration) -> Option<String> {
        // 2⁻³² s is more than two units of the tenth digit, so ten digits always suffice.
        Some(shortest(value.to_seconds(), 10, |seconds| NtpDuration::from_seconds(seconds) == *value))
    }
}

/// A rate in parts per million, to 10⁻⁶ ppm.
pub(crate) struct Ppm(pub(crate) Interval);

impl Kind for Ppm {
    type Value = Frequency;

    fn expected(&self) -> String {
        format!("a rate in ppm {}", self.0)
    }

    fn read(&self, value: &DeValue<'_>) -> Result<Frequency, Complaint> {
        // Rounded, so that the six digits of `write` say all there is.
        self.0.read(value, |ppm| (ppm * 1e6).round() / 1e6).map(Frequency::from_ppm)
    }

    fn write(&self, value: &Frequency) -> Option<String> {
        Some(shortest(value.to_ppm(), 6, |ppm| Frequency::from_ppm(ppm) == *value))
    }
}

/// A number without a unit.
pub(crate) struct Number(pub(crate) Interval);

impl Kind for Number {
    type Value = f64;

    fn expected(&self) -> String {
        format!("a number {}", self.0)
    }

    fn read(&self, value: &DeValue<'_>) -> Result<f64, Complaint> {
        self.0.read(value, |number| number)
    }

    fn write(&self, value: &f64) -> Option<String> {
        // The shortest text that reads back as the same number, always with a point or an exponent.
        Some(format!("{value:?}"))
    }
}

/// A number of which 0 says that there is none.
pub(crate) struct OrOff(pub(crate) Number);

impl Kind for OrOff {
    type Value = Option<f64>;

    fn expected(&self) -> String {
        format!("0 for off, or {}", self.0.expected())
    }

    fn read(&self, value: &DeValue<'_>) -> Result<Option<f64>, Complaint> {
        let is_off = Interval::within(0.0, 0.0).read(value, |number| number).is_ok();
        if is_off { Ok(None) } else { self.0.read(value).map(Some) }
    }

    fn write(&self, value: &Option<f64>) -> Option<String> {
        self.0.write(&value.unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_back<K: Kind>(kind: &K, value: &K::Value) -> K::Value {
        let text = kind.write(value).unwrap();
        kind.read(DeValue::parse(&text).unwrap().get_ref()).unwrap()
    }

    #[test]
    fn times_are_written_as_a_person_would() {
        let written =
            |seconds| Seconds(Interval::within(0.0, 10.0)).write(&NtpDuration::from_seconds(seconds));
        assert_eq!(written(1e-4).as_deref(), Some("0.0001"));
        assert_eq!(written(3.0).as_deref(), Some("3.0"));
    }

    #[test]
    fn a_time_that_rounds_to_zero_is_not_above_zero() {
        let value = DeValue::parse("1e-12").unwrap();
        let complaint = Seconds(Interval::above(0.0, 1.0)).read(value.get_ref()).unwrap_err();
        assert_eq!(complaint.problem, "1e-12 is out of range");
    }

    #[test]
    fn infinite_and_undefined_numbers_are_out_of_every_range() {
        for text in ["inf", "-inf", "nan", "1e999", "99999999999999999999"] {
            let value = DeValue::parse_recoverable(text).0;
            assert!(Number(Interval::within(-f64::MAX, f64::MAX)).read(value.get_ref()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_round_trip(seconds in -1e9..1e9f64, scale in 0i32..12) {
            let time = NtpDuration::from_seconds(seconds / 10f64.powi(scale));
            let kind = Seconds(Interval::within(-Interval::HUGE, Interval::HUGE));
            prop_assert_eq!(read_back(&kind, &time), time);
        }

        #[test]
        fn rates_that_were_read_round_trip(ppm in 1e-6..1e5f64) {
            let kind = Ppm(Interval::above(0.0, 1e5));
            let text = format!("{ppm:?}");
            let rate = kind.read(DeValue::parse(&text).unwrap().get_ref()).unwrap();
            prop_assert_eq!(read_back(&kind, &rate), rate);
        }

        #[test]
        fn numbers_round_trip(number in 0.0..1e9f64) {
            let kind = OrOff(Number(Interval::within(0.0, Interval::HUGE)));
            let number = (number != 0.0).then_some(number);
            prop_assert_eq!(read_back(&kind, &number), number);
        }
    }
}
