//! What is shown to people as a configuration is one.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

mod shared;

use shared::{examples, files};

#[test]
fn every_example_is_understood() {
    for example in examples() {
        let config =
            ntp_config::parse(&example.name, &example.text).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(ntp_config::parse("printed", &config.to_toml()), Ok(config), "{}", example.name);
    }
}

#[test]
fn there_is_an_example_for_many_and_each_says_for_whom() {
    let files = files("docs/examples", "toml");
    assert!(files.len() >= 20, "only {} examples", files.len());
    for example in examples().iter().filter(|example| example.name.starts_with("docs/examples/")) {
        let (head, rest) = example.text.split_once("\n\n").unwrap();
        let is_remark = |line: &str| line.starts_with("# ") && line.len() > 10;
        assert!(head.lines().all(is_remark) && rest.starts_with("enabled = "), "{}", example.name);
    }
}

#[test]
fn the_readme_shows_a_whole_configuration() {
    let shown = examples().into_iter().find(|example| example.name == "README.md, block 1");
    assert!(shown.unwrap().text.starts_with("enabled = true\n"));
}
