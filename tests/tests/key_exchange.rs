//! Key exchange with other people's servers and clients, and a few time packets under its keys.
//!
//! Our side are the examples of `nts-ke`: `ask` and `serve`.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use truechimer_tests::ground::{network, repository};
use truechimer_tests::host::Network;
use truechimer_tests::nts::Certificate;
use truechimer_tests::peers::{Chrony, Chronyd, Starter, words_of};

const PATIENCE: Duration = Duration::from_secs(60);

/// One of the examples, built if need be.
fn example(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "-p", "nts-ke", "--examples"]).current_dir(repository());
        assert!(build.status().expect("cargo can be run").success(), "the examples do not build");
    });
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    target.join("debug/examples").join(name)
}

/// What `ask` on the client's host says of the server on the other, which is offered these algorithms, as soon as it
/// holds: some servers give keys a moment before they give time.
fn ask_until(network: &Network, certificate: &Certificate, aeads: &[&str], holds: impl Fn(&str) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut command = network.client.command(example("ask"));
        command.args(["10.99.0.2:4460", "time.lab", &certificate.certificate()]).args(aeads);
        let said = words_of(&command.output().expect("it can be run"));
        if holds(&said) {
            return println!("{said}");
        }
        assert!(Instant::now() < end, "{said}");
        sleep(Duration::from_millis(200));
    }
}

fn gets_time_from(network: &Network, certificate: &Certificate, aead: &str) {
    for (offered, agreed) in [(&[][..], aead), (&["15"], "AES-SIV-CMAC-256")] {
        ask_until(network, certificate, offered, |said| {
            said.contains(&format!("algorithm: {agreed}\nambiguous: false\n"))
                && said.contains("keys: 5 of 5 accepted, 8 cookies left")
        });
    }
}

fn chronyd_server(certificate: &Certificate) -> String {
    let (crt, key) = (certificate.certificate(), certificate.key());
    format!("local stratum 1\nallow all\nntsservercert {crt}\nntsserverkey {key}\n")
}

#[test]
fn we_get_keys_from_chronyd() {
    let Some(network) = network() else { return };
    let certificate = Certificate::new();
    let _chronyd = Chronyd::start(&network.server, &chronyd_server(&certificate));
    gets_time_from(&network, &certificate, "AES-SIV-CMAC-256");
}

#[test]
fn we_get_short_keys_from_chronyd_4_6() {
    let Some(network) = network() else { return };
    let certificate = Certificate::new();
    let lines = chronyd_server(&certificate);
    let _chronyd = Chronyd::start_version(Chrony::V4_6, &network.server, &lines);
    gets_time_from(&network, &certificate, "AES-128-GCM-SIV");
}

#[test]
fn we_get_keys_from_ntpsec() {
    for program in ["ntpsec-ntpd", "trixie-ntpsec-ntpd"] {
        let Some(network) = network() else { return };
        let certificate = Certificate::new();
        let (crt, key) = (certificate.certificate(), certificate.key());
        let config = format!(
            "tos orphan 4 orphanwait 1\nnts enable\nnts cert {crt}\nnts key {key}\nnts cookie FOLDER/cookies\n"
        );
        let starter = Starter::new(&network.server, program).config(&config);
        let _ntpd = starter.args(&["-n", "-c", "CONFIG"]).start();
        gets_time_from(&network, &certificate, "AES-SIV-CMAC-256");
        // It knows no other, and says so by choosing it.
        ask_until(&network, &certificate, &["30"], |said| said.contains("AeadNotOffered(15)"));
    }
}

#[test]
fn we_get_keys_from_ntpd_rs() {
    let Some(network) = network() else { return };
    let certificate = Certificate::new();
    let starter = Starter::new(&network.server, "ntpd-rs").config(&certificate.ntpd_rs_server());
    let _ntpd_rs = starter.args(&["-c", "CONFIG"]).with_still_clock().start();
    gets_time_from(&network, &certificate, "AES-SIV-CMAC-256");
}

/// `serve` on the server's host. Ended when dropped.
struct Serve {
    child: Child,
    log: PathBuf,
}

impl Serve {
    fn start(network: &Network, certificate: &Certificate, more: &[&str]) -> Self {
        let log = Path::new(&certificate.path("serve.log")).to_owned();
        let mut command = network.server.command(example("serve"));
        command.args(["10.99.0.2:4460", "10.99.0.2:123", &certificate.certificate(), &certificate.key()]);
        let file = File::create(&log).expect("the log can be made");
        let child = command.args(more).stdout(file).spawn().expect("it can be run");
        Self { child, log }
    }

