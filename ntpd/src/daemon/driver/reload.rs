//! What is read again while the daemon runs: the configuration, and the files of sources.
//!
//! Files are read by threads that end with it, each kind by one at a time. A configuration that cannot be used changes
//! nothing.

use std::thread;

use ntp_config::Config;
use ntp_engine::{Command, Input};
use tokio::sync::oneshot;

use super::{Driver, Happening};
use crate::control::Response;
use crate::daemon::libc_may_be_intercepted;
use crate::daemon::listener::Listener;
use crate::daemon::nts::server::KeyServer;
use crate::daemon::settings::{self, SettingsError};
use crate::daemon::source_files::{self, Found};
use crate::sys::clock;

type Answer = oneshot::Sender<Response>;

/// Something that is done for whoever asks, once at a time.
#[derive(Debug, Default)]
pub(super) struct Errand {
    /// Who waits for the end of it; nobody does it if there is none.
    waiting: Option<Vec<Answer>>,
    /// Who wants it done once more after that: files may have changed since.
    again: Vec<Answer>,
}

impl Errand {
    /// `answer` wants it done. Whether to begin now.
    fn ask(&mut self, answer: Answer) -> bool {
        self.again.push(answer);
        self.waiting.is_none() && self.begin()
    }

    fn begin(&mut self) -> bool {
        let asked = !self.again.is_empty();
        self.waiting = asked.then(|| std::mem::take(&mut self.again));
        asked
    }

    /// It is done. Whether to begin once more.
    fn done(&mut self, response: &Response) -> bool {
        for answer in self.waiting.take().unwrap_or_default() {
            // Who does not wait for the answer does not get it.
            let _ = answer.send(response.clone());
        }
        self.begin()
    }

    /// It cannot be done, for nobody.
    fn fail(&mut self, reason: &str) {
        let again = std::mem::take(&mut self.again);
        self.waiting.get_or_insert_default().extend(again);
        self.done(&Response::Error(reason.to_owned()));
    }
}

impl Driver {
    /// The configuration is read again.
    pub(super) fn reload_configuration(&mut self, answer: Answer) {
        if self.settings.file.is_none() {
            let none = "ntpd runs with its built-in configuration, so there is no file to read";
            tracing::warn!(event = "reload_refused", "{none}");
            let _ = answer.send(Response::Error(none.to_owned()));
        } else if self.configuration.ask(answer) {
            self.read_configuration();
        }
    }

    fn read_configuration(&mut self) {
        let (Some(file), tell) = (self.settings.file.clone(), self.tell.clone()) else { return };
        let work = move || {
            let read = settings::read(&file);
            // Nobody is left to hear of it when the daemon has ended.
            let _ = tell.send(Happening::ConfigurationRead(Box::new(read)));
        };
        if let Err(error) = thread::Builder::new().name("configuration".to_owned()).spawn(work) {
            self.configuration.fail(&format!("the file cannot be read now: {error}"));
        }
    }

    pub(super) fn configuration_is_read(&mut self, result: Result<Config, SettingsError>) {
        let file = self.settings.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        let then = "what was in force stays in force";
        let topic = format!("configuration {file}");
        let response = match result {
            Ok(config) => {
                self.problems.solve(&topic);
                self.take_configuration(config)
            }
            Err(error) => {
                self.problems.raise(&topic, "it cannot be used, see `ntpctl config check`", then);
                Response::Error(format!("the configuration cannot be used, {then}\n{error}"))
            }
        };
        if self.configuration.done(&response) {
            self.read_configuration();
        }
        if !self.settings.source_directories().is_empty() {
            // Nobody waits for an answer; the log says what came of it.
            self.reload_sources(oneshot::channel().0);
        }
    }

