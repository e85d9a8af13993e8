//! `ntpctl access`: which rule of the configuration decides for an address, and what comes of it.
//!
//! Works on the text alone. The daemon compiles the rules of [`ntp_config`] into ranges; here they are looked
//! through one by one, which is slow and shows the rule, and a test holds the two against each other.

use std::fmt;
use std::net::IpAddr;

use ntp_config::{Access, Config, Permission};
use serde::Serialize;

use super::args::AccessArgs;
use super::exit::{Exit, Outcome};
use super::output::Output;
use super::{config, table};
use crate::daemon::settings;

/// Decides and prints.
pub(super) fn run(args: &AccessArgs, out: &mut Output) -> Outcome {
    let verdict = Verdict::new(&config::effective(args.config.as_deref(), false)?, args.address);
    if args.json {
        out.print_json(&verdict)?;
    } else {
        out.print(&verdict.to_string())?;
    }
    Ok(if verdict.time_request.answered { Exit::OK } else { Exit::NO })
}

/// What an address may do, why, and what it gets.
#[derive(Debug, Serialize)]
struct Verdict {
    /// As it counts: an IPv4 address that is mapped into IPv6 is the IPv4 address.
    address: IpAddr,
    /// In the words of the file.
    permission: &'static str,
    /// The rule that decides; none if no rule contains the address.
    rule: Option<Rule>,
    /// How many rules contain the address.
    containing: usize,
    /// How many of them are of the same network as the one that decides, itself included.
    equal: usize,
    time_request: Fate,
    management_query: Fate,
}

/// One `[[security.access]]` and where it stands.
#[derive(Debug, Serialize)]
struct Rule {
    file: String,
    line: Option<usize>,
    network: String,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Fate {
    answered: bool,
    /// Where, or why not.
    reason: String,
}

impl Verdict {
    fn new(config: &Config, address: IpAddr) -> Self {
        let address = address.to_canonical();
        let rules = config.security.access.iter().enumerate();
        let containing: Vec<_> = rules.filter(|(_, access)| access.network.contains(address)).collect();
        // Of equal maxima the last one is returned.
        let decides = containing.iter().max_by_key(|(_, access)| access.network.prefix());
        let network = decides.map(|(_, access)| access.network);
        let permission = decides.map_or(Permission::Deny, |(_, access)| access.permission);
        Self {
            address,
            permission: word(permission),
            rule: decides.map(|(index, access)| Rule::new(config, *index, access)),
            containing: containing.len(),
            equal: containing.iter().filter(|(_, access)| Some(access.network) == network).count(),
            time_request: time_request(config, address, permission),
            management_query: management_query(permission),
        }
    }

