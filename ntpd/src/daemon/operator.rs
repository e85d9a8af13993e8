//! What comes over the control socket is judged like the configuration: the same ranges, in the same words.

use ntp_config::{Config, Host, NtsOptions, PoolSource, ServerSource, SourceOptions};
use ntp_engine::{Command, Entry, Family, SourceKind};

/// Bursts of the control program are not longer.
const LONGEST_BURST: u8 = 16;

/// What is wrong with a command in itself; `None` if nothing is.
pub(super) fn fault(command: &Command) -> Option<String> {
    match command {
        Command::Add(entry) => wrong(entry).err(),
        Command::Burst { replies, requests, .. } => {
            let fits = |count: &u8| (1..=LONGEST_BURST).contains(count);
            (!fits(replies) || !fits(requests)).then(|| {
                format!("a burst has 1 to {LONGEST_BURST} replies and requests, not {replies} and {requests}")
            })
        }
        Command::SourceFiles(_) => Some("files of sources are read by `ntpctl reload sources`".to_owned()),
        Command::Step | Command::Refresh | Command::Online(_) | Command::Offline(_) | Command::Delete(_) => {
            None
        }
    }
}

/// Writes the entry as a configuration and reads that.
fn wrong(entry: &Entry) -> Result<(), String> {
    let too_large = |key: &str| format!("{key} is out of range");
    let host = entry.host.to_string();
    let named = |error: ntp_config::InvalidHost| format!("{host:?} {error}");
    let mut config = Config::built_in();
    config.sources.pools.clear();
    let options = options(entry).ok_or_else(|| too_large("minsamples"))?;
    match entry.kind {
        SourceKind::Server => {
            let address: Host = host.parse().map_err(named)?;
            config.sources.servers = vec![ServerSource { address, options }];
        }
        SourceKind::Pool { servers } => {
            let name = host.parse().map_err(named)?;
            let servers = u8::try_from(servers).map_err(|_| too_large("servers"))?;
            config.sources.pools = vec![PoolSource { name, servers, options }];
        }
    }
    let errors = ntp_config::parse("", &config.to_toml()).err();
    match errors.as_ref().and_then(|errors| errors.iter().next()) {
        None => Ok(()),
        Some(error) => {
            let key = error.key.rsplit('.').next().unwrap_or_default();
            let expected = if error.expected.is_empty() {
                String::new()
            } else {
                format!("; expected {}", error.expected)
            };
            Err(format!("{key}: {}{expected}", error.problem))
        }
    }
}

/// As the configuration would say them; `None` if one of them cannot be said.
fn options(entry: &Entry) -> Option<SourceOptions> {
    let o = &entry.options;
    Some(SourceOptions {
        port: entry.port,
        iburst: o.association.iburst,
        burst: o.association.burst,
        offline: o.offline,
        prefer: o.flags.prefer,
        noselect: o.flags.noselect,
        trust: o.flags.trust,
        require: o.flags.require,
        minpoll: o.association.min_poll,
        maxpoll: o.association.max_poll,
        version: o.association.version,
        offset: o.offset.as_duration(),
        maxdelay: o.max_delay,
        maxdelayratio: o.max_delay_ratio,
        maxdelaydevratio: o.max_delay_deviation,
        minstratum: o.min_stratum,
        minsamples: o.min_samples.map(u8::try_from).transpose().ok()?,
        maxunreach: o.max_unreach,
        copy: o.copy,
        presend: o.association.presend,
        nts: o.nts.map(|nts| NtsOptions { port: nts.port, certset: nts.cert_set }),
        family: o.family.map(|family| match family {
            Family::V4 => ntp_config::Family::V4,
            Family::V6 => ntp_config::Family::V6,
        }),
    })
}

#[cfg(test)]
mod tests {
    use ntp_engine::{SourceOptions, Target};
    use ntp_proto::packet::{PollExp, Stratum};
    use ntp_proto::time::NtpDuration;

    use super::*;

    fn entry(host: &str) -> Entry {
        Entry { host: host.into(), port: 123, kind: SourceKind::Server, options: SourceOptions::default() }
    }

    fn fault_of(change: impl FnOnce(&mut Entry)) -> String {
        let mut entry = entry("192.0.2.1");
        change(&mut entry);
        fault(&Command::Add(Box::new(entry))).expect("it is wrong")
    }

    #[test]
    fn what_the_control_program_sends_is_right() {
        let mut pool = entry("pool.example");
        pool.kind = SourceKind::Pool { servers: 16 };
        for entry in [entry("192.0.2.1"), entry("2001:db8::1"), entry("fe80::1%eth0"), pool] {
            assert_eq!(fault(&Command::Add(Box::new(entry.clone()))), None, "{entry:?}");
        }
        let burst = Command::Burst { whom: Target::All, replies: 4, requests: 8 };
        assert_eq!(fault(&burst), None);
    }

    #[test]
    fn wild_values_are_refused_in_the_words_of_the_configuration() {
        let poll = fault_of(|e| e.options.association.min_poll = PollExp::new(-128));
        assert_eq!(poll, "minpoll: -128 is out of range; expected an integer from -7 to 24");
        let order = fault_of(|e| e.options.association.max_poll = PollExp::new(5));
        assert!(order.starts_with("minpoll: minpoll is 6, which is above maxpoll, 5"), "{order}");
        assert!(fault_of(|e| e.port = 0).starts_with("port: 0 is out of range"));
        assert!(fault_of(|e| e.options.association.version = 7).starts_with("version: "));
        assert!(fault_of(|e| e.options.max_delay = NtpDuration::MAX).starts_with("maxdelay: "));
        assert!(fault_of(|e| e.options.max_delay_ratio = Some(0.5)).starts_with("maxdelayratio: "));
        assert!(fault_of(|e| e.options.min_stratum = Stratum::new(200)).starts_with("minstratum: "));
        assert!(fault_of(|e| e.options.min_samples = Some(1 << 40)).starts_with("minsamples"));
        assert!(fault_of(|e| e.options.family = Some(Family::V6)).contains("no IPv6 address"));
        assert!(
            fault_of(|e| (e.options.flags.prefer, e.options.flags.noselect) = (true, true))
                .contains("noselect")
        );
        assert!(fault_of(|e| e.kind = SourceKind::Pool { servers: 17 }).contains("192.0.2.1"));
        assert!(
            fault_of(|e| *e = Entry { kind: SourceKind::Pool { servers: 17 }, ..entry("a") })
                .starts_with("servers: ")
        );
        assert!(!fault_of(|e| *e = entry("a b")).is_empty());
        assert!(!fault_of(|e| *e = entry(&"a".repeat(300))).is_empty());
        assert!(!fault_of(|e| e.options.max_delay_deviation = Some(f64::NAN)).is_empty());
    }

    #[test]
    fn files_and_endless_bursts_are_not_an_operators_to_send() {
        assert!(fault(&Command::SourceFiles(Vec::new())).is_some());
        for (replies, requests) in [(0, 4), (4, 0), (4, 17), (255, 255)] {
            assert!(fault(&Command::Burst { whom: Target::All, replies, requests }).is_some());
        }
    }
}
