//! The Truechimer daemon: the engine of [`ntp_engine`], connected to a Linux machine.
//!
//! | module | is |
//! |---|---|
//! | [`sys`] | the kernel's edge: clocks, sockets, stamps. The only place with `unsafe` |
//! | [`daemon`] | the loop, sockets and files around the engine |
//! | [`control`] | the unix socket for `ntpctl` |
//! | [`ctl`] | `ntpctl` itself |

pub mod control;
pub mod ctl;
pub mod daemon;
pub mod sys;
