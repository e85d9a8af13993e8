//! The tools of the rig, one module each; `rigtool` makes them subcommands.
//!
//! ```text
//!               CLOCK_MONOTONIC_RAW (no program can steer it)
//!                       │ truth
//!            ┌──────────┼─────────────────┐
//!          serve       judge             ask
//!            ╎ NTP      │ error of        ╎ NTP
//!            ▼          │                 ▼
//!     daemon under test ─steers─► CLOCK_REALTIME ◄─ adjust (set, step, freq: "another program")
//! ```

pub mod adjust;
pub mod ask;
pub mod judge;
pub mod packet;
pub mod serve;
pub mod socket;
pub mod sys;
pub mod truth;
