//! The engine behind a recorder: what reaches it and what it wants done is written down, if that is wanted.

use std::io;
use std::ops::Deref;

use ntp_engine::record::{Line, Seed, start};
use ntp_engine::{Action, Engine, Event, Input, Now, Options};

use super::recorder::Recorder;

#[derive(Debug)]
pub(super) struct RecordedEngine {
    engine: Engine,
    /// When anything reached it last.
    now: Now,
    recorder: Option<Recorder>,
}

impl RecordedEngine {
    /// An engine that starts `now`.
    pub(super) fn start(options: Options, seed: Seed, now: Now, mut recorder: Option<Recorder>) -> Self {
        if let Some(recorder) = &mut recorder {
            recorder.begin(Line::Start { now, seed, options: Box::new(options.clone()) });
        }
        Self { engine: start(options, seed, now), now, recorder }
    }

    /// As [`Engine::handle`].
    pub(super) fn handle(&mut self, now: Now, input: Input<'static>) {
        self.now = now;
        if let Some(recorder) = self.recorder.as_mut().filter(|r| r.is_going()) {
            recorder.add(Line::Input { now, input: input.clone() });
        }
        self.engine.handle(now, input);
    }

    /// As [`Engine::poll_event`].
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.engine.poll_event()
    }

    /// As [`Engine::poll_action`]. When nothing is left to do, a segment of the recording may begin.
    pub(super) fn poll_action(&mut self) -> Option<Action> {
        let action = self.engine.poll_action();
        if let Some(recorder) = &mut self.recorder {
            match &action {
                Some(action) if recorder.is_going() => recorder.add(Line::Action(action.clone())),
                None if recorder.wants_to_begin() => {
                    recorder.begin(Line::State { now: self.now, engine: Box::new(self.engine.clone()) });
                }
                _ => {}
            }
        }
        action
    }

    /// Whether something should be recorded and is not.
    pub(super) fn recording_is_interrupted(&self) -> bool {
        self.recorder.as_ref().is_some_and(|recorder| !recorder.is_going())
    }

    /// An interrupted recording may begin anew when nothing is left to do.
    pub(super) fn record_again(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.try_again();
        }
    }

    /// What became of the recording, as [`Recorder::hear`].
    pub(super) fn hear_of_recording(&mut self) -> Option<io::Result<()>> {
        self.recorder.as_mut()?.hear()
    }

    /// Nothing is recorded any more.
    pub(super) fn end_recording(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            recorder.end();
        }
    }
}

impl Deref for RecordedEngine {
    type Target = Engine;
    fn deref(&self) -> &Engine {
        &self.engine
    }
}
