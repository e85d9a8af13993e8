//! `ntpctl nts server` and `ntpctl nts keys`: what this daemon gives to those who want keys from it.

use std::path::Path;

use crate::control::{CertificateReport, CookieKeyReport, KeyServerReport};
use crate::ctl::exit::{Exit, Failure, Outcome};
use crate::ctl::output::Output;
use crate::ctl::table::{Align, Table, pairs};
use crate::ctl::{daemon, date, units};

/// Everything but secrets.
pub(super) fn run(socket: &Path, json: bool, out: &mut Output) -> Outcome {
    let report = ask(socket)?;
    if json {
        out.print_json(&report)?;
    } else {
        out.print(&render(&report))?;
    }
    Ok(Exit::OK)
}

/// The keys of cookies alone.
pub(super) fn keys(socket: &Path, json: bool, out: &mut Output) -> Outcome {
    let report = ask(socket)?;
    if json {
        out.print_json(&report.keys)?;
    } else {
        out.print(&render_keys(&report.keys))?;
    }
    Ok(Exit::OK)
}

fn ask(socket: &Path) -> Result<KeyServerReport, Failure> {
    let none = "this daemon gives no keys: security.nts.enabled is false, or nobody is served";
    daemon::report(socket)?.key_server.ok_or_else(|| Failure::new(Exit::NO, none))
}

fn render(report: &KeyServerReport) -> String {
    let mut text = String::new();
    for port in &report.ports {
        let state = match &port.problem {
            None if port.open => "open".to_owned(),
            None => "closed".to_owned(),
            Some(problem) => format!("closed: {problem}"),
        };
        text += &format!("port {}  {state}\n", port.address);
    }
    report.certificates.iter().for_each(|certificate| text += &of_certificate(certificate));
    let keys = if report.is_fleet { "keys of cookies, the same in all the fleet" } else { "keys of cookies" };
    text += &format!("\n{keys}\n{}", render_keys(&report.keys));
    let mut counts = vec![("connections now", report.connections.to_string())];
    counts.extend(report.counters.iter().map(|(name, count)| (name.as_str(), count.to_string())));
    text + "\n" + &pairs(&counts)
}

fn of_certificate(certificate: &CertificateReport) -> String {
    let mut text = format!("certificate {}", certificate.file.display());
    if !certificate.names.is_empty() {
        text += &format!(", for {}", certificate.names.join(", "));
    }
    if let Some(end) = certificate.not_after_unix {
        text += &format!(", valid until {}", date::utc(end, 0));
    }
    if let Some(problem) = &certificate.problem {
        text += &format!("; as it is now it cannot be used: {problem}");
    }
    text + "\n"
}

fn render_keys(keys: &[CookieKeyReport]) -> String {
    let columns =
        [("key", Align::Left), ("role", Align::Left), ("algorithm", Align::Left), ("age", Align::Right)];
    let mut table = Table::new(&columns);
    for key in keys {
        let age = match key.age_s {
            age @ ..0 => format!("in {}", units::elapsed(-age as f64)),
            age => units::elapsed(age as f64),
        };
        table.row(vec![key.id.clone(), key.role.clone(), key.aead.clone(), age]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::KeyPortReport;

    #[test]
    fn ports_certificates_keys_and_counts_are_told() {
        let key = |id: &str, role: &str, age_s| CookieKeyReport {
            id: id.to_owned(),
            role: role.to_owned(),
            aead: "AES-SIV-CMAC-256".to_owned(),
            age_s,
        };
        let report = KeyServerReport {
            ports: vec![KeyPortReport { address: "0.0.0.0:4460".to_owned(), open: true, problem: None }],
            certificates: vec![CertificateReport {
                file: "/etc/ntpd/cert.pem".into(),
                names: vec!["ntp.example".to_owned()],
                not_after_unix: Some(1_800_000_000),
                problem: Some("no certificate in PEM format".to_owned()),
                ..CertificateReport::default()
            }],
            keys: vec![key("00000007", "next", -7_200), key("00000006", "current", 7_200)],
            counters: vec![("served".to_owned(), 3)],
            ..KeyServerReport::default()
        };
        let expected = "\
port 0.0.0.0:4460  open
certificate /etc/ntpd/cert.pem, for ntp.example, valid until 2027-01-15 08:00:00.000 UTC; as it is now it cannot be \
used: no certificate in PEM format

keys of cookies
key       role     algorithm            age
00000007  next     AES-SIV-CMAC-256  in 2 h
00000006  current  AES-SIV-CMAC-256     2 h

connections now  0
served           3
";
        assert_eq!(render(&report), expected);
    }
}
