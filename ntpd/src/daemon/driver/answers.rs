//! What an operator asks, and what is answered.

use std::thread;

use ntp_engine::{Input, Target};
use tokio::sync::oneshot;

use super::Driver;
use crate::control::server::Question;
use crate::control::{ClientsQuery, DaemonReport, Request, Response};
use crate::daemon::listener::Listener;
use crate::daemon::nts::server::problems as key_problems;
use crate::daemon::{history, log, operator, serve};

impl Driver {
    pub(super) fn answer(&mut self, Question { request, answer }: Question) {
        let response = match request {
            Request::Reload => return self.reload_configuration(answer),
            Request::ReloadSources => return self.reload_sources(answer),
            Request::Clients(query) => return self.count_clients(query, answer),
            Request::Report => Response::Report(Box::new(self.report())),
            Request::Explain(whom) => self.explain(&whom),
            Request::Dump => {
                let now = self.observe(false);
                match history::write(&self.settings.history_file, &self.engine.history(now)) {
                    Ok(()) => Response::Done,
                    Err(error) => {
                        Response::Error(format!("{}: {error}", self.settings.history_file.display()))
                    }
                }
            }
            Request::Do(command) => {
                match operator::fault(&command).or_else(|| self.engine.objection(&command)) {
                    Some(objection) => Response::Error(objection),
                    None => {
                        tracing::info!(event = "operator_command", "told by an operator: {command}");
                        self.tell(Input::Command(command));
                        Response::Done
                    }
                }
            }
        };
        // Who does not wait for the answer does not get it.
        let _ = answer.send(response);
    }

    /// The table may be large, so it is read by a thread. Should there be none, nobody answers, which is told.
    fn count_clients(&mut self, query: ClientsQuery, answer: oneshot::Sender<Response>) {
        let activities = self.serving.activities();
        let look = move || drop(answer.send(Response::Clients(serve::clients(&activities, &query))));
        let begun = thread::Builder::new().name("clients".to_owned()).spawn(look);
        self.problems.note("counting clients", begun, "ask again");
    }

    fn explain(&mut self, whom: &Target) -> Response {
        let now = self.observe(false);
        self.carry_out();
        match self.engine.explain(now, whom) {
            Some(explanation) => Response::Explanation(Box::new(explanation)),
            None => Response::Error(format!("there is no source {whom}")),
        }
    }

    fn report(&mut self) -> DaemonReport {
        let now = self.observe(false);
        self.carry_out();
        let key_server = self.key_server.as_ref().map(|s| s.report(now.monotonic, now.raw.to_unix().0));
        let mut serving = self.serving.report();
        serving.sockets = self.listeners.iter().map(Listener::report).collect();
        let mut problems = self.problems.sentences();
        problems.extend(self.listeners.iter().filter_map(Listener::absence));
        problems.extend(key_server.iter().flat_map(key_problems));
        if log::dropped() > 0 {
            problems.push(format!("log: {} lines were lost because nobody read them", log::dropped()));
        }
        DaemonReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_s: (now.monotonic - self.started).to_seconds(),
            config_file: self.settings.file.clone(),
            enabled: self.settings.config.enabled,
            time: self.engine.report(now),
            devices: self.refclocks.report(now.raw),
            main_loop: self.turns.report(now.monotonic),
            serving,
            hardware_stamps: self.hardware.report(),
            key_server,
            problems,
        }
    }
}
