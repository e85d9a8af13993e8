//! Clients summed up by the network that they are in, or by the interface that they ask by.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::control::{ClientGroupReport, ClientReport, Grouping};

/// One line for each group, the one with the most requests first.
pub(super) fn sum_up(clients: &[ClientReport], by: Grouping) -> Vec<ClientGroupReport> {
    let mut groups: HashMap<String, ClientGroupReport> = HashMap::new();
    for client in clients {
        let name = match by {
            Grouping::Interface => client.interface.clone().unwrap_or_else(|| "unknown".to_owned()),
            Grouping::Network { v4, v6 } => network(client.address, v4, v6),
        };
        let group = groups.entry(name).or_insert_with_key(|name| ClientGroupReport {
            name: name.clone(),
            last_ago_s: f64::INFINITY,
            ..ClientGroupReport::default()
        });
        group.clients += 1;
        group.requests += u64::from(client.requests);
        group.drops += u64::from(client.drops);
        group.last_ago_s = group.last_ago_s.min(client.last_ago_s);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.name.cmp(&b.name)));
    groups
}

fn network(address: IpAddr, v4: u8, v6: u8) -> String {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(v4.min(32))).unwrap_or(0);
            format!("{}/{}", IpAddr::from((address.to_bits() & mask).to_be_bytes()), v4.min(32))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(v6.min(128))).unwrap_or(0);
            format!("{}/{}", IpAddr::from((address.to_bits() & mask).to_be_bytes()), v6.min(128))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str, requests: u32, interface: Option<&str>) -> ClientReport {
        ClientReport {
            address: address.parse().unwrap(),
            requests,
            drops: 1,
            first_ago_s: 100.0,
            last_ago_s: f64::from(requests),
            interval_s: None,
            version: 4,
            mode: 3,
            authenticated: false,
            interface: interface.map(str::to_owned),
        }
    }

    #[test]
    fn sums_stand_by_network_and_by_interface() {
        let clients = [
            client("192.0.2.1", 3, Some("lan0")),
            client("192.0.2.200", 4, None),
            client("198.51.100.1", 5, Some("lan0")),
            client("2001:db8:1:2::", 9, Some("lan1")),
        ];
        let names = |by| {
            let groups = sum_up(&clients, by).into_iter();
            groups.map(|g| (g.name, g.clients, g.requests, g.drops, g.last_ago_s)).collect::<Vec<_>>()
        };
        let line = |name: &str, clients, requests, last| (name.to_owned(), clients, requests, clients, last);
        assert_eq!(
            names(Grouping::Network { v4: 24, v6: 48 }),
            [
                line("2001:db8:1::/48", 1, 9, 9.0),
                line("192.0.2.0/24", 2, 7, 3.0),
                line("198.51.100.0/24", 1, 5, 5.0)
            ]
        );
        assert_eq!(names(Grouping::Network { v4: 0, v6: 0 })[0], line("0.0.0.0/0", 3, 12, 3.0));
        assert_eq!(
            names(Grouping::Interface),
            [line("lan1", 1, 9, 9.0), line("lan0", 2, 8, 3.0), line("unknown", 1, 4, 4.0)]
        );
    }
}
