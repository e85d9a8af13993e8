//! `ntpctl`: asks a running ntpd, measures other servers, checks configurations.

use std::process::ExitCode;

fn main() -> ExitCode {
    ntpd::ctl::main()
}
