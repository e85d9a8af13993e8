//! What a daemon recorded beside a real chronyd, replayed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use truechimer_tests::daemon::Daemon;
use truechimer_tests::ground::{network, program};
use truechimer_tests::peers::{Chronyd, words_of};

/// What `ntp-sim replay` says.
fn replay(parts: &[&Path], arguments: &[&str]) -> String {
    let mut command = Command::new(program("ntp-sim"));
    let output = command.arg("replay").args(parts).args(arguments).output().expect("ntp-sim can be run");
    let said = words_of(&output);
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn a_recording_of_a_real_run_gives_the_same_decisions() {
    let Some(network) = network() else { return };
    let _chronyd = Chronyd::serving(&network.server);
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (recording, sources) = (folder.path().join("recording"), folder.path().join("more"));
    fs::create_dir(&sources).expect("it can be made");
    fs::write(sources.join("dhcp.sources"), "server 10.99.0.9\n").expect("it can be written");
    let text = format!(
        "sources.sourcedir = ['{}']\n[[sources.servers]]\naddress = \"10.99.0.2\"\nminpoll = -1\nmaxpoll = 0\n\
         iburst = true\n[[sources.pools]]\nname = 'pool.invalid'\n",
        sources.display()
    );
    let daemon = Daemon::start_as(&network.client, &text, |command| {
        // What an earlier run learnt is input too.
        command.arg("--recall").env("STATE_DIRECTORY", folder.path()).arg("--record").arg(&recording);
    });
    daemon.wait_for_sync(Duration::from_secs(15));
    let samples = |d: &Daemon<'_>| d.json("sourcestats")[0]["samples"].as_u64() > Some(20);
    daemon.wait_for("twenty samples", Duration::from_secs(40), samples);
    assert!(daemon.ntpctl(&["refresh"]).status.success(), "an operator is input too");
    let (code, log) = daemon.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(fs::metadata(&recording).expect("it is there").mode() & 0o777, 0o600);

    let said = replay(&[&recording], &["--diary"]);
    assert!(said.contains("decisions are the same"), "{said}");
    assert!(said.contains("selected source 10.99.0.2:123") && said.contains("clock synchronised"), "{said}");
    let said = replay(&[&recording], &["--set", "maxpoll=8", "--set", "minpoll=8"]);
    let requests = |line: &str| line.split(' ').nth(1).and_then(|n| n.parse::<u32>().ok());
    let asked = said.lines().find(|line| line.contains("could be answered")).and_then(requests);
    assert!(asked.is_some_and(|asked| (4..25).contains(&asked)), "{said}");
}

#[test]
fn a_recording_that_went_on_in_another_file_is_whole() {
    let Some(network) = network() else { return };
    let _chronyd = Chronyd::serving(&network.server);
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (now, before) = (folder.path().join("recording"), folder.path().join("recording.1"));
    let text = "[[sources.servers]]\naddress = \"10.99.0.2\"\nminpoll = -7\nmaxpoll = -7\n";
    let daemon = Daemon::start_as(&network.client, text, |command| {
        command.arg("--record").arg(&now).args(["--record-limit", "1"]);
    });
    daemon.wait_for("the second file", Duration::from_secs(60), |_| before.exists());
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(daemon.json("status")["problems"], serde_json::json!([]));
    let (code, log) = daemon.terminate();
    assert_eq!(code, Some(0), "{log}");

    let both = replay(&[&before, &now], &[]);
    assert!(both.contains("decisions are the same") && !both.contains("missing"), "{both}");
    let second = replay(&[&now], &["--set", "maxpoll=6"]);
    assert!(second.contains("could be answered"), "{second}");
    let second = replay(&[&now], &[]);
    assert!(second.contains("decisions are the same"), "{second}");
    assert!(fs::metadata(&before).expect("it is there").len() <= 512 << 10);
}

#[test]
fn a_recording_that_cannot_be_written_is_a_problem_and_no_more() {
    let Some(network) = network() else { return };
    let _chronyd = Chronyd::serving(&network.server);
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let precious = folder.path().join("precious");
    fs::write(&precious, "precious").expect("it can be written");
    let link = folder.path().join("recording");
    std::os::unix::fs::symlink(&precious, &link).expect("a link can be made");
    let text = "[[sources.servers]]\naddress = \"10.99.0.2\"\niburst = true\n";
    let daemon = Daemon::start_as(&network.client, text, |command| {
        command.arg("--record").arg(&link);
    });
    daemon.wait_for_sync(Duration::from_secs(15));
    let problems = daemon.json("status")["problems"].to_string();
    assert!(problems.contains("is there and no file; interrupted"), "{problems}");
    assert_eq!(fs::read_to_string(&precious).expect("it is there"), "precious");
}
