//! A deterministic world for the production engine.
//!
//! Only clock, network, timers and randomness are virtual; the engine is the one that `ntpd` runs. A seed
//! gives the same run on every machine.
//!
//! | module | is |
//! |---|---|
//! | [`oscillator`] | what makes a clock wrong |
//! | [`clock`] | a kernel clock on top of it: rate, steps, resolution |
//! | [`network`] | what delays and loses packets |
//! | [`server`] | a time server with a clock of known error |
//! | [`world`] | all of them together, driving one engine through true time |
//! | [`statistics`] | what came of it |

pub mod clock;
pub mod network;
pub mod oscillator;
pub mod random;
pub mod server;
pub mod statistics;
pub mod world;

pub use world::{Scenario, World};
