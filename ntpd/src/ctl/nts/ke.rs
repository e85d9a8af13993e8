//! `ntpctl nts ke`: asks a server for keys and shows what came of it.

use std::net::{SocketAddr, ToSocketAddrs};

use ntp_proto::nts::Aead;
use nts_ke::UnixTime;
use nts_ke::client::{Dates, KeError, Outcome as Exchange, Places, Question, Stage, Trust, establish};
use serde::Serialize;

use crate::ctl::args::KeArgs;
use crate::ctl::exit::{Exit, Failure, Outcome};
use crate::ctl::output::{Output, talk};
use crate::ctl::query::split;
use crate::ctl::table::pairs;
use crate::ctl::units;

/// What is printed; no keys and no cookies.
#[derive(Debug, Serialize)]
struct Report {
    host: String,
    address: String,
    protocol: &'static str,
    aead: String,
    aead_id: u16,
    cookies: usize,
    cookie_length: usize,
    time_server: Option<String>,
    time_port: Option<u16>,
    subject: String,
    issuer: String,
    names: Vec<String>,
    not_before_unix: i64,
    not_after_unix: i64,
    took_s: f64,
}

/// Asks and prints.
pub(super) fn run(args: &KeArgs, out: &mut Output) -> Outcome {
    let usage = || Failure::new(Exit::USAGE, "expected HOST, HOST:PORT or [IPV6]:PORT");
    let (host, port) = split(&args.server).ok_or_else(usage)?;
    let port: u16 = port.map_or(Ok(nts_ke::PORT), str::parse).map_err(|_| usage())?;
    let addresses: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|error| Failure::new(Exit::NO_HOST, format!("no address for {host}: {error}")))?
        .collect();
    let (trust, problems) = Trust::load(&Places { system: !args.no_system, extra: args.trust.clone() });
    problems.iter().for_each(talk);
    let question = Question {
        server: host,
        aeads: &[Aead::Aes128GcmSiv, Aead::AesSivCmac256],
        wanted_server: None,
        wanted_port: None,
        now: UnixTime::of_system(),
        dates: if args.no_dates { Dates::Skip } else { Dates::Check },
        patience: args.timeout,
    };
    let exchange = establish(&trust, &question, &addresses).map_err(|error| failure(host, &error))?;
    let report = report(host, &exchange);
    if args.form.json {
        out.print_json(&report)?;
    } else {
        out.print(&render(&report))?;
    }
    Ok(Exit::OK)
}

fn failure(host: &str, error: &KeError) -> Failure {
    let is_away =
        matches!(error, KeError::NoAddress | KeError::Connect(_) | KeError::Timeout(Stage::Connect));
    Failure::new(if is_away { Exit::UNAVAILABLE } else { Exit::NO }, format!("no keys from {host}: {error}"))
}

fn report(host: &str, exchange: &Exchange) -> Report {
    let certificate = exchange.chain.certificate();
    let names = certificate.dns_names.iter().cloned();
    Report {
        host: host.to_owned(),
        address: exchange.address.to_string(),
        protocol: "NTPv4",
        aead: exchange.keys.aead().to_string(),
        aead_id: exchange.keys.aead().id(),
        cookies: exchange.cookies.len(),
        cookie_length: exchange.cookies.first().map_or(0, Vec::len),
        time_server: exchange.server.clone(),
        time_port: exchange.port,
        subject: certificate.subject.clone(),
        issuer: certificate.issuer.clone(),
        names: names.chain(certificate.addresses.iter().map(ToString::to_string)).collect(),
        not_before_unix: certificate.valid.not_before.0,
        not_after_unix: certificate.valid.not_after.0,
        took_s: exchange.took.as_secs_f64(),
    }
}

fn render(report: &Report) -> String {
    let days = (report.not_after_unix - UnixTime::of_system().0) / 86_400;
    let server =
        report.time_server.clone().unwrap_or_else(|| format!("{}, the same machine", report.address));
    let port = report.time_port.map(|port| format!(", port {port}")).unwrap_or_default();
    pairs(&[
        ("server", format!("{} ({})", report.host, report.address)),
        ("protocol", report.protocol.to_owned()),
        ("algorithm", format!("{} ({})", report.aead, report.aead_id)),
        ("cookies", format!("{} x {} bytes", report.cookies, report.cookie_length)),
        ("time server", format!("{server}{port}")),
        ("certificate", format!("{}, for {}", report.subject, report.names.join(", "))),
        ("signed by", report.issuer.clone()),
        (
            "valid",
            format!(
                "{} to {} ({days} days left)",
                UnixTime(report.not_before_unix),
                UnixTime(report.not_after_unix)
            ),
        ),
        ("took", units::span(report.took_s)),
    ])
}
