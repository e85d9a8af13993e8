//! `ntpctl access`, as a script meets it: exit codes, words and JSON, without a daemon.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

const RULES: &str = "\
enabled = true
[[security.access]]
network = '192.0.2.0/24'
permission = 'allow'
[[security.access]]
network = '192.0.2.66'
permission = 'deny'
";

fn access(config: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ntpd.toml");
    fs::write(&file, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ntpctl"));
    command.arg("access").args(arguments).arg("--config").arg(&file).output().unwrap()
}

#[test]
fn the_exit_code_is_the_answer() {
    for (address, code) in [("192.0.2.1", 0), ("192.0.2.66", 1), ("198.51.100.1", 1), ("::ffff:192.0.2.1", 0)]
    {
        assert_eq!(access(RULES, &[address]).status.code(), Some(code), "{address}");
    }
    assert_eq!(access("enabled = perhaps", &["192.0.2.1"]).status.code(), Some(78));
}

#[test]
fn the_rule_is_named_by_file_and_line() {
    let text = String::from_utf8(access(RULES, &["192.0.2.66"]).stdout).unwrap();
    assert!(text.contains("/ntpd.toml:6\n") && text.contains("longest prefix of 2 rules"), "{text}");
    let json: Value = serde_json::from_slice(&access(RULES, &["192.0.2.66", "--json"]).stdout).unwrap();
    assert_eq!((&json["rule"]["line"], &json["permission"]), (&6.into(), &"deny".into()));
}

#[test]
fn what_is_no_address_is_a_mistake_of_the_caller() {
    for text in ["192.0.2.0/24", "ntp.example.org", "192.0.2.300", ""] {
        let output = access(RULES, &[text]);
        assert_eq!(output.status.code(), Some(64), "{text}");
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("expected an IPv4 or IPv6 address such as"), "{words}");
    }
}
