//! The production engine in worlds of known truth: each test is a short story with numeric limits.
//!
//! The oracle is the simulated true time, which the engine cannot see. Runs are functions of their seed, and
//! every limit that fails names it.

#[macro_use]
mod common;

mod changes;
mod damage;
mod disturbances;
mod eras;
mod liars;
mod local;
mod permission;
mod persistence;
mod pool;
mod replay;
mod steering;
mod truth;
