//! What was served, from everybody's counters. Reading them stops nobody.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ntp_proto::server::Prefix;
use ntp_serve::{Activity, Client, Count, InterfaceCount, InterfaceCounters, Interfaces, Tick};

use super::{Serving, groups};
use crate::control::{
    ClientOrder, ClientReport, ClientsQuery, ClientsReport, InterfaceReport, ServingReport, WorkerReport,
};
use crate::sys::{clock, interface};

impl Serving {
    /// What was served so far; where is for the caller to add.
    pub(in crate::daemon) fn report(&self) -> ServingReport {
        let staff = self.staff.activities();
        let counters = || staff.iter().map(|a| &a.counters).chain([&self.former.counters]);
        let sum = |what: Count| counters().map(|counters| counters.get(what)).sum::<u64>();
        let ignored = Count::IGNORED.iter().map(|why| (why.name().to_owned(), sum(*why)));
        ServingReport {
            sockets: Vec::new(),
            requests: sum(Count::Requests),
            replies: sum(Count::Replies),
            denied: sum(Count::Denied),
            ignored: ignored.filter(|(_, count)| *count > 0).collect(),
            limited: sum(Count::Limited),
            kisses: sum(Count::Kisses),
            nts_requests: sum(Count::NtsRequests),
            nts_naks: sum(Count::NtsNaks),
            without_time: sum(Count::NoTime),
            send_failures: sum(Count::SendFailures),
            kernel_stamps: sum(Count::KernelStamps),
            kernel_drops: self.dropped() + self.former.kernel_drops,
            clients_unrecorded: sum(Count::Unrecorded),
            clients_forgotten: sum(Count::Forgotten),
            threads: self.staff.threads(),
            workers: staff.iter().map(|a| worker(a)).collect(),
            interfaces: self.interfaces(),
        }
    }

    fn interfaces(&self) -> Vec<InterfaceReport> {
        let mut sums: BTreeMap<u32, InterfaceCounters> = BTreeMap::new();
        let staff = self.staff.activities();
        let each = staff.iter().map(|a| &a.interfaces).chain([&self.former.interfaces]);
        for counters in each.flat_map(Interfaces::read) {
            sums.entry(counters.index).and_modify(|sum| sum.add(&counters)).or_insert(counters);
        }
        sums.values().map(interface_report).collect()
    }
}

fn worker(activity: &Activity) -> WorkerReport {
    let get = |what: Count| activity.counters.get(what);
    WorkerReport { requests: get(Count::Requests), replies: get(Count::Replies) }
}

fn interface_report(counters: &InterfaceCounters) -> InterfaceReport {
    InterfaceReport {
        interface: interface::name(counters.index).unwrap_or_else(|| nameless(counters.index)),
        requests: counters.get(InterfaceCount::Requests),
        replies: counters.get(InterfaceCount::Replies),
        denied: counters.get(InterfaceCount::Denied),
        ignored: counters.get(InterfaceCount::Ignored),
        limited: counters.get(InterfaceCount::Limited),
    }
}

/// An interface that is gone, or was never told.
fn nameless(index: u32) -> String {
    if index == 0 { "other".to_owned() } else { format!("#{index}") }
}

/// The clients that are asked for. May take some time if the table is large.
pub(in crate::daemon) fn clients(activities: &[Arc<Activity>], query: &ClientsQuery) -> ClientsReport {
    let network = query.network.and_then(|(address, bits)| Prefix::new(address, bits).ok());
    let mut names = HashMap::new();
    let (mut found, mut known, mut capacity) = (Vec::new(), 0, 0);
    for activity in activities {
        let Some(table) = &activity.clients else { continue };
        capacity += table.capacity();
        let now = Tick::between(activity.start, clock::monotonic());
        for client in table.read() {
            known += 1;
            let name = names.entry(client.interface).or_insert_with_key(|index| interface::name(*index));
            let here = query.interface.is_none() || *name == query.interface;
            if here && network.is_none_or(|network| network.contains(client.key.address())) {
                found.push(client_report(&client, name.clone(), now));
            }
        }
    }
    if let Some(by) = query.by {
        let mut groups = groups::sum_up(&found, by);
        let matching = groups.len();
        groups.truncate(query.most);
        return ClientsReport { clients: Vec::new(), groups, matching, known, capacity };
    }
    let matching = found.len();
    sort(&mut found, query.order);
    found.truncate(query.most);
    ClientsReport { clients: found, groups: Vec::new(), matching, known, capacity }
}

fn client_report(client: &Client, interface: Option<String>, now: Tick) -> ClientReport {
    // Who asks while we count may have asked after "now".
    let ago = |then: Tick| {
        let ticks = now.since(then);
        if ticks.ticks() > u32::MAX / 2 { 0.0 } else { ticks.to_seconds() }
    };
    ClientReport {
        address: client.key.address(),
        requests: client.requests,
        drops: client.drops,
        first_ago_s: ago(client.first),
        last_ago_s: ago(client.last),
        interval_s: client.interval_s(),
        version: client.version,
        mode: client.mode,
        authenticated: client.authenticated,
        interface,
    }
}

/// The first ones are those that are of interest.
fn sort(clients: &mut [ClientReport], order: ClientOrder) {
    clients.sort_by(|a, b| {
        let by_requests = b.requests.cmp(&a.requests);
        match order {
            ClientOrder::Requests => by_requests,
            ClientOrder::Drops => b.drops.cmp(&a.drops).then(by_requests),
            ClientOrder::Last => a.last_ago_s.total_cmp(&b.last_ago_s).then(by_requests),
        }
        .then(a.address.cmp(&b.address))
    });
}
