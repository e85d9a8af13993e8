//! The daemon: a thread that connects an engine to the machine, and others that serve.
//!
//! ```text
//!  reference clocks ──────────┐
//!  requests (client sockets) ─┤                        ┌─▶ requests sent
//!  look-ups (threads)         ├─▶ Happening ─▶ Engine ─┼─▶ kernel clock
//!  control connections        │      ▲                 ├─▶ drift file
//!  signals, clock watch ──────┘      └── timer         └─▶ TimeSnapshot ─▶ server sockets
//! ```
//!
//! There are no decisions here: whatever arrives goes to the engine, whatever it wants is done. What fails is
//! an entry of `problems` and is tried again.
//!
//! | file | holds |
//! |---|---|
//! | `settings.rs` | from configuration file and command line to what the parts need |
//! | `driver.rs` | the loop |
//! | `driver/beginning.rs` | what is made ready before it begins |
//! | `driver/answers.rs` | what operators ask |
//! | `driver/reload.rs` | what is read again while it runs |
//! | `alarm.rs` | when it wakes up by itself |
//! | `endings.rs` | what tells it to end |
//! | `clock.rs` | the kernel clock as the engine's servant, and its jumps |
//! | `requests.rs` | a socket for each request |
//! | `one_port.rs` | or one for all of them |
//! | `hwstamp/` | network cards that stamp them |
//! | `listener.rs` | a place to serve at |
//! | `serve/` | the sockets that are served on, and the threads behind them |
//! | `refclocks/` | the reference clocks of this machine |
//! | `lookup.rs` | names |
//! | `nts/` | keys for our requests, and for those who ask us |
//! | `source_files.rs` | files that name more sources |
//! | `drift.rs` | the drift file |
//! | `head_start.rs` | the time before anybody was asked |
//! | `history.rs` | what the sources have taught, for the next run |
//! | `state.rs` | files that survive the daemon |
//! | `operator.rs` | whether a command makes sense |
//! | `recorded.rs` | the engine, with all that reaches it written down |
//! | `recorder.rs` | the thread that does so |
//! | `segments.rs` | its files |
//! | `problems.rs` | what does not work right now |
//! | `log.rs` | where words go |
//! | `turns.rs` | how long the loop is busy at a time |
//! | `notify.rs` | what systemd is told |

mod alarm;
mod clock;
mod drift;
mod driver;
mod endings;
mod head_start;
mod history;
mod hwstamp;
mod listener;
pub mod log;
mod lookup;
mod notify;
mod nts;
mod one_port;
mod operator;
mod problems;
mod recorded;
mod recorder;
pub mod refclocks;
mod requests;
mod segments;
mod serve;
pub mod settings;
mod source_files;
mod state;
mod turns;

pub use driver::run;

/// Whether some library may stand between us and libc, as a simulator's does. What such libraries are known
/// not to stand is then left out.
fn libc_may_be_intercepted() -> bool {
    std::env::var_os("LD_PRELOAD").is_some_and(|preloaded| !preloaded.is_empty())
}
