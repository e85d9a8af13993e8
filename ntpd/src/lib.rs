//! The Truechimer daemon: the engine of [`ntp_engine`], connected to a Linux machine.
//!
//! | module | is |
//! |---|---|
//! | [`sys`] | the kernel's edge: clocks, sockets, stamps. The only place with `unsafe` |
//! | [`control`] | the unix socket for `ntpctl` |

pub mod control;
pub mod sys;
