//! What systemd is told. Without it, nothing happens here.

use sd_notify::NotifyState;

/// The service runs.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The service ends.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// One line for `systemctl status`.
pub(super) fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(event = "systemd_error", %error, "systemd was not told");
    }
}
