//! Receivers of NMEA 0183 on a line in simulated time.

mod behaviour;
mod line;
mod receivers;
mod streams;
mod trouble;
