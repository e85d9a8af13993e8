//! A deterministic world for the production engine.
//!
//! Only clock, network, timers and randomness are virtual; the engine is the one that `ntpd` runs. A seed
//! gives the same run on every machine.
//!
//! | module | is |
//! |---|---|
//! | [`oscillator`] | what makes a clock wrong |
//! | [`clock`] | a kernel clock on top of it: rate, steps, resolution |
//! | [`stamps`] | how well the client stamps its packets |
//! | [`delay`] | how delays are distributed |
//! | [`network`] | what delays, loses and doubles packets |
//! | [`server`] | a time server with a clock of known error |
//! | [`refclock`] | a reference clock of the client's machine |
//! | [`change`] | what happens to all of these in the course of time |
//! | [`world`] | all of them together, driving one engine through true time |
//! | [`statistics`] | errors over time as a few figures |
//! | [`case`](mod@case) | a scenario as it is written down, with what others reached in it |
//! | [`trial`] | one run of a case, watched second by second |
//! | [`summary`] | many runs as one line of a table |
//! | [`target`] | what is asked of that line |
//! | [`table`] | many lines, computed on all cores |
//! | [`plot`] | a picture of one run |
//! | [`replay`](mod@replay) | recordings of real runs, made again and made otherwise |

pub mod case;
pub mod change;
pub mod clock;
pub mod delay;
pub mod network;
pub mod oscillator;
pub mod plot;
pub mod random;
pub mod refclock;
pub mod replay;
pub mod server;
pub mod stamps;
pub mod statistics;
pub mod summary;
pub mod table;
pub mod target;
pub mod trial;
pub mod world;

pub use case::{Case, Polling};
pub use world::{Scenario, World};
