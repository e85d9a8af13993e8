//! Exit codes, after `sysexits.h` where it has one, and the failures that lead to them.
//!
//! What a code means is written once, in [`Exit::MEANINGS`], and printed by `--help`.

use std::process::ExitCode;

/// What the program ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exit(u8);

impl Exit {
    /// Done; of a question: yes.
    pub(super) const OK: Self = Self(0);
    /// The answer is no.
    pub(super) const NO: Self = Self(1);
    /// EX_USAGE: the command line is wrong.
    pub(super) const USAGE: Self = Self(64);
    /// EX_NOINPUT: a file cannot be read.
    pub(super) const NO_INPUT: Self = Self(66);
    /// EX_NOHOST: a name has no address.
    pub(super) const NO_HOST: Self = Self(68);
    /// EX_UNAVAILABLE: nobody answers.
    pub(super) const UNAVAILABLE: Self = Self(69);
    /// EX_OSERR: the system does not give what it always gives.
    pub(super) const SYSTEM: Self = Self(71);
    /// EX_IOERR: the results cannot be written.
    pub(super) const IO: Self = Self(74);
    /// EX_PROTOCOL: the daemon's answer is not understood.
    pub(super) const PROTOCOL: Self = Self(76);
    /// EX_CONFIG: the configuration has errors.
    pub(super) const CONFIG: Self = Self(78);

    const MEANINGS: [(Self, &str); 10] = [
        (Self::OK, "done; of status and waitsync: the clock is synchronised; of access: it may ask"),
        (Self::NO, "no: not synchronised, not served, or the server or the daemon answered but declined"),
        (Self::USAGE, "the command line is wrong"),
        (Self::NO_INPUT, "the file cannot be read"),
        (Self::NO_HOST, "the name has no address"),
        (Self::UNAVAILABLE, "the daemon or the server cannot be reached"),
        (Self::SYSTEM, "the system has no random numbers to give"),
        (Self::IO, "the results cannot be written"),
        (Self::PROTOCOL, "the daemon's answer is not understood: versions differ"),
        (Self::CONFIG, "the configuration has errors"),
    ];

    /// All codes with their meanings, for `--help`.
    pub(super) fn help() -> String {
        let lines = Self::MEANINGS.map(|(exit, meaning)| format!("  {:>2}  {meaning}", exit.0));
        format!("Exit codes:\n{}", lines.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// Why a command could not be carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// What the program ends with.
    pub(super) exit: Exit,
    /// What is said on standard error; lower-case, without a full stop.
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

/// How a command ends.
pub(super) type Outcome = Result<Exit, Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_code_once_in_order() {
        let codes = Exit::MEANINGS.map(|(exit, _)| exit.0);
        assert!(codes.is_sorted_by(|a, b| a < b));
        assert!(Exit::help().contains("  69  the daemon or the server cannot be reached\n"));
    }
}
