//! Numbers for people: three significant digits and the unit that suits them.
//!
//! All arguments are seconds, or parts per million where the name says so. Of offsets, positive means that
//! our clock is slow, and that is said in words.

/// A length of time, rounded to the nearest: `3.21 us`.
pub(super) fn span(seconds: f64) -> String {
    readable(seconds, f64::round)
}

/// A length of time that something does not exceed, rounded up: `214 us`.
pub(super) fn bound(seconds: f64) -> String {
    // What arithmetic adds beyond the fifteenth digit is not meant.
    readable(seconds, |value| (value * (1.0 - 1e-12)).ceil())
}

/// An offset in words: `3.21 us slow`.
pub(super) fn offset(seconds: f64) -> String {
    let word = match seconds {
        s if s > 0.0 => "slow",
        s if s < 0.0 => "fast",
        _ => "off",
    };
    format!("{} {word}", span(seconds))
}

/// How long something has lasted, in at most two units: `3 h 20 min`.
pub(super) fn elapsed(seconds: f64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    // The cast saturates, so what is negative has lasted for no time.
    let whole = seconds as u64;
    let Some(first) = UNITS.iter().position(|(length, _)| whole >= *length) else { return "0 s".to_owned() };
    let (length, name) = UNITS[first];
    let rest = whole % length;
    match UNITS.get(first + 1) {
        Some((next, next_name)) if rest >= *next => {
            format!("{} {name} {} {next_name}", whole / length, rest / next)
        }
        _ => format!("{} {name}", whole / length),
    }
}

/// A rate with its sign: `+12.345 ppm`.
pub(super) fn ppm(ppm: f64) -> String {
    format!("{ppm:+.3} ppm")
}

/// The size of `seconds` with three digits, of which `round` makes the last.
fn readable(seconds: f64, round: fn(f64) -> f64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "ns"), (1e6, "us"), (1e3, "ms")];
    let size = seconds.abs();
    if size == 0.0 {
        return "0 ns".to_owned();
    }
    let in_unit = |per_second: f64| three_digits(size * per_second, round);
    let fitting =
        UNITS.iter().map(|(per_second, unit)| (in_unit(*per_second), *unit)).find(|(v, _)| *v < 1e3);
    let (value, unit) = fitting.unwrap_or_else(|| (in_unit(1.0), "s"));
    format!("{value:.*} {unit}", decimals(value))
}

fn three_digits(value: f64, round: fn(f64) -> f64) -> f64 {
    let scale = [1.0, 10.0, 100.0][decimals(value)];
    round(value * scale) / scale
}

/// How many decimals make three digits.
fn decimals(value: f64) -> usize {
    match value {
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_choose_a_readable_unit() {
        for (seconds, text) in [
            (0.0, "0 ns"),
            (3e-10, "0.30 ns"),
            (3.214e-6, "3.21 us"),
            (-45.06e-6, "45.1 us"),
            (9.996e-3, "10.0 ms"),
            (0.9996e-3, "1.00 ms"),
            (999.4e-6, "999 us"),
            (1.0, "1.00 s"),
            (12_345.6, "12346 s"),
        ] {
            assert_eq!(span(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn bounds_are_rounded_up_but_not_for_noise() {
        assert_eq!(bound(214e-6), "214 us");
        assert_eq!(bound(214.01e-6), "215 us");
        assert_eq!(bound(0.9991), "1.00 s");
    }

    #[test]
    fn offsets_say_their_sign() {
        assert_eq!(offset(3.2e-6), "3.20 us slow");
        assert_eq!(offset(-1.5), "1.50 s fast");
        assert_eq!(offset(0.0), "0 ns off");
    }

    #[test]
    fn elapsed_time_has_two_units_at_most() {
        for (seconds, text) in [
            (-1.0, "0 s"),
            (0.9, "0 s"),
            (59.9, "59 s"),
            (60.0, "1 min"),
            (200.0, "3 min 20 s"),
            (12_000.0, "3 h 20 min"),
            (86_401.0, "1 d"),
            (1e6, "11 d 13 h"),
        ] {
            assert_eq!(elapsed(seconds), text, "{seconds}");
        }
    }
}
