//! Without the right to set the clock: measured and served all the same, and said so.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use truechimer_tests::daemon::signal;
use truechimer_tests::ground::{network, program};
use truechimer_tests::peers::Chronyd;

#[test]
fn a_clock_that_may_not_be_set_is_told_measured_and_served() {
    let Some(network) = network() else { return };
    let _chronyd = Chronyd::serving(&network.server);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = format!(
        "enabled = true\n[[sources.servers]]\naddress = \"10.99.0.2\"\niburst = true\n\
         [server]\ndriftfile = \"{}\"\n",
        path("drift").display()
    );
    fs::write(path("ntpd.toml"), text).unwrap();
    let mut child = network
        .client
        .command("setpriv")
        .args(["--bounding-set=-sys_time", "--inh-caps=-sys_time"])
        .arg(program("ntpd"))
        .arg("--config")
        .arg(path("ntpd.toml"))
        .arg("--socket")
        .arg(path("socket"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ask = |what: &str| {
        let mut ntpctl = network.client.command(program("ntpctl"));
        let output = ntpctl.arg("--socket").arg(path("socket")).args([what, "--json"]).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_default()
    };
    let end = Instant::now() + Duration::from_secs(20);
    while ask("tracking")["synchronised"] != true {
        assert!(Instant::now() < end, "{}", ask("status"));
        std::thread::sleep(Duration::from_millis(100));
    }
    let (tracking, problems) = (ask("tracking"), ask("status")["problems"].to_string());
    signal(child.id(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(tracking["control"], "denied", "{tracking}");
    assert!(
        problems.contains("kernel clock") && problems.contains("measuring and serving only"),
        "{problems}"
    );
}
