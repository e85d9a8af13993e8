//! Asking the daemon, and what is said when it cannot be asked.
//!
//! Knows nothing of what the report means; the transport is [`crate::control::client`].

use std::io::{self, ErrorKind};
use std::path::Path;

use ntp_engine::{Command, Explanation, Target};

use super::exit::{Exit, Failure, Outcome};
use super::output::talk;
use crate::control::client::ask;
use crate::control::{ClientsQuery, ClientsReport, DaemonReport, Request, Response};

/// Everything that the daemon behind `socket` has to show.
pub(super) fn report(socket: &Path) -> Result<DaemonReport, Failure> {
    match ask(socket, &Request::Report) {
        Ok(Response::Report(report)) => Ok(*report),
        Ok(Response::Error(reason)) => Err(declined(&reason)),
        Ok(_) => Err(not_understood(socket, "it sent no report")),
        Err(error) => Err(unreachable(socket, &error)),
    }
}

/// Who asks it for the time.
pub(super) fn clients(socket: &Path, query: ClientsQuery) -> Result<ClientsReport, Failure> {
    match ask(socket, &Request::Clients(query)) {
        Ok(Response::Clients(report)) => Ok(report),
        Ok(Response::Error(reason)) => Err(declined(&reason)),
        Ok(_) => Err(not_understood(socket, "it sent no clients")),
        Err(error) => Err(unreachable(socket, &error)),
    }
}

/// Why it uses these sources or not.
pub(super) fn explain(socket: &Path, whom: Target) -> Result<Explanation, Failure> {
    match ask(socket, &Request::Explain(whom)) {
        Ok(Response::Explanation(explanation)) => Ok(*explanation),
        Ok(Response::Error(reason)) => Err(declined(&reason)),
        Ok(_) => Err(not_understood(socket, "it explained nothing")),
        Err(error) => Err(unreachable(socket, &error)),
    }
}

/// Has the daemon do something. Says nothing if it did.
pub(super) fn order(socket: &Path, command: Command) -> Outcome {
    demand(socket, &Request::Do(command))
}

/// Has the daemon leave what its sources have taught for a next run.
pub(super) fn dump(socket: &Path) -> Outcome {
    demand(socket, &Request::Dump)
}

/// The configuration is read again.
pub(super) fn reload(socket: &Path) -> Outcome {
    demand(socket, &Request::Reload)
}

/// Has the daemon read its files of sources again. What it skips is said, and is no failure: the rest counts.
pub(super) fn reload_sources(socket: &Path) -> Outcome {
    demand(socket, &Request::ReloadSources)
}

fn demand(socket: &Path, request: &Request) -> Outcome {
    match ask(socket, request) {
        Ok(Response::Done) => Ok(Exit::OK),
        Ok(Response::Skipped(complaints)) => {
            complaints.iter().for_each(talk);
            Ok(Exit::OK)
        }
        Ok(Response::Error(reason)) => Err(declined(&reason)),
        Ok(_) => Err(not_understood(socket, "it sent a report")),
        Err(error) => Err(unreachable(socket, &error)),
    }
}

fn declined(reason: &str) -> Failure {
    Failure::new(Exit::NO, format!("ntpd says: {reason}"))
}

fn not_understood(socket: &Path, detail: &str) -> Failure {
    let socket = socket.display();
    Failure::new(
        Exit::PROTOCOL,
        format!("what answers at {socket} is not understood ({detail}): are ntpd and ntpctl of one version?"),
    )
}

/// What went wrong, and what one can do about it.
fn unreachable(socket: &Path, error: &io::Error) -> Failure {
    let advice = match error.kind() {
        ErrorKind::NotFound => {
            "there is no such socket; is ntpd running, and with this path? (systemctl status ntpd, \
             ntpctl --socket PATH)"
        }
        ErrorKind::ConnectionRefused => "nobody listens there; has ntpd ended? (systemctl status ntpd)",
        ErrorKind::PermissionDenied => "no permission; become root or a member of the group ntpd",
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "it does not answer; see its log (journalctl -u ntpd)",
        // What does not end in a whole JSON value is an early end, what is no JSON of ours is invalid.
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            "it hung up without an answer; is it ending? (systemctl status ntpd)"
        }
        ErrorKind::InvalidData => return not_understood(socket, &error.to_string()),
        _ => {
            return Failure::new(
                Exit::UNAVAILABLE,
                format!("cannot ask ntpd at {}: {error}", socket.display()),
            );
        }
    };
    Failure::new(Exit::UNAVAILABLE, format!("cannot ask ntpd at {}: {advice}", socket.display()))
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::thread;

    use super::*;

    /// A daemon that gives one answer to whatever it is asked, once.
    fn answering(answer: &'static str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ntpd.sock");
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            BufReader::new(&stream).read_line(&mut String::new()).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        (directory, path)
    }

    fn failure(answer: &'static str) -> Failure {
        let (_directory, path) = answering(answer);
        report(&path).unwrap_err()
    }

    #[test]
    fn a_daemon_that_is_not_there_is_unavailable() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ntpd.sock");
        let failure = report(&path).unwrap_err();
        assert_eq!(failure.exit, Exit::UNAVAILABLE);
        assert!(failure.message.contains("is ntpd running"), "{}", failure.message);
        // A socket that its owner left behind.
        drop(UnixListener::bind(&path).unwrap());
        assert!(report(&path).unwrap_err().message.contains("nobody listens"));
    }

    #[test]
    fn answers_of_another_version_are_not_taken_for_silence() {
        assert_eq!(failure("\"done\"\n").exit, Exit::PROTOCOL);
        assert_eq!(failure("{\"new\":1}\n").exit, Exit::PROTOCOL);
        assert_eq!(failure("").exit, Exit::UNAVAILABLE);
    }

    #[test]
    fn orders_are_done_or_declined() {
        let (_directory, path) = answering("\"done\"\n");
        assert_eq!(order(&path, Command::Step), Ok(Exit::OK));
        let (_directory, path) = answering("{\"error\":\"not now\"}\n");
        let failure = order(&path, Command::Refresh).unwrap_err();
        assert_eq!((failure.exit, &*failure.message), (Exit::NO, "ntpd says: not now"));
    }
}