    fn last_line(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().last().unwrap_or_default().to_owned()
    }

    /// Waits until it has given keys and opened time packets, and nothing went wrong.
    fn wait_for_time(&self, other_log: impl Fn() -> String) {
        let end = Instant::now() + PATIENCE;
        while !self.last_line().contains("time_opened=") {
            assert!(Instant::now() < end, "{}\n{}", self.last_line(), other_log());
            sleep(Duration::from_millis(100));
        }
        let line = self.last_line();
        println!("{line}");
        assert!(!line.contains("time_nak") && !line.contains("time_ignored"), "{line}");
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn chronyd_client(certificate: &Certificate) -> String {
    format!(
        "server time.lab nts iburst minpoll 0 maxpoll 0\nnosystemcert\nntstrustedcerts {}\n",
        certificate.certificate()
    )
}

#[test]
fn chronyd_gets_keys_from_us() {
    for (version, aead) in [(Chrony::V4_3, "15"), (Chrony::V4_6, "30")] {
        let Some(network) = network() else { return };
        let certificate = Certificate::new();
        Certificate::name_on(&network.client, 2);
        let serve = Serve::start(&network, &certificate, &[]);
        let chronyd = Chronyd::start_version(version, &network.client, &chronyd_client(&certificate));
        serve.wait_for_time(|| chronyd.log());
        chronyd.wait_for_authdata(PATIENCE, |fields| {
            fields.get(1) == Some(&"NTS") && fields.get(3) == Some(&aead) && fields[7..9] == ["0", "8"]
        });
    }
}

#[test]
fn ntpsec_gets_keys_from_us() {
    for program in ["ntpsec-ntpd", "trixie-ntpsec-ntpd"] {
        let Some(network) = network() else { return };
        let certificate = Certificate::new();
        Certificate::name_on(&network.client, 2);
        let serve = Serve::start(&network, &certificate, &[]);
        let config = format!("server time.lab nts ca {} iburst\n", certificate.certificate());
        let starter = Starter::new(&network.client, program).config(&config);
        let ntpd = starter.args(&["-n", "-g", "-c", "CONFIG"]).start();
        serve.wait_for_time(|| ntpd.log());
        assert!(ntpd.log().contains("Got 8 cookies"), "{}", ntpd.log());
    }
}

#[test]
fn ntpd_rs_gets_keys_from_us() {
    let Some(network) = network() else { return };
    let certificate = Certificate::new();
    Certificate::name_on(&network.client, 2);
    let serve = Serve::start(&network, &certificate, &[]);
    let config = format!(
        "[[source]]\nmode = \"nts\"\naddress = \"time.lab\"\ncertificate-authority = \"{}\"\n\
         [synchronization]\nminimum-agreeing-sources = 1\n",
        certificate.certificate()
    );
    let starter = Starter::new(&network.client, "ntpd-rs").config(&config);
    let ntpd_rs = starter.args(&["-c", "CONFIG"]).with_still_clock().start();
    serve.wait_for_time(|| ntpd_rs.log());
}

/// chronyd gives keys and leaves its own to us: its client goes on without a new exchange.
#[test]
fn cookies_of_chronyd_are_good_with_us() {
    for version in [Chrony::V4_3, Chrony::V4_6] {
        let Some(network) = network() else { return };
        let certificate = Certificate::new();
        Certificate::name_on(&network.client, 2);
        let lines =
            format!("{}ntsdumpdir {}\nntsrotate 3600\n", chronyd_server(&certificate), certificate.path(""));
        let old = Chronyd::start_version(version, &network.server, &lines);
        let client = Chronyd::start_version(version, &network.client, &chronyd_client(&certificate));
        // A client that has had no reply yet may think that its keys are no good.
        let is_settled = |fields: &[&str]| {
            let since = fields.get(5).and_then(|last| last.parse::<u32>().ok());
            fields.get(8) == Some(&"8") && since.is_some_and(|seconds| seconds >= 6)
        };
        client.wait_for_authdata(PATIENCE, is_settled);
        old.end();
        let serve = Serve::start(&network, &certificate, &[&certificate.path("ntskeys")]);
        serve.wait_for_time(|| client.log());
        assert!(!serve.last_line().contains("served="), "{}", serve.last_line());
    }
}
