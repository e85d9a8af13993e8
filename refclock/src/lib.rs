//! Reference clocks of this machine: what they show, and how they are.
//!
//! ```text
//!  serial line ─▶ nmea ─┐
//!  /dev/pps0   ─▶ pps  ─┤
//!  SysV memory ─▶ shm  ─┼─▶ Reading (what it showed, what the system clock showed then) ─▶ engine
//!  socket      ─▶ sock ─┤
//!  /dev/ptp0   ─▶ phc  ─┤ ─▶ Status  (signal, fix, satellites, last pulse: for people)
//!  /dev/rtc0   ─▶ rtc  ─┘
//! ```
//!
//! A [`Driver`] is one open device. It reads what is there and never waits, so that whoever holds it decides how to;
//! it says what to wait for. What it cannot read any more it gives up with an error; the holder opens it again later.
//! What is believed of readings, which second a pulse begins, and what becomes of the clock is the engine's to decide.

mod civil;
mod context;
mod driver;
pub mod nmea;
pub mod phc;
pub mod pps;
pub mod rtc;
mod serial;
pub mod shm;
pub mod sock;
mod stamp;
mod sys;

pub use driver::{Driver, Wait};
