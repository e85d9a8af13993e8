//! When the loop wakes up by itself.

use std::io;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

use super::libc_may_be_intercepted;
use crate::sys::timer::Timer;
use crate::sys::watched::watch;

/// A timer of the kernel or, where there is none, of the event loop.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    timer: Option<AsyncFd<Timer>>,
    set_to: Option<Instant>,
}

impl Alarm {
    /// With a timer of the kernel.
    ///
    /// # Errors
    /// When none can be had.
    pub(super) fn new() -> io::Result<Self> {
        let timer = watch(Timer::new()?, Interest::READABLE)?;
        Ok(Self { timer: Some(timer), set_to: None })
    }

    /// With a timer of the kernel, or of the event loop where there is none or libc may not be the kernel's.
    pub(super) fn best() -> Self {
        if libc_may_be_intercepted() { Self::default() } else { Self::new().unwrap_or_default() }
    }

    /// Waits until `moment`, or not at all if that has passed.
    pub(super) async fn wait_until(&mut self, moment: Instant) {
        let Some(timer) = &self.timer else { return sleep_until(moment).await };
        if self.set_to != Some(moment) {
            let wait = moment.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return;
            }
            if timer.get_ref().set(wait).is_err() {
                return sleep_until(moment).await;
            }
            self.set_to = Some(moment);
        }
        while Instant::now() < moment {
            match timer.readable().await {
                Ok(mut ready) => ready.clear_ready(),
                Err(_) => return sleep_until(moment).await,
            }
        }
        self.set_to = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn waits(mut alarm: Alarm) {
        for millis in [20, 0, 5] {
            let moment = Instant::now() + Duration::from_millis(millis);
            // Other things happen meanwhile.
            for _ in 0..3 {
                let early = tokio::time::timeout(Duration::from_millis(1), alarm.wait_until(moment)).await;
                assert!(early.is_err() || Instant::now() >= moment);
            }
            alarm.wait_until(moment).await;
            assert!(Instant::now() >= moment && moment.elapsed() < Duration::from_secs(5));
        }
    }

    #[tokio::test]
    async fn either_kind_waits_until_the_moment_and_can_be_interrupted() {
        waits(Alarm::new().unwrap()).await;
        waits(Alarm::default()).await;
    }
}
