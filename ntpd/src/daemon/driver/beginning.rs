//! What is made ready before the loop begins.

use ntp_engine::{Input, Now, Options, SavedKeys};

use crate::daemon::clock::MachineClock;
use crate::daemon::hwstamp::HwStamps;
use crate::daemon::nts::saved;
use crate::daemon::problems::Problems;
use crate::daemon::recorded::RecordedEngine;
use crate::daemon::recorder::Recorder;
use crate::daemon::segments::Segments;
use crate::daemon::settings::Settings;
use crate::daemon::{drift, history, libc_may_be_intercepted};
use crate::sys::clock;

/// The engine's options, and whether the kernel refuses what they ask for.
pub(super) fn options(
    settings: &Settings,
    clock: &mut MachineClock,
    problems: &mut Problems,
) -> (Options, bool) {
    let mut options = settings.options();
    options.saved_keys = saved_keys(settings, problems);
    options.precision = clock::precision();
    options.initial_rate = clock.rate();
    let mut denied = false;
    if options.adjust {
        let taken = clock.take_over();
        let then = "measuring and serving only; tried again every minute";
        match problems.note("kernel clock", taken, then) {
            Some(rate) => options.initial_rate = rate,
            None => denied = true,
        }
    }
    if let Some(path) = &settings.drift_file {
        let topic = format!("drift file {}", path.display());
        options.drift = problems.note(&topic, drift::read(path), "starting without it").flatten();
        options.nts.not_before = options.nts.not_before.max(drift::written(path).unwrap_or(i64::MIN));
    }
    (options, denied)
}

/// Network cards that stamp packets. A world in which libc is intercepted has none.
pub(super) fn hardware_stamps(settings: &Settings) -> HwStamps {
    if libc_may_be_intercepted() {
        HwStamps::default()
    } else {
        HwStamps::new(settings.hardware_timestamps())
    }
}

/// What the last run left to ask with.
fn saved_keys(settings: &Settings, problems: &mut Problems) -> Vec<SavedKeys> {
    let topic = format!("cookie file {}", settings.cookie_file.display());
    let taken = problems.note(&topic, saved::take(&settings.cookie_file), "new cookies are fetched");
    taken.unwrap_or_default()
}

/// Writes down what reaches the engine, if that is wanted.
pub(super) fn recorder(settings: &Settings, problems: &mut Problems) -> Option<Recorder> {
    let recording = settings.recording.as_ref()?;
    let started = Recorder::start(Segments::new(recording.file.clone(), recording.limit));
    let topic = format!("recording {}", recording.file.display());
    problems.note(&topic, started, "nothing is recorded")
}

/// What the last run learnt, if it is there and the clock is still the same.
pub(super) fn recall(engine: &mut RecordedEngine, now: Now, settings: &Settings, problems: &mut Problems) {
    let topic = format!("history file {}", settings.history_file.display());
    let found = problems.note(&topic, history::take(&settings.history_file), "starting without it");
    if let Some(history) = found.flatten() {
        engine.handle(now, Input::Recall(Box::new(history)));
    }
}
