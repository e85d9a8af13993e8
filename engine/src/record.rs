//! Recordings: everything that reached an engine, so that its decisions can be made again.
//!
//! A recording is a list of [`Line`]s, one JSON value each. Since an engine is a function of its options, its
//! seed and its inputs, [`replay`] gives exactly the actions of the recorded run.

use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::engine::Engine;
use crate::input::{Input, Now};
use crate::options::Options;

/// The seed of an engine's random numbers.
pub type Seed = [u8; 32];

/// One line of a recording. The first is a `Start`.
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
    /// Something reached it.
    Input {
        /// When.
        now: Now,
        /// What.
        input: Input<'a>,
    },
}

/// An engine as its seed makes it.
#[must_use]
pub fn start(options: Options, seed: Seed, now: Now) -> Engine {
    Engine::new(options, ChaCha12Rng::from_seed(seed), now)
}

/// Runs a recording and hands every action to `act`, with the time of the input that caused it. Returns the
/// engine as it ended; `None` if the recording does not begin with a start.
pub fn replay<'a>(
    lines: impl IntoIterator<Item = Line<'a>>,
    mut act: impl FnMut(Now, Action),
) -> Option<Engine> {
    let mut lines = lines.into_iter();
    let Some(Line::Start { now, seed, options }) = lines.next() else { return None };
    let mut engine = start(*options, seed, now);
    let mut drain = |engine: &mut Engine, now| {
        while let Some(action) = engine.poll_action() {
            act(now, action);
        }
    };
    drain(&mut engine, now);
    for line in lines {
        match line {
            Line::Start { now, seed, options } => engine = start(*options, seed, now),
            Line::Input { now, input } => {
                engine.handle(now, input);
                drain(&mut engine, now);
            }
        }
    }
    Some(engine)
}
