//! Steering the system clock: the only place that calls `clock_adjtime` and `clock_settime`.
//!
//! The kernel knows a clock's rate as two figures, which add up:
//!
//! | figure | unit | range | one unit is worth |
//! |---|---|---|---|
//! | `tick` | µs per tick of `USER_HZ` | ±10 % | 100 ppm at 100 Hz |
//! | `freq` | 2⁻¹⁶ ppm | ±500 ppm | 1.5·10⁻¹¹ |
//!
//! Outside of here there is one [`Frequency`]. Everything but [`KernelClock::frequency`] needs `CAP_SYS_TIME`
//! and fails with [`PermissionDenied`](io::ErrorKind::PermissionDenied) without it.

use std::io;
use std::os::raw::c_int;

use ntp_proto::packet::Leap;
use ntp_proto::time::{Frequency, NtpDuration, RawTime};

use super::plain::{wide, zeroed};
use super::{check, clock};

/// The system clock, as something to be steered. Whoever holds it is taken to be the only one who does.
#[derive(Debug)]
pub struct KernelClock {
    /// The `tick` of a clock that is left alone, in µs.
    nominal_tick: i64,
}

/// What the kernel is told about the clock, for all who ask it (`ntp_gettime`, `timedatectl`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelStatus {
    /// Whether the clock follows a reference.
    pub synchronised: bool,
    /// Whether the kernel shall copy the time to the real-time clock every eleven minutes. It does so exactly
    /// while it takes the clock for synchronised, so without this it is told that the clock is not.
    pub rtc_sync: bool,
    /// What the kernel shall do at the end of the UTC day. Armed only while the clock is synchronised.
    pub leap: Leap,
    /// A bound of the error, limited to 0 … 16 s. The kernel lets it grow by 500 ppm until it is told a new
    /// one, and at 16 s takes the clock for unsynchronised by itself.
    pub max_error: NtpDuration,
    /// The estimated error, limited to 0 … 16 s.
    pub est_error: NtpDuration,
}

impl KernelClock {
    /// Learns the machine's nominal tick. Changes nothing.
    #[must_use]
    pub fn open() -> Self {
        const COMMON_USER_HZ: i64 = 100;
        // SAFETY: takes a number and returns one.
        let user_hz = wide(unsafe { libc::sysconf(libc::_SC_CLK_TCK) });
        let user_hz = if user_hz > 0 { user_hz } else { COMMON_USER_HZ };
        Self { nominal_tick: (1_000_000 + user_hz / 2) / user_hz }
    }

    /// Whether this process may steer the clock, found out by telling it the tick that it has already (the
    /// one figure that survives being read and written unrounded). An error of the kind `PermissionDenied`
    /// means that a privilege is missing; any other, that clocks cannot be steered here at all.
    pub fn may_adjust(&self) -> io::Result<()> {
        let mut request = current()?;
        request.modes = libc::ADJ_TICK;
        adjust(&mut request)
    }

    /// Ends what a former daemon may have left running in the kernel: the phase and frequency-locked loops,
    /// the discipline by PPS, the rest of an offset and that of an `adjtime`. Whether the clock counts as
    /// synchronised and what leap is armed stays as it was, and so does the frequency, which is returned.
    ///
    /// The kernel plans its slews by the second, and what it has planned for the present one still happens:
    /// for up to a second the clock may run faster or slower than the returned frequency says.
    pub fn take_over(&self) -> io::Result<Frequency> {
        const KEPT: c_int = libc::STA_UNSYNC | libc::STA_INS | libc::STA_DEL;
        let kept = current()?.status & KEPT;
        drop_adjtime()?;
        drop_offset(kept)?;
        set_status_bits(kept)?;
        self.frequency()
    }

    /// How much faster than nominal the kernel lets the clock run. Needs no privilege.
    pub fn frequency(&self) -> io::Result<Frequency> {
        let now = current()?;
        Ok(Frequency::new(join(wide(now.tick), wide(now.freq), self.nominal_tick)))
    }

    /// By how many seconds TAI is ahead of UTC; `None` where nobody has told the kernel, which counts leap seconds from
    /// zero then. Needs no privilege.
    #[must_use]
    pub fn tai(&self) -> Option<i64> {
        /// In 1972, when leap seconds began; none was ever deleted.
        const LEAST: i64 = 10;
        current().ok().map(|now| i64::from(now.tai)).filter(|ahead| *ahead >= LEAST)
    }

    /// Lets the clock run faster than nominal by `wish` (slower where negative), from now on. The wish is
    /// limited to ±10 % and rounded to 1.5·10⁻¹¹; what the kernel was told is returned. Not-a-number is an
    /// error of the kind `InvalidInput`.
    pub fn set_frequency(&self, wish: Frequency) -> io::Result<Frequency> {
        if wish.as_ratio().is_nan() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (tick, freq) = split(wish.as_ratio(), self.nominal_tick);
        let mut request = zeroed::<libc::timex>();
        request.modes = libc::ADJ_TICK | libc::ADJ_FREQUENCY;
        request.tick = tick as _;
        request.freq = freq as _;
        adjust(&mut request)?;
        Ok(Frequency::new(join(tick, freq, self.nominal_tick)))
    }

