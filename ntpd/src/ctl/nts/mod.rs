//! `ntpctl nts`: keys for authenticated time, from both sides.
//!
//! | file | holds |
//! |---|---|
//! | `ke.rs` | what a server negotiates |
//! | `server.rs` | what this daemon gives |
//! | `selfsign.rs` | certificates for laboratories |

mod ke;
mod selfsign;
mod server;

use std::path::Path;

use super::args::NtsCommand;
use super::exit::Outcome;
use super::output::Output;

/// Carries one of them out.
pub(super) fn run(socket: &Path, command: &NtsCommand, out: &mut Output) -> Outcome {
    match command {
        NtsCommand::Ke(args) => ke::run(args, out),
        NtsCommand::Server(form) => server::run(socket, form.json, out),
        NtsCommand::Keys(form) => server::keys(socket, form.json, out),
        NtsCommand::Selfsign(args) => selfsign::run(args, out),
    }
}
