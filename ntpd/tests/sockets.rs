//! Where the daemon serves and asks from, as the configuration says.

#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]

mod daemon;

use daemon::{Daemon, namespaces_can_be_made};

/// Serves its own clock to everybody; `listen` goes into `[server]`.
fn server(listen: &str) -> String {
    format!(
        "enabled = true
        [server]
        {listen}
        [server.local]
        enabled = true
        [[security.access]]
        network = '0.0.0.0/0'
        permission = 'allow'
        [[security.access]]
        network = '127.0.0.0/8'
        permission = 'deny'
        [[security.access]]
        network = '127.0.0.9'
        permission = 'allow'"
    )
}

#[test]
fn an_address_that_appears_later_is_served_as_soon_as_it_does() {
    if !namespaces_can_be_made() {
        return;
    }
    let daemon = Daemon::start("server", &server("listen = ['192.0.2.1']"));
    let asked = ["query", "192.0.2.1", "-n", "1"];
    assert_ne!(daemon.ntpctl(&asked).status.code(), Some(0));
    for _ in 0..2 {
        daemon.ip("address add 192.0.2.1/32 dev lo");
        let answer = daemon.ntpctl(&asked);
        assert_eq!(answer.status.code(), Some(0), "{answer:?} {}", daemon.about());
        daemon.ip("address del 192.0.2.1/32 dev lo");
    }
}

/// A client of the server on the same loopback interface; `how` goes into `[sources]`.
fn client(server: &Daemon, how: &str) -> Daemon {
    let text = format!(
        "enabled = true
        [sources]
        {how}
        [[sources.servers]]
        address = '127.0.0.1'
        minpoll = 0
        iburst = true"
    );
    Daemon::start_beside(server, how, &text)
}

fn has_answers(client: &Daemon) -> bool {
    let sources = client.json("sources");
    let reach = &sources["sources"][0]["reach"];
    assert!(reach.is_string(), "{sources}");
    reach.as_str().is_some_and(|reach| reach.bytes().any(|digit| digit != b'0'))
}

#[test]
fn requests_leave_from_the_address_and_interface_that_were_said() {
    if !namespaces_can_be_made() {
        return;
    }
    let server = Daemon::start("server", &server(""));
    let client = client(&server, "bindaddress = ['127.0.0.9']\nbinddevice = 'lo'\ndscp = 46");
    client.wait_for("an answer", has_answers);
    assert_eq!(server.status()["serving"]["denied"], 0);
}

#[test]
fn requests_may_all_leave_from_one_port() {
    if !namespaces_can_be_made() {
        return;
    }
    let server = Daemon::start("server", &server(""));
    for port in [10_123, 0] {
        let client = client(&server, &format!("bindaddress = ['127.0.0.9']\nacquisitionport = {port}"));
        client.wait_for("an answer", has_answers);
        client.wait_for("a sample with the kernel's stamps", |client| {
            client.json("sources")["sources"][0]["stamps"] == serde_json::json!(["kernel", "kernel"])
        });
    }
}

#[test]
fn what_requests_cannot_leave_from_is_a_visible_state() {
    if !namespaces_can_be_made() {
        return;
    }
    let server = Daemon::start("server", &server(""));
    for (how, problem) in [
        ("binddevice = 'nowhere0'", "cannot use interface nowhere0: "),
        ("bindaddress = ['192.0.2.9']", "cannot send from 192.0.2.9: "),
        ("acquisitionport = 123", "cannot send from 0.0.0.0:123 (acquisitionport): "),
    ] {
        let client = client(&server, how);
        client.wait_for(problem, |client| client.status()["problems"].to_string().contains(problem));
    }
}
