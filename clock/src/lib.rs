//! Timekeeping as mathematics: from samples of servers to what should be done to the clock.
//!
//! Nothing here reads a clock or knows a packet. Reading order follows the data:
//!
//! ```text
//!  readings of reference clocks ─▶ batch ─┐
//!  stamp ─▶ timeline ─▶ Sample ─▶ filter ─▶ Estimate ─▶ select ─▶ combine ─▶ steer ─▶ Correction
//!          (raw→free)            (per source)          (reasons)                (step, slew, rate)
//!                                   └──▶ poll (how often to ask)
//! ```
//!
//! All measurements live on the *free-running* clock ([`ntp_proto::time::FreeTime`]): the system clock with
//! every correction that it ever got taken out again. Steering therefore never disturbs what is remembered.

#![forbid(unsafe_code)]

mod batch;
mod combine;
mod estimate;
pub mod filter;
mod poll;
mod reading;
mod sample;
pub mod select;
pub mod steer;
mod timeline;

pub use batch::{Batch, Gist};
pub use combine::disagreement;
pub use estimate::Estimate;
pub use filter::{Ensemble, Learnt, Observation, Portrait, SourceFilter, Voice};
pub use poll::{Decision, Interval, Pace, PollAdvice, Why};
pub use reading::{Reading, Shows};
pub use sample::Sample;
pub use timeline::{ClockEpoch, Stamp, Timeline};
