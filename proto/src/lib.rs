//! NTP as bytes and rules, with no clock, no socket and no random source of its own.
//!
//! Reading order: [`time`] (what a number of seconds means).

#![forbid(unsafe_code)]

pub mod packet;
pub mod time;
