//! `ntpctl config`: checks and shows configurations, without a daemon.
//!
//! What is right or wrong is decided by [`ntp_config`] alone, which also words the errors.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use ntp_config::{ClockControl, Config, Permission};

use super::args::ConfigCommand;
use super::exit::{Exit, Failure, Outcome};
use super::output::{Output, talk};
use super::words::count;
use crate::daemon::settings::DEFAULT_FILE;

/// Carries out one of the commands.
pub(super) fn run(command: &ConfigCommand, out: &mut Output) -> Outcome {
    match command {
        ConfigCommand::Check { file } => {
            let file = file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
            let config = read(file)?;
            out.print(&format!("{}: ok: {}\n", file.display(), summary(&config)))?;
        }
        ConfigCommand::Show { file, built_in } => {
            out.print(&shown(&effective(file.as_deref(), *built_in)?))?;
        }
    }
    Ok(Exit::OK)
}

/// What is in force, under a heading that says which file the lines are of.
fn shown(config: &Config) -> String {
    format!("# Effective configuration; the lines are those of {}.\n\n{}", config.file(), config.to_toml())
}

/// The configuration of the file that is named, or of the default file, or the built-in one.
pub(super) fn effective(file: Option<&Path>, built_in: bool) -> Result<Config, Failure> {
    let default = Path::new(DEFAULT_FILE);
    match file {
        Some(file) => read(file),
        None if built_in => Ok(Config::built_in()),
        None if default.exists() => read(default),
        None => {
            talk(format!("there is no {DEFAULT_FILE}; this is the built-in configuration"));
            Ok(Config::built_in())
        }
    }
}

fn read(file: &Path) -> Result<Config, Failure> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => Failure::new(Exit::CONFIG, format!("{name} is no text in UTF-8")),
        _ => Failure::new(Exit::NO_INPUT, format!("cannot read {name}: {error}")),
    })?;
    ntp_config::parse(&name.to_string(), &text)
        .map_err(|errors| Failure::new(Exit::CONFIG, format!("the configuration cannot be used\n{errors}")))
}

/// What a configuration amounts to.
fn summary(config: &Config) -> String {
    if !config.enabled {
        return "switched off (enabled = false)".to_owned();
    }
    [sources(config), serving(config), control(config).to_owned()].join(", ")
}

fn sources(config: &Config) -> String {
    let sources = &config.sources;
    let clocks = sources.refclocks_in_effect().len();
    let kinds =
        [(sources.servers.len(), "server"), (sources.pools.len(), "pool"), (clocks, "reference clock")];
    let named: Vec<_> = kinds.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(n, what)).collect();
    if named.is_empty() { "no sources".to_owned() } else { named.join(", ") }
}

fn serving(config: &Config) -> String {
    let allowed = config.security.access.iter().filter(|a| a.permission != Permission::Deny).count();
    match (config.server.port, allowed) {
        (0, _) => "serving nobody (server.port = 0)".to_owned(),
        (_, 0) => "serving nobody (no network in security.access is allowed)".to_owned(),
        (port, _) => format!("serving on port {port} for {}", count(allowed, "network")),
    }
}

const fn control(config: &Config) -> &'static str {
    match config.server.control {
        ClockControl::Adjust => "adjusting the clock",
        ClockControl::None => "leaving the clock alone",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    fn summary_of(text: &str) -> String {
        summary(&ntp_config::parse("test", text).unwrap())
    }

    #[test]
    fn a_summary_tells_sources_clients_and_control() {
        let text = "
            enabled = true
            [[sources.servers]]
            address = '192.0.2.1'
            [[sources.servers]]
            address = '192.0.2.2'
            [[sources.pools]]
            name = 'pool.ntp.org'
            [[security.access]]
            network = '10.0.0.0/8'
            permission = 'allow'
            [[security.access]]
            network = '0.0.0.0/0'
            permission = 'deny'
        ";
        let expected = "2 servers, 1 pool, serving on port 123 for 1 network, adjusting the clock";
        assert_eq!(summary_of(text), expected);
        let clocks = "enabled = true\n[sources.hardware]\ngps.enabled = true\npps.enabled = true";
        assert!(summary_of(clocks).starts_with("2 reference clocks, serving"));
        let expected = "no sources, serving nobody (no network in security.access is allowed), \
                        adjusting the clock";
        assert_eq!(summary_of("enabled = true"), expected);
        assert_eq!(summary_of("enabled = false"), "switched off (enabled = false)");
    }

    #[test]
    fn errors_are_those_of_the_parser() {
        let file = file(b"enabled = ja\n");
        let failure = read(file.path()).unwrap_err();
        assert_eq!(failure.exit, Exit::CONFIG);
        let place = format!("{}:1:", file.path().display());
        assert!(failure.message.contains(&place), "{}", failure.message);
    }

    #[test]
    fn what_cannot_be_read_is_told_from_what_is_wrong() {
        assert_eq!(read(Path::new("/nonexistent/ntpd.toml")).unwrap_err().exit, Exit::NO_INPUT);
        assert_eq!(read(file(&[0xff, 0xfe]).path()).unwrap_err().exit, Exit::CONFIG);
    }

    #[test]
    fn the_built_in_configuration_is_shown() {
        let config = effective(None, true).unwrap();
        assert_eq!(config, Config::built_in());
        let shown = shown(&config);
        assert!(shown.starts_with(
            "# Effective configuration; the lines are those of built-in configuration.\n\nenabled = true # line 8\n"
        ));
        assert_eq!(ntp_config::parse("shown", &shown), Ok(config));
    }
}
