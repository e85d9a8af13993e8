//! The edge to the Linux kernel: its clock, its clock controls and UDP sockets with its time stamps.
//!
//! In reading order:
//!
//! | file | holds |
//! |---|---|
//! | [`clock`] | reading the clocks |
//! | [`kernel_clock`] | steering the system clock: rate, step, status |
//! | [`clock_watch`] | hearing that somebody set the clock |
//! | [`timer`] | waking up at a moment |
//! | [`udp`] | UDP sockets that stamp what they receive and send |
//! | [`unix_socket`] | whether somebody listens at one |
//! | [`batch`] | many datagrams in one call, and their replies |
//! | [`waiting`] | a thread that sleeps until one of its descriptors has something |
//! | [`descriptors`] | how many may be open |
//! | [`interface`] | names and numbers of network interfaces |
//! | [`hwstamp`] | which of them stamp packets |
//! | [`readiness`] | whether writing would block |
//! | [`watched`] | descriptors that the event loop waits for |
//! | `socket` | the socket calls behind `udp`, one per function |
//! | `choice` | which of several sockets at one address a client reaches |
//! | `cmsg` | control messages: time stamps and packet information |
//! | `address` | socket addresses as the kernel wants them |
//! | `plain` | C structures as bytes |
//!
//! There is no policy here: nothing retries, waits, logs or decides, and nothing is remembered except which
//! stamps a socket was granted. A call that fails says so as an [`io::Error`], and the caller adds what it
//! was for.
//!
//! Only ordinary libc calls are made, no raw system calls, so a simulator that stands between a program and
//! its libc can supply clock and network. Such a world may know no clocks but `CLOCK_REALTIME` and
//! `CLOCK_MONOTONIC` and may end a program that asks for more, so five things are not for it:
//! [`clock::suspended`], [`clock::thread_time`], [`clock_watch`], [`timer`] and [`hwstamp`]. They say so.
//!
//! Descriptors are marked close-on-exec after they have been made, because not every such library takes the
//! flags along with `socket`. Nobody may fork and exec in between.

// The one place that may; each block says why it is sound.
#![allow(unsafe_code)]

mod address;
pub mod batch;
mod choice;
pub mod clock;
pub mod clock_watch;
mod cmsg;
pub mod descriptors;
pub mod hwstamp;
pub mod interface;
pub mod kernel_clock;
mod plain;
pub mod readiness;
mod socket;
pub mod timer;
pub mod udp;
pub mod unix_socket;
pub mod waiting;
pub mod watched;

use std::io;
use std::os::raw::c_int;

/// The result of a libc call that reports failure as a negative number and `errno`.
fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