    /// Sets the clock forward by `by` (back where negative), at once and to the nanosecond.
    ///
    /// With it the kernel takes the clock for unsynchronised, until [`set_status`](Self::set_status). Where
    /// it cannot step by a difference the clock is read and set, which is some microseconds less exact.
    /// `InvalidInput` if the clock would show a time that the kernel cannot.
    pub fn step(&self, by: NtpDuration) -> io::Result<()> {
        match inject(by) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) => {
                set(clock::raw() + by)
            }
            other => other,
        }
    }

    /// Tells the kernel how good the clock is and which leap second to insert or delete. Its own loops are
    /// and stay switched off.
    pub fn set_status(&self, status: &KernelStatus) -> io::Result<()> {
        let mut request = zeroed::<libc::timex>();
        request.modes = libc::ADJ_STATUS | libc::ADJ_MAXERROR | libc::ADJ_ESTERROR;
        request.status = status_bits(status);
        request.maxerror = error_micros(status.max_error) as _;
        request.esterror = error_micros(status.est_error) as _;
        adjust(&mut request)
    }
}

/// The kernel's NTP state, unchanged.
fn current() -> io::Result<libc::timex> {
    let mut state = zeroed::<libc::timex>();
    adjust(&mut state)?;
    Ok(state)
}

/// Cancels what is left of an `adjtime`.
fn drop_adjtime() -> io::Result<()> {
    let mut request = zeroed::<libc::timex>();
    request.modes = libc::ADJ_OFFSET_SINGLESHOT;
    adjust(&mut request)
}

/// Sets the offset that the phase-locked loop works off to zero. The kernel takes one only with the loop
/// switched on, so it is, until the next change of status.
fn drop_offset(kept: c_int) -> io::Result<()> {
    let mut request = zeroed::<libc::timex>();
    request.modes = libc::ADJ_STATUS | libc::ADJ_OFFSET;
    request.status = kept | libc::STA_PLL;
    adjust(&mut request)
}

fn set_status_bits(status: c_int) -> io::Result<()> {
    let mut request = zeroed::<libc::timex>();
    request.modes = libc::ADJ_STATUS;
    request.status = status;
    adjust(&mut request)
}

/// Steps the clock by a difference.
fn inject(by: NtpDuration) -> io::Result<()> {
    let mut request = zeroed::<libc::timex>();
    request.modes = libc::ADJ_SETOFFSET | libc::ADJ_NANO;
    // The fraction is never negative, and with ADJ_NANO it is in nanoseconds whatever its name says.
    let nanos = by.to_nanos();
    request.time.tv_sec = nanos.div_euclid(1_000_000_000) as _;
    request.time.tv_usec = nanos.rem_euclid(1_000_000_000) as _;
    adjust(&mut request)
}

/// Sets the clock to a date. `InvalidInput` if this machine's `time_t` does not reach it.
fn set(date: RawTime) -> io::Result<()> {
    let (seconds, nanos) = date.to_unix();
    let mut time = zeroed::<libc::timespec>();
    time.tv_sec = seconds as _;
    time.tv_nsec = i64::from(nanos) as _;
    if wide(time.tv_sec) != seconds {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the pointer is to a `timespec` of ours, which outlives the call.
    check(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const time) })?;
    Ok(())
}

/// The call itself. `modes` says what is asked for; with none it only reads. The state comes back in
/// `request`.
fn adjust(request: &mut libc::timex) -> io::Result<()> {
    // SAFETY: the pointer is to a `timex` that is borrowed for the call, and the kernel writes only there.
    check(unsafe { libc::clock_adjtime(libc::CLOCK_REALTIME, &raw mut *request) })?;
    // The return value is the leap second state, which the caller knows better.
    Ok(())
}

/// Units of `freq` (2⁻¹⁶ ppm) in a ratio of one.
const FREQ_PER_RATIO: f64 = 65_536.0 * 1e6;
/// What the kernel takes as `freq`: 500 ppm.
const MAX_FREQ: f64 = 500.0 * 65_536.0;
/// What it takes as `tick`, relative to nominal.
const MAX_RATIO: f64 = 0.1;

/// A rate as `tick` and `freq`. The tick stays nominal for as long as `freq` suffices, so that a clock of
/// usual error never sees its tick changed.
fn split(ratio: f64, nominal_tick: i64) -> (i64, i64) {
    let ratio = ratio.clamp(-MAX_RATIO, MAX_RATIO);
    let ticks = if (ratio * FREQ_PER_RATIO).abs() <= MAX_FREQ { 0.0 } else { ratio * nominal_tick as f64 };
    let most = nominal_tick / 10;
    let tick = nominal_tick + (ticks.round() as i64).clamp(-most, most);
    let rest = ratio - tick_ratio(tick, nominal_tick);
    // With a coarse tick (`USER_HZ` above 1000) the rest may be out of reach, so it is limited once more.
    let freq = (rest * FREQ_PER_RATIO).round().clamp(-MAX_FREQ, MAX_FREQ);
    (tick, freq as i64)
}

