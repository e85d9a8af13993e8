//! What an operator can have the daemon do with its sources. What is changed lasts until the next restart.

use std::path::Path;

use ntp_clock::select::Flags;
use ntp_engine::{Command, Entry, Host, NtsOptions, SourceKind, SourceOptions, Target};
use ntp_proto::client::Params;
use ntp_proto::packet::PollExp;

use super::args::{AddCommand, AddOptions, BurstArgs, WhomArgs};
use super::daemon::order;
use super::exit::{Exit, Failure, Outcome};

/// There is a way to them.
pub(super) fn online(socket: &Path, whom: &WhomArgs) -> Outcome {
    order(socket, Command::Online(target(whom.host.as_deref())))
}

/// There is no way to them.
pub(super) fn offline(socket: &Path, whom: &WhomArgs) -> Outcome {
    order(socket, Command::Offline(target(whom.host.as_deref())))
}

/// Quick succession.
pub(super) fn burst(socket: &Path, args: &BurstArgs) -> Outcome {
    let whom = target(args.host.as_deref());
    order(socket, Command::Burst { whom, replies: args.good, requests: args.requests.max(args.good) })
}

/// One more.
pub(super) fn add(socket: &Path, command: &AddCommand) -> Outcome {
    order(socket, Command::Add(Box::new(entry(command)?)))
}

/// One less.
pub(super) fn delete(socket: &Path, host: &str) -> Outcome {
    order(socket, Command::Delete(host.into()))
}

/// The source that was named, or all.
pub(super) fn target(host: Option<&str>) -> Target {
    host.map_or(Target::All, |host| Target::Host(host.into()))
}

fn entry(command: &AddCommand) -> Result<Entry, Failure> {
    let (host, kind, options) = match command {
        AddCommand::Server { host, options } => (Host::from(host.as_str()), SourceKind::Server, options),
        AddCommand::Pool { name, servers, options } => {
            (Host::Name(name.clone()), SourceKind::Pool { servers: usize::from(*servers) }, options)
        }
    };
    if options.minpoll > options.maxpoll {
        let problem = format!("--minpoll {} is above --maxpoll {}", options.minpoll, options.maxpoll);
        return Err(Failure::new(Exit::USAGE, problem));
    }
    Ok(Entry { host, port: options.port, kind, options: source_options(options) })
}

fn source_options(add: &AddOptions) -> SourceOptions {
    let association = Params {
        min_poll: PollExp::new(add.minpoll),
        max_poll: PollExp::new(add.maxpoll),
        iburst: add.iburst,
        ..Params::default()
    };
    let flags = Flags { prefer: add.prefer, noselect: add.noselect, ..Flags::default() };
    let nts = add.nts.then_some(NtsOptions { port: add.ntsport, cert_set: add.certset });
    SourceOptions { association, flags, nts, ..SourceOptions::default() }
}