    /// What may change while the daemon runs holds from now on.
    fn take_configuration(&mut self, config: Config) -> Response {
        let postponed = self.settings.adopt(config);
        let wanted = self.settings.listen();
        for listener in self.listeners.extract_if(.., |listener| !wanted.contains(&listener.address())) {
            listener.close(&mut self.serving, &mut self.problems);
        }
        for address in wanted {
            if self.listeners.iter().all(|listener| listener.address() != address) {
                self.listeners.push(Listener::new(address));
            }
        }
        let adapted = self.serving.adapt(self.settings.serving(libc_may_be_intercepted()));
        self.problems.note("server threads", adapted, "there are fewer than wanted");
        self.adapt_key_server();
        self.open_what_is_closed();
        tracing::info!(
            event = "reloaded",
            postponed = postponed.len(),
            "configuration read again; {} of its changes need a restart",
            postponed.len()
        );
        if postponed.is_empty() {
            return Response::Done;
        }
        Response::Skipped(
            postponed.iter().map(|key| format!("{key}: changed, holds after a restart")).collect(),
        )
    }

    fn adapt_key_server(&mut self) {
        let now = clock::monotonic();
        match (&mut self.key_server, self.settings.key_server()) {
            (Some(server), Some(options)) => {
                server.configure(options, now);
                server.reload(now);
            }
            (None, Some(options)) => self.key_server = Some(KeyServer::new(options, now, self.tell.clone())),
            (_, None) => {
                self.key_server = None;
                self.serving.accept_cookies(None);
            }
        }
        self.look_after_keys();
    }

    /// The files of sources are read, once more if that is being done already.
    pub(super) fn reload_sources(&mut self, answer: Answer) {
        if self.settings.source_directories().is_empty() {
            let none = "sources.sourcedir names no directories, so there are no files to read";
            let _ = answer.send(Response::Error(none.to_owned()));
        } else if self.source_files.ask(answer) {
            self.read_sources();
        }
    }

    fn read_sources(&mut self) {
        let (directories, tell) = (self.settings.source_directories().to_vec(), self.tell.clone());
        let work = move || {
            // Nobody is left to hear of it when the daemon has ended.
            let _ = tell.send(Happening::SourcesRead(source_files::read(&directories)));
        };
        if let Err(error) = thread::Builder::new().name("sources".to_owned()).spawn(work) {
            self.source_files.fail(&format!("the files cannot be read now: {error}"));
        }
    }

    pub(super) fn sources_are_read(&mut self, found: Found) {
        let response = self.take_sources(found);
        if self.source_files.done(&response) {
            self.read_sources();
        }
    }

    /// What the files say holds from now on.
    pub(super) fn take_sources(&mut self, found: Found) -> Response {
        for complaint in &found.complaints {
            tracing::warn!(event = "source_line_skipped", "{complaint}");
        }
        self.tell(Input::Command(Command::SourceFiles(found.entries)));
        if found.complaints.is_empty() { Response::Done } else { Response::Skipped(found.complaints) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_meanwhile_has_it_done_once_more() {
        let mut errand = Errand::default();
        let [(first, mut first_heard), (second, mut second_heard), (third, mut third_heard)] =
            std::array::from_fn(|_| oneshot::channel());
        assert!(errand.ask(first) && !errand.ask(second) && !errand.ask(third));
        assert!(errand.done(&Response::Done));
        assert_eq!(first_heard.try_recv(), Ok(Response::Done));
        assert!(second_heard.try_recv().is_err());
        assert!(!errand.done(&Response::Done));
        assert!(second_heard.try_recv().is_ok() && third_heard.try_recv().is_ok());
    }

    #[test]
    fn everybody_hears_that_it_cannot_be_done() {
        let mut errand = Errand::default();
        let [(first, mut first_heard), (second, mut second_heard)] =
            std::array::from_fn(|_| oneshot::channel());
        errand.ask(first);
        errand.ask(second);
        errand.fail("no threads");
        assert_eq!(first_heard.try_recv(), Ok(Response::Error("no threads".to_owned())));
        assert!(second_heard.try_recv().is_ok());
        assert!(errand.ask(oneshot::channel().0));
    }
}
