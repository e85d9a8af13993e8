//! The tools of the rig, one module each; `rigtool` makes them subcommands.
//!
//! ```text
//!               CLOCK_MONOTONIC_RAW (no program can steer it)
//!                       │ truth
//!            ┌──────────┼─────────────────┐
//!          serve       judge             ask    pps, nmea, shm, sock, phc: reference clocks
//!            ╎ NTP      │ error of        ╎ NTP    ╎ /dev/pps0, a tty, memory, a socket, /dev/ptp0
//!            ▼          │                 ▼        ▼
//!     daemon under test ─steers─► CLOCK_REALTIME ◄─ adjust (set, step, freq: "another program")
//! ```

pub mod adjust;
pub mod ask;
pub mod chance;
pub mod judge;
pub mod nmea;
pub mod packet;
pub mod phc;
pub mod pps;
pub mod sentences;
pub mod serve;
pub mod shm;
pub mod sock;
pub mod socket;
pub mod sys;
pub mod truth;