/// The rate that `tick` and `freq` make together.
fn join(tick: i64, freq: i64, nominal_tick: i64) -> f64 {
    tick_ratio(tick, nominal_tick) + freq as f64 / FREQ_PER_RATIO
}

fn tick_ratio(tick: i64, nominal_tick: i64) -> f64 {
    (tick - nominal_tick) as f64 / nominal_tick as f64
}

fn status_bits(status: &KernelStatus) -> c_int {
    let unsynchronised = if status.synchronised && status.rtc_sync { 0 } else { libc::STA_UNSYNC };
    let leap = match status.leap {
        Leap::Insert if status.synchronised => libc::STA_INS,
        Leap::Delete if status.synchronised => libc::STA_DEL,
        Leap::None | Leap::Insert | Leap::Delete | Leap::Unsynchronised => 0,
    };
    unsynchronised | leap
}

/// An error in µs, rounded up, as an error must not shrink.
fn error_micros(error: NtpDuration) -> i64 {
    // NTP_PHASE_LIMIT of the kernel.
    const LIMIT: NtpDuration = NtpDuration::from_secs(16);
    let ticks = error.clamp(NtpDuration::ZERO, LIMIT).as_ticks();
    (ticks * 1_000_000 + 0xffff_ffff) >> 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT_100_HZ: i64 = 10_000;

    #[test]
    fn usual_errors_leave_the_tick_alone() {
        assert_eq!(split(0.0, AT_100_HZ), (10_000, 0));
        assert_eq!(split(-12.5e-6, AT_100_HZ), (10_000, -819_200));
        assert_eq!(split(500e-6, AT_100_HZ), (10_000, 32_768_000));
        assert_eq!(split(-500e-6, AT_100_HZ), (10_000, -32_768_000));
        assert_eq!(split(510e-6, AT_100_HZ), (10_005, 655_360));
    }

    #[test]
    fn wishes_beyond_a_tenth_are_limited() {
        assert_eq!(split(0.1, AT_100_HZ), (11_000, 0));
        assert_eq!(split(-7.0, AT_100_HZ), (9_000, 0));
        assert_eq!(split(f64::INFINITY, AT_100_HZ), (11_000, 0));
        // 1024 Hz: the kernel's limit is 1 100 000 / 1024.
        assert!(split(0.1, 977).0 <= 1_074);
    }

    #[test]
    fn not_a_number_is_refused_before_the_kernel_is_asked() {
        let refused = KernelClock::open().set_frequency(Frequency::new(f64::NAN)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn the_present_frequency_can_be_read_by_anyone() {
        let frequency = KernelClock::open().frequency().unwrap();
        assert!(frequency.abs() <= Frequency::new(0.11), "{frequency}");
    }

    #[test]
    fn only_a_synchronised_clock_has_leap_seconds() {
        let good = KernelStatus {
            synchronised: true,
            rtc_sync: true,
            leap: Leap::Insert,
            max_error: NtpDuration::ZERO,
            est_error: NtpDuration::ZERO,
        };
        assert_eq!(status_bits(&good), libc::STA_INS);
        assert_eq!(status_bits(&KernelStatus { leap: Leap::Delete, ..good }), libc::STA_DEL);
        assert_eq!(status_bits(&KernelStatus { leap: Leap::Unsynchronised, ..good }), 0);
        assert_eq!(status_bits(&KernelStatus { rtc_sync: false, ..good }), libc::STA_INS | libc::STA_UNSYNC);
        assert_eq!(status_bits(&KernelStatus { synchronised: false, ..good }), libc::STA_UNSYNC);
    }

    #[test]
    fn errors_are_rounded_up_and_limited() {
        assert_eq!(error_micros(NtpDuration::from_ticks(1)), 1);
        assert_eq!(error_micros(NtpDuration::from_secs(1)), 1_000_000);
        assert_eq!(error_micros(NtpDuration::MAX), 16_000_000);
        assert_eq!(error_micros(NtpDuration::MIN), 0);
    }

    proptest! {
        #[test]
        fn what_is_achieved_is_what_was_wished(
            ratio in -0.1..=0.1f64,
            nominal in prop_oneof![Just(AT_100_HZ), Just(4_000), Just(1_000)],
        ) {
            let (tick, freq) = split(ratio, nominal);
            prop_assert!(freq.abs() <= 32_768_000);
            prop_assert!((tick - nominal).abs() <= nominal / 10);
            let half_a_unit = 0.5 / FREQ_PER_RATIO;
            prop_assert!((join(tick, freq, nominal) - ratio).abs() <= half_a_unit + 1e-16);
        }

        #[test]
        fn a_small_wish_keeps_the_nominal_tick(ratio in -500e-6..=500e-6f64) {
            prop_assert_eq!(split(ratio, AT_100_HZ).0, AT_100_HZ);
        }
    }
}
