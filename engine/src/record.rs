//! Recordings: everything that reached an engine and everything that it decided, so that its decisions can be made
//! again and compared.
//!
//! A recording is a list of [`Line`]s, one JSON value each. Since an engine is a function of its options, its
//! seed and its inputs, [`replay`] gives exactly the actions of the recorded run. It may begin at any moment of
//! an engine's life, with all that the engine is.

use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::engine::Engine;
use crate::input::{Input, Now};
use crate::options::Options;

/// The seed of an engine's random numbers.
pub type Seed = [u8; 32];

/// One line of a recording. The first is a `Start` or a `State`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line<'a> {
    /// An engine begins.
    Start {
        /// When.
        now: Now,
        /// Its random numbers.
        seed: Seed,
        /// What it was made from.
        options: Box<Options>,
    },
    /// An engine that runs already.
    State {
        /// When anything reached it last.
        now: Now,
        /// All of it; nothing waited to be done.
        engine: Box<Engine>,
    },
    /// Something reached it.
    Input {
        /// When.
        now: Now,
        /// What.
        input: Input<'a>,
    },
    /// It wanted something done. In the order in which that was done: between an action and the inputs before it
    /// that caused it there may be others.
    Action(Action),
}

impl Line<'_> {
    /// The engine that the line brings, with its time.
    #[must_use]
    pub fn engine(&self) -> Option<(Now, Engine)> {
        match self {
            Self::Start { now, seed, options } => Some((*now, start((**options).clone(), *seed, *now))),
            Self::State { now, engine } => Some((*now, (**engine).clone())),
            Self::Input { .. } | Self::Action(_) => None,
        }
    }
}

/// An engine as its seed makes it.
#[must_use]
pub fn start(options: Options, seed: Seed, now: Now) -> Engine {
    Engine::new(options, ChaCha12Rng::from_seed(seed), now)
}

/// Runs a recording and hands every action to `act`, with the time of the input that caused it. Returns the
/// engine as it ended; `None` if the recording begins with no engine.
pub fn replay<'a>(
    lines: impl IntoIterator<Item = Line<'a>>,
    mut act: impl FnMut(Now, Action),
) -> Option<Engine> {
    let mut lines = lines.into_iter();
    let (now, mut engine) = lines.next()?.engine()?;
    let mut drain = |engine: &mut Engine, now| {
        while let Some(action) = engine.poll_action() {
            act(now, action);
        }
    };
    drain(&mut engine, now);
    for line in lines {
        if let Some((now, other)) = line.engine() {
            engine = other;
            drain(&mut engine, now);
        } else if let Line::Input { now, input } = line {
            engine.handle(now, input);
            drain(&mut engine, now);
        }
    }
    Some(engine)
}