    /// Why this rule and no other.
    fn why(&self) -> String {
        let last = if self.equal > 1 { "; of equal prefixes the last" } else { "" };
        match self.containing {
            1 => "the only rule that contains it".to_owned(),
            count => format!("longest prefix of {count} rules that contain it{last}"),
        }
    }
}

impl Rule {
    fn new(config: &Config, index: usize, access: &Access) -> Self {
        Self {
            file: config.file().to_owned(),
            line: config.line_of(&format!("security.access[{index}].network")),
            network: access.network.to_string(),
        }
    }
}

fn time_request(config: &Config, address: IpAddr, permission: Permission) -> Fate {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    let at_its_family = |at: &std::net::SocketAddr| at.is_ipv4() == address.is_ipv4();
    let not = |reason: &str| Fate { answered: false, reason: reason.to_owned() };
    match () {
        () if permission == Permission::Deny => not("dropped without a word"),
        () if !config.enabled => not("the service is switched off (enabled = false)"),
        () if config.server.port == 0 => not("nothing is served (server.port = 0)"),
        () if !settings::listen(config).iter().any(at_its_family) => {
            not(&format!("server.listen has no {family} address"))
        }
        () => Fate { answered: true, reason: format!("on port {}", config.server.port) },
    }
}

fn management_query(permission: Permission) -> Fate {
    let reason = match permission {
        Permission::Query => "permitted, but this version answers no management queries from the network",
        Permission::Allow => "not permitted (that would be permission \"query\")",
        Permission::Deny => "dropped without a word",
    };
    Fate { answered: false, reason: reason.to_owned() }
}

const fn word(permission: Permission) -> &'static str {
    match permission {
        Permission::Allow => "allow",
        Permission::Deny => "deny",
        Permission::Query => "query",
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![("address", self.address.to_string())];
        match &self.rule {
            None => rows.push(("rule", "no rule contains it: denied".to_owned())),
            Some(rule) => {
                rows.push(("rule", rule.to_string()));
                rows.push(("network", rule.network.clone()));
                rows.push(("permission", self.permission.to_owned()));
                rows.push(("why", self.why()));
            }
        }
        rows.push(("time request", self.time_request.to_string()));
        rows.push(("management query", self.management_query.to_string()));
        f.write_str(&table::pairs(&rows))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.answered { "answered" } else { "not answered" }, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use ntp_proto::server;
    use proptest::prelude::*;

    use super::*;

    fn verdict(text: &str, address: &str) -> Verdict {
        Verdict::new(&ntp_config::parse("ntpd.toml", text).unwrap(), address.parse().unwrap())
    }

    const RULES: &str = "\
enabled = true
[[security.access]]
network = '192.168.0.0/16'
permission = 'allow'
[[security.access]]
network = '192.168.7.0/24'
permission = 'allow'
[[security.access]]
network = '0.0.0.0/0'
permission = 'deny'
[[security.access]]
network = '192.168.7.0/24'
permission = 'query'
";

    #[test]
    fn the_rule_that_decides_is_named() {
        let expected = "\
address           192.168.7.9
rule              ntpd.toml:12
network           192.168.7.0/24
permission        query
why               longest prefix of 4 rules that contain it; of equal prefixes the last
time request      answered: on port 123
management query  not answered: permitted, but this version answers no management queries from the network
";
        assert_eq!(verdict(RULES, "::ffff:192.168.7.9").to_string(), expected);

        let expected = "\
address           192.168.8.9
rule              ntpd.toml:3
network           192.168.0.0/16
permission        allow
why               longest prefix of 2 rules that contain it
time request      answered: on port 123
management query  not answered: not permitted (that would be permission \"query\")
";
        assert_eq!(verdict(RULES, "192.168.8.9").to_string(), expected);
    }

    #[test]
    fn denial_has_two_reasons() {
        let by_rule = verdict(RULES, "10.0.0.1");
        assert_eq!((by_rule.permission, by_rule.why().as_str()), ("deny", "the only rule that contains it"));
        let expected = "\
address           2001:db8::1
rule              no rule contains it: denied
time request      not answered: dropped without a word
management query  not answered: dropped without a word
";
        assert_eq!(verdict(RULES, "2001:db8::1").to_string(), expected);
    }

    #[test]
    fn what_is_allowed_may_still_have_nobody_to_ask() {
        let fate = |text: &str| {
            let rule = "[[security.access]]\nnetwork = '::/0'\npermission = 'allow'";
            verdict(&format!("{text}\n{rule}"), "2001:db8::1").time_request
        };
        assert!(fate("enabled = true").answered);
        for (text, why) in [
            ("enabled = false", "the service is switched off (enabled = false)"),
            ("enabled = true\nserver.port = 0", "nothing is served (server.port = 0)"),
            ("enabled = true\nserver.listen = ['192.0.2.1']", "server.listen has no IPv6 address"),
        ] {
            assert_eq!(fate(text), Fate { answered: false, reason: why.to_owned() });
        }
    }

    #[test]
    fn json_has_the_same() {
        let json = serde_json::to_value(verdict(RULES, "192.168.7.9")).unwrap();
        assert_eq!(json["rule"]["line"], 12);
        assert_eq!(json["rule"]["network"], "192.168.7.0/24");
        assert_eq!((&json["containing"], &json["permission"]), (&4.into(), &"query".into()));
        assert_eq!(json["time_request"]["answered"], true);
        assert!(serde_json::to_value(verdict(RULES, "::1")).unwrap()["rule"].is_null());
    }

    /// Few distinct leading bits, so that networks nest and touch, in both families.
    fn any_address() -> impl Strategy<Value = IpAddr> {
        let v4 = any::<u32>().prop_map(|bits| IpAddr::V4((bits & 0xc000_0003).into()));
        let v6 = any::<u128>().prop_map(|bits| IpAddr::V6((bits & (3 << 126 | 3)).into()));
        prop_oneof![v4, v6]
    }

    prop_compose! {
        fn any_rule()(address in any_address(), bits in 0u8..=128, word in 0usize..3) -> String {
            let bits = if address.is_ipv4() { bits % 33 } else { bits };
            let network = ntp_config::Network::new(address, bits).or_else(|error| match error {
                ntp_config::InvalidNetwork::HostBits { masked } => Ok(masked),
                other => Err(other),
            });
            let permission = ["allow", "deny", "query"][word];
            let network = network.unwrap();
            format!("[[security.access]]\nnetwork = '{network}'\npermission = '{permission}'\n")
        }
    }

    proptest! {
        #[test]
        fn the_daemon_decides_alike(
            rules in prop::collection::vec(any_rule(), 0..20), asked in prop::collection::vec(any_address(), 50),
        ) {
            let text = format!("enabled = true\n{}", rules.concat());
            let config = ntp_config::parse("ntpd.toml", &text).unwrap();
            let compiled = settings::access(&config);
            for address in asked {
                let permission = match compiled.permission(address) {
                    server::Permission::Allow => "allow",
                    server::Permission::Deny => "deny",
                    server::Permission::Query => "query",
                };
                prop_assert_eq!(Verdict::new(&config, address).permission, permission, "{}\n{}", address, text);
            }
        }
    }
}
